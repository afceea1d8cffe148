"""What a JSON value says: as text, number, instant, day, list. Pure.

The SQL functions `cauce_number` and `cauce_instant` (`crm.database`) read the same
way, with the same expressions (decision B26): a value that cannot be read is missing,
never an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
DAY = re.compile(r"(1[6-9]|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
INSTANT = re.compile(
    DAY.pattern + r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)
# A step of a path: a name, with [] for each element of a list under it.
STEP = re.compile(r"([^.\[\]\x00-\x1f\x7f]{1,80})(\[\])?")
MAX_STEPS = 8
MAX_LISTS = 2


def text(value: Any) -> str | None:
    """A JSON text that is not empty."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> Decimal | None:
    """A JSON number, or a text that is written like one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return Decimal(value)
    return None


def instant(value: Any) -> datetime | None:
    """A text in ISO 8601 with an offset; a date alone is midnight UTC of that day."""
    found = day_alone(value)
    if found is not None:
        return datetime(found.year, found.month, found.day, tzinfo=UTC)
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:  # 31 February
        return None


def day_alone(value: Any) -> date | None:
    """A text that is a date and nothing more."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def texts(value: Any) -> list[str] | None:
    """The texts in a JSON list that is not empty."""
    if not isinstance(value, list) or not value:
        return None
    return [each for each in value if isinstance(each, str)]


def is_set(value: Any) -> bool:
    """There is something: not null, not an empty text, list or object."""
    return value is not None and value not in ("", [], {})


def steps(path: str) -> list[tuple[str, bool]] | None:
    """`products[].category` as names, each with whether every element of its list is meant."""
    found = [STEP.fullmatch(part) for part in path.split(".")]
    if len(found) > MAX_STEPS or not all(found):
        return None
    named = [(match[1], bool(match[2])) for match in found if match]
    return named if sum(each for _, each in named) <= MAX_LISTS else None


def at(data: Any, path: list[tuple[str, bool]]) -> list[Any]:
    """All values at a path. Names lead into objects only, `[]` into lists only."""
    here = [data]
    for name, each in path:
        here = [value[name] for value in here if isinstance(value, Mapping) and name in value]
        if each:
            here = [item for value in here if isinstance(value, list) for item in value]
    return here


def clean(value: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL and no half of a surrogate pair."""
    return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
