"""Forms that people fill in by themselves: built in the office, shown to the world, taken in by `crm.capture`.

blocks    what a form may hold, and what stands against publishing it (pure)
reading   what somebody sent, in normal form, or what is wrong with it (pure)
trap      the signed token of a page: when and where it was opened
submit    the one path of an answer: capture, permission, answer, seat, letter, in one transaction
seats     places at an event, never more than there are
letters   service messages a form promises
office    the one writer of forms
results   what came back
"""
