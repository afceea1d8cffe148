"""The one door in: forms, tills, shops, SDKs, REST and files bring people, permission and facts here.

A batch is one transaction with a fixed number of queries. A bad arrival gets its
problems and hurts no other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from crm import carts, confirming, consent, identity, intake, orders, ownfields, permission, timeline, words, workspace
from crm.errors import Problem
from crm.identity import Draft, Outcome, claims
from crm.identity.rows import address_ids, stores
from crm.intake import Frame, Reading
from crm.normalise import MEDIUM, Trace

MOST = 500
ATTEMPTS = 4


@dataclass(frozen=True)
class Arrival:
    """What somebody brings of one contact.

    `traces`: `Trace`s, `{"kind", "value"}` objects, or a reference such as `{"email": …}`.
    `fields`: standard fields by name, free ones under `"fields"`. `consents` and `events`:
    objects in the shapes of REST, without `contact`. `quiet`: no `Contact Created`.
    """

    traces: Sequence[Trace | Mapping[str, Any]] | Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    consents: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Mapping[str, Any]] = ()
    source: str = ""
    actor: str = ""
    quiet: bool = False
    # A till or a family's computer: what its browser is known by belongs to nobody, and joins nobody.
    shared_device: bool = False
    # Somebody of the shop has them before them: also whoever was erased may become a contact again.
    in_person: bool = False
    # When they were there, where that was not now: what a till sends once it is online again.
    happened_at: datetime | None = None
    # A page says it, with a key that everybody can read there: nobody who is known is changed by it (decision 0035).
    # `claims` are what it says they are known by.
    hearsay: bool = False
    claims: Sequence[Trace] = ()


@dataclass
class Received:
    """What became of an arrival. `problem` is the first of `problems`; then nothing was stored of it.

    `event_ids` has one entry per event, None where it had been stored before.
    """

    contact_id: int | None = None
    created: bool = False
    updated: bool = False
    event_ids: list[int | None] = field(default_factory=list)
    duplicates: int = 0
    receipts: list[consent.Recorded] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def problem(self) -> Problem | None:
        return self.problems[0] if self.problems else None


@dataclass
class _Guest:
    """An arrival on its way through."""

    arrival: Arrival
    reading: Reading
    answer: Received
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def contact(self) -> int:
        return self.outcome.contact_id or 0


def receive(arrivals: Sequence[Arrival], *, now: datetime) -> list[Received]:
    """Take in a batch of at most 500. One answer per arrival, in order."""
    if len(arrivals) > MOST:
        raise ValueError(f"{len(arrivals)} arrivals; a batch has at most {MOST}")
    here = workspace.current()
    frame = Frame(now, here.country, here.currency, ownfields.known())
    for attempt in range(ATTEMPTS):
        guests = [_read(arrival, frame) for arrival in arrivals]
        try:
            with transaction.atomic():
                _take_in([guest for guest in guests if not guest.answer.problems], frame)
            return [guest.answer for guest in guests]
        except identity.Raced:
            if attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _read(arrival: Arrival, frame: Frame) -> _Guest:
    reading, problems = intake.read(arrival.traces, arrival.fields, arrival.consents, arrival.events, frame)
    return _Guest(arrival, reading, Received(problems=problems))


def _take_in(guests: Sequence[_Guest], frame: Frame) -> None:
    codes = _stores(guests)
    guests = [guest for guest in guests if not guest.answer.problems]
    outcomes = identity.upsert([_draft(guest, codes, frame.now) for guest in guests], now=frame.now)
    welcome = []
    for guest, outcome in zip(guests, outcomes, strict=True):
        guest.outcome = outcome
        if outcome.problem:
            guest.answer.problems.append(outcome.problem)
            continue
        guest.answer.contact_id = outcome.contact_id
        guest.answer.created, guest.answer.updated = outcome.created, outcome.updated
        welcome.append(guest)
    _claim(welcome, frame.now)
    _say(welcome, frame.now)
    _tell(welcome, codes, frame)


def _stores(guests: Sequence[_Guest]) -> dict[str, int]:
    """The ids of the store codes that are named; an unknown home store is a mistake."""
    named = {guest.reading.home_store for guest in guests if guest.reading.home_store}
    named |= {
        str(event["properties"]["store"])
        for guest in guests
        for event in guest.reading.events
        if isinstance(event["properties"].get("store"), str)
    }
    codes = stores(named)
    for guest in guests:
        code = guest.reading.home_store
        if code and code not in codes:
            guest.answer.problems.append(Problem("/home_store", "no_such_store", f"There is no store {code!r}."))
    return codes


def _draft(guest: _Guest, codes: Mapping[str, int], now: datetime) -> Draft:
    reading, arrival = guest.reading, guest.arrival
    changes = dict(reading.changes)
    if reading.home_store is not None:
        changes["home_store_id"] = codes.get(reading.home_store)
    carted = any(carts.key_of(event["properties"]) or event["name"] == carts.ORDERING for event in reading.events)
    return Draft(
        _own_traces(guest),
        changes,
        reading.fields,
        arrival.source,
        arrival.actor,
        hold=bool(reading.consents) or carted,
        quiet=arrival.quiet or _historic(reading),
        more=bool(reading.consents or reading.events),
        deed=_deed(arrival, reading, now),
        hearsay=arrival.hearsay,
    )


def _deed(arrival: Arrival, reading: Reading, now: datetime) -> datetime | None:
    """The newest thing the person did themselves, as far as this arrival tells."""
    deeds = [event["occurred_at"] for event in reading.events]
    deeds += [told["occurred_at"] or now for told in reading.consents if told["method"] != permission.IMPORTED]
    return max([*deeds, *([arrival.happened_at or now] if arrival.in_person else [])], default=None)


def _own_traces(guest: _Guest) -> list[Trace]:
    """Without the browser of a device that several people use, where anything else says who it is."""
    traces = guest.reading.traces
    own = [trace for trace in traces if trace.kind != "anonymous_id"]
    return own if guest.arrival.shared_device and own else traces


def _historic(reading: Reading) -> bool:
    """Somebody who is known only by what happened long ago does not arrive today."""
    return bool(reading.events) and all(event["historic"] for event in reading.events)


def _claim(guests: Sequence[_Guest], now: datetime) -> None:
    """What pages say their visitors are known by, kept as said."""
    said = [guest for guest in guests if guest.arrival.claims]
    if said:
        claims.note(
            [(guest.contact, trace.kind, trace.value) for guest in said for trace in guest.arrival.claims],
            said[0].arrival.source,
            now,
        )


# --- consents ------------------------------------------------------------------------------


def _say(guests: Sequence[_Guest], now: datetime) -> None:
    ids = address_ids(
        sorted(
            {
                (told["address"].kind, told["address"].value)
                for guest in guests
                for told in guest.reading.consents
                if told["address"]
            }
        )
    )
    said = [
        (guest, intake.statement(guest.contact, told, address), told["confirm"])
        for guest in guests
        for told in guest.reading.consents
        for address in _addresses(guest, told, ids)
    ]
    _record([(guest, statement) for guest, statement, _ in said],
            confirming.expand([(statement, anyway) for _, statement, anyway in said], now), now)  # fmt: skip


def _record(
    said: Sequence[tuple[_Guest, consent.Statement]], receipts: Sequence[Sequence[consent.Statement]], now: datetime
) -> None:
    """One answer for what was said, however many receipts it became (a yes that is to be confirmed: two)."""
    answers = iter(consent.record([each for made in receipts for each in made], now=now))
    for (guest, _), made in zip(said, receipts, strict=True):
        guest.answer.receipts.append([next(answers) for _ in made][-1])


def _addresses(guest: _Guest, told: Mapping[str, Any], ids: Mapping[tuple[str, str], int]) -> list[int] | list[None]:
    """The addresses a statement names: explicitly, by its reference, or (a grant) by its identifiers.

    Nothing named: `consent.record` covers all the contact has (decision B3).
    """
    medium = words.MEDIUM.get(told["channel"], "")
    if told["address"]:
        return [ids[medium, told["address"].value]]
    named = guest.outcome.addresses.get(medium, [])
    alone = len(guest.reading.traces) == 1 and MEDIUM.get(guest.reading.traces[0].kind) == medium
    if named and (alone or told["action"] in ("granted", "confirmed")):
        return named
    return [None]


# --- events --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fact:
    """A fact to tell, and whose answer it is (`place` None: it follows from another one)."""

    fact: timeline.NewFact
    guest: _Guest
    place: int | None


def _tell(guests: Sequence[_Guest], codes: Mapping[str, int], frame: Frame) -> None:
    told = [(guest, place, event) for guest in guests for place, event in enumerate(guest.reading.events)]
    if not told:
        return
    for guest in guests:
        guest.answer.event_ids = [None] * len(guest.reading.events)
    fresh = _fresh(told)
    bought = _buy(told, fresh, codes, frame)
    changed = _fold_carts(told, fresh, bought, frame)
    facts: list[_Fact] = []
    for index, (guest, place, event) in enumerate(told):
        if index not in fresh:
            continue
        if _is_order(event):
            facts += [_Fact(bought[index], guest, place)] if index in bought else []
            continue
        own, derived = _own(guest, event, changed.get(index))
        facts.append(_Fact(own, guest, place))
        facts += [_Fact(derived, guest, None)] if derived else []
    ids = timeline.record([each.fact for each in facts], now=frame.now)
    _note(facts, ids, guests)


def _fresh(told: Sequence[tuple[_Guest, int, dict[str, Any]]]) -> set[int]:
    """The events that are not on the timeline yet; of two with the same id the first."""
    ids = [event["event_id"] for _, _, event in told if event["event_id"]]
    seen = set(timeline.known(ids)) if ids else set()
    fresh = set()
    for index, (_, _, event) in enumerate(told):
        if event["event_id"] in seen:
            continue
        fresh.add(index)
        if event["event_id"]:
            seen.add(event["event_id"])
    return fresh


def _is_order(event: Mapping[str, Any]) -> bool:
    return event["name"] == carts.ORDERING and bool(_order_id(event))


def _order_id(event: Mapping[str, Any]) -> str:
    return str(event["properties"].get("order_id") or "").strip()[:120]


def _buy(
    told: Sequence[tuple[_Guest, int, dict[str, Any]]], fresh: set[int], codes: Mapping[str, int], frame: Frame
) -> dict[int, timeline.NewFact]:
    places = [index for index in sorted(fresh) if _is_order(told[index][2])]
    new = [_order(told[index][0], told[index][2], codes, frame) for index in places]
    _, facts = orders.put(new, now=frame.now)
    return {places[place]: fact for place, fact in facts.items()}


def _order(guest: _Guest, event: Mapping[str, Any], codes: Mapping[str, int], frame: Frame) -> orders.NewOrder:
    told = event["properties"]
    total = told.get("total") or told.get("revenue") or told.get("value") or {}
    store = told.get("store") if isinstance(told.get("store"), str) else ""
    extra = {
        key: value
        for key, value in told.items()
        if key not in ("products", "skus", "total", "cart_id", "discount", "coupon")
    }
    return orders.NewOrder(
        guest.contact,
        _order_id(event),
        event["occurred_at"],
        Decimal(total.get("amount", "0")),
        total.get("currency", frame.currency),
        told.get("products") or [],
        event["channel"] or "web",
        codes.get(store or ""),
        carts.key_of(told)[: carts.LONGEST_KEY],
        Decimal((told.get("discount") or {}).get("amount", "0")),
        str(told.get("coupon") or ""),
        event["historic"],
        event["source"] or guest.arrival.source,
        event["session"],
        event["context"],
        extra,
    )


def _fold_carts(
    told: Sequence[tuple[_Guest, int, dict[str, Any]]],
    fresh: set[int],
    bought: Mapping[int, timeline.NewFact],
    frame: Frame,
) -> dict[int, timeline.NewFact]:
    changes = [
        carts.Change(
            index, guest.contact, key[: carts.LONGEST_KEY], event["name"], event["properties"], event["occurred_at"]
        )
        for index, (guest, _, event) in enumerate(told)
        if index in fresh
        and event["name"] in carts.EVENTS
        and (index in bought or not _is_order(event))
        and (key := carts.key_of(event["properties"]))
    ]
    return carts.put(changes, frame.currency)


def _own(
    guest: _Guest, event: Mapping[str, Any], changed: timeline.NewFact | None
) -> tuple[timeline.NewFact, timeline.NewFact | None]:
    """The event itself and the cart's fact; a shop's own `Cart Updated` is told once, with the whole cart."""
    echo = changed is not None and event["name"] in carts.OWN
    name = changed.name if changed and echo else event["name"]
    properties = {**event["properties"], **changed.properties} if changed and echo else event["properties"]
    shared = {
        "channel": event["channel"],
        "source": event["source"] or guest.arrival.source,
        "session": event["session"],
        "context": event["context"],
        "historic": event["historic"],
    }
    own = timeline.NewFact(guest.contact, name, properties, event["occurred_at"], event["event_id"], **shared)
    if changed is None or echo:
        return own, None
    return own, timeline.NewFact(guest.contact, changed.name, changed.properties, event["occurred_at"], **shared)


def _note(facts: Sequence[_Fact], ids: Sequence[int | None], guests: Sequence[_Guest]) -> None:
    for each, number in zip(facts, ids, strict=True):
        if number is None and each.place is not None and not _is_order(vars(each.fact)):
            # Another transaction told the same event after we looked: what was folded here
            # must not count twice. Look again.
            raise identity.Raced
        if each.place is not None:
            each.guest.answer.event_ids[each.place] = number
    for guest in guests:
        guest.answer.duplicates = guest.answer.event_ids.count(None)
