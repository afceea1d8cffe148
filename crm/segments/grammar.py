"""The tree of a rule: groups, leaves, and what a leaf must be able to say.

A leaf is one file: it knows how it is written (`parse`), its SQL (`q`), its words
(`sentence`), which changes touch it (`mentions`) and for whom time alone may have
changed the answer (`flips`). `docs/how-to/add-a-rule.md` shows how to add one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from django.utils.translation import gettext as _

from crm.segments.sql import FALSE, TRUE, Sql, every, opposite, some

MAX_DEPTH: Final = 8
MAX_NODES: Final = 100
GROUPS: Final = ("all", "any", "none")
# A change that may touch any rule: somebody new, gone, merged or restricted.
ANYTHING: Final = "*"

# Who a rule can be about at all. Nobody else matches anything, whatever the rule says.
PEOPLE: Final = Sql(
    "crm_contact.merged_into_id IS NULL AND crm_contact.archived_at IS NULL AND NOT crm_contact.restricted"
)


@dataclass(frozen=True)
class Leaf(ABC):
    """One question about a contact. Leaves are frozen dataclasses and compare by value."""

    # How often time has to be followed for it, in seconds; a cheap scan may run often.
    pace: ClassVar[int] = 15

    @classmethod
    @abstractmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        """The leaf written in `data`; raises `errors.Problems` with all mistakes, each under `path`."""

    @abstractmethod
    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        """Two-valued SQL on a row of `crm_contact`.

        `few`: asked for a handful of contacts, so every part is correlated; otherwise
        aggregates are made once over the base. Both mean the same. `known_at`: as if
        asked then, leaving out events we were told of later.
        """

    def seen(self, now: datetime) -> Sql:
        """What the contact has in this respect: a scalar of type jsonb, for `explain`."""
        return Sql("NULL::jsonb")

    @abstractmethod
    def sentence(self) -> str:
        """The question as a person would say it."""

    def needed(self) -> Any:
        """What would make it true, as JSON; shown beside what was seen."""
        return None

    def mentions(self) -> frozenset[str]:
        """The changes that touch it: `event:Order Completed`, `contact.country`, `consent` …"""
        return frozenset()

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        """A SELECT of ids of contacts for whom time alone may have changed the answer in (last, now].

        A superset is allowed, a miss is not. None: time never changes it.
        """
        return None

    def follows_time(self) -> bool:
        """Whether `flips` is ever anything."""
        return type(self).flips is not Leaf.flips


@dataclass(frozen=True)
class Placed:
    """A leaf where it stands in the rule."""

    pointer: str
    leaf: Leaf


@dataclass(frozen=True)
class Group:
    word: str  # one of GROUPS
    parts: tuple[Group | Placed, ...]


@dataclass(frozen=True)
class Rule:
    """A whole rule, parsed. `json` is as it was written."""

    root: Group | Placed
    json: Any = field(compare=False, hash=False, default=None)

    def placed(self) -> list[Placed]:
        return list(_walk(self.root))

    def leaves(self) -> list[Leaf]:
        return [each.leaf for each in self.placed()]

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        """Two-valued SQL on a row of `crm_contact`; the caller adds `PEOPLE`."""
        return _compile(self.root, _Asked(now, few, known_at), positive=True)

    def mentions(self) -> frozenset[str]:
        return frozenset().union(*(leaf.mentions() for leaf in self.leaves()))

    def follows_time(self) -> bool:
        return any(leaf.follows_time() for leaf in self.leaves())

    def pace(self) -> int:
        """Seconds between two looks at the clock."""
        return min((leaf.pace for leaf in self.leaves() if leaf.follows_time()), default=Leaf.pace)

    def flips(self, last: datetime, now: datetime) -> list[Sql]:
        return [found for leaf in self.leaves() if (found := leaf.flips(last, now)) is not None]

    def segments(self) -> frozenset[int]:
        """The segments it asks about membership in."""
        return frozenset(int(each.removeprefix("segment:")) for each in self.mentions() if each.startswith("segment:"))

    def sentence(self) -> str:
        return _say(self.root)


@dataclass(frozen=True)
class _Asked:
    now: datetime
    few: bool
    known_at: datetime | None


def _walk(node: Group | Placed) -> Iterator[Placed]:
    if isinstance(node, Placed):
        yield node
        return
    for part in node.parts:
        yield from _walk(part)


def _compile(node: Group | Placed, asked: _Asked, *, positive: bool) -> Sql:
    """Negations are pushed down to the leaves: `NOT EXISTS` beside AND becomes an anti-join,
    `NOT (EXISTS … OR EXISTS …)` would run once for each row."""
    if isinstance(node, Placed):
        found = node.leaf.q(asked.now, few=asked.few, known_at=asked.known_at)
        return found if positive else opposite(found)
    inner = positive if node.word != "none" else not positive
    parts = [_compile(part, asked, positive=inner) for part in node.parts]
    together = (node.word == "all") == positive if node.word != "none" else positive
    return (every(parts) if parts else TRUE) if together else (some(parts) if parts else FALSE)


def _say(node: Group | Placed) -> str:
    if isinstance(node, Placed):
        return node.leaf.sentence()
    if not node.parts:
        return _("everybody")
    said = [f"({_say(part)})" if isinstance(part, Group) else _say(part) for part in node.parts]
    if node.word == "none":
        return _("none of: %(parts)s") % {"parts": "; ".join(said)}
    word = _("and") if node.word == "all" else _("or")
    return f" {word} ".join(said)
