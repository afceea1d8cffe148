"""What campaigns say against a hand-off: one set-based question about a batch of messages (decision A1).

A message may not go when its run is over or stands elsewhere, when its campaign is paused or stopped,
and when something that ends the run has happened since its entry but is not answered yet (B2).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns import facts, plans, runs
from campaigns.exits import RECALLED
from campaigns.facts import Happened
from channels import gate, vetoes
from crm import wishes

PAUSED = "paused"
# Their preference page says that they can do without the campaign's topic.
UNWANTED = "topic_unwanted"

# Only events that wait for their answer: of every other one the answer has ended the run, or has not.
QUESTION = """
SELECT m.id, m.run_id, r.state, r.message_id, c.state,
       m.message_class = 'marketing' AND w.id IS NOT NULL AND w.without ? (v.document->>'topic'),
       e.id, e.name, e.occurred_at, e.properties
FROM channels_message m
LEFT JOIN campaigns_enrolment r ON r.id = m.run_id
LEFT JOIN campaigns_version v ON v.id = r.version_id
LEFT JOIN campaigns_campaign c ON c.id = m.campaign_id
LEFT JOIN crm_wish w ON w.contact_id = m.contact_id AND w.without <> '[]'
LEFT JOIN LATERAL (
  SELECT e.id, e.name, e.occurred_at, e.properties FROM crm_event e
  WHERE e.contact_id = r.contact_id AND e.name = ANY(v.exit_events) AND e.occurred_at >= r.entry_occurred_at
    AND EXISTS (SELECT FROM crm_reaction q WHERE q.event = e.id)
) e ON r.state <> 'done' AND cardinality(v.exit_events) > 0
WHERE m.id = ANY(%s) AND m.campaign_id IS NOT NULL
"""


def may_not_go(message_ids: Sequence[int], now: datetime) -> dict[int, str]:
    """Message id -> why it may not be handed off."""
    said: dict[int, str] = {}
    doubtful: dict[int, list[tuple[int, Happened]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(QUESTION, [list(message_ids)])
        for message, run, state, current, campaign, unwanted, event, name, at, properties in cursor.fetchall():
            reason = _stands_against(message, run, state, current, campaign) or (UNWANTED if unwanted else "")
            if reason:
                said[message] = reason
            elif event is not None:
                happened = Happened(at, name, json.loads(properties), event)
                doubtful.setdefault(run, []).append((message, happened))
    if doubtful:
        said.update(_ended(doubtful))
    return said


def unwanted(contacts: Sequence[int], topic: str, message_class: str) -> dict[int, str]:
    """What a topic alone would say against a message that is not written yet: contact -> reason. One query at most."""
    if not contacts or not topic or message_class != gate.MARKETING:
        return {}
    return dict.fromkeys(wishes.without(contacts, topic), UNWANTED)


def _stands_against(message: int, run: int | None, state: str | None, current: int | None, campaign: str | None) -> str:
    if campaign == PAUSED:
        return PAUSED
    if campaign not in ("live", "finished"):
        return RECALLED
    if run is None:
        return ""  # not of a run: a message by hand
    return "" if state in (runs.IN_EFFECT, runs.HELD) and current == message else RECALLED


def _ended(doubtful: dict[int, list[tuple[int, Happened]]]) -> dict[int, str]:
    """Of the runs for which something happened that may end them: those that it does end."""
    said: dict[int, str] = {}
    standing = runs.of_ids(list(doubtful))
    known = plans.load({run.version_id for run in standing})
    others: dict[tuple[int, int], list[Any]] = {}
    for campaign in {run.campaign_id for run in standing if known[run.version_id].plan.key_path}:
        contacts = sorted({run.contact_id for run in standing if run.campaign_id == campaign})
        for other in runs.of_campaign(campaign, contacts):
            others.setdefault((campaign, other.contact_id), []).append(other)
    for run in standing:
        entry = run.entry.get("id")
        siblings = others.get((run.campaign_id, run.contact_id), [])
        for message, happened in doubtful[run.id]:
            plan = known[run.version_id].plan
            if happened.event != entry and facts.ended_by(plan, run.id, happened, run, siblings):
                said[message] = RECALLED
    return said


def register() -> None:
    """Have a say in every hand-off."""
    vetoes.register("campaigns", may_not_go)
