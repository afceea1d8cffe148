"""What an event does to runs that are under way: it ends them, wakes them, or is their goal.

The runs are locked first; what they listen to is read in a statement after that (decision B1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from campaigns import effects, facts, matching, plans, runs, traces
from campaigns.facts import Ended, Happened
from campaigns.plans import Published, Watching
from campaigns.runs import Ear, Standing
from campaigns.steps.wait_event import WaitEvent
from campaigns.types import Trace
from channels import outbox
from crm.timeline import Fact

SENT, SKIPPED = "Message Sent", "Message Skipped"
# Why a message is not sent, and its run goes on all the same as if it had been: a held-out person
# takes the way of the others (decision B9), and what may have gone must not be said again elsewhere.
AS_SENT = ("holdout_campaign", "unknown")
RECALLED = "recalled"
PENDING = "pending"


@dataclass
class Answer:
    """What a batch of events comes to for the runs of their contacts."""

    now: datetime
    watching: Watching
    runs: dict[int, list[Standing]] = field(default_factory=dict)
    ears: dict[int, list[Ear]] = field(default_factory=dict)
    versions: dict[int, Published] = field(default_factory=dict)
    ended: dict[int, tuple[Standing, Ended]] = field(default_factory=dict)
    woken: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    goals: list[traces.Reached] = field(default_factory=list)


def answer(events: Sequence[Fact], watching: Watching, now: datetime) -> None:
    """End, wake and convert the runs that these events find."""
    concerning = [event for event in events if event.name in watching.names or event.name in (SENT, SKIPPED)]
    if not concerning:
        return
    contacts = sorted({event.contact_id for event in concerning})
    runs.lock(contacts)
    batch = _read(concerning, contacts, watching, now)
    for event in concerning:
        mine = batch.runs.get(event.contact_id, [])
        if mine and event.name in (SENT, SKIPPED):
            _settle(batch, event, mine)
        if mine and event.name in watching.names:
            _happen(batch, event, mine)
    _write(batch)


def _read(events: Sequence[Fact], contacts: Sequence[int], watching: Watching, now: datetime) -> Answer:
    """A new statement after the lock: it sees what a runner that was just resting these runs wrote."""
    batch = Answer(now, watching)
    names = {event.name for event in events}
    watched = {watching.versions[v].campaign_id for name in names for v in watching.goals.get(name, ())}
    # What is told late counts for the window it happened in.
    since = min(now, *(event.occurred_at for event in events)) - timedelta(days=watching.longest_window)
    for run in runs.standing(contacts, sorted(watched), since):
        batch.runs.setdefault(run.contact_id, []).append(run)
    resting = [run.id for mine in batch.runs.values() for run in mine if run.resting == runs.WAITING]
    if resting:
        for ear in runs.ears(resting, sorted(names)):
            batch.ears.setdefault(ear.run_id, []).append(ear)
    batch.versions = plans.load({run.version_id for mine in batch.runs.values() for run in mine})
    return batch


def _settle(batch: Answer, event: Fact, mine: Sequence[Standing]) -> None:
    """A message is on its way, or will never be: its run goes on (decision B10)."""
    message = event.properties.get("message_id")
    port = "sent" if event.name == SENT or event.properties.get("reason") in AS_SENT else "not_sent"
    for run in mine:
        if run.message_id == message and run.resting == runs.IN_EFFECT and run.id not in batch.ended:
            batch.woken.setdefault(run.id, (port, batch.now))


def _happen(batch: Answer, event: Fact, mine: Sequence[Standing]) -> None:
    happened = Happened(event.occurred_at, event.name, event.properties, event.id)
    for campaign in sorted({run.campaign_id for run in mine}):
        here = [run for run in mine if run.campaign_id == campaign]
        active = [run for run in here if run.active and run.id not in batch.ended]
        ends = [(run, _end_of(batch, run, happened, active)) for run in active]
        for run in here:
            _convert(batch, run, happened, here)
        for run in active:
            if run.id not in batch.woken:
                _wake(batch, run, happened, active)
        batch.ended.update({run.id: (run, end) for run, end in ends if end})


def _end_of(batch: Answer, run: Standing, happened: Happened, active: Sequence[Standing]) -> Ended | None:
    if happened.at < run.entry_occurred_at:
        return None
    plan = batch.versions[run.version_id].plan
    return facts.ended_by(plan, run.id, happened, run, active)


def _convert(batch: Answer, run: Standing, happened: Happened, here: Sequence[Standing]) -> None:
    """A goal counts within its window after the entry, also when the run has ended."""
    plan = batch.versions[run.version_id].plan
    goal = plan.goal
    if goal is None or not matching.happened(goal.watch, happened.name, happened.properties):
        return
    reached = effects.reached(plan, run, happened.event, happened.properties, happened.at)
    if reached is None:
        return
    others = [each for each in here if effects.in_window(plan, each, happened.at)]
    ids = [matching.Candidate(each.id, each.key, matching.skus_of_entry(each.entry)) for each in others]
    if run.id in matching.find(goal.watch, happened.properties, ids):
        batch.goals.append(reached)


def _wake(batch: Answer, run: Standing, happened: Happened, active: Sequence[Standing]) -> None:
    """The first branch of a waiting run that the event counts for."""
    if run.id not in batch.ears:
        return
    step = batch.versions[run.version_id].plan.instructions[run.step].step
    if not isinstance(step, WaitEvent):
        return
    mine = facts.candidates(run, [], happened.at)[0]
    siblings = [matching.skus_of_entry(each.entry) for each in active if each.id != run.id]
    for ear in batch.ears[run.id]:
        if ear.event_name != happened.name or happened.at < ear.since:
            continue
        if matching.heard(step.watches[ear.branch], happened.name, happened.properties, mine, siblings):
            batch.woken[run.id] = (ear.port, min(happened.at, batch.now))
            return


def _write(batch: Answer) -> None:
    now = batch.now
    end(list(batch.ended.values()), now)
    runs.wake([(run, *how) for run, how in batch.woken.items() if run not in batch.ended])
    traces.convert(batch.goals)


def end(ended: Sequence[tuple[Standing, Ended]], now: datetime) -> int:
    """End runs by an exit, at once; what they had on its way is called back in the same transaction."""
    gone = set(runs.end([(run.id, how.outcome) for run, how in ended], now))
    kept = [(run, how) for run, how in ended if run.id in gone]
    asked = [run.id for run, _ in kept if run.resting == runs.IN_EFFECT]
    if asked:
        outbox.revoke(run_ids=asked, reason=RECALLED, now=now)
    ways = []
    for run, how in kept:
        line = Trace(run.step, 1, "", "exit_rule", {"exit": how.exit, "event": how.event})
        ways.append((traces.Walker(run.id, run.campaign_id, run.contact_id), (line,)))
    traces.walk(ways, now)
    return len(gone)


# --- who has left or joined a segment ------------------------------------------------------


def answer_membership(changes: Iterable[tuple[int, int, bool]], watching: Watching, now: datetime) -> None:
    """(segment, contact, joined): end the runs for which that is an exit."""
    moved = {(segment, contact): joined for segment, contact, joined in changes}
    wanted: dict[int, list[tuple[int, str, int]]] = {}
    for version in watching.versions.values():
        for segment, when, rule in plans.segment_exits(version.plan):
            wanted.setdefault(segment, []).append((version.id, when, rule.index if rule else -1))
    contacts = sorted({contact for segment, contact in moved if segment in wanted})
    if not contacts:
        return
    runs.lock(contacts)
    ended: dict[int, tuple[Standing, Ended]] = {}
    for run in runs.standing(contacts, [], now):
        for segment, rules in wanted.items():
            joined = moved.get((segment, run.contact_id))
            for version_id, when, index in rules if joined is not None else ():
                if version_id == run.version_id and joined == (when == "joined"):
                    ended.setdefault(run.id, (run, Ended(run.id, "exited", index, None)))
    end(list(ended.values()), now)


# --- entries that still wait for quiet -----------------------------------------------------


def lock_pending(events: Sequence[Fact]) -> None:
    """Before the runs: whoever is just firing one of these is waited for, and its run is then seen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM campaigns_pendingentry WHERE contact_id = ANY(%s) ORDER BY id FOR UPDATE",
            [sorted({event.contact_id for event in events})],
        )


