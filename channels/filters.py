"""The filters templates may use: a chosen part of Liquid's own, and `click`, `date` and `money` of ours. Pure.

Each is wrapped so that no chain of filters can grow a value without bound (a few
`replace` in a row would otherwise make terabytes of a short name).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.numbers import format_currency
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_context
from liquid.undefined import Undefined

LONGEST: Final = 100_000
LONGEST_LIST: Final = 200
LARGEST: Final = 10**15

ALLOWED: Final = (
    "abs", "at_most", "at_least", "ceil", "divided_by", "floor", "minus", "plus", "round", "times", "modulo",
    "capitalize", "append", "downcase", "escape", "lstrip", "newline_to_br", "prepend", "remove",
    "remove_first", "remove_last", "replace", "replace_first", "replace_last", "slice", "split", "upcase",
    "strip", "rstrip", "strip_html", "strip_newlines", "truncate", "truncatewords", "url_encode", "squish",
    "join", "first", "last", "concat", "map", "reverse", "sort", "sort_natural", "sum", "where", "uniq",
    "compact", "size", "default",
)  # fmt: skip

# strftime knows widths (`%999999999d`) that fill the memory: only plain directives pass.
_DIRECTIVES: Final = re.compile(r"^(?:[^%]|%-?[aAbBdeHIjmMpSuUwWyYZ%])*$")


def guarded(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """The filter with its input and output measured."""

    @wraps(made)
    def measured(value: Any, *arguments: Any, **named: Any) -> Any:
        if type(value) is not str:
            _measure(value)
        if name == "replace" and arguments:
            _measure_replace(value, arguments)
        result = made(value, *arguments, **named)
        _measure(result)
        return result

    for mark in ("with_context", "with_environment"):
        if getattr(made, mark, False):
            setattr(measured, mark, True)
    return measured


def _measure(value: Any) -> None:
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise FilterArgumentError("a text became longer than 100,000 characters", token=None)
    elif isinstance(value, list | tuple | range):
        if len(value) > LONGEST_LIST:
            raise FilterArgumentError(f"a list became longer than {LONGEST_LIST}", token=None)
    elif isinstance(value, int | float | Decimal) and not -LARGEST < value < LARGEST:
        raise FilterArgumentError("a number became too large", token=None)


def _measure_replace(value: Any, arguments: tuple[Any, ...]) -> None:
    text, old = str(value), str(arguments[0])
    new = str(arguments[1]) if len(arguments) > 1 else ""
    times = text.count(old) if old else len(text) + 1
    if len(text) + times * len(new) > LONGEST * 2:
        raise FilterArgumentError("a text became longer than 100,000 characters", token=None)


@with_context
def show_date(value: Any, form: Any = "%Y-%m-%d", *, context: Any) -> Any:
    """`{{ entry.occurred_at | date: "%d.%m.%Y" }}`, in the person's own zone."""
    if isinstance(value, Undefined):
        return str(value)  # raises: a date that is not there
    form = str(form)
    if len(form) > 80 or not _DIRECTIVES.match(form):
        raise FilterArgumentError(f"date cannot use the form {form!r}", token=None)
    scope = context.globals.get("_", {})
    moment = _moment(str(scope.get("now", "")) if value in {"now", "today"} else value)
    if moment is None:
        return value
    if isinstance(moment, datetime):
        moment = moment.astimezone(ZoneInfo(str(scope.get("zone") or "UTC")))
    return moment.strftime(form)


def _moment(value: Any) -> date | datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return value
    try:
        if len(str(value)) == 10:
            return date.fromisoformat(str(value))
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@with_context
def show_money(value: Any, currency: Any = "", *, context: Any) -> Any:
    """`{{ product.price | money }}`: an amount as people of the contact's language write it."""
    if isinstance(value, Undefined):
        return str(value)
    scope = context.globals.get("_", {})
    amount, code = value, str(currency or scope.get("currency") or "EUR")
    if isinstance(value, dict):
        amount, code = value.get("amount"), str(currency or value.get("currency") or code)
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        return value
    if not number.is_finite() or abs(number) > LARGEST or not re.fullmatch("[A-Za-z]{3}", code):
        return value
    return format_currency(number, code.upper(), locale=str(scope.get("language") or "en"))


@with_context
def click(value: Any, *, context: Any) -> Any:
    """`{{ product.url | click }}`: the click link of this message to that address, if it has one."""
    return context.globals.get("_", {}).get("clicks", {}).get(value, value) if isinstance(value, str) else value


OWN: Final[dict[str, Callable[..., Any]]] = {"click": click, "date": show_date, "money": show_money}
