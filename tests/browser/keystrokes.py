"""How long a practised person needs for a way through the pages, by the keystroke-level model.

Card, Moran and Newell, "The Keystroke-Level Model for User Performance Time with Interactive Systems" (1980), with
the figures of an average typist: a key 0.28 s, a click with its pointing 1.1 s, a decision 1.35 s. What the machine
needs comes on top; it is measured where nothing else runs, in `benchmarks/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Keyboard, Locator

KEY, CLICK, DECISION = 0.28, 1.1, 1.35
# On a tablet, with a finger; and a card before a reader.
TAP_KEY, TAP, SCAN = 0.40, 0.6, 1.5


class Hands:
    """What was pressed and clicked since the watch began."""

    def __init__(self) -> None:
        self.keys = 0
        self.clicks = 0

    def seconds(self, *, decisions: int) -> float:
        return self.keys * KEY + self.clicks * CLICK + decisions * DECISION

    def tablet_seconds(self, *, decisions: int) -> float:
        return self.keys * TAP_KEY + self.clicks * TAP + decisions * DECISION


@contextmanager
def watched() -> Iterator[Hands]:
    """Counts every key and click of the block; the browser does them as always."""
    hands = Hands()
    typed, pressed, clicked = Keyboard.type, Keyboard.press, Locator.click

    def typing(self: Keyboard, text: str, **how: Any) -> None:
        hands.keys += len(text)
        typed(self, text, **how)

    def pressing(self: Keyboard, key: str, **how: Any) -> None:
        hands.keys += len(key.split("+"))
        pressed(self, key, **how)

    def clicking(self: Locator, **how: Any) -> None:
        hands.clicks += 1
        clicked(self, **how)

    with (
        patch.object(Keyboard, "type", typing),
        patch.object(Keyboard, "press", pressing),
        patch.object(Locator, "click", clicking),
    ):
        yield hands
