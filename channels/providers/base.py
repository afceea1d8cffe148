"""What every carrier is made of, and the register of all of them.

A carrier is one file here: a class with its `fields` (what somebody sets, and what of it is
secret), `build` (which checks them) and `send`. It imports no models and knows nothing of queues.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from channels.types import Outgoing, Receipt
from crm.errors import Problem, Problems


@dataclass(frozen=True)
class Field:
    """One setting of a carrier. Secret ones are encrypted and never shown again."""

    name: str
    kind: type = str
    required: bool = False
    secret: bool = False
    default: Any = None
    choices: Sequence[str] = ()


class Carrier(ABC):
    """The base of carriers. One instance holds at most one connection and is used by one thread.

    `idempotent`: the provider promises that the same key twice is one message, so a hand-off
    without an answer may be repeated.
    """

    name: ClassVar[str]
    channels: ClassVar[tuple[str, ...]]
    fields: ClassVar[tuple[Field, ...]] = ()
    idempotent: bool = False
    # Its provider's server can tell afterwards what became of a message (`channels.reports`).
    tells: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def build(cls, settings: Mapping[str, Any], secrets: Mapping[str, Any], *, timeout: float) -> Self:
        """A carrier from its settings. Raises Problems that point into them."""

    def open(self) -> None:  # noqa: B027 - most carriers have nothing to open
        """Connect, where there is something to connect to; `send` does it by itself if need be."""

    @abstractmethod
    def send(self, outgoing: Outgoing) -> Receipt:
        """One network call. Never raises: whatever happens is an outcome."""

    def close(self) -> None:  # noqa: B027 - nor anything to close
        """Let go of the connection; safe to call at any time."""


carriers: dict[str, type[Carrier]] = {}


def register(carrier: type[Carrier]) -> type[Carrier]:
    """Make a carrier known by its name (class decorator)."""
    if carriers.setdefault(carrier.name, carrier) is not carrier:
        raise ValueError(f"two carriers are called {carrier.name!r}")
    return carrier


def read(fields: Sequence[Field], settings: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `fields`, checked. Raises Problems with all mistakes at once."""
    problems: list[Problem] = []
    known = {field.name for field in fields}
    for place, given in (("settings", settings), ("secrets", secrets)):
        problems += [
            Problem(f"/{place}/{name}", "unknown", f"There is no such setting; there are: {', '.join(sorted(known))}.")
            for name in given
            if name not in known
        ]
    values: dict[str, Any] = {}
    for field in fields:
        value = (secrets if field.secret else settings).get(field.name, field.default)
        fault = _fault(field, value)
        if fault:
            place = "secrets" if field.secret else "settings"
            problems.append(Problem(f"/{place}/{field.name}", fault[0], fault[1]))
        values[field.name] = value
    if problems:
        raise Problems(problems)
    return values


def _fault(field: Field, value: Any) -> tuple[str, str] | None:
    if value is None or value == "":
        return ("required", "This setting is needed.") if field.required else None
    if not isinstance(value, field.kind) or (isinstance(value, bool) and field.kind is not bool):
        return "invalid", f"This must be of type {field.kind.__name__}."
    if field.choices and value not in field.choices:
        return "invalid", f"One of: {', '.join(field.choices)}."
    return None
