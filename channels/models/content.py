"""The words of a message as they were published: immutable, found by their hash."""

from __future__ import annotations

from django.db import models


class Content(models.Model):
    """`body` by channel: e-mail {subject, preheader, html, text, from_name, from_address, reply_to},
    SMS {text, sender}. `slots_used` are the variables its templates read ("contact.given_name")."""

    channel = models.CharField(max_length=12)
    hash = models.CharField(max_length=64, db_collation="C")
    body = models.JSONField()
    slots_used = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "hash"], name="content_once")]


class Link(models.Model):
    """A target that click links of a content may lead to; redirects go nowhere else."""

    content = models.ForeignKey(Content, on_delete=models.CASCADE, related_name="links", db_index=False)
    url = models.CharField(max_length=2000, db_collation="C")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["content", "url"], name="link_once")]
