"""One comparison: an operator, the value it compares with, and what a missing value answers. Pure.

The operator and the JSON type of `v` say what is compared (text, number, date …), so
one field may hold anything; a value that cannot be read as that is missing. The same
condition is asked of Python here (`holds`) and of the database in `compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from crm import moments
from crm.errors import Problem
from crm.segments import values

TEXT, NUMBER, BOOLEAN, LIST, SET = "text", "number", "boolean", "list", "set"
DAY, INSTANT, WINDOW, CALENDAR = "day", "instant", "window", "calendar"

ORDER: Final = ("<", "<=", ">", ">=")
ALIASES: Final = {"=": "is", "==": "is", "!=": "is_not"}
# A negated operator is the opposite of its twin wherever there is a value.
OPPOSITES: Final = {
    "is_not": "is",
    "not_in": "in",
    "not_contains": "contains",
    "has_none": "has_any",
    "not_in_last": "in_last",
    "is_empty": "is_set",
}
# What each operator can compare.
OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "is": (TEXT, NUMBER, BOOLEAN),
    "is_not": (TEXT, NUMBER, BOOLEAN),
    "in": (TEXT, NUMBER),
    "not_in": (TEXT, NUMBER),
    "contains": (TEXT,),
    "not_contains": (TEXT,),
    "starts": (TEXT,),
    "ends": (TEXT,),
    "<": (TEXT, NUMBER),
    "<=": (TEXT, NUMBER),
    ">": (TEXT, NUMBER),
    ">=": (TEXT, NUMBER),
    "between": (NUMBER, DAY, INSTANT),
    "has_any": (LIST,),
    "has_all": (LIST,),
    "has_none": (LIST,),
    "is_set": (SET,),
    "is_empty": (SET,),
    "before": (DAY, INSTANT),
    "after": (DAY, INSTANT),
    "on": (DAY,),
    "in_last": (WINDOW,),
    "not_in_last": (WINDOW,),
    "in_next": (WINDOW,),
    "is_today": (CALENDAR,),
    "days": (CALENDAR,),
    "anniversary": (CALENDAR,),
}
KEYS: Final = frozenset({"f", "op", "v", "missing"})
MAX_TEXT = 500
MAX_LIST = 500
MAX_DAYS = 180
MAX_WINDOW = timedelta(days=36_525)


@dataclass(frozen=True)
class Condition:
    """`op` is the positive operator; `negated` turns it round; `missing` is the answer without a value."""

    op: str
    kind: str
    v: Any
    negated: bool = False
    missing: bool = False

    @property
    def written(self) -> str:
        """The operator as it was asked for."""
        if not self.negated:
            return self.op
        return next(name for name, twin in OPPOSITES.items() if twin == self.op)


class Mistake(Exception):
    """What is wrong with a value, before it is known where it stands."""

    def __init__(self, code: str, detail: str, at: str = "/v") -> None:
        super().__init__(detail)
        self.problem = Problem(at, code, detail)


# --- parsing -------------------------------------------------------------------------------


def parse(
    data: Mapping[str, Any], path: str, kinds: Collection[str], extra: Collection[str] = ()
) -> tuple[Condition | None, list[Problem]]:
    """The condition of a leaf or of a `where` entry, or all that is wrong with it."""
    problems = unknown_keys(data, KEYS | frozenset(extra), path)
    asked = data.get("op")
    op = ALIASES.get(asked, asked) if isinstance(asked, str) else None
    allowed = [name for name, its in OPERATORS.items() if set(its) & set(kinds)]
    missing = data.get("missing", "no")
    if missing not in ("no", "yes"):
        problems.append(Problem(f"{path}/missing", "unknown_value", '"missing" is "no" or "yes".'))
    if op not in allowed:
        problems.append(_no_operator(asked, allowed, path))
        return None, problems
    try:
        kind, v = _value(op, data, [kind for kind in OPERATORS[op] if kind in kinds])
    except Mistake as mistake:
        return None, [*problems, mistake.problem.under(path)]
    if kind == SET and "missing" in data:
        problems.append(
            Problem(f"{path}/missing", "unknown_key", f'"{op}" is about missing values; leave "missing" out.')
        )
    if problems:
        return None, problems
    return Condition(OPPOSITES.get(op, op), kind, v, op in OPPOSITES, missing == "yes"), []


def unknown_keys(data: Mapping[str, Any], known: Collection[str], path: str) -> list[Problem]:
    """A key nobody reads is a mistake somebody made."""
    return [
        Problem(
            f"{path}/{pointer(str(key))}",
            "unknown_key",
            f"There is no key {key!r} here; known: {', '.join(sorted(known))}.",
        )
        for key in data
        if key not in known
    ]


def pointer(key: str) -> str:
    """A key as a piece of an RFC 6901 pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def window(data: Any, at: str) -> timedelta:
    """`{"value": 30, "unit": "days"}` as a span of exact hours."""
    units = ", ".join(moments.UNITS)
    if not isinstance(data, Mapping) or set(data) != {"value", "unit"}:
        raise Mistake("wrong_type", f'A span of time reads {{"value": 30, "unit": "days"}}; units: {units}.', at)
    value, unit = data["value"], data["unit"]
    if not isinstance(unit, str) or unit not in moments.UNITS:
        raise Mistake("unknown_unit", f"There is no unit {unit!r}; use {units}.", f"{at}/unit")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Mistake("not_a_number", "A span of time is a whole number from 1.", f"{at}/value")
    if value > MAX_WINDOW / moments.UNITS[unit]:
        raise Mistake("too_long", "A span of time is at most 100 years.", f"{at}/value")
    return value * moments.UNITS[unit]


