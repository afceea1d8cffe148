"""Between claim and hand-off: each message is written for its person, outside any transaction.

A content that cannot be written ends that one message only, with the name that was missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channels import content, tracking
from channels.outbox.claims import Letter
from channels.types import Outgoing, Refuse


@dataclass(frozen=True, slots=True)
class Ready:
    """A message as it will go on the wire, the values its words were made of, and the parts it is billed by."""

    letter: Letter
    outgoing: Outgoing
    slots: Mapping[str, Any]
    parts: int = 1


def write(letters: Sequence[Letter], now: datetime) -> tuple[list[Ready], list[tuple[Letter, Refuse]]]:
    """Those that are ready, and those that cannot be written with the reason."""
    facts, broken = _facts(letters, now)
    ready: list[Ready] = []
    for letter in letters:
        if letter.id not in facts:
            continue
        try:
            made = _write(letter, facts[letter.id])
        except content.RenderError as error:
            made = _unwritten(error)
        if isinstance(made, Ready):
            ready.append(made)
        else:
            broken.append((letter, made))
    return ready, broken


def _write(letter: Letter, values: Mapping[str, Any]) -> Ready | Refuse:
    compiled = content.load(letter.content_id or 0)
    reason = content.skip_reason(compiled, values)
    if reason:
        return Refuse(reason)
    body = compiled.render(values, letter)
    outgoing = Outgoing(letter.id, tracking.key(letter.id), letter.channel, letter.recipient, body)
    return Ready(letter, outgoing, compiled.slots(values), int(body.get("parts", 1)))


def _facts(letters: Sequence[Letter], now: datetime) -> tuple[dict[int, dict[str, Any]], list[tuple[Letter, Refuse]]]:
    """The values for all; letters whose content cannot be loaded are set aside first."""
    readable: list[Letter] = []
    broken: list[tuple[Letter, Refuse]] = []
    for letter in letters:
        try:
            content.load(letter.content_id or 0)
        except content.RenderError as error:
            broken.append((letter, _unwritten(error)))
        else:
            readable.append(letter)
    return (content.facts(readable, now) if readable else {}), broken


def _unwritten(error: content.RenderError) -> Refuse:
    return Refuse("render_error", {"variable": error.variable, "detail": error.detail})
