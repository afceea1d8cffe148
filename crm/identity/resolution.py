"""Which contact a trace names, and what a batch decides in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection

from crm import arrays, workspace
from crm.identity import claims, rules
from crm.normalise import Trace

WEAK = "anonymous_id"
Place = tuple[str, str]  # kind and value


class Raced(Exception):
    """Another transaction made or merged one of these contacts meanwhile."""


@dataclass
class Known:
    """Who is known by what: as the database says, and as the batch goes on."""

    owner: dict[Place, int] = field(default_factory=dict)
    # The kinds of identifier each contact has: one with more than an anonymous id is a known
    # person, and two known people are never glued to each other.
    kinds: dict[int, set[str]] = field(default_factory=dict)
    # How many of each kind.
    counts: dict[tuple[int, str], int] = field(default_factory=dict)
    # Shared identifiers, which name nobody: who holds which.
    shared: set[tuple[int, str, str]] = field(default_factory=set)
    # What pages said of visitors (`crm.identity.claims`): whose visitors, by what was said.
    claimants: dict[Place, set[int]] = field(default_factory=dict)
    # A merged contact's number and the survivor's.
    survivor: dict[int, int] = field(default_factory=dict)
    # Who is kept and not used.
    restricted: set[int] = field(default_factory=set)

    def is_named(self, contact: int) -> bool:
        return bool(self.kinds.get(contact, set()) - {WEAK})

    def first(self, traces: Iterable[Trace]) -> int | None:
        ruled = workspace.current().identifiers
        ranked = sorted(traces, key=lambda trace: (trace.kind == WEAK, rules.rank(ruled, trace.kind)))
        return next((owner for trace in ranked if (owner := self.of(trace)) is not None), None)

    def of(self, trace: Trace) -> int | None:
        if trace.kind == "id":
            return self.survivor.get(int(trace.value))
        return self.owner.get((trace.kind, trace.value)) if trace.identifying else None


# Identifying and shared identifiers have an index each: asked together, neither would serve.
KINDS = f"""array(SELECT o.kind::text FROM crm_identifier o WHERE o.contact_id = i.contact_id
        AND NOT {claims.IS_ONE.format("o")}),
  (SELECT restricted FROM crm_contact WHERE id = i.contact_id)"""  # noqa: S608 - made of our own words
RESOLVE = f"""
SELECT i.kind, i.value, i.contact_id, true, {KINDS}, false
FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND i.identifying
UNION ALL
SELECT i.kind, i.value, i.contact_id, false, {KINDS}, {claims.IS_ONE.format("i")}
FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND NOT i.identifying
UNION ALL
SELECT 'id', c.id::text, coalesce(c.merged_into_id, c.id), true,
       array(SELECT o.kind::text FROM crm_identifier o
             WHERE o.contact_id = coalesce(c.merged_into_id, c.id) AND NOT {claims.IS_ONE.format("o")}),
       (SELECT restricted FROM crm_contact WHERE id = coalesce(c.merged_into_id, c.id)), false
FROM crm_contact c WHERE c.id = ANY(%s) AND c.erased_at IS NULL
"""  # noqa: S608 - made of our own words


def load(traces: Sequence[Trace]) -> Known:
    """What the database knows of these traces. One query."""
    known = Known()
    places = list({(trace.kind, trace.value) for trace in traces if trace.kind != "id"})
    numbers = sorted({int(trace.value) for trace in traces if trace.kind == "id"})
    if not places and not numbers:
        return known
    with connection.cursor() as cursor:
        named = [arrays.literal([kind for kind, _ in places]), arrays.literal([value for _, value in places])]
        cursor.execute(RESOLVE, [*named, *named, numbers])
        for kind, value, contact, identifying, kinds, restricted, claimed in cursor.fetchall():
            if restricted:
                known.restricted.add(contact)
            if kind == "id":
                known.survivor[int(value)] = contact
            elif identifying:
                known.owner[kind, value] = contact
            elif claimed:
                known.claimants.setdefault((kind, value), set()).add(contact)
            else:
                known.shared.add((contact, kind, value))
            known.kinds[contact] = set(kinds)
            known.counts |= {(contact, each): kinds.count(each) for each in known.kinds[contact]}
    return known


@dataclass
class Choice:
    """Whose draft it is: a known contact, somebody new (None), or two people (then neither)."""

    contact: int | None = None
    losers: set[int] = field(default_factory=set)
    conflict: tuple[int, ...] = ()
    # Found by what a page had said of a visitor.
    claimed: bool = False


def choose(traces: Sequence[Trace], known: Known) -> Choice:
    """Decide whose traces these are.

    Strong traces decide. Two known people are a conflict; somebody known only by an
    anonymous id joins silently. An anonymous id of another known person (a shared
    browser) is left where it is.
    """
    strong = _owners([trace for trace in traces if trace.kind != WEAK], known)
    weak = _owners([trace for trace in traces if trace.kind == WEAK], known)
    people = [contact for contact in strong if known.is_named(contact)]
    if len(people) > 1:
        return Choice(conflict=tuple(people))
    anonymous = {contact for contact in (*strong, *weak) if not known.is_named(contact)}
    winner = people[0] if people else _of_weak(traces, strong, weak, known)
    if winner is None and anonymous:
        winner = min(anonymous, key=lambda contact: (contact < 0, abs(contact)))  # who was there first
    return Choice(winner, anonymous - {winner})


def _owners(traces: Sequence[Trace], known: Known) -> list[int]:
    found = (known.of(trace) for trace in traces)
    return list(dict.fromkeys(owner for owner in found if owner is not None))


def _of_weak(traces: Sequence[Trace], strong: list[int], weak: list[int], known: Known) -> int | None:
    """A known person whose browser this is: only if nothing they are known by says otherwise.

    Signing in (an external id) on the browser that left an e-mail yesterday is the same
    person; another e-mail on the same browser is another one.
    """
    if strong:
        return strong[0]
    told = {trace.kind for trace in traces if trace.kind != WEAK and trace.identifying}
    return next((contact for contact in weak if known.is_named(contact) and not told & known.kinds[contact]), None)


def claimed(traces: Sequence[Trace], known: Known) -> int | None:
    """A visitor who is known by nothing else, and of whom alone a page has said this."""
    found: set[int] = set()
    for trace in traces:
        if trace.kind != WEAK and trace.identifying:
            found |= known.claimants.get((trace.kind, trace.value), set())
    return found.pop() if len(found) == 1 and not known.is_named(min(found)) else None
