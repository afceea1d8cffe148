"""How many a rule finds while somebody builds it: exactly if that is quick, else about.

Nothing here may hold the database for long: every statement has its own time, and what does not
answer within it is estimated from a sample of contacts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import F

from crm import arrays, patience, standings
from crm.models import Segment, SegmentMember
from crm.segments import spread
from crm.segments.grammar import PEOPLE, Rule
from crm.segments.question import answers, query, whole_base
from crm.segments.sql import Sql, every, join, opposite

AT_ONCE_MS: Final = 600
PARTS_MS: Final = 700
MIN_MS: Final = 150
PATIENCE_MS: Final = 20_000
# How many contacts a sample is about, how many all samples of a list of segments together,
# and from how many on the base is not counted for its share.
SAMPLE: Final = 4_000
ALL_SAMPLES: Final = 2_400
ALL_RANGES: Final = 1_500
LEAST: Final = 300
MANY: Final = 50_000
# In a larger base it is seen by so many people who can be reached.
REACHED: Final = 1_000
# So many of the newest contacts are asked for a sample before the whole base is.
NEWEST: Final = 10_000
PURPOSE: Final = "offers"
CHANNELS: Final = ("email", "sms")


@dataclass(frozen=True)
class Number:
    n: int
    exact: bool = True


@dataclass(frozen=True)
class Tally:
    """`total` None: not even a sample answered in time. `parts`: by the name given."""

    total: Number | None
    everybody: int
    seconds: float
    parts: dict[str, Number] = field(default_factory=dict)


@dataclass(frozen=True)
class Reach:
    channels: dict[str, Number]
    nobody: Number
    total: Number


def tally(rule: Rule, parts: Mapping[str, Rule], now: datetime, *, milliseconds: int = AT_ONCE_MS) -> Tally:
    """How many there are, and how many each part would find alone."""
    began = time.monotonic()
    total = _exactly({"": rule}, now, milliseconds)
    # The parts have what the whole has left of a moment.
    left = max(MIN_MS, PARTS_MS - round(1_000 * (time.monotonic() - began)))
    alone = _exactly(parts, now, left) if total is not None else None
    if total is None or alone is None:
        about = _about({"": rule, **parts}, now)
        total = total if total is not None else about
        alone = alone if alone is not None else about
    seconds = time.monotonic() - began
    return Tally(total.get(""), everybody(), seconds, {name: alone[name] for name in parts if name in alone})


def everybody() -> int:
    """Roughly how many contacts there are; exactly while they are few."""
    guess = guessed()
    if guess > MANY:
        return guess
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM crm_contact WHERE {PEOPLE}")  # noqa: S608 - our own words
        return int(cursor.fetchone()[0])


def guessed() -> int:
    """How many contacts there are by the statistics of the table; nothing is counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'crm_contact'::regclass")
        return int(cursor.fetchone()[0])


def reach(rule: Rule, now: datetime) -> Reach | None:
    """Who of them can be written to with an offer, by channel, and who by none. In a large base the people of
    the segment that has this rule are looked at, or those of a part of all contacts; a narrow rule is counted."""
    base = guessed()
    if base > MANY and (found := _kept(rule) or _met(rule, base, now) or _narrow(rule, now)) is not None:
        return _reach_of(*found, now)
    row = _ask(_counted_reach(rule, now), AT_ONCE_MS)
    if row is not None:
        return _reach(row, exact=True)
    # Over a sample all columns are about those the rule finds.
    match = rule.q(now, few=True)
    allowed = [_allowed(channel, now) for channel in CHANNELS]
    nobody = every([match, *(opposite(each) for each in allowed)])
    told = _one_by_one([match, nobody, *(every([match, each]) for each in allowed)])
    return _reach(told, exact=False) if told else None


def _counted_reach(rule: Rule, now: datetime) -> Sql:
    """(all, on no channel, on each) of everybody the rule finds."""
    columns, sums = _columns()
    return join(
        f"SELECT {sums} FROM (SELECT {columns} FROM crm_contact WHERE {{}} OFFSET 0) t",  # noqa: S608
        *(_allowed(channel, now) for channel in CHANNELS),
        every([PEOPLE, rule.q(now)]),
    )


def _columns() -> tuple[str, str]:
    """A column for each channel, to be filled with what allows it; and the sums over them: all, on none, on each."""
    names = [f"c{place}" for place in range(len(CHANNELS))]
    none = " AND ".join(f"NOT {name}" for name in names)
    columns = ", ".join(f"({{}}) AS {name}" for name in names)
    return columns, ", ".join(["count(*)", *(f"count(*) FILTER (WHERE {name})" for name in (f"({none})", *names))])


