"""A batch of drafts becomes contacts: decided in memory, read and written set by set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crm import consent, errors, publicids, sources, timeline, workspace, zones
from crm.identity import believing, claims, kept_out, resolution, rows, rules
from crm.identity.drafts import Draft, Outcome, Person
from crm.identity.resolution import Known, Raced
from crm.normalise import MEDIUM

# What a caller may set, and what an empty one is.
COLUMNS: dict[str, Any] = {
    "given_name": "",
    "family_name": "",
    "language": "",
    "timezone": "",
    "country": "",
    "region": "",
    "city": "",
    "postal_code": "",
    "birth_date": None,
    "home_store_id": None,
}
ZONED = {"timezone", "country", "postal_code", "home_store_id"}


def upsert(drafts: Sequence[Draft], now: datetime) -> list[Outcome]:
    known = resolution.load([trace for draft in drafts for trace in draft.traces])
    outcomes, people = _decide(drafts, known)
    people = _let_in(drafts, people, outcomes, now)
    _number(people, known)
    addresses = rows.put_addresses(
        [(MEDIUM[trace.kind], trace.value) for person in people for trace in person.traces if trace.kind in MEDIUM], now
    )
    claims.forget([person.number for person in people if person.visitor and _named_now(person)])
    if not rows.put_identifiers(
        [
            (person.number, trace, addresses.get((trace.kind, trace.value)), person.source)
            for person in people
            for trace in person.traces
        ],
        now,
    ):
        raise Raced
    _hold(people)
    ranking = sources.ranking(workspace.current().sources)
    if ranking:
        believing.learn(people)
    _fill(drafts, people, outcomes, ranking)
    _write(people, now)
    if ranking:
        rows.note_writers([(person.number, person.writers) for person in people if person.said])
    _join(people, now)
    _follow(people, addresses, now)
    _answer(drafts, people, outcomes, addresses)
    return outcomes


# --- deciding, in memory -------------------------------------------------------------------


def _decide(drafts: Sequence[Draft], known: Known) -> tuple[list[Outcome], list[Person]]:
    people: dict[int, Person] = {}
    outcomes = [Outcome() for _ in drafts]
    ruled = workspace.current().identifiers
    for place, (draft, outcome) in enumerate(zip(drafts, outcomes, strict=True)):
        outcome.problem = _lost(draft, known) or _nobodys(draft, known, ruled)
        choice = _choose(draft, known)
        if choice.conflict:
            outcome.problem = conflict(choice.conflict)
        elif outcome.problem is None and choice.contact is not None:
            outcome.problem = _kept_as_it_is(draft, choice.contact, known) or _crowded(
                draft, choice.contact, known, ruled
            )
        if outcome.problem:
            continue
        number = -len(people) - 1 if choice.contact is None else choice.contact
        person = people.get(number) or Person(
            number, number < 0, source=draft.source, actor=draft.actor, quiet=draft.quiet,
            restricted=number in known.restricted, visitor=number > 0 and not known.is_named(number),
        )  # fmt: skip
        people[number] = person
        person.claimed |= choice.claimed
        for loser in choice.losers:
            _swallow(person, loser, people, known)
        person.told.append(place)
        person.hold |= bool(draft.hold or draft.changes or draft.fields)
        outcome.deaf = draft.hearsay and known.is_named(number)
        if not outcome.deaf:
            _trace(person, draft, known)
    return outcomes, list(people.values())


def _choose(draft: Draft, known: Known) -> resolution.Choice:
    """Whose it is. A page joins nobody to somebody known; whoever is trusted finds who was only claimed."""
    choice = resolution.choose(draft.traces, known)
    if choice.conflict:
        return choice
    if choice.contact is None:
        claimed = None if draft.hearsay else resolution.claimed(draft.traces, known)
        return choice if claimed is None else resolution.Choice(claimed, claimed=True)
    if draft.hearsay and known.is_named(choice.contact):
        return resolution.Choice(choice.contact)
    return choice


def _let_in(
    drafts: Sequence[Draft], people: Sequence[Person], outcomes: Sequence[Outcome], now: datetime
) -> list[Person]:
    """Without those who were erased, and of whom somebody else speaks."""
    deeds = {p.number: [at for place in p.told if (at := drafts[place].deed)] for p in people if p.new}
    refused = kept_out.refused({p.number: (p.traces, max(deeds[p.number], default=None)) for p in people if p.new}, now)
    for person in people:
        for place in person.told if person.number in refused else ():
            outcomes[place].problem = refused[person.number]
    return [person for person in people if person.number not in refused]


def _lost(draft: Draft, known: Known) -> errors.Problem | None:
    if not draft.traces:
        return errors.Problem("", "no_identifier", "Say who it is: an e-mail, phone, card or another identifier.")
    for trace in draft.traces:
        if trace.kind == "id" and known.of(trace) is None:
            return errors.Problem(
                "/id", "no_such_contact", f"There is no contact {publicids.encode('ctc', int(trace.value))}."
            )
    return None


def _nobodys(draft: Draft, known: Known, ruled: rules.Rules) -> errors.Problem | None:
    """A value that names nobody (`test@…`, zeros); whoever was known by one before the rule stays known by it."""
    found = (rules.refused(trace, ruled) for trace in draft.traces if known.of(trace) is None)
    return next((problem for problem in found if problem), None)


def _kept_as_it_is(draft: Draft, contact: int, known: Known) -> errors.Problem | None:
    """Fields of somebody who is restricted are not changed."""
    if contact not in known.restricted or draft.more or not (draft.changes or draft.fields):
        return None
    return errors.Problem(
        "", "restricted", "This person's data is restricted: kept, and neither used nor changed. Use it again first."
    )


def _crowded(draft: Draft, contact: int, known: Known, ruled: rules.Rules) -> errors.Problem | None:
    """More of a kind than one contact may have."""
    if not ruled:
        return None
    fresh = {(trace.kind, trace.value) for trace in draft.traces if trace.kind != "id" and known.of(trace) is None}
    fresh -= {(kind, value) for number, kind, value in known.shared if number == contact}
    for kind in sorted({kind for kind, _ in fresh}):
        count = known.counts.get((contact, kind), 0) + sum(1 for each, _ in fresh if each == kind)
        if problem := rules.too_many(kind, count, ruled):
            return problem
    return None


def conflict(numbers: Sequence[int]) -> errors.Problem:
    names = " and ".join(publicids.encode("ctc", number) if number > 0 else "a new one" for number in numbers)
    return errors.Problem(
        "",
        "identifiers_of_two_contacts",
        f"These identifiers belong to two contacts, {names}; nothing was changed. "
        "Send them apart, or merge the contacts first.",
    )


def _swallow(person: Person, loser: int, people: dict[int, Person], known: Known) -> None:
    """What was known of an anonymous contact is now known of this person."""
    for place, owner in list(known.owner.items()):
        if owner == loser:
            known.owner[place] = person.number
    for number, survivor in list(known.survivor.items()):
        if survivor == loser:
            known.survivor[number] = person.number
    known.kinds.setdefault(person.number, set()).update(known.kinds.pop(loser, set()))
    mine = people.pop(loser, None)
    if mine:
        person.told.extend(mine.told)
        person.traces.extend(mine.traces)
        person.losers |= mine.losers
        person.hold |= mine.hold
    if loser > 0:
        person.losers.add(loser)
        person.restricted |= loser in known.restricted


def _trace(person: Person, draft: Draft, known: Known) -> None:
    for trace in draft.traces:
        shared = (person.number, trace.kind, trace.value)
        if trace.kind == "id" or known.of(trace) is not None or shared in known.shared:
            continue
        if trace.identifying:
            known.owner[trace.kind, trace.value] = person.number
        elif known.owner.get((trace.kind, trace.value)) == person.number:
            continue
        else:
            known.shared.add(shared)
        known.kinds.setdefault(person.number, set()).add(trace.kind)
        known.counts[person.number, trace.kind] = known.counts.get((person.number, trace.kind), 0) + 1
        person.traces.append(trace)


def _number(people: Sequence[Person], known: Known) -> None:
    del known
    new = [person for person in people if person.new]
    for person, number in zip(new, rows.draw_numbers(len(new)), strict=True):
        person.number = number


# --- reading and filling -------------------------------------------------------------------


def _hold(people: Sequence[Person]) -> None:
    """Lock who is there: to change them, to join them, or only against being merged away."""
    there = [person for person in people if not person.new]
    joins = {loser for person in people for loser in person.losers}
    changing = {person.number for person in there if person.hold or person.traces or person.losers}
    held = rows.hold(changing | joins, rows.FOR_JOIN if joins else rows.FOR_CHANGE)
    rest = {person.number for person in there} - changing
    held |= rows.hold(rest, rows.FOR_USE)
    for person in people:
        person.inherited = [dict(held[loser]) for loser in sorted(person.losers) if loser in held]
        if person.new:
            person.values = dict(COLUMNS)
            continue
        row = held.get(person.number)
        if row is None:  # merged away or erased since it was looked up
            raise Raced
        person.fields = row.pop("fields")
        person.values = row
    if joins - held.keys():
        raise Raced


def _fill(
    drafts: Sequence[Draft], people: Sequence[Person], outcomes: Sequence[Outcome], ranking: sources.Ranking
) -> None:
    for person in people:
        _begin(person)
        for place in sorted(person.told):
            draft = drafts[place]
            if outcomes[place].deaf:
                continue
            if ranking and not person.restricted:
                draft = believing.sifted(person, draft, ranking)
            changed = not person.restricted and _fold(person, draft)
            outcomes[place].updated = changed and not person.new
    zoned = [person for person in people if person.new or ZONED & person.before.keys()]
    if not zoned:
        return
    stores = rows.store_zones({person.values["home_store_id"] for person in zoned} - {None})
    here = workspace.current().zone
    for person in zoned:
        value = person.values
        zone, source = zones.resolve(
            value["timezone"], value["country"], value["postal_code"], stores.get(value["home_store_id"], ""), here
        )
        if not person.new and value.get("zone") != zone:
            person.before.setdefault("zone", value.get("zone"))
        value["zone"], value["zone_source"] = zone, source


def _begin(person: Person) -> None:
    """What is known of them before anything is told: of who was only claimed, nothing; of two visitors who are
    one, what was known of either."""
    if person.restricted:
        return
    if person.claimed:
        _fold(person, Draft((), dict.fromkeys(COLUMNS), dict.fromkeys(person.fields)))
    elif person.visitor or person.new:
        for other in person.inherited:
            told = {name: other[name] for name, empty in COLUMNS.items() if person.values.get(name) == empty}
            own = {name: value for name, value in other["fields"].items() if name not in person.fields}
            _fold(person, Draft((), {name: value for name, value in told.items() if value != COLUMNS[name]}, own))


def _fold(person: Person, draft: Draft) -> bool:
    changed = False
    for name, told in draft.changes.items():
        value = COLUMNS[name] if told is None else told
        if person.values.get(name) != value:
            person.before.setdefault(name, person.values.get(name))
            person.values[name] = value
            changed = True
    for name, value in draft.fields.items():
        if person.fields.get(name) != value or (value is not None and name not in person.fields):
            person.fields_before.setdefault(name, person.fields.get(name))
            if value is None:
                person.fields.pop(name, None)
            else:
                person.fields[name] = value
            changed = True
    if changed and draft.actor:
        person.actor = draft.actor
    return changed


# --- writing -------------------------------------------------------------------------------


def _write(people: Sequence[Person], now: datetime) -> None:
    rows.insert_contacts([(p.number, p.values, p.fields, p.source) for p in people if p.new], now)
    changed = [p for p in people if not p.new and (p.before or p.fields_before)]
    rows.update_contacts([(p.number, p.values, p.fields) for p in changed], now)
    learned, silent = {p.number for p in people if p.learned}, {p.number for p in people if p.quiet}
    rows.note_changes([(p.number, p.earlier, p.actor) for p in changed], now, learned=learned, silent=silent)
    rows.mark_dirty(
        [
            *((p.number, "*") for p in people if p.new or p.losers),
            *((p.number, mention) for p in changed if not p.losers for mention in _mentions(p)),
        ]
    )


def _named_now(person: Person) -> bool:
    return any(trace.kind != resolution.WEAK for trace in person.traces)


def _mentions(person: Person) -> list[str]:
    columns = [f"contact.{name.removesuffix('_id')}" for name in person.before]
    return columns + [f"fields.{name}" for name in person.fields_before]


def _join(people: Sequence[Person], now: datetime) -> None:
    pairs = [(loser, person.number) for person in people for loser in sorted(person.losers)]
    if pairs:
        rows.join(pairs, now)


def _follow(people: Sequence[Person], addresses: Mapping[tuple[str, str], int], now: datetime) -> None:
    """What follows from it: statements that waited for an address, and the facts themselves."""
    added = [
        (person.number, addresses[trace.kind, trace.value])
        for person in people
        if not person.new
        for trace in person.traces
        if trace.kind in MEDIUM
    ]
    # Rules ask what somebody is known by; an anonymous id is no such thing.
    known_by = [
        (person.number, f"identifier.{trace.kind}")
        for person in people
        if not person.new
        for trace in person.traces
        if trace.kind != "anonymous_id"
    ]
    rows.mark_dirty([*known_by, *((contact, "consent") for contact, _ in added)])
    if added:
        consent.bind(added, now=now)
    timeline.record([fact for person in people if not person.quiet for fact in _facts(person)], now=now)


def _facts(person: Person) -> list[timeline.NewFact]:
    facts = []
    if person.new:
        facts.append(
            timeline.NewFact(person.number, "Contact Created", {"source": person.source}, source=person.source)
        )
    facts.extend(
        timeline.NewFact(person.number, "Card Linked", {"card": trace.value}, source=person.source)
        for trace in person.traces
        if trace.kind == "card"
    )
    return facts


def _answer(
    drafts: Sequence[Draft],
    people: Sequence[Person],
    outcomes: Sequence[Outcome],
    addresses: Mapping[tuple[str, str], int],
) -> None:
    named = {
        (MEDIUM[trace.kind], trace.value)
        for person in people
        for place in person.told
        for trace in drafts[place].traces
        if trace.kind in MEDIUM
    }
    ids = {**addresses, **rows.address_ids(sorted(named - addresses.keys()))}
    for person in people:
        first = min(person.told)
        for place in person.told:
            outcome = outcomes[place]
            outcome.contact_id = person.number
            outcome.created = person.new and place == first
            outcome.updated |= not outcome.created and bool(person.traces) and not person.new
            for trace in drafts[place].traces:
                if trace.kind in MEDIUM and (MEDIUM[trace.kind], trace.value) in ids:
                    outcome.addresses.setdefault(MEDIUM[trace.kind], []).append(ids[MEDIUM[trace.kind], trace.value])