def plain_text(value: Any, at: str, longest: int = MAX_TEXT) -> str:
    """A text that is not empty, not too long, and that PostgreSQL can hold."""
    if not isinstance(value, str):
        raise Mistake("wrong_type", "A text is needed here.", at)
    if not value:
        raise Mistake("empty", 'An empty text is a missing value: use "is_empty" or "is_set".', at)
    if len(value) > longest:
        raise Mistake("too_long", f"A text is at most {longest} characters long.", at)
    if not values.clean(value):
        raise Mistake("unprintable", "The text holds a NUL or half a character; leave it out.", at)
    return value


def plain_number(value: Any, at: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Mistake("wrong_type", "A number is needed here.", at)
    found = values.number(value)
    if found is None or not found.is_finite() or abs(found) >= Decimal(10) ** 30:
        raise Mistake("not_a_number", "A number has at most 30 digits, and is neither NaN nor infinite.", at)
    return found


def instant(value: Any, at: str) -> datetime:
    """An instant with its offset; a date alone is refused (whose midnight?)."""
    found = values.instant(value)
    if found is None or values.day_alone(value) is not None:
        raise Mistake(
            "not_an_instant", f"{value!r} is no instant; write 2026-03-28T09:00:00Z, with Z or an offset.", at
        )
    return found


def _no_operator(asked: Any, allowed: list[str], path: str) -> Problem:
    if asked is None:
        return Problem(path, "missing_key", f'"op" is missing; this field takes {", ".join(allowed)}.')
    return Problem(
        f"{path}/op", "unknown_operator", f"{asked!r} does not go here; this field takes {', '.join(allowed)}."
    )


def _value(op: str, data: Mapping[str, Any], kinds: list[str]) -> tuple[str, Any]:
    if op in ("is_set", "is_empty", "is_today"):
        if "v" in data:
            raise Mistake("unknown_key", f'"{op}" compares with nothing; leave "v" out.')
        return kinds[0], (0, 0) if op == "is_today" else None
    if "v" not in data:
        raise Mistake("missing_key", f'"v" is missing: what "{op}" compares with.', "")
    reader = _READERS.get(op, _scalar)
    return reader(data["v"], kinds)


def _scalar(v: Any, kinds: list[str]) -> tuple[str, Any]:
    if isinstance(v, bool) and BOOLEAN in kinds:
        return BOOLEAN, v
    if isinstance(v, str) and TEXT in kinds:
        return TEXT, plain_text(v, "/v")
    if isinstance(v, int | float | Decimal) and not isinstance(v, bool) and NUMBER in kinds:
        return NUMBER, plain_number(v, "/v")
    raise Mistake("wrong_type", f"This compares with a {' or '.join(kinds)}, not with {v!r:.60}.")


def _several(v: Any, kinds: list[str]) -> tuple[str, Any]:
    items = _list(v)
    found = [_scalar(item, kinds) for item in items]
    if len({kind for kind, _ in found}) > 1:
        raise Mistake("mixed_types", "A list is all texts or all numbers.")
    return found[0][0], tuple(value for _, value in found)


def _texts(v: Any, kinds: list[str]) -> tuple[str, Any]:
    return LIST, tuple(plain_text(item, f"/v/{place}") for place, item in enumerate(_list(v)))


def _list(v: Any) -> list[Any]:
    if not isinstance(v, list) or not v:
        raise Mistake("wrong_type", "A list with at least one value is needed here.")
    if len(v) > MAX_LIST:
        raise Mistake("too_long", f"A list holds at most {MAX_LIST} values; make a segment or a field of it.")
    return v


def _between(v: Any, kinds: list[str]) -> tuple[str, Any]:
    if not isinstance(v, list) or len(v) != 2:
        raise Mistake("wrong_type", '"between" compares with a list of two: the lowest and the highest.')
    dated = [kind for kind in kinds if kind != NUMBER]
    found = [_moment(item, dated) if isinstance(item, str) and dated else _scalar(item, kinds) for item in v]
    (kind, low), (other, high) = found
    if kind != other:
        raise Mistake("mixed_types", '"between" needs two numbers, two dates, or two instants.')
    if low > high:
        raise Mistake("empty_range", "The lowest is above the highest: nobody could match. Swap them.")
    return kind, (low, high)


def _moment(v: Any, kinds: list[str]) -> tuple[str, Any]:
    day = values.day_alone(v)
    if day is not None:
        return DAY, day
    if INSTANT not in kinds:
        raise Mistake("not_a_date", f"{v!r:.60} is no date; write 2026-03-28.")
    found = values.instant(v)
    if found is None:
        raise Mistake("not_a_date", f"{v!r:.60} is no date; write 2026-03-28, or 2026-03-28T09:00:00Z.")
    return INSTANT, found


def _days(v: Any, kinds: list[str]) -> tuple[str, Any]:
    shape = 'Days around today read {"from": -3, "to": 0}: whole numbers from -180 to 180.'
    if not isinstance(v, Mapping) or set(v) != {"from", "to"}:
        raise Mistake("wrong_type", shape)
    pair = (v["from"], v["to"])
    if any(isinstance(each, bool) or not isinstance(each, int) or abs(each) > MAX_DAYS for each in pair):
        raise Mistake("wrong_type", shape)
    if pair[0] > pair[1]:
        raise Mistake("empty_range", '"from" is above "to": nobody could match. Swap them.')
    return CALENDAR, pair


_READERS: Final[dict[str, Callable[[Any, list[str]], tuple[str, Any]]]] = {
    "in": _several,
    "not_in": _several,
    "between": _between,
    "has_any": _texts,
    "has_all": _texts,
    "has_none": _texts,
    "before": _moment,
    "after": _moment,
    "on": _moment,
    "in_last": lambda v, _: (WINDOW, window(v, "/v")),
    "not_in_last": lambda v, _: (WINDOW, window(v, "/v")),
    "in_next": lambda v, _: (WINDOW, window(v, "/v")),
    "days": _days,
    "anniversary": _days,
}


# --- asking Python (absolute conditions only: nothing that moves with the clock) --------------


def holds(condition: Condition, found: Sequence[Any]) -> bool:
    """Does it hold for the values found at a path? Days are those of UTC."""
    if condition.kind == SET:
        return any(values.is_set(value) for value in found) is not condition.negated
    read = [value for value in (_READ[condition.kind](raw) for raw in found) if value is not None]
    if not read:
        return condition.missing
    test = TESTS[condition.op]
    return any(test(value, condition.v) for value in read) is not condition.negated


def _day(value: Any) -> date | None:
    found = values.instant(value)
    return found.date() if found else None


_READ: Final[dict[str, Callable[[Any], Any]]] = {
    TEXT: values.text,
    NUMBER: values.number,
    INSTANT: values.instant,
    DAY: _day,
    LIST: values.texts,
    BOOLEAN: lambda value: value if isinstance(value, bool) else None,
}
TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "is": lambda value, v: value == v,
    "on": lambda value, v: value == v,
    "in": lambda value, v: value in v,
    "contains": lambda value, v: v in value,
    "starts": lambda value, v: value.startswith(v),
    "ends": lambda value, v: value.endswith(v),
    "<": lambda value, v: value < v,
    "<=": lambda value, v: value <= v,
    ">": lambda value, v: value > v,
    ">=": lambda value, v: value >= v,
    "before": lambda value, v: value < v,
    "after": lambda value, v: value > v,
    "between": lambda value, v: v[0] <= value <= v[1],
    "has_any": lambda value, v: bool(set(value) & set(v)),
    "has_all": lambda value, v: set(v) <= set(value),
}
