"""What is wrong with something somebody gave us: where, what, and what would help. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(unsafe_hash=True)
class Problem(Exception):
    """One mistake. `pointer` is an RFC 6901 path into what was given ("" is the whole),
    `code` is stable and for programs, `detail` names the remedy and is for people."""

    pointer: str
    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.detail}"

    def under(self, prefix: str) -> Problem:
        """The same mistake seen from further out."""
        return Problem(prefix + self.pointer, self.code, self.detail)


class Problems(Exception):
    """All mistakes at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))
