"""`{"sequence": [{"event": "Product Added"}, {"not": {"event": "Order Completed"}}], "same": …, "within": …}`.

One event and then another, or then no other, within a time. "Not" is only known once
that time is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from django.utils.translation import gettext as _

from crm import registry
from crm.errors import Problem, Problems
from crm.segments import conditions, sentences, where
from crm.segments.grammar import Leaf
from crm.segments.leaves.event import EventLeaf, Reader, Window, at, event_name, moved
from crm.segments.sql import Sql, every, exists, join, opposite

KEYS: Final = frozenset({"sequence", "same", "within", "in_last"})
SHAPE: Final = 'A sequence is two events, like [{"event": "Product Added"}, {"not": {"event": "Order Completed"}}].'


@dataclass(frozen=True)
class SequenceLeaf(Leaf):
    first: EventLeaf
    then: EventLeaf
    followed: bool
    within: timedelta | None
    same: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        reader = Reader(data, path)
        reader.known(KEYS)
        steps = data["sequence"]
        if not isinstance(steps, list) or len(steps) != 2:
            raise Problems([*reader.problems, Problem(f"{path}/sequence", "wrong_type", SHAPE)])
        negated = isinstance(steps[1], Mapping) and set(steps[1]) == {"not"}
        first = _event(reader, steps[0], f"{path}/sequence/0", reader.window())
        last = steps[1]["not"] if negated else steps[1]
        then = _event(reader, last, f"{path}/sequence/1" + ("/not" if negated else ""), Window())
        within = reader.take(lambda: conditions.window(data["within"], "/within")) if "within" in data else None
        same = reader.take(lambda: where.property_path(data["same"], "/same", lists=False)) if "same" in data else []
        if negated and "within" not in data:
            reader.problems.append(
                Problem(path, "missing_key", '"within" is missing: when it is certain that nothing followed.')
            )
        if reader.problems or first is None or then is None:
            raise Problems(reader.problems)
        return cls(first, then, not negated, within, tuple(same or ()))

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        parts = [
            join("n.contact_id = e.contact_id AND n.occurred_at > e.occurred_at"),
            self.then.fits(now, known_at, "n"),
        ]
        over = []
        if self.within:
            parts.append(join("n.occurred_at <= e.occurred_at + {}::interval", self.within))
            over = [] if self.followed else [join("e.occurred_at <= {}::timestamptz", now - self.within)]
        if self.same:
            key = at(Sql("e.properties"), self.same)
            parts.append(join("{} = {}", at(Sql("n.properties"), self.same), key))
            over.append(join("{} <> 'null'", key))  # NULL too: an event without the value begins nothing
        begun = join(
            "crm_event e WHERE e.contact_id = crm_contact.id AND {}", every([self.first.fits(now, known_at), *over])
        )
        then = exists(join("crm_event n WHERE {}", every(parts)))
        return exists(join("{} AND {}", begun, then if self.followed else opposite(then)))

    def seen(self, now: datetime) -> Sql:
        return self.first.seen(now)

    def sentence(self) -> str:
        said = _("%(first)s, then %(then)s") if self.followed else _("%(first)s, then not %(then)s")
        what = said % {"first": self.first.sentence(), "then": self.then.name}
        return what + (" " + _("within %(span)s") % {"span": sentences.span(self.within)} if self.within else "")

    def needed(self) -> Any:
        return {"then": self.then.name, "followed": self.followed}

    def mentions(self) -> frozenset[str]:
        return self.first.mentions() | self.then.mentions()

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        found = [self.first.flips(last, now), self.then.flips(last, now)]
        if self.within:
            found.append(moved(self.first.name, self.within, last, now))
        return join(" UNION ".join("{}" for _each in found), *found)


def _event(reader: Reader, data: Any, path: str, window: Window) -> EventLeaf | None:
    """One event of the sequence: a name and a filter."""
    if not isinstance(data, Mapping) or "event" not in data:
        reader.problems.append(Problem(path, "wrong_type", SHAPE))
        return None
    inner = Reader(data, path)
    inner.known(frozenset({"event", "where"}))
    name = inner.take(lambda: event_name(data["event"], "/event"))
    filters = inner.where()
    reader.problems += inner.problems
    return EventLeaf(name, window=window, where=filters) if name else None


registry.leaves.add("sequence", SequenceLeaf)
