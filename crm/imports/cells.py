"""What a cell of a file means: days, amounts, yes and no, as people and spreadsheets write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from crm.errors import Problem

DAY_FIRST: Final = "dmy"
MONTH_FIRST: Final = "mdy"
ORDERS: Final = (DAY_FIRST, MONTH_FIRST)
YES: Final = frozenset(
    {"1", "y", "yes", "true", "s", "si", "sí", "x", "✓", "on", "ok", "да", "д", "verdadero", "истина"}
)
NO: Final = frozenset({"0", "n", "no", "false", "-", "off", "нет", "н", "falso", "ложь"})
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_PARTS: Final = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(?:[T ,].*)?")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})(?:[T ].*)?")
_AMOUNT: Final = re.compile(r"-?\d+(\.\d+)?")
# As `crm.tables.harmless` finds them.
_GUARDED: Final = re.compile(r"^[\x00-\x20\u00a0]*[=+\-@＝＋－＠]|^[\t\r\n]", re.MULTILINE)
MIDNIGHT: Final = re.compile(r"[T ]00:00(:00)?$")


def plain(text: str) -> str:
    """Without the mark that keeps a spreadsheet from running the cell, as our own exports write it."""
    return text[1:] if text[:1] == "'" and _GUARDED.search(text[1:]) else text


def day(text: str, order: str = "") -> date:
    """A day in any of the usual spellings. Raises Problem when it is none, or could be two."""
    value = text.strip()
    try:
        if match := (_ISO.fullmatch(value) or _YEAR_FIRST.fullmatch(value)):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _PARTS.fullmatch(value):
            return _of_parts(int(match[1]), int(match[2]), _year(match[3]), order)
    except ValueError:
        pass
    raise Problem("", "not_a_date", f"{text[:40]!r} is not a date. Write it as in 1990-05-31.")


def orders(text: str) -> frozenset[str]:
    """In which orders it can be read; both of them: somebody must say."""
    match = _PARTS.fullmatch(text.strip())
    if match is None:
        return frozenset()
    first, second = int(match[1]), int(match[2])
    found = set()
    if first <= 31 and 1 <= second <= 12:
        found.add(DAY_FIRST)
    if second <= 31 and 1 <= first <= 12:
        found.add(MONTH_FIRST)
    return frozenset(found)


def order_of(texts: Iterable[str]) -> str | None:
    """The one order in which all of a column can be read; "" where both can; None where none can, or no date is."""
    possible, seen = set(ORDERS), False
    for text in texts:
        if found := orders(text):
            seen = True
            possible &= found
    if not seen or not possible:
        return None
    return possible.pop() if len(possible) == 1 else ""


def is_day(text: str) -> bool:
    return bool(orders(text)) or bool(_ISO.fullmatch(text.strip()) or _YEAR_FIRST.fullmatch(text.strip()))


def instant(text: str, order: str = "") -> str:
    """A moment as ISO; a day alone stays a day, and so does one with a midnight nobody meant."""
    value = MIDNIGHT.sub("", text.strip())
    if _ISO.fullmatch(value):
        return value
    found = day(value, order).isoformat()
    hours = re.search(r"[T ,]+(\d{1,2}:\d{2}(?::\d{2})?)$", value)
    if not hours:
        return found
    return datetime.fromisoformat(f"{found}T{hours[1].zfill(5)}").isoformat() + "Z"


def amount(text: str) -> str:
    """An amount with a point, whatever parts its thousands: `1.234,50 €` is 1234.50."""
    value = re.sub(r"[\s\u00a0\u202f'’€$£₽]|EUR|USD|GBP|RUB", "", text.strip())
    comma, point = value.rfind(","), value.rfind(".")
    if comma > point and value.count(",") == 1 and (point >= 0 or len(value) - comma != len(",000")):
        value = value.replace(".", "").replace(",", ".")
    elif comma >= 0:
        value = value.replace(",", "")
    if not _AMOUNT.fullmatch(value):
        raise Problem("", "not_an_amount", f"{text[:40]!r} is not an amount. Write it as in 49.90.")
    return value


def agreed(text: str) -> bool:
    """Does the cell say yes? Whatever is not a clear yes is none."""
    return text.strip().casefold() in YES


def is_answer(text: str) -> bool:
    return text.strip().casefold() in YES | NO


def _of_parts(first: int, second: int, year: int, order: str) -> date:
    can = orders(f"{first}/{second}/{year:04d}")
    if len(can) == 2 and not order and first != second:
        raise Problem("", "ambiguous_date", f"{first}/{second} can be two days; say whether the day comes first.")
    chosen = order if order in can else next(iter(can), "")
    return date(year, first, second) if chosen == MONTH_FIRST else date(year, second, first)


def _year(text: str) -> int:
    number = int(text)
    if len(text) == 4:
        return number
    return 1900 + number if number > 30 else 2000 + number
