"""Where the shop has ranked its sources: what a draft says less surely than what is known is taken out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from crm import sources
from crm.identity import rows
from crm.identity.drafts import Draft, Person

EMPTY: Final[tuple[Any, ...]] = (None, "", [])


def learn(people: Sequence[Person]) -> None:
    """Who said what of those who are there; the caller has locked them."""
    known = rows.written_by([person.number for person in people if not person.new])
    for person in people:
        writers, source = known.get(person.number, ({}, ""))
        person.writers, person.origin = dict(writers), sources.origin(source)


def sifted(person: Person, draft: Draft, ranking: sources.Ranking) -> Draft:
    """The draft without what a more believed source has said; what is left is noted as its own."""
    kind = sources.kind_of(draft.actor, draft.source)
    return replace(
        draft,
        changes={
            name: told
            for name, told in draft.changes.items()
            if _believed(person, name, (person.values.get(name), told), kind, ranking)
        },
        fields={
            name: told
            for name, told in draft.fields.items()
            if _believed(person, f"fields.{name}", (person.fields.get(name), told), kind, ranking)
        },
    )


def _believed(person: Person, name: str, change: tuple[Any, Any], kind: str, ranking: sources.Ranking) -> bool:
    ours, told = change
    writer = person.writers.get(name, person.origin)
    if ours not in EMPTY and ranking.stands(name, writer, kind):
        return False
    before = dict(person.writers)
    if told in EMPTY:
        person.writers.pop(name, None)
    else:
        person.writers[name] = kind
    person.said |= person.writers != before
    return True
