"""The messages somebody got or was to get, for the copy of their data: with their words, and without their links."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.db import connection

from channels import liquid
from channels.models import Content
from crm import publicids

# What stands where a link or a code of one person stood: whoever has it may act for them.
HIDDEN: Final = "[…]"
ROWS: Final = """
SELECT m.id, m.channel, m.message_class, m.purpose, m.state, m.reason, m.created_at, m.counted_at, m.settled_at,
       coalesce(a.value, ''), m.content_id, m.slots, coalesce(m.context->'campaign'->>'name', ''),
       coalesce(m.judged->>'basis', ''), (m.judged->>'receipt')::bigint
FROM channels_message m LEFT JOIN crm_address a ON a.id = m.address_id
WHERE m.contact_id = ANY(%s) ORDER BY m.id"""
ATTEMPTS: Final = """
SELECT t.message_id, t.n, t.started_at, t.finished_at, t.outcome, t.code
FROM channels_attempt t JOIN channels_message m ON m.id = t.message_id
WHERE m.contact_id = ANY(%s) ORDER BY t.message_id, t.n"""
RECIPIENTS: Final = """
SELECT c.name, c.carrier, c.channel, min(m.counted_at), max(m.counted_at)
FROM channels_message m JOIN channels_account c ON c.id = m.account_id
WHERE m.contact_id = ANY(%s) AND m.counted_at IS NOT NULL GROUP BY c.id ORDER BY c.id"""


class _Nowhere(dict[str, str]):
    """The links of a message, without one of them."""

    def __missing__(self, name: str) -> str:
        return HIDDEN


def messages(contact_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The oldest first. Three queries."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [list(contact_ids)])
        rows = cursor.fetchall()
        tries = defaultdict(list)
        cursor.execute(ATTEMPTS, [list(contact_ids)])
        for number, n, started, finished, outcome, code in cursor.fetchall():
            tries[number].append(
                {"n": n, "started_at": _at(started), "finished_at": _at(finished), "outcome": outcome, "code": code}
            )
    bodies = dict(Content.objects.filter(pk__in={row[10] for row in rows if row[10]}).values_list("pk", "body"))
    return [_message(row, bodies, tries[row[0]]) for row in rows]


def recipients(contact_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Carriers that got an address and words of theirs. One query."""
    with connection.cursor() as cursor:
        cursor.execute(RECIPIENTS, [list(contact_ids)])
        return [
            {"account": name, "carrier": carrier, "channel": channel, "first": _at(first), "last": _at(last)}
            for name, carrier, channel, first, last in cursor.fetchall()
        ]


def words(body: Mapping[str, Any], slots: Mapping[str, Any]) -> dict[str, str]:
    """Subject and text as their reader saw them, without addresses that act for the reader."""
    values = {**slots, "links": _Nowhere()}
    told = {name: _read(str(body[name]), values) for name in ("subject", "text") if body.get(name)}
    return {name: _OURS.sub(HIDDEN, text) for name, text in told.items()}


_OURS: Final = re.compile(re.escape(settings.BASE_URL) + r"\S*")


def _message(row: Sequence[Any], bodies: Mapping[int, Any], tries: list[dict[str, Any]]) -> dict[str, Any]:
    (number, channel, kind, purpose, state, reason, asked, counted, settled, address, content, slots, campaign, basis,
     receipt) = row  # fmt: skip
    return {
        "id": publicids.encode("msg", number),
        "channel": channel,
        "address": address,
        "class": kind,
        "purpose": purpose,
        "campaign": campaign,
        "state": state,
        "reason": reason,
        "asked_at": _at(asked),
        "sent_at": _at(counted),
        "settled_at": _at(settled),
        "basis": basis,
        "receipt": publicids.encode("rcp", receipt) if receipt else "",
        # What never left has no values of theirs in it.
        "words": words(bodies[content], _object(slots)) if content in bodies and counted else {},
        "attempts": tries,
    }


def _read(text: str, values: Mapping[str, Any]) -> str:
    try:
        return liquid.parse(text, html=False).render(values)
    except liquid.RenderError:
        return liquid.plain(text)


def _object(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _at(at: Any) -> str | None:
    return at.isoformat() if at else None
