"""The shop's own words for the question whether somebody confirms their yes."""

from __future__ import annotations

from django.db import models


class ConfirmationWords(models.Model):
    """In place of the ready-made ones, a row a language. `body` and `sms` hold the link or the code as Liquid."""

    language = models.CharField(max_length=8, unique=True)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    button = models.CharField(max_length=80)
    sms = models.TextField()

    def __str__(self) -> str:
        return self.language
