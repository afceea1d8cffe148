"""Telling integrators what happens here (Standard Webhooks).

`kinds` what there is to tell · `endpoints` whom · `telling` in the transaction of the change: rows · `queue` what
becomes of each row · `sending` the round that calls.
"""
