"""The people a rule finds, as many of them as are looked at one by one: all of a few, a fair part of many.

How many there are is exact while they are few, and where the number of one segment's people says it; of
many in a large base it is reckoned from a part of all contacts, if enough of those are found. The part is
always the same (`crm.segments.spread`), so a question is answered the same twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from crm import arrays
from crm.models import Segment
from crm.segments import audience, counting, spread
from crm.segments.grammar import PEOPLE, Group, Rule
from crm.segments.leaves.member import MemberLeaf
from crm.segments.sql import Sql, every, join

# Up to so many people are looked at one by one, of more so many.
LOOKED_AT: Final = 10_000
SAMPLED: Final = 4_000
# A small base is counted. Of a larger one so many are asked first; when fewer than enough of them are
# found, the rule is a narrow one, and it is counted.
ASKED: Final = 6_000
ENOUGH: Final = 400
# Nineteen times of twenty what is reckoned is no further off.
SURE: Final = 1.96


@dataclass(frozen=True)
class Crowd:
    """`people` there are, of whom those with `ids` are looked at (None: all). `off`: how far `people` may be off."""

    rule: Rule
    people: int
    ids: Sequence[int] | None = None
    off: int = 0

    @property
    def looked(self) -> int:
        return self.people if self.ids is None else len(self.ids)

    @property
    def margin(self) -> int:
        """By how many people any number may be off that is reckoned from those looked at."""
        if self.ids is None:
            return 0
        return max(self.off, math.ceil(SURE * 0.5 / math.sqrt(max(1, len(self.ids))) * self.people))

    def q(self, now: datetime) -> Sql:
        """Those looked at, on a row of `crm_contact`."""
        if self.ids is None:
            return every([PEOPLE, self.rule.q(now)])
        return every([PEOPLE, join("crm_contact.id = ANY({}::bigint[])", arrays.numbers(self.ids))])


def of(rule: Rule, now: datetime) -> Crowd:
    segment = _only_segment(rule)
    if segment is not None:
        number = Segment.objects.filter(pk=segment).values_list("count", flat=True).first() or 0
        if number > LOOKED_AT:
            return Crowd(rule, number, spread.thinned(spread.members(segment, SAMPLED / number), SAMPLED))
    base = counting.guessed()
    if base > counting.MANY and (found := _reckoned(rule, base, now)) is not None:
        return found
    number = audience.count(rule, now)
    return Crowd(rule, number, _drawn(rule, SAMPLED / number, now) if number > LOOKED_AT else None)


def whole(rule: Rule, now: datetime) -> Crowd:
    """All of them, whatever it takes: for an answer that must not hang on whom one looks at."""
    return Crowd(rule, audience.count(rule, now))


def drawn(share: float) -> Sql:
    """Contacts whose fixed random draw lies in the first `share` of all draws."""
    if share >= 1:
        return Sql("true")
    bound = f"{int(share * 0xFFFFFFFF):08x}-0000-0000-0000-000000000000"
    return join("crm_contact.draw < {}::uuid", bound)


def _only_segment(rule: Rule) -> int | None:
    """The segment whose members are exactly those the rule finds."""
    node = rule.root
    while isinstance(node, Group) and node.word != "none" and len(node.parts) == 1:
        node = node.parts[0]
    if isinstance(node, Group) or not isinstance(node.leaf, MemberLeaf) or not node.leaf.member:
        return None
    return node.leaf.segment


def _reckoned(rule: Rule, base: int, now: datetime) -> Crowd | None:
    asked = spread.contacts(ASKED / base)
    answers = audience.answers([rule], asked, now)
    ids = [number for number in asked if answers[number][0]]
    if len(ids) < ENOUGH:
        return None
    part = len(ids) / len(asked)
    off = math.ceil(SURE * math.sqrt(part * (1 - part) / len(asked)) * base)
    return Crowd(rule, round(part * base), spread.thinned(ids, SAMPLED), off)


def _drawn(rule: Rule, share: float, now: datetime) -> list[int]:
    asked = join("SELECT crm_contact.id FROM crm_contact WHERE {}", every([PEOPLE, rule.q(now), drawn(share)]))
    with audience.whole_base(), connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        return [number for (number,) in cursor.fetchall()]
