"""What this floor says of the events of a timeline: the title of a message, and why it was not sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

from channels import liquid
from crm import history
from crm.models import Event

LONGEST: Final = 60
# The subject, or the text; with the values it was written with.
TITLES: Final = """
SELECT m.id, coalesce(nullif(c.body->>'subject', ''), c.body->>'text', ''), m.reason_detail, m.slots
FROM channels_message m LEFT JOIN channels_content c ON c.id = m.content_id WHERE m.id = ANY(%s)"""


def resolve(events: Sequence[Event]) -> dict[int, dict[str, Any]]:
    """For each event about a message: its title and the detail of its end. One query."""
    about = {event.pk: number for event in events if isinstance(number := event.properties.get("message_id"), int)}
    if not about:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(TITLES, [sorted(set(about.values()))])
        told = {row[0]: row[1:] for row in cursor.fetchall()}
    return {
        event: {"title": short(_read(told[message][0], told[message][2])), "detail": _object(told[message][1])}
        for event, message in about.items()
        if message in told
    }


def _read(words: str, slots: Any) -> str:
    """As its reader saw it; what was never written for anybody, with the fallbacks of its template."""
    try:
        return liquid.parse(words, html=False).render(_object(slots))
    except liquid.RenderError:
        return liquid.plain(words)


def short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _object(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


history.resolvers.add("channels", resolve, order=10)
