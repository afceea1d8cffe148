"""What a page asks to be done outside of its run: messages, changes of contacts, stages, arms, goals.

Everything is gathered over a batch and done with arrays, in the transaction that moves the runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection

from campaigns import matching, traces
from campaigns.plan import Plan
from campaigns.plans import Published
from campaigns.runs import Claimed, Standing
from campaigns.types import AskStage, Change, Deal, Effect, ReachGoal, Send
from channels import outbox
from crm import arrays, identity, reach, timeline
from crm.normalise import Trace

STAGE_REQUESTED = "Stage Requested"


@dataclass
class Asked:
    """What the runs of a batch ask for."""

    sends: list[tuple[Claimed, Published, Send]] = field(default_factory=list)
    changes: list[tuple[Claimed, Change]] = field(default_factory=list)
    stages: list[timeline.NewFact] = field(default_factory=list)
    arms: list[tuple[int, str, int, str]] = field(default_factory=list)
    goals: list[traces.Reached] = field(default_factory=list)

    def add(self, row: Claimed, version: Published, effects: Sequence[Effect], now: datetime) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.sends.append((row, version, effect))
            elif isinstance(effect, Deal):
                self.arms.append((row.campaign_id, effect.step, row.contact_id, effect.lane))
            elif isinstance(effect, Change):
                self.changes.append((row, effect))
            elif isinstance(effect, AskStage):
                self.stages.append(_stage(row, effect))
            elif isinstance(effect, ReachGoal):
                self.goals.append(_goal(row, now))


def carry_out(asked: Asked, now: datetime) -> dict[int, int]:
    """Do it all. Answers run id -> id of the message that the run now waits for."""
    traces.deal(asked.arms)
    _change(asked.changes, now)
    timeline.record(asked.stages, now=now)
    traces.convert(asked.goals)
    return _send(asked.sends, now)


def _send(sends: Sequence[tuple[Claimed, Published, Send]], now: datetime) -> dict[int, int]:
    if not sends:
        return {}
    addresses = _addresses(sends, now)
    planned = [_plan(row, version, send, addresses, now) for row, version, send in sends]
    ids = outbox.enqueue(planned, now)
    return {row.id: message for (row, _, _), message in zip(sends, ids, strict=True)}


def _plan(
    row: Claimed,
    version: Published,
    send: Send,
    addresses: Mapping[tuple[int, str], Mapping[int, reach.Reach]],
    now: datetime,
) -> outbox.Planned:
    terms = version.plan.terms
    # A held-out person takes no address: they must not use up that of somebody who gets the message.
    address = None if row.held_out else addresses[version.id, send.channel].get(row.contact_id)
    return outbox.Planned(
        row.contact_id,
        send.channel,
        version.contents.get(send.step),
        row.campaign_id,
        row.id,
        send.step,
        send.visit,
        send.slot,
        f"{row.key}#{row.entry_seq}",
        row.edition,
        row.held_out,
        terms.message_class,
        terms.purpose,
        terms.priority,
        now,
        now + timedelta(seconds=send.expires_after_s),
        _context(row, version, send.step),
        address.address_id if address else None,
        address.hash if address else "",
        exclusion_group=terms.group,
    )


def _context(row: Claimed, version: Published, step: str) -> str | None:
    """What the templates may say of the run beside the contact's live facts, as the text of an object; and
    what the step says of quiet hours, for the gate."""
    parts = [f'"entry": {row.entry}'] if row.entry else []
    when_quiet = getattr(version.plan.instructions[step].step, "when_quiet", "")
    if when_quiet:
        parts.append(f'"when_quiet": {arrays.as_json(when_quiet)}')
    if version.names_itself:
        parts.append(f'"campaign": {arrays.as_json({"name": version.plan.terms.name})}')
    return f"{{{', '.join(parts)}}}" if parts else None


def _addresses(
    sends: Sequence[tuple[Claimed, Published, Send]], now: datetime
) -> dict[tuple[int, str], dict[int, reach.Reach]]:
    """(version, channel) -> contact -> where the message would go; one query each."""
    wanted: dict[tuple[int, str], tuple[Plan, list[int]]] = {}
    for row, version, send in sends:
        wanted.setdefault((version.id, send.channel), (version.plan, []))[1].append(row.contact_id)
    return {
        (version, channel): reach.addresses(contacts, channel, plan.terms.purpose, plan.terms.message_class, now)
        for (version, channel), (plan, contacts) in wanted.items()
    }


def _stage(row: Claimed, ask: AskStage) -> timeline.NewFact:
    return timeline.NewFact(
        contact_id=row.contact_id, name=STAGE_REQUESTED, event_id=f"run:{row.id}:{ask.step}:{ask.visit}",
        properties={
            "stage": ask.stage, "forward_only": ask.forward_only, "campaign_id": row.campaign_id,
            "run_id": row.id, "step": ask.step,
        },
        source="campaign", campaign_ref=row.campaign_id,
    )  # fmt: skip


# --- goals ---------------------------------------------------------------------------------


def _goal(row: Claimed, now: datetime) -> traces.Reached:
    return traces.Reached(row.id, row.campaign_id, row.contact_id, None, now, None, "", row.held_out)


def reached(
    plan: Plan, row: Claimed | Standing, event: int, properties: Mapping[str, Any], at: datetime
) -> traces.Reached | None:
    """The conversion that an event makes of a run, if it came within the goal's window."""
    goal = plan.goal
    if goal is None or not in_window(plan, row, at):
        return None
    value, currency = worth(properties, goal.value_path)
    return traces.Reached(row.id, row.campaign_id, row.contact_id, event, at, value, currency, row.held_out)


