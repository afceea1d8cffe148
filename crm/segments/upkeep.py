"""Membership: the one writer of SegmentMember, SegmentChange and Segment.count.

After a change only the rules that mention it are asked, only about those contacts.
Whoever writes members holds the lock of the contacts' shards *before* it asks, so
of two answers about one person the later one is written last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from crm import partitions, registry
from crm.models import Segment
from crm.segments import live, parse
from crm.segments.live import Live
from crm.segments.question import ask_few, query, whole_base
from crm.segments.sql import Sql, join

SHARDS: Final = 16
BATCH: Final = 2_000
# How many rules are asked about in one statement.
TOGETHER: Final = 40
# More changes than this in one segment, and those that ask about it are made anew.
MANY: Final = 20_000
# A worker's clock may be this far behind the last look at the clock; further back, it was moved.
SKEW: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class MembershipChange:
    """Somebody came in or left. `historic`: only historic facts were the cause, so nothing starts from it."""

    segment_id: int
    contact_id: int
    joined: bool
    at: datetime
    why: str
    historic: bool = False


# Why a segment is asked about a contact, and whether only old news is the reason.
Cause = Callable[[Live, int], tuple[str, bool]]


@dataclass
class Touched:
    """What changed: mention -> contacts. `fresh` are those of which not only historic facts were told."""

    by_mention: dict[str, set[int]] = field(default_factory=dict)
    fresh: set[tuple[str, int]] = field(default_factory=set)

    def add(self, mention: str, contact: int, *, historic: bool = False) -> None:
        self.by_mention.setdefault(mention, set()).add(contact)
        if not historic:
            self.fresh.add((mention, contact))

    def contacts_for(self, segment: Live) -> set[int]:
        found = [self.by_mention[mention] for mention in self.by_mention if segment.touched_by(mention)]
        return set().union(*found)

    def cause(self, segment: Live, contact: int) -> tuple[str, bool]:
        mine = [
            mention
            for mention, contacts in self.by_mention.items()
            if contact in contacts and segment.touched_by(mention)
        ]
        fresh = [mention for mention in mine if (mention, contact) in self.fresh]
        return next(iter(fresh or mine), ""), not fresh


def refresh(
    contact_ids: Iterable[int], mentions: Iterable[str], now: datetime, why: str = ""
) -> list[MembershipChange]:
    """These contacts changed in these ways: bring the segments that mention it up to date."""
    touched, contacts = Touched(), list(contact_ids)
    for mention in mentions:
        for contact in contacts:
            touched.add(mention, contact)
    return follow(touched, now, because(why) if why else touched.cause)


def because(why: str) -> Cause:
    """The same reason for everybody."""
    return lambda segment, contact: (why, False)


def follow(touched: Touched, now: datetime, cause: Cause | None = None) -> list[MembershipChange]:
    """The same for many changes at once; the number of queries does not depend on how many."""
    if not any(touched.contacts_for(segment) for segment in live.segments()):
        return []
    with transaction.atomic():
        lock(set().union(*touched.by_mention.values()))
        # Asked again: what the holder before us committed must be seen.
        segments = [segment for segment in live.segments() if segment.built]
        asked = {segment.id: contacts for segment in segments if (contacts := touched.contacts_for(segment))}
        return reconsider(segments, asked, now, cause or touched.cause)


def reconsider(
    segments: Sequence[Live],
    asked: dict[int, set[int]],
    now: datetime,
    cause: Cause,
) -> list[MembershipChange]:
    """Ask these segments about these contacts and write what is different; then those that ask about
    them, level by level. The caller holds the locks."""
    changes: list[MembershipChange] = []
    inner: dict[tuple[int, int], tuple[str, bool]] = {}
    at = _instant(segments, asked, now)
    for level in sorted({segment.level for segment in segments}):
        batch = [segment for segment in segments if segment.level == level and asked.get(segment.id)]
        found = []
        for segment, contact, joined in _differences(batch, asked, at):
            why, historic = inner.get((segment.id, contact)) or cause(segment, contact)
            found.append(MembershipChange(segment.id, contact, joined, at, why[:200], historic))
        _write(found)
        for change in found:
            mention = f"segment:{change.segment_id}"
            for other in segments:
                if mention in other.mentions:
                    asked.setdefault(other.id, set()).add(change.contact_id)
                    inner.setdefault((other.id, change.contact_id), (mention, change.historic))
        changes += found
    _count(changes)
    tell(changes)
    return changes


def refresh_full(segment: Segment | int, now: datetime, why: str = "rule") -> int:
    """Ask the rule about everybody and write the difference. Answers how many came or left.

    The first members of a new segment do not *join* it: nobody is told of them.
    """
    number = segment if isinstance(segment, int) else segment.pk
    with transaction.atomic():
        lock_all()
        row = Segment.objects.select_for_update(no_key=True).get(pk=number)
        rule = parse.parse(row.rule)
        first = row.built_revision == 0
        with whole_base(), connection.cursor() as cursor:
            found = query(rule, now)
            cursor.execute(
                _DIFFERENCE.format(found.text, "" if first else _CHANGED),
                [
                    *found.params,
                    number,
                    number,
                    now,
                    number,
                    number,
                    now,
                    why,
                    number,
                    now,
                    why,
                ],
            )
            changed = cursor.fetchall()
        total = changed.pop()[2]
        Segment.objects.filter(pk=number).update(
            count=total, as_of=now, scanned_to=now, built_revision=row.revision, mentions=sorted(rule.mentions())
        )
        changes = [MembershipChange(number, contact, joined, now, why) for contact, joined, _ in changed]
        _pass_on(number, changes, now, first=first)
        for start in range(0, len(changes), BATCH):
            tell(changes[start : start + BATCH])
        return len(changes) if not first else total


def drift(segment: Segment | int, now: datetime) -> list[tuple[int, bool]]:
    """Contacts whose membership is not what the rule says now, and whether they should be in. Empty at rest."""
    row = Segment.objects.get(pk=segment if isinstance(segment, int) else segment.pk)
    found = query(parse.parse(row.rule), now)
    with whole_base(), connection.cursor() as cursor:
        cursor.execute(
            f"""WITH want AS MATERIALIZED ({found.text}),
                     have AS (SELECT contact_id AS id FROM crm_segmentmember WHERE segment_id = %s)
                (SELECT id, true FROM want EXCEPT SELECT id, true FROM have)
                UNION ALL (SELECT id, false FROM have EXCEPT SELECT id, false FROM want)""",  # noqa: S608
            [*found.params, row.pk],
        )
        return sorted(cursor.fetchall())


def join_contacts(pairs: list[tuple[int, int]]) -> None:
    """Before a contact is joined into another: where both are members, one membership goes."""
    lock({contact for pair in pairs for contact in pair})
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH gone AS (
                 DELETE FROM crm_segmentmember l USING unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner)
                 WHERE l.contact_id = p.loser AND EXISTS (
                   SELECT FROM crm_segmentmember w WHERE w.segment_id = l.segment_id AND w.contact_id = p.winner)
                 RETURNING l.segment_id)
               UPDATE crm_segment s SET count = s.count - g.n
               FROM (SELECT segment_id, count(*) AS n FROM gone GROUP BY segment_id) g WHERE s.id = g.segment_id""",
            [[loser for loser, _ in pairs], [winner for _, winner in pairs]],
        )