def _kept(rule: Rule) -> tuple[Number, list[int]] | None:
    """How many stand in the segment that has exactly this rule, and those of them that are looked at."""
    kept = _segment_of(rule)
    if kept is None:
        return None
    number, count = kept
    share = REACHED / count if count >= 2 * REACHED else 1.0
    return Number(count), spread.members(number, share)


def _segment_of(rule: Rule) -> tuple[int, int] | None:
    """(number, how many people) of a segment that has exactly this rule and is made."""
    rows = Segment.objects.filter(rule=rule.json, archived_at=None, built_revision=F("revision"))
    return rows.order_by("pk").values_list("pk", "count").first()


def _met(rule: Rule, base: int, now: datetime) -> tuple[Number, list[int]] | None:
    """The same for any rule, by a part of all contacts; None where too few of those are found."""
    met = spread.contacts(SAMPLE / base)
    holds = answers([rule], met, now)
    found = [contact for contact in met if holds[contact][0]]
    if len(found) < LEAST:
        return None
    return Number(round(base * len(found) / len(met)), exact=False), spread.thinned(found, REACHED)


def _narrow(rule: Rule, now: datetime) -> tuple[Number, list[int]] | None:
    """The same for a rule that finds few: all are found, and not too many looked at. None: that takes too long."""
    rows = _rows(query(rule, now), AT_ONCE_MS)
    if rows is None:
        return None
    ids = [contact for (contact,) in rows]
    return Number(len(ids)), spread.thinned(ids, REACHED) if len(ids) >= 2 * REACHED else ids


def _reach_of(total: Number, ids: Sequence[int], now: datetime) -> Reach | None:
    """By those looked at, `ids`, who stand for all."""
    columns, sums = _columns()
    asked = join(
        f"SELECT {sums} FROM unnest({{}}::bigint[]) AS found(id)"  # noqa: S608
        f" CROSS JOIN LATERAL (SELECT {columns} OFFSET 0) AS told",
        arrays.numbers(ids),
        *(_allowed(channel, now, "found.id") for channel in CHANNELS),
    )
    row = _ask(asked, AT_ONCE_MS)
    if row is None:
        return None
    times = total.n / row[0] if row[0] else 1.0
    exact = total.exact and row[0] == total.n
    nobody, *told = [Number(round(n * times), exact) for n in row[1:]]
    return Reach(dict(zip(CHANNELS, told, strict=True)), nobody, total)


