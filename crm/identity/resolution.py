"""Which contact a trace names, and what a batch decides in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection

from crm.normalise import Trace

WEAK = "anonymous_id"
Place = tuple[str, str]  # kind and value


class Raced(Exception):  # noqa: N818 - not an error: try again
    """Another transaction made or merged one of these contacts meanwhile."""


@dataclass
class Known:
    """Who is known by what: as the database says, and as the batch goes on."""

    owner: dict[Place, int] = field(default_factory=dict)
    # Contacts by number that have more than an anonymous id: they are never glued to each other.
    named: set[int] = field(default_factory=set)
    # Shared identifiers, which name nobody: who holds which.
    shared: set[tuple[int, str, str]] = field(default_factory=set)
    # A merged contact's number and the survivor's.
    survivor: dict[int, int] = field(default_factory=dict)

    def first(self, traces: Iterable[Trace]) -> int | None:
        ranked = sorted(traces, key=lambda trace: trace.kind == WEAK)
        return next((owner for trace in ranked if (owner := self.of(trace)) is not None), None)

    def of(self, trace: Trace) -> int | None:
        if trace.kind == "id":
            return self.survivor.get(int(trace.value))
        return self.owner.get((trace.kind, trace.value)) if trace.identifying else None


RESOLVE = """
SELECT i.kind, i.value, i.contact_id, i.identifying,
       EXISTS (SELECT FROM crm_identifier o WHERE o.contact_id = i.contact_id AND o.kind <> 'anonymous_id')
FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value
UNION ALL
SELECT 'id', c.id::text, coalesce(c.merged_into_id, c.id), true,
       EXISTS (SELECT FROM crm_identifier o
               WHERE o.contact_id = coalesce(c.merged_into_id, c.id) AND o.kind <> 'anonymous_id')
FROM crm_contact c WHERE c.id = ANY(%s)
"""


def load(traces: Sequence[Trace]) -> Known:
    """What the database knows of these traces. One query."""
    known = Known()
    places = {(trace.kind, trace.value) for trace in traces if trace.kind != "id"}
    numbers = sorted({int(trace.value) for trace in traces if trace.kind == "id"})
    if not places and not numbers:
        return known
    with connection.cursor() as cursor:
        cursor.execute(RESOLVE, [[kind for kind, _ in places], [value for _, value in places], numbers])
        for kind, value, contact, identifying, named in cursor.fetchall():
            if kind == "id":
                known.survivor[int(value)] = contact
            elif identifying:
                known.owner[kind, value] = contact
            else:
                known.shared.add((contact, kind, value))
            if named:
                known.named.add(contact)
    return known
