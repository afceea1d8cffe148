"""What campaigns answer to the timeline and to membership, in the order decision B1 asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaigns import audience, exits, plans, triggers
from campaigns.plans import Watching
from crm import clock, registry
from crm.timeline import Fact


def react(events: list[Fact]) -> None:
    """Runs that are under way first, then those that begin."""
    now = clock.now()
    watching = plans.watching(now)
    if not watching.doors:
        return
    _lock(events, watching)
    exits.lock_pending(events)
    exits.answer(events, watching, now)
    triggers.answer(events, watching, now)
    exits.drop_pending(events, watching, now)


def _lock(events: Sequence[Fact], watching: Watching) -> None:
    """The campaigns that somebody may enter, before any run or message: the lock order of the house,
    so that whoever pauses one and waits for its messages cannot wait for us in a circle."""
    entered = {door.campaign_id for event in events for door, _ in watching.entries.get(event.name, ())}
    if entered:
        audience.lock_all_open(sorted(entered))


def follow_membership(changes: Sequence[Any]) -> None:
    """Somebody came into a segment or left it (in the transaction that changes it)."""
    now = clock.now()
    watching = plans.watching(now)
    if not watching.doors:
        return
    moved = [(change.segment_id, change.contact_id, change.joined) for change in changes]
    exits.answer_membership(moved, watching, now)
    # Who came in by old news alone has joined nothing now (decision B15).
    fresh = [(change.segment_id, change.contact_id, change.joined) for change in changes if not change.historic]
    triggers.answer_membership(fresh, watching, now)


registry.reactors.add("campaigns", react, order=20)
registry.membership_listeners.add("campaigns", follow_membership)
