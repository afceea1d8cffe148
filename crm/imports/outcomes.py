"""What becomes of the rows of a file. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

CREATED: Final = "created"
UPDATED: Final = "updated"
UNCHANGED: Final = "unchanged"
# Nothing changed, because a source that counts more has said otherwise; counted as unchanged when it comes in.
KEPT: Final = "kept"
DOUBLED: Final = "doubled"
REJECTED: Final = "rejected"
VERDICTS: Final = (CREATED, UPDATED, UNCHANGED, KEPT, DOUBLED, REJECTED)


@dataclass(frozen=True)
class Reject:
    """A row that is not taken. `cells`: as they stood in the file."""

    line: int
    cells: list[str]
    code: str
    detail: str


@dataclass
class Outcome:
    """Of a piece of a file. `touched`: the contacts it made or changed."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    touched: list[int] = field(default_factory=list)
    # Contacts whom purchases made.
    made: list[int] = field(default_factory=list)
    outranked: int = 0
    rejects: list[Reject] = field(default_factory=list)
    # Line by line, where it is known: what a check shows.
    verdicts: list[tuple[int, str]] = field(default_factory=list)
    # Fields that were left as they are, because a source that counts more had said them; by line.
    held: dict[int, list[str]] = field(default_factory=dict)

    def say(self, lines: Sequence[int], verdict: str) -> None:
        """All these lines came to the same."""
        self.verdicts += [(line, verdict) for line in lines]
        count = getattr(self, verdict)
        setattr(self, verdict, count + len(lines))

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.unchanged + len(self.rejects)
