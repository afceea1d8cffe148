"""What becomes of the rows of a file. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

CREATED: Final = "created"
UPDATED: Final = "updated"
UNCHANGED: Final = "unchanged"
DOUBLED: Final = "doubled"
REJECTED: Final = "rejected"
VERDICTS: Final = (CREATED, UPDATED, UNCHANGED, DOUBLED, REJECTED)


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
    rejects: list[Reject] = field(default_factory=list)
    # Line by line, where it is known: what a check shows.
    verdicts: list[tuple[int, str]] = field(default_factory=list)

    def say(self, lines: Sequence[int], verdict: str) -> None:
        """All these lines came to the same."""
        self.verdicts += [(line, verdict) for line in lines]
        count = getattr(self, verdict)
        setattr(self, verdict, count + len(lines))

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.unchanged + len(self.rejects)