def lock(contact_ids: Iterable[int]) -> None:
    """Nobody else writes members of these contacts until this transaction ends."""
    _lock(sorted({contact % SHARDS for contact in contact_ids}))


def lock_all() -> None:
    _lock(list(range(SHARDS)))


def tell(changes: list[MembershipChange]) -> None:
    """Everybody who listens, in this transaction."""
    if changes:
        for listen in registry.membership_listeners:
            listen(changes)


# --- SQL -------------------------------------------------------------------------------------

_DIFFERENCE = """
WITH want AS MATERIALIZED ({0}),
gone AS (
  DELETE FROM crm_segmentmember m WHERE m.segment_id = %s
    AND NOT EXISTS (SELECT FROM want w WHERE w.id = m.contact_id) RETURNING m.contact_id),
came AS (
  INSERT INTO crm_segmentmember (segment_id, contact_id, since)
  SELECT %s, w.id, %s FROM want w
  WHERE NOT EXISTS (SELECT FROM crm_segmentmember m WHERE m.segment_id = %s AND m.contact_id = w.id)
  ON CONFLICT DO NOTHING RETURNING contact_id),
told AS (
  INSERT INTO crm_segmentchange (segment_id, contact_id, joined, at, why)
  SELECT %s::bigint, contact_id, true, %s::timestamptz, %s FROM came
  UNION ALL SELECT %s::bigint, contact_id, false, %s::timestamptz, %s FROM gone)
{1} SELECT NULL::bigint, NULL::boolean, count(*) FROM want
"""
_CHANGED = """SELECT contact_id, true, NULL::bigint FROM came
UNION ALL SELECT contact_id, false, NULL::bigint FROM gone UNION ALL """

_WRITE = """
WITH changes AS (
  SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::timestamptz[], %s::text[])
    AS c(segment, contact, joined, at, why)),
gone AS (
  DELETE FROM crm_segmentmember m USING changes c
  WHERE NOT c.joined AND m.segment_id = c.segment AND m.contact_id = c.contact),
came AS (
  INSERT INTO crm_segmentmember (segment_id, contact_id, since)
  SELECT segment, contact, at FROM changes WHERE joined ON CONFLICT DO NOTHING)
INSERT INTO crm_segmentchange (segment_id, contact_id, joined, at, why)
SELECT segment, contact, joined, at, why FROM changes
"""

