"""Which forms show a picture: it may not be taken away from under them."""

from __future__ import annotations

from django.db import connection
from django.urls import reverse

from channels.images import Use

FORMS = """
SELECT id, name FROM crm_form WHERE strpos(document::text, %(path)s) > 0 OR strpos(live::text, %(path)s) > 0
ORDER BY id LIMIT 20"""


def uses(path: str) -> list[Use]:
    """What is worked on and what the world sees."""
    with connection.cursor() as cursor:
        cursor.execute(FORMS, {"path": path})
        return [Use(name, reverse("crm:form", args=[number])) for number, name in cursor.fetchall()]
