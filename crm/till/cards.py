"""What the shop's own cards look like, so that a till tells them from goods and from what somebody types.

`Workspace.identifiers["card"]["shape"]`: `{"digits": [12, 13], "begins": ["29"], "check": "any"}`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.errors import Problem

# "any": the last digit checks by Luhn (ISO/IEC 7812-1), or as of GS1 numbers for 13 digits.
CHECKS: Final = ("any", "luhn", "ean", "none")
SHORTEST, LONGEST, MANY = 6, 24, 20
BEGINNING: Final = re.compile(r"[0-9A-Z]{1,10}")


@dataclass(frozen=True)
class Shape:
    """How many characters a card has, with what it begins (nothing: anything), how its last digit is checked."""

    digits: tuple[int, ...] = (12, 13)
    begins: tuple[str, ...] = ()
    check: str = "any"

    def told(self) -> dict[str, Any]:
        return {"digits": list(self.digits), "begins": list(self.begins), "check": self.check}


def shape(rules: Mapping[str, Mapping[str, Any]]) -> Shape:
    """As it is set; what cannot be read is as if nothing were."""
    told = (rules.get("card") or {}).get("shape") or {}
    digits = tuple(int(each) for each in told.get("digits") or ())
    check = str(told.get("check") or "any")
    return Shape(digits or Shape.digits, tuple(told.get("begins") or ()), check if check in CHECKS else "any")


def lengths(text: str) -> list[int]:
    """`"12, 13"` or `"8-10"`. Raises Problem."""
    found: set[int] = set()
    for part in filter(None, (each.strip() for each in text.split(","))):
        spelt = re.fullmatch(r"(\d{1,2})(?:\s*[-–]\s*(\d{1,2}))?", part)
        first, last = (int(spelt[1]), int(spelt[2] or spelt[1])) if spelt else (0, 0)
        if not SHORTEST <= first <= last <= LONGEST:
            raise Problem(
                "/digits", "invalid",
                _("Write lengths from %(least)s to %(most)s, as in 12, 13 or 8-10.")
                % {"least": SHORTEST, "most": LONGEST},
            )  # fmt: skip
        found.update(range(first, last + 1))
    return sorted(found)


def beginnings(text: str) -> list[str]:
    """`"29, VIP"`. Raises Problem."""
    found = [part.strip().upper() for part in text.split(",") if part.strip()]
    wrong = next((each for each in found if not BEGINNING.fullmatch(each)), None)
    if wrong is not None or len(found) > MANY:
        raise Problem("/begins", "invalid", _("Write beginnings of digits and Latin letters, as in 29, VIP."))
    return list(dict.fromkeys(found))