_COUNT = """
WITH moved AS (SELECT * FROM unnest(%s::bigint[], %s::int[]) AS m(segment, n)),
held AS (SELECT s.id FROM crm_segment s JOIN moved ON moved.segment = s.id ORDER BY s.id FOR NO KEY UPDATE OF s)
UPDATE crm_segment s SET count = s.count + moved.n FROM moved, held WHERE s.id = moved.segment AND held.id = s.id
"""


def _lock(shards: list[int]) -> None:
    with connection.cursor() as cursor:
        # In the order of the array, so that two who want several never wait for each other.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s + shard) FROM unnest(%s::bigint[]) AS shard",
            [partitions.LOCK_MEMBERS, shards],
        )


def _instant(segments: Sequence[Live], asked: Mapping[int, set[int]], now: datetime) -> datetime:
    """Not before the last look at the clock: what that look has seen flip must stay flipped."""
    looked = [segment.scanned_to for segment in segments if segment.scanned_to and segment.id in asked]
    latest = max(looked, default=now)
    return latest if now < latest <= now + SKEW else now


def _differences(
    segments: Sequence[Live], asked: Mapping[int, set[int]], now: datetime
) -> list[tuple[Live, int, bool]]:
    """(segment, contact, should be in) wherever that is not how it stands."""
    if not segments:
        return []
    numbers = [segment.id for segment in segments]
    everybody = sorted(set().union(*(asked[number] for number in numbers)))
    with connection.cursor() as cursor:
        # Looked up contact by contact: left to itself the planner may read a whole segment instead.
        cursor.execute(
            """SELECT told.segment_id, asked.contact FROM unnest(%s::bigint[]) AS asked(contact),
                 LATERAL (SELECT m.segment_id FROM crm_segmentmember m
                          WHERE m.contact_id = asked.contact AND m.segment_id = ANY(%s::bigint[]) OFFSET 0) AS told""",
            [everybody, numbers],
        )
        standing = {(segment, contact) for segment, contact in cursor.fetchall()}
    matching: set[tuple[int, int]] = set()
    for start in range(0, len(segments), TOGETHER):
        matching |= _matching(segments[start : start + TOGETHER], asked, everybody, now)
    return [
        (segment, contact, (segment.id, contact) in matching)
        for segment in segments
        for contact in sorted(asked[segment.id])
        if ((segment.id, contact) in matching) is not ((segment.id, contact) in standing)
    ]


def _matching(
    segments: Sequence[Live], asked: Mapping[int, set[int]], everybody: Sequence[int], now: datetime
) -> set[tuple[int, int]]:
    """Each rule, only for the contacts it is asked about, in one query."""
    columns: list[Sql] = []
    for segment in segments:
        mine = asked[segment.id]
        rule = segment.rule.q(now, few=True)
        gated = join("crm_contact.id = ANY({}) AND ({})", sorted(mine), rule)
        columns.append(rule if len(mine) == len(everybody) else gated)
    question = ask_few(columns, everybody)
    with connection.cursor() as cursor:
        cursor.execute(question.text, question.params)
        return {
            (segment.id, row[0])
            for row in cursor.fetchall()
            for segment, holds in zip(segments, row[1:], strict=True)
            if holds and row[0] in asked[segment.id]
        }


def _write(changes: Sequence[MembershipChange]) -> None:
    for start in range(0, len(changes), BATCH):
        some = changes[start : start + BATCH]
        with connection.cursor() as cursor:
            cursor.execute(
                _WRITE,
                [
                    [each.segment_id for each in some],
                    [each.contact_id for each in some],
                    [each.joined for each in some],
                    [each.at for each in some],
                    [each.why for each in some],
                ],
            )


def _count(changes: Sequence[MembershipChange]) -> None:
    moved: dict[int, int] = {}
    for change in changes:
        moved[change.segment_id] = moved.get(change.segment_id, 0) + (1 if change.joined else -1)
    move_counts(moved)


def move_counts(moved: Mapping[int, int]) -> None:
    """So many more (or fewer) members, by segment."""
    if moved:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [list(moved), list(moved.values())])


def _pass_on(number: int, changes: Sequence[MembershipChange], now: datetime, *, first: bool) -> None:
    """Segments that ask about this one: a few changes are followed, after many they are made anew."""
    mention = f"segment:{number}"
    segments = [segment for segment in live.segments() if segment.built]
    others = [segment for segment in segments if mention in segment.mentions]
    if not others or not (changes or first):
        return
    if first or len(changes) > MANY:
        make_anew([segment.id for segment in others])
        return
    moved = {change.contact_id for change in changes}
    asked = {segment.id: set(moved) for segment in others}
    reconsider(segments, asked, now, because(mention))


def make_anew(numbers: Sequence[int]) -> None:
    """The next round asks these segments about everybody."""
    Segment.objects.filter(pk__in=numbers).exclude(built_revision=0).update(built_revision=-1)
