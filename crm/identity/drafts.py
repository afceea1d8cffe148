"""What somebody tells of a contact, and the contact while the batch is decided. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm import errors
from crm.normalise import Trace


@dataclass(frozen=True)
class Draft:
    """What somebody tells of one contact. Traces are in normal form (kind `id` names one by number).

    `changes` are columns (None empties one), `fields` free fields (None removes one).
    `hold`: lock the contact for update though nothing changes (something else will).
    `more`: it brings statements or facts too; of somebody restricted these are stored, and the rest stays as it is.
    `deed`: the newest thing they did themselves, by which somebody who was erased becomes a contact again.
    `quiet`: no `Contact Created` on the timeline (imports, decision B15).
    `hearsay`: a page says it, which anybody can make say anything: of somebody known it changes nothing (0035).
    """

    traces: Sequence[Trace]
    changes: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    actor: str = ""
    hold: bool = False
    quiet: bool = False
    more: bool = False
    deed: datetime | None = None
    hearsay: bool = False


@dataclass
class Outcome:
    contact_id: int | None = None
    created: bool = False
    updated: bool = False
    problem: errors.Problem | None = None
    # Of somebody known a page said it: nothing of them was changed.
    deaf: bool = False
    # The addresses this draft named, by medium.
    addresses: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class Person:
    """One contact while the batch is decided. New ones have a negative number until they get theirs."""

    number: int
    new: bool
    restricted: bool = False
    # Was known by nothing but a browser; `claimed`: taken up by what a page had said of them.
    visitor: bool = False
    claimed: bool = False
    hold: bool = False
    source: str = ""
    actor: str = ""
    quiet: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    fields_before: dict[str, Any] = field(default_factory=dict)
    traces: list[Trace] = field(default_factory=list)
    losers: set[int] = field(default_factory=set)
    told: list[int] = field(default_factory=list)  # drafts, by place
    # What was known of the visitors who turn out to be this one.
    inherited: list[dict[str, Any]] = field(default_factory=list)
    # Where the shop has ranked its sources: which one said each field last, and whether that changes now.
    writers: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    said: bool = False

    @property
    def earlier(self) -> dict[str, Any]:
        """What changed, as it was before."""
        return {**self.before, **({"fields": self.fields_before} if self.fields_before else {})}

    @property
    def learned(self) -> bool:
        """Whether a known one is known by more from now on; a mark of a browser is nothing to know somebody by."""
        return not self.new and any(trace.kind != "anonymous_id" for trace in self.traces)
