"""`{"event": "Order Completed", "did": true, "count": {"op": ">=", "v": 2}, "in_last": {…}}`: what a contact did.

`did` needs at least one event that fits; `count` and `sum` are about those that fit.
`did: false` is the exact opposite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Self

from django.utils.translation import gettext as _

from crm import registry, words
from crm.errors import Problem, Problems
from crm.segments import compare, conditions, sentences, where
from crm.segments.compare import Json
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, every, exists, join, opposite
from crm.segments.where import Filter

KEYS: Final = frozenset({"event", "did", "where", "count", "sum", "in_last", "before", "after", "channel"})
SIGNS: Final = {"is": "=", "is_not": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
MAX_NAME = 80


@dataclass(frozen=True)
class Amount:
    """`count` or `sum of`, compared with a number. `path` None: a count."""

    op: str
    v: Decimal
    path: tuple[tuple[str, bool], ...] | None = None

    def q(self) -> Sql:
        if self.path is None:
            return join(f"count(*) {SIGNS[self.op]} {{}}", self.v)
        return join(f"coalesce(sum({{}}), 0) {SIGNS[self.op]} {{}}", self.number(), self.v)

    def number(self) -> Sql:
        return join("cauce_number({})", at(Sql("e.properties"), self.path or ()))


@dataclass(frozen=True)
class Window:
    """When events count: (now - span, now], after and before an instant, both left out."""

    span: timedelta | None = None
    after: datetime | None = None
    before: datetime | None = None

    def q(self, now: datetime, alias: str = "e") -> Sql:
        at = f"{alias}.occurred_at"
        parts = [join(f"{at} <= {{}}::timestamptz", now)]
        if self.span:
            parts.append(join(f"{at} > {{}}::timestamptz", now - self.span))
        if self.after:
            parts.append(join(f"{at} > {{}}::timestamptz", self.after))
        if self.before:
            parts.append(join(f"{at} < {{}}::timestamptz", self.before))
        return every(parts)

    def said(self) -> str:
        return sentences.window(self.span, self.after, self.before)


@dataclass(frozen=True)
class EventLeaf(Leaf):
    name: str
    did: bool = True
    window: Window = Window()
    where: tuple[Filter, ...] = ()
    channels: tuple[str, ...] = ()
    amounts: tuple[Amount, ...] = ()
    # What else an event must be; for leaves of upper floors that are made of this one.
    more: tuple[Sql, ...] = field(default=())

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        reader = Reader(data, path)
        reader.known(KEYS)
        name = reader.take(lambda: event_name(data["event"], "/event"))
        window, did = reader.window(), reader.did()
        filters, amounts, channels = reader.where(), reader.amounts(), reader.take(lambda: _channels(data))
        if reader.problems or name is None:
            raise Problems(reader.problems)
        return cls(name, did, window, filters, channels or (), amounts)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        found = self._one_by_one(now, known_at) if few or not self.amounts else self._all(now, known_at)
        return found if self.did else opposite(found)

    def seen(self, now: datetime) -> Sql:
        sums = [amount for amount in self.amounts if amount.path is not None]
        facts = join("crm_event e WHERE e.contact_id = crm_contact.id AND {}", self.fits(now, None))
        if not sums:
            return join("(SELECT jsonb_build_object('count', count(*), 'last', max(e.occurred_at)) FROM {})", facts)
        total = join("coalesce(sum({}), 0)", sums[0].number())
        return join(
            "(SELECT jsonb_build_object('count', count(*), 'last', max(e.occurred_at), 'sum', {}) FROM {})",
            total,
            facts,
        )

    def sentence(self) -> str:
        return sentences.deed(self.name, did=self.did) + self.details()

    def details(self) -> str:
        """What is said after the deed: filters, channels, how often, how much, when."""
        what = ""
        for each in self.where:
            path = each.name.removeprefix(where.PREFIX).replace("[]", "")
            what += " " + _("with %(condition)s") % {"condition": sentences.compared(path, each.condition)}
        if self.channels:
            what += " " + _("by %(channels)s") % {"channels": ", ".join(self.channels)}
        for amount in self.amounts:
            path = ".".join(name for name, _each in amount.path or ())
            what += " " + sentences.amount(amount.op, amount.v, path)
        return what + self.window.said()

    def needed(self) -> Any:
        found: dict[str, Any] = {"did": self.did}
        for amount in self.amounts:
            found["count" if amount.path is None else "sum"] = {"op": amount.op, "v": sentences.plain(amount.v)}
        return found

    def mentions(self) -> frozenset[str]:
        return frozenset({f"event:{self.name}"})

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        """Events that fell out of the window, and those told ahead of their time that have come."""
        return moved(self.name, self.window.span, last, now)

    # --- the two forms --------------------------------------------------------------------

    def fits(self, now: datetime, known_at: datetime | None, alias: str = "e") -> Sql:
        """What makes an event, called `alias`, one that counts."""
        parts = [join(f"{alias}.name = {{}}", self.name), self.window.q(now, alias), *self.more]
        if known_at:
            parts.append(join(f"{alias}.recorded_at <= {{}}::timestamptz", known_at))
        if self.channels:
            parts.append(join(f"{alias}.channel = ANY({{}})", list(self.channels)))
        parts += [_filter(each, now, alias) for each in self.where]
        return every(parts)

    def _one_by_one(self, now: datetime, known_at: datetime | None) -> Sql:
        mine = join("crm_event e WHERE e.contact_id = crm_contact.id AND {}", self.fits(now, known_at))
        if not self.amounts:
            return exists(mine)
        return join(
            "EXISTS (SELECT FROM {} HAVING count(*) > 0 AND {})", mine, every(amount.q() for amount in self.amounts)
        )

    def _all(self, now: datetime, known_at: datetime | None) -> Sql:
        """Aggregated once over the base; joined, it becomes a semi-join or an anti-join."""
        return join(
            """EXISTS (SELECT FROM (SELECT e.contact_id FROM crm_event e WHERE {}
                         GROUP BY e.contact_id HAVING {}) d WHERE d.contact_id = crm_contact.id)""",
            self.fits(now, known_at),
            every(amount.q() for amount in self.amounts),
        )


def at(column: Sql, path: tuple[tuple[str, bool], ...]) -> Sql:
    """The JSON value at a path without lists. `->` with a text leads into objects only."""
    found = column
    for name, _each in path:
        found = join("({} -> {}::text)", found, name)
    return found


def moved(name: str, span: timedelta | None, last: datetime, now: datetime) -> Sql:
    """Contacts with an event that came into or fell out of its window in (last, now]."""
    one = "SELECT e.contact_id AS id FROM crm_event e WHERE e.name = {} AND e.occurred_at > {} AND e.occurred_at <= {}"
    come = join(one, name, last, now)
    if span is None:
        return come
    return join("{} UNION {}", come, join(one, name, last - span, now - span))


def event_name(value: Any, at: str) -> str:
    """The name of an event; raises `conditions.Mistake`."""
    return conditions.plain_text(value, at, MAX_NAME)


def _filter(each: Filter, now: datetime, alias: str) -> Sql:
    lists = [place for place, (_name, every_one) in enumerate(each.path) if every_one]
    if not lists:
        return compare.compile(each.condition, Json(at(Sql(f"{alias}.properties"), each.path), local=False), now)
    rows, value, start = Sql(""), Sql(f"{alias}.properties"), 0
    for number, place in enumerate(lists):
        array = at(value, each.path[start : place + 1])
        safe = join("jsonb_array_elements(CASE jsonb_typeof({}) WHEN 'array' THEN {} ELSE '[]' END)", array, array)
        rows = join(f"{{}}{', LATERAL ' if number else ''}{{}} AS v{number}(item)", rows, safe)
        value, start = Sql(f"v{number}.item"), place + 1
    source = Json(at(value, each.path[start:]), local=False)
    # A name that is not there is no value, which is what a NULL is to every reading.
    return compare.any_of(each.condition, join("{} WHERE true", rows), source, now)


def _channels(data: Mapping[str, Any]) -> tuple[str, ...]:
    if "channel" not in data:
        return ()
    asked = data["channel"] if isinstance(data["channel"], list) and data["channel"] else [data["channel"]]
    for channel in asked:
        if channel not in words.EVENT_CHANNELS:
            raise conditions.Mistake(
                "unknown_channel",
                f"There is no channel {channel!r:.40}; known: {', '.join(words.EVENT_CHANNELS)}.",
                "/channel",
            )
    return tuple(asked)


class Reader:
    """Reads the keys that leaves about events share, and gathers what is wrong with them."""

    def __init__(self, data: Mapping[str, Any], path: str) -> None:
        self.data = data
        self.path = path
        self.problems: list[Problem] = []

    def take(self, read: Any) -> Any:
        """What `read` answers; None, and its mistake kept, if it makes one."""
        try:
            return read()
        except conditions.Mistake as mistake:
            self.problems.append(mistake.problem.under(self.path))
        except Problems as found:
            self.problems.extend(found.problems)
        return None

    def known(self, keys: frozenset[str]) -> None:
        self.problems += conditions.unknown_keys(self.data, keys, self.path)

    def did(self) -> bool:
        did = self.data.get("did", True)
        if not isinstance(did, bool):
            self.problems.append(Problem(f"{self.path}/did", "wrong_type", '"did" is true or false.'))
        return did is not False

    def window(self) -> Window:
        span = (
            self.take(lambda: conditions.window(self.data["in_last"], "/in_last")) if "in_last" in self.data else None
        )
        after, before = (
            self.take(lambda key=key: conditions.instant(self.data[key], f"/{key}")) if key in self.data else None
            for key in ("after", "before")
        )
        if after and before and after >= before:
            self.problems.append(
                Problem(f"{self.path}/after", "empty_range", '"after" is not before "before": nothing could match.')
            )
        return Window(span, after, before)

    def where(self) -> tuple[Filter, ...]:
        return self.take(lambda: where.parse(self.data.get("where", []), f"{self.path}/where")) or ()

    def amounts(self) -> tuple[Amount, ...]:
        found = [self._amount(key) for key in ("count", "sum") if key in self.data]
        return tuple(each for each in found if each is not None)

    def _amount(self, key: str) -> Amount | None:
        data, path = self.data[key], f"{self.path}/{key}"
        keys = frozenset({"op", "v"} | ({"of"} if key == "sum" else set()))
        example = '{"op": ">=", "v": 2}' if key == "count" else '{"of": "properties.total.amount", "op": ">", "v": 200}'
        if not isinstance(data, Mapping) or not keys <= set(data):
            self.problems.append(Problem(path, "wrong_type", f'"{key}" reads {example}.'))
            return None
        self.problems += conditions.unknown_keys(data, keys, path)
        op = conditions.ALIASES.get(data["op"], data["op"]) if isinstance(data["op"], str) else None
        if op not in SIGNS:
            self.problems.append(
                Problem(
                    f"{path}/op", "unknown_operator", f"{data['op']!r:.40} does not go here; use {', '.join(SIGNS)}."
                )
            )
        v = self.take(lambda: conditions.plain_number(data["v"], f"/{key}/v"))
        steps = self.take(lambda: where.property_path(data["of"], f"/{key}/of", lists=False)) if key == "sum" else None
        if op not in SIGNS or v is None or (key == "sum" and steps is None):
            return None
        return Amount(op, v, tuple(steps) if steps is not None else None)


registry.leaves.add("event", EventLeaf)