def drop_pending(events: Sequence[Fact], watching: Watching, now: datetime) -> int:
    """A debounced entry is let go by what would have ended its run: by these events, or, where it came
    late itself, by what had been answered before it was there."""
    ends = {name for version in watching.versions.values() for name in plans.exit_events(version.plan)}
    began = {event.id for event in events}
    waiting = _pending(sorted({event.contact_id for event in events}), watching, now)
    if not waiting or not ends:
        return 0
    new = [run for mine in waiting.values() for run in mine if run.state == PENDING and run.message_id in began]
    past = facts.look([(run.id, run.contact_id, run.entry_occurred_at) for run in new], ends)
    fresh: dict[int, list[Happened]] = {}
    for event in events:
        if event.name in ends:
            happened = Happened(event.occurred_at, event.name, event.properties, event.id)
            fresh.setdefault(event.contact_id, []).append(happened)
    dropped = [
        -run.id
        for contact, mine in waiting.items() for run in mine
        if run.state == PENDING
        and _is_let_go(run, [*past.get(run.id, ()), *fresh.get(contact, ())], mine, watching)
    ]  # fmt: skip
    if dropped:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM campaigns_pendingentry WHERE id = ANY(%s)", [dropped])
    return len(dropped)


def _is_let_go(run: Standing, happened: Sequence[Happened], mine: Sequence[Standing], watching: Watching) -> bool:
    plan = watching.versions[run.version_id].plan
    others = [each for each in mine if each.campaign_id == run.campaign_id]
    return any(
        each.at >= run.entry_occurred_at and each.event != run.message_id
        and facts.ended_by(plan, run.id, each, run, others)
        for each in happened
    )  # fmt: skip


def _pending(contacts: Sequence[int], watching: Watching, now: datetime) -> dict[int, list[Standing]]:
    """Pending entries in the form of runs (with negative ids, and their event for a message), together
    with the runs there are: a product that is shared with one of these spares the others."""
    found: dict[int, list[Standing]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, campaign_id, contact_id, key, event, entry, occurred_at FROM campaigns_pendingentry
               WHERE contact_id = ANY(%s) ORDER BY id""",
            [list(contacts)],
        )
        rows = cursor.fetchall()
    for number, campaign, contact, key, event, entry, occurred in rows:
        door = watching.doors.get(campaign)
        if door:
            found.setdefault(contact, []).append(
                Standing(
                    id=-number,
                    campaign_id=campaign,
                    version_id=door.version.id,
                    contact_id=contact,
                    key=key,
                    state=PENDING,
                    held_from="",
                    step="",
                    message_id=event,
                    held_out=False,
                    entry=json.loads(entry),
                    entry_occurred_at=occurred,
                    entered_at=occurred,
                    ended_at=None,
                )
            )
    if found:
        for run in runs.standing(sorted(found), [], now):
            found[run.contact_id].append(run)
    return found
