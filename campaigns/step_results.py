"""What came of one step: its numbers, why messages were not sent, and who came by last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from campaigns import figures
from campaigns.models import Campaign
from campaigns.plans import of as published
from crm.segments import sentence

LAST: Final = 20
SENDING: Final = ("entered", "waiting", "sent", "delivered", "opened", "clicked", "converted", "not_sent")
MOVING: Final = ("entered", "waiting", "exited")

BECAUSE: Final = """
SELECT coalesce(nullif(m.reason, ''), m.state) AS reason, count(DISTINCT q.contact_id)
FROM ({rows}) AS q JOIN channels_message m ON m.run_id = q.run_id AND m.step = q.step AND m.created_at = q.at
GROUP BY 1 ORDER BY 2 DESC, 1"""
DECISIONS: Final = """
SELECT v.contact_id, c.given_name, c.family_name, v.at, v.port, v.reason, m.state, m.reason
FROM (SELECT * FROM campaigns_visit WHERE campaign_id = %s AND step = %s ORDER BY at DESC, id DESC LIMIT %s) v
LEFT JOIN crm_contact c ON c.id = v.contact_id
LEFT JOIN channels_message m ON m.run_id = v.run_id AND m.step = v.step AND m.visit = v.visit
ORDER BY v.at DESC, v.id DESC"""


@dataclass(frozen=True)
class Decision:
    """One line of the trace. `why`: the rule that held, in words."""

    contact: int
    name: str
    at: datetime
    port: str
    reason: str
    state: str = ""
    not_sent: str = ""
    why: str = ""


@dataclass(frozen=True)
class Results:
    """`lines`: (what, people); `ways`: (port, people); `reasons`: (code, people)."""

    lines: tuple[tuple[str, int], ...]
    ways: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    last: tuple[Decision, ...]


def of(campaign: Campaign, step: Mapping[str, Any], span: figures.Span) -> Results:
    """All of it, in a fixed number of queries."""
    name = str(step.get("id"))
    sends = str(step.get("type")).startswith("send.")
    found = figures.counts(campaign, span)
    shown = SENDING if sends else MOVING
    return Results(
        tuple((what, found.get(what, name)) for what in shown),
        tuple((port, number) for (at, port), number in sorted(found.left.items()) if at == name),
        reasons(campaign, name, span) if sends else (),
        decisions(campaign, name),
    )


def reasons(campaign: Campaign, step: str, span: figures.Span) -> tuple[tuple[str, int], ...]:
    """Why messages of a step were not sent: (code, people), the most frequent first."""
    sql, more = figures.rows("not_sent", step)
    with connection.cursor() as cursor:
        cursor.execute(BECAUSE.format(rows=sql), {**figures.parameters(campaign, span), **more})
        return tuple((str(reason), int(number)) for reason, number in cursor.fetchall())


def decisions(campaign: Campaign, step: str) -> tuple[Decision, ...]:
    """What was decided here last, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(DECISIONS, [campaign.pk, step, LAST])
        rows = cursor.fetchall()
    said = _rules(campaign, step)
    return tuple(
        Decision(
            contact, " ".join(part for part in (given, family) if part), at, port, reason, state or "", why or "",
            said.get(port, ""),
        )
        for contact, given, family, at, port, reason, state, why in rows
    )  # fmt: skip


def _rules(campaign: Campaign, step: str) -> dict[str, str]:
    """Port → its rule in words, in the live version."""
    if campaign.version_id is None:
        return {}
    one = published(campaign.version_id).plan.instructions.get(step)
    rules = dict(one.step.rules()) if one else {}
    return dict(zip(rules, sentence.say_many(list(rules.values())), strict=True)) if rules else {}