def reach_of_segments(counts: Mapping[int, int], now: datetime) -> dict[int, dict[str, Number]]:
    """The same for the members of some segments, in one statement; from a fair part of them where they are
    many. Nothing at all if that takes too long."""
    if not counts:
        return {}
    size = min(SAMPLE, max(LEAST, ALL_SAMPLES // len(counts)))
    shares = {number: size / count if count >= 2 * size else 1.0 for number, count in counts.items()}
    parts, beyond = _parts_of(shares, max(LEAST, ALL_RANGES // len(counts)))
    allowed = [_allowed(channel, now, "m.contact_id") for channel in CHANNELS]
    columns = ", ".join("count(*) FILTER (WHERE {})" for _each in allowed)
    asked = join(
        f"SELECT w.segment, count(*), {columns}"  # noqa: S608
        " FROM unnest({}::bigint[], {}::bigint[], {}::bigint[]) AS w(segment, first, beyond)"
        " CROSS JOIN LATERAL (SELECT m.contact_id FROM crm_segmentmember m WHERE m.segment_id = w.segment"
        " AND m.contact_id >= w.first AND m.contact_id < w.beyond OFFSET 0) AS m GROUP BY 1",
        *allowed,
        arrays.numbers([segment for segment, _ in parts]),
        arrays.numbers([first for _, first in parts]),
        arrays.numbers(beyond),
    )
    rows = _rows(asked, PARTS_MS * 2)
    if rows is None:
        return {}
    found = {number: dict.fromkeys(CHANNELS, Number(0)) for number in counts}
    for number, looked, *told in rows:
        exact = shares[number] == 1
        times = 1 if exact else counts[number] / looked
        found[number] = {
            channel: Number(min(round(n * times), counts[number]), exact)
            for channel, n in zip(CHANNELS, told, strict=True)
        }
    return found


def _parts_of(shares: Mapping[int, float], stripes: int) -> tuple[list[tuple[int, int]], list[int]]:
    """(segment, first) and one beyond the last of the ranges of each segment that are looked at."""
    parts, beyond = [], []
    for number, (first, last) in spread.ends(list(shares)).items():
        for begin, end in spread.ranges(first, last, shares[number], stripes):
            parts.append((number, begin))
            beyond.append(end)
    return parts, beyond


def _reach(row: Sequence[Any], *, exact: bool) -> Reach:
    total, nobody, *told = [Number(n, exact) for n in row]
    return Reach(dict(zip(CHANNELS, told, strict=True)), nobody, total)


def _allowed(channel: str, now: datetime, contact: str = "crm_contact.id") -> Sql:
    text, params = standings.allowed_sql(PURPOSE, channel, "marketing", now, contact)
    return Sql(text, tuple(params))


def _exactly(rules: Mapping[str, Rule], now: datetime, milliseconds: int) -> dict[str, Number] | None:
    """Each rule counted, in one statement; None when that takes too long."""
    if not rules:
        return {}
    found = [
        join("SELECT count(*) FROM ({}) c{}", query(rule, now), Sql(str(n))) for n, rule in enumerate(rules.values())
    ]
    row = _ask(join("SELECT " + ", ".join("({})" for _each in found), *found), milliseconds)
    return None if row is None else {name: Number(n) for name, n in zip(rules, row, strict=True)}


def _about(rules: Mapping[str, Rule], now: datetime) -> dict[str, Number]:
    """Each rule asked of a sample of contacts; nothing if even that takes too long."""
    told = _one_by_one([rule.q(now, few=True) for rule in rules.values()])
    return {name: Number(n, exact=False) for name, n in zip(rules, told, strict=True)} if told else {}


def _one_by_one(conditions: Sequence[Sql]) -> list[int] | None:
    """For how many contacts each condition holds, reckoned from a sample (always the same one).

    Laterally: left to itself the planner answers an EXISTS once for the whole base (`question.ask_few`).
    """
    known = max(guessed(), 1)
    part = min(100.0, 100 * SAMPLE / known)
    columns = ", ".join(f"({{}}) AS c{place}" for place in range(len(conditions)))
    sums = ", ".join(f"count(*) FILTER (WHERE c{place})" for place in range(len(conditions)))
    asked = join(
        f"SELECT count(*), {sums} FROM crm_contact TABLESAMPLE SYSTEM ({part:.6f}) REPEATABLE (7)"  # noqa: S608
        f" CROSS JOIN LATERAL (SELECT {columns} OFFSET 0) AS told",
        *(every([PEOPLE, each]) for each in conditions),
    )
    row = _ask(asked, PARTS_MS)
    if row is None:
        return None
    times = 1.0 if part >= 100 else known / max(row[0], 1)
    return [round(n * times) for n in row[1:]]


def _ask(asked: Sql, milliseconds: int) -> Sequence[Any] | None:
    rows = _rows(asked, milliseconds)
    return None if rows is None else rows[0]


def _rows(asked: Sql, milliseconds: int) -> list[Any] | None:
    """The answer, or None when it does not come within its time."""
    try:
        with whole_base(), patience.within(milliseconds) as cursor:
            cursor.execute(asked.text, asked.params)
            return list(cursor.fetchall())
    except patience.TooSlow:
        return None


def sample(rule: Rule, now: datetime, size: int, *, skip: int = 0) -> list[int] | None:
    """The ids of some contacts the rule finds, the newest first; None when even that takes too long."""
    if guessed() > MANY and (kept := _segment_of(rule)) is not None:
        rows = SegmentMember.objects.filter(segment=kept[0]).order_by("-contact_id")
        return list(rows.values_list("contact_id", flat=True)[skip : skip + size])
    found = _rows(_newest(rule, now, size, skip), MIN_MS)
    if found is None or len(found) < size:
        asked = join("{} ORDER BY crm_contact.id DESC LIMIT {} OFFSET {}", query(rule, now), size, skip)
        found = _rows(asked, AT_ONCE_MS)
    return None if found is None else [contact for (contact,) in found]


def _newest(rule: Rule, now: datetime, size: int, skip: int) -> Sql:
    """The same, asked of the newest contacts one by one until there are enough: most rules need not look far."""
    return join(
        "SELECT crm_contact.id FROM (SELECT crm_contact.* FROM crm_contact WHERE {} ORDER BY crm_contact.id DESC"  # noqa: S608
        f" LIMIT {NEWEST}) AS crm_contact CROSS JOIN LATERAL (SELECT ({{}}) AS holds OFFSET 0) AS told"
        " WHERE told.holds ORDER BY crm_contact.id DESC LIMIT {} OFFSET {}",
        PEOPLE,
        rule.q(now, few=True),
        size,
        skip,
    )
