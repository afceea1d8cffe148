"""All that the steps of a batch ask, in a fixed number of queries a version, as plain data.

Also the check that comes before a run's first page (decision B2): whether something that ends it
happened after its entry, and before the run was there to be ended.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from campaigns import matching, plans, runs, traces
from campaigns.plan import Plan
from campaigns.plans import Published
from campaigns.runs import Claimed, Standing
from campaigns.types import Facts
from crm import workspace
from crm.segments import audience as people


class Happened(NamedTuple):
    """Something a contact did, as waits and exits look back on it. `answered`: by the reactors."""

    at: datetime
    name: str
    properties: Mapping[str, Any]
    event: int
    answered: bool = False


class Ended(NamedTuple):
    """What ended a run: by which exit of the plan, with what outcome, through which event."""

    run_id: int
    outcome: str
    exit: int
    event: int | None


@dataclass
class Gathered:
    """Per run id: what the engine is told, what ended it already, what reached its goal."""

    facts: dict[int, Facts] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)
    goals: list[tuple[Claimed, Happened]] = field(default_factory=list)


def gather(version: Published, rows: Sequence[Claimed], now: datetime) -> Gathered:
    """What is known of these due runs of one version."""
    plan = version.plan
    contacts = list({row.contact_id for row in rows})
    pages = {(row.step, row.port) for row in rows}
    rule_ids = sorted(set().union(*(plan.page_rules(*page) for page in pages)))
    answers: Mapping[int, tuple[bool, ...]] = {}
    if rule_ids:
        answers = people.answers([version.rules[each] for each in rule_ids], contacts, now)
    arms = traces.dealt(version.campaign_id, contacts) if any(plan.page_arms(*page) for page in pages) else {}
    past = _past(plan, rows)
    others = _others(version, rows, past)
    found = Gathered()
    for row in rows:
        if row.id in past and is_first(row):
            _look_back(found, plan, row, past[row.id], others.get(row.contact_id, []))
    _tell(found, plan, rows, rule_ids, answers, arms, past, others)
    return found


def is_first(row: Claimed) -> bool:
    return row.step == "" and row.port == ""


def _tell(
    found: Gathered,
    plan: Plan,
    rows: Sequence[Claimed],
    rule_ids: Sequence[str],
    answers: Mapping[int, tuple[bool, ...]],
    arms: Mapping[int, Mapping[str, str]],
    past: Mapping[int, list[Happened]],
    others: Mapping[int, list[Standing]],
) -> None:
    """Facts of each run; people of whom the same is known share one object."""
    zone = workspace.current().zone
    shared: dict[tuple[bool, ...], Facts] = {}
    none = (False,) * len(rule_ids)
    for row in rows:
        answer = answers.get(row.contact_id, none)
        common = shared.get(answer)
        if common is None:
            common = shared[answer] = Facts(rules=dict(zip(rule_ids, answer, strict=True)), workspace_zone=zone)
        if row.id in past or row.contact_id in arms:
            names = plan.page_events(row.step, row.port)
            common = Facts(
                rules=common.rules,
                arms=arms.get(row.contact_id, {}),
                events=tuple(each[:4] for each in past.get(row.id, ()) if each.name in names),
                workspace_zone=zone,
                siblings=tuple(
                    matching.skus_of_entry(other.entry)
                    for other in others.get(row.contact_id, ())
                    if other.id != row.id
                ),
            )
        found.facts[row.id] = common


# --- looking back ----------------------------------------------------------------------------

PAST = """
SELECT mine.run, e.occurred_at, e.name, e.properties, e.id,
       NOT EXISTS (SELECT FROM crm_reaction q WHERE q.event = e.id)
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS mine(run, contact, since)
JOIN crm_event e ON e.contact_id = mine.contact AND e.name = ANY(%s) AND e.occurred_at >= mine.since
WHERE e.occurred_at >= %s
ORDER BY mine.run, e.occurred_at, e.id
"""


def _past(plan: Plan, rows: Sequence[Claimed]) -> dict[int, list[Happened]]:
    """What happened to each contact that these runs want to know of, oldest first; not their own entry."""
    ends = {*plans.exit_events(plan), *([plan.goal.watch.event] if plan.goal else [])}
    pages = {(row.step, row.port) for row in rows}
    wanted = {page: plan.page_events(*page) | (ends if page == ("", "") else set()) for page in pages}
    asking = [row for row in rows if wanted[row.step, row.port]]
    if not asking:
        return {}
    names = set().union(*wanted.values())
    since = [row.rested_at or row.entry_occurred_at for row in asking]
    own = {row.id: _entry_event(row) for row in asking}
    found = look([(row.id, row.contact_id, each) for row, each in zip(asking, since, strict=True)], names)
    return {
        run: kept for run, events in found.items() if (kept := [each for each in events if each.event != own[run]])
    }  # fmt: skip


def look(who: Sequence[tuple[int, int, datetime]], names: Collection[str]) -> dict[int, list[Happened]]:
    """(mark, contact, since): what happened to each contact under `names` from `since` on, oldest first."""
    if not who:
        return {}
    since = [each for _, _, each in who]
    found: dict[int, list[Happened]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            PAST,
            [
                runs.literal(mark for mark, _, _ in who),
                runs.literal(contact for _, contact, _ in who),
                since,
                sorted(names),
                min(since),
            ],
        )
        for mark, at, name, properties, event, answered in cursor.fetchall():
            found.setdefault(mark, []).append(Happened(at, name, json.loads(properties), event, answered))
    return found


def _entry_event(row: Claimed) -> int | None:
    event: int | None = json.loads(row.entry).get("id") if row.entry else None
    return event


def _others(
    version: Published, rows: Sequence[Claimed], past: Mapping[int, list[Happened]]
) -> dict[int, list[Standing]]:
    """All runs of the contacts concerned, where a key decides which of them an event is about."""
    if not version.plan.key_path or not past:
        return {}
    found: dict[int, list[Standing]] = {}
    contacts = {row.contact_id for row in rows if row.id in past}
    for each in runs.of_campaign(version.campaign_id, list(contacts)):
        found.setdefault(each.contact_id, []).append(each)
    return found


def _look_back(found: Gathered, plan: Plan, row: Claimed, past: Sequence[Happened], others: Sequence[Standing]) -> None:
    # While an entry waited for quiet, each answer to an event judged it, beside the carts there were then.
    judged = plan.entries[row.entry_index].debounce is not None
    for happened in past:
        if judged and happened.answered:
            continue
        if row.id not in found.ended and (ended := ended_by(plan, row.id, happened, row, others)):
            found.ended[row.id] = ended
        goal = plan.goal
        if (
            goal
            and matching.happened(goal.watch, happened.name, happened.properties)
            and row.id in matching.find(goal.watch, happened.properties, candidates(row, others, happened.at))
        ):
            found.goals.append((row, happened))


def ended_by(
    plan: Plan, run_id: int, happened: Happened, row: Claimed | Standing, others: Sequence[Standing]
) -> Ended | None:
    """Whether something that happened ends this run: the first exit of the plan that it finds the run by."""
    for rule in plan.exits:
        if rule.watch is None or not matching.happened(rule.watch, happened.name, happened.properties):
            continue
        if run_id in matching.find(rule.watch, happened.properties, candidates(row, others, happened.at)):
            outcome = matching.exit_outcome(plan.terms, rule, happened.properties)
            return Ended(run_id, outcome, rule.index, happened.event)
    return None


def candidates(row: Claimed | Standing, others: Sequence[Standing], at: datetime) -> list[matching.Candidate]:
    """The runs an event at `at` may be about: this one, and those of the contact that were under way then."""
    entry = row.entry if isinstance(row, Standing) else json.loads(row.entry or "{}")
    mine = matching.Candidate(row.id, row.key, matching.skus_of_entry(entry))
    return [
        mine,
        *(
            matching.Candidate(other.id, other.key, matching.skus_of_entry(other.entry))
            for other in others
            if other.id != row.id and under_way(other, at)
        ),
    ]


def under_way(run: Standing, at: datetime) -> bool:
    return run.entry_occurred_at <= at and (run.ended_at is None or run.ended_at >= at)
