"""Which drafts hold a picture: it may not be taken away from under them."""

from __future__ import annotations

from django.db import connection
from django.urls import reverse

from channels.images import Use

DRAFTS = "SELECT id, name FROM campaigns_campaign WHERE strpos(document::text, %s) > 0 ORDER BY id LIMIT 20"


def uses(path: str) -> list[Use]:
    with connection.cursor() as cursor:
        cursor.execute(DRAFTS, [path])
        return [Use(name, reverse("campaigns:messages", args=[number])) for number, name in cursor.fetchall()]
