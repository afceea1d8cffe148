"""The workspace's rules as the gate asks for them, and what counts for them already."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from channels import gate
from crm import sending, wishes

COUNTED: Final = """
SELECT contact_id, counted_at, channel, purpose, exclusion_group, campaign_id FROM channels_message
WHERE contact_id = ANY(%s) AND counted_at > %s AND message_class = 'marketing'"""

# Messages of the group that are due as well, or very soon, of another campaign and more important.
RIVALS: Final = """
SELECT DISTINCT ON (mine.id) mine.id, o.campaign_id
FROM channels_message mine
JOIN channels_message o ON o.contact_id = mine.contact_id AND o.exclusion_group = mine.exclusion_group
  AND o.campaign_id <> mine.campaign_id AND o.priority > mine.priority AND o.state IN ('due', 'claimed')
  AND o.due_at <= %s AND o.message_class = 'marketing' AND NOT o.held_out
  AND (o.expires_at IS NULL OR o.expires_at > %s)
WHERE mine.id = ANY(%s) ORDER BY mine.id, o.priority DESC"""


def house(rules: sending.Rules | None = None) -> gate.House:
    """What the workspace asks of every marketing message, or would ask by these rules. One query at most."""
    rules = rules or sending.current()
    return gate.House(
        rules.quiet_from, rules.quiet_until, rules.messages, rules.days,
        caps=tuple(
            gate.Cap(each.messages, each.days, each.calendar, each.channel, each.purpose) for each in rules.limits
        ),
        quiet_of=rules.quiet, groups=rules.groups, switches=rules.switches(),
    )  # fmt: skip


def wished(contacts: Sequence[int]) -> dict[int, gate.Cap]:
    """How often each of them wishes to hear from us at most; who wished nothing is missing. One query at most."""
    if not contacts:
        return {}
    found = wishes.of(contacts)
    return {contact: gate.Cap(*wishes.OFTEN[each.often]) for contact, each in found.items() if each.often}


def counted(
    contacts: Sequence[int], asked: gate.House, now: datetime, wanted: Iterable[gate.Cap] = ()
) -> dict[int, list[gate.Counted]]:
    """What counts for each contact's limits, `wanted` being those of their own. One query."""
    found: dict[int, list[gate.Counted]] = {}
    horizon = max([asked.horizon, *(timedelta(days=each.days) for each in wanted)])
    if contacts:
        with connection.cursor() as cursor:
            cursor.execute(COUNTED, [list(contacts), now - horizon])
            for contact, *row in cursor.fetchall():
                found.setdefault(contact, []).append(gate.Counted(*row))
    return found


def rivals(messages: Sequence[int], soon: datetime, now: datetime) -> dict[int, int]:
    """Message → the campaign of its group that goes first. One query, none without messages."""
    if not messages:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(RIVALS, [soon, now, list(messages)])
        return dict(cursor.fetchall())


def when_quiet(context: object) -> str:
    """What the step said of quiet hours, as it travels with its message."""
    found = json.loads(context) if isinstance(context, str) else context
    said = found.get("when_quiet") if isinstance(found, dict) else None
    return said if said in gate.WHEN_QUIET else gate.WAIT
