"""Rows of the tables in memory. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns import matching
from campaigns.types import Listen, Trace


class Broken(AssertionError):
    """A promise that did not hold."""


@dataclass
class Person:
    id: int
    draw: str
    zone: str
    fields: dict[str, Any] = field(default_factory=dict)
    withdrawn_at: datetime | None = None


@dataclass
class Fact:
    id: int
    at: datetime
    person: int
    name: str
    properties: dict[str, Any]


@dataclass
class Letter:
    """A message."""

    id: int
    run: int
    person: int
    step: str
    visit: int
    slot: str
    held_out: bool
    due_at: datetime
    expires_at: datetime
    state: str = "due"
    lease: int = 0
    lease_until: datetime | None = None
    started: bool = False
    reason: str = ""


@dataclass
class Line:
    """A trace line, the page it was written in, and what the person was like then."""

    at: datetime
    page: int
    trace: Trace


@dataclass
class Journeyer:
    """A run."""

    id: int
    person: int
    key: str
    entry_seq: int
    version: int
    held_out: bool
    entry: dict[str, Any]
    entry_at: datetime
    entered_at: datetime
    due_at: datetime | None
    state: str = "due"
    step: str = ""
    port: str = ""
    wait_port: str = ""
    listens: tuple[Listen, ...] = ()
    letter: int | None = None
    rested_at: datetime | None = None
    left_at: datetime | None = None
    loops: dict[str, int] = field(default_factory=dict)
    outcome: str = ""
    locked_by: int = 0
    pages: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def skus(self) -> frozenset[str]:
        return matching.skus_of_entry(self.entry)