def in_window(plan: Plan, row: Claimed | Standing, at: datetime) -> bool:
    """Whether a fact at `at` may still be the goal of a run, ended or not."""
    days = plan.goal.window_days if plan.goal else 0
    return row.entry_occurred_at <= at <= row.entered_at + timedelta(days=days)


def worth(properties: Mapping[str, Any], path: str) -> tuple[Decimal | None, str]:
    """The amount at a path of an event, and the currency that stands beside it."""
    text = matching.value_at(properties, path) if path else None
    try:
        value = Decimal(text) if text is not None else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or abs(value) >= Decimal(10) ** 12:
        return None, ""
    beside = path.rpartition(".")[0]
    currency = matching.value_at(properties, f"{beside}.currency" if beside else "currency")
    currency = currency or matching.value_at(properties, "currency") or ""
    return value, currency if len(currency) == 3 else ""


# --- changes of contacts ---------------------------------------------------------------------


def _change(changes: Sequence[tuple[Claimed, Change]], now: datetime) -> None:
    """Changes go through the one writer of contacts; what is counted up is read under lock first."""
    if not changes:
        return
    held = _fields([row.contact_id for row, _ in changes])
    drafts = []
    for row, change in changes:
        columns, fields = changed(held.setdefault(row.contact_id, {}), change.changes)
        held[row.contact_id].update(fields)
        drafts.append(
            identity.Draft(
                traces=[Trace("id", str(row.contact_id))],
                changes=columns,
                fields=fields,
                source="campaign",
                actor=f"campaign:{row.campaign_id}",
            )
        )
    identity.upsert(drafts, now=now)


def _fields(contact_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, fields FROM crm_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(contact_ids)],
        )
        return {contact: json.loads(fields) for contact, fields in cursor.fetchall()}


def changed(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(columns, free fields) as they are after `changes`; None empties one."""
    columns: dict[str, Any] = {}
    after: dict[str, Any] = {}
    asked = [(path, value) for path, value in changes.get("set", {}).items()]
    asked += [(path, None) for path in changes.get("unset", [])]
    for path, value in asked:
        home, _, name = path.partition(".")
        (columns if home == "contact" else after)[name] = value
    for action in ("increment", "append", "remove"):
        for path, value in changes.get(action, {}).items():
            name = path.partition(".")[2]
            after[name] = _ACTIONS[action](fields.get(name), value)
    return columns, after


def _increment(before: Any, by: Any) -> Any:
    number = isinstance(before, int | float) and not isinstance(before, bool)
    return before + by if number else by


def _append(before: Any, item: Any) -> list[Any]:
    items = before if isinstance(before, list) else [] if before is None else [before]
    return items if item in items else [*items, item]


def _remove(before: Any, item: Any) -> Any:
    if isinstance(before, list):
        return [each for each in before if each != item]
    return None if before == item else before


_ACTIONS = {"increment": _increment, "append": _append, "remove": _remove}
