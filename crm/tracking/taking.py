"""A batch of messages comes in: read, whose they are, then the one door in. A fixed number of queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection

from crm import arrays, capture, fastlane, ownfields, workspace
from crm.capture import Arrival
from crm.fastlane import Answer
from crm.identity.claims import IS_ONE
from crm.intake import Frame
from crm.rest.principal import Principal
from crm.tracking import bodies, translate, whose
from crm.tracking.translate import Dropped, Message
from crm.tracking.whose import Crowd, Owner, Place, Plan

MOST: Final = capture.MOST
# Whoever may write contacts, for all stores, is believed; everybody else only tells.
TRUSTED: Final = "contacts.write"

OWNERS: Final = f"""
SELECT i.kind, i.value, i.contact_id,
  EXISTS (SELECT FROM crm_identifier o WHERE o.contact_id = i.contact_id
          AND o.kind <> 'anonymous_id' AND NOT {IS_ONE.format("o")}),
  array(SELECT o.value::text FROM crm_identifier o WHERE o.contact_id = i.contact_id
        AND o.kind = 'external_id' AND o.identifying),
  array(SELECT o.value::text FROM crm_identifier o WHERE o.contact_id = i.contact_id
        AND o.kind = 'external_id' AND {IS_ONE.format("o")})
FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND i.identifying
"""  # noqa: S608 - made of our own words


@dataclass(frozen=True)
class Drop:
    """A message that was not kept, for the log of requests."""

    index: int
    code: str
    detail: str


def take(given: Sequence[Any], sent_at: Any, asker: Principal, now: datetime) -> list[Drop]:
    """Take in the messages of a request; what could not be kept is answered."""
    drops: list[Drop] = []
    read: list[tuple[int, Message]] = []
    for index, each in enumerate(given):
        try:
            read.append((index, _read(each, sent_at, now)))
        except Dropped as drop:
            drops.append(Drop(index, drop.code, drop.detail))
    source = _source(given, is_trusted(asker))
    for start in range(0, len(read), MOST):
        drops += _chunk(read[start : start + MOST], source, asker, now)
    return sorted(drops, key=lambda drop: drop.index)


def is_trusted(asker: Principal) -> bool:
    return asker.may(TRUSTED) and asker.stores is None


def _read(given: Any, sent_at: Any, now: datetime) -> Message:
    message = translate.read(given, sent_at, now)
    if bodies.is_large(given):
        raise Dropped("too_large", f"A message may have {bodies.MOST_OF_ONE // 1024} kB.")
    return message


def _source(given: Sequence[Any], trusted: bool) -> str:  # noqa: FBT001
    """Who tells it: the kind of key, and the library as it calls itself."""
    context = next((each.get("context") for each in given if isinstance(each, dict)), None)
    library = context.get("library") if isinstance(context, dict) else None
    name = library.get("name") if isinstance(library, dict) else None
    kind = "sdk" if trusted else "page"
    return f"{kind}:{''.join(each for each in name if each.isprintable())[:60]}" if isinstance(name, str) else kind


def _chunk(read: Sequence[tuple[int, Message]], source: str, asker: Principal, now: datetime) -> list[Drop]:
    here = workspace.current()
    frame = Frame(now, here.country, here.currency, ownfields.known())
    crowd = Crowd(_owners(whose.places([message for _, message in read])), frame, source, not is_trusted(asker))
    drops, plans = [], []
    for index, message in read:
        try:
            plans.append((index, whose.plan(message, crowd)))
        except Dropped as drop:
            drops.append(Drop(index, drop.code, drop.detail))
    answers = _write([each for _, each in plans], source, asker.actor, now) if plans else []
    return drops + [
        Drop(index, answer.problems[0].code, answer.problems[0].detail)
        for (index, _), answer in zip(plans, answers, strict=True)
        if answer.problems
    ]


def _owners(places: Sequence[Place]) -> dict[Place, Owner]:
    if not places:
        return {}
    kinds, values = zip(*places, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(OWNERS, [arrays.literal(kinds), arrays.literal(values)])
        return {
            (kind, value): Owner(contact, named, frozenset(numbers), frozenset(claimed))
            for kind, value, contact, named, numbers, claimed in cursor.fetchall()
        }


# --- writing ---------------------------------------------------------------------------------


def _write(plans: Sequence[Plan], source: str, actor: str, now: datetime) -> list[Answer]:
    """Facts about people who are known go the short way, everything else the general one, in their order."""
    sent = [_sent(plan) for plan in plans]
    by_body = {id(body): plan for body, plan in zip(sent, plans, strict=True)}
    general: Callable[[list[Any]], list[Answer]] = lambda others: _generally(  # noqa: E731
        [by_body[id(body)] for body in others], source, actor, now
    )
    return fastlane.receive(sent, general, now=now)


def _sent(plan: Plan) -> dict[str, Any]:
    """As the short way reads it; what it cannot carry has a part that it does not know."""
    if plan.plain and plan.event is not None:
        return plan.event
    return {"contact": plan.contact, "event_id": (plan.event or {}).get("event_id"), "generally": True}


def _generally(plans: Sequence[Plan], source: str, actor: str, now: datetime) -> list[Answer]:
    answers = _receive([_arrival(plan, source, actor) for plan in plans], now)
    again = [place for place, answer in enumerate(answers) if answer.problems and not plans[place].hearsay]
    if again:  # what else it says belongs to somebody else, or to nobody: then it is kept with the fact
        second = _receive([_arrival(_lonely(plans[place]), source, actor) for place in again], now)
        for place, answer in zip(again, second, strict=True):
            answers[place] = answer
    return answers


def _lonely(plan: Plan) -> Plan:
    """The same of the one they are surely known by, without fields."""
    event = plan.event
    if event is not None and plan.message.kind == "identify":
        event = {**event, "properties": {"traits": dict(plan.message.traits)}}
    return replace(plan, traces=plan.alone, changes={}, event=event)


def _arrival(plan: Plan, source: str, actor: str) -> Arrival:
    event = {name: value for name, value in (plan.event or {}).items() if name != "contact"}
    return Arrival(
        plan.traces, plan.changes, events=[event] if event else [], source=source, actor=actor,
        hearsay=plan.hearsay, claims=plan.claims,
    )  # fmt: skip


def _receive(arrivals: Sequence[Arrival], now: datetime) -> list[Answer]:
    return [
        Answer(each.contact_id or 0, (each.event_ids or [None])[0], each.problems)
        for each in capture.receive(arrivals, now=now)
    ]
