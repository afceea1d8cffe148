"""Lists: `{"data": […], "next": url|null}`, by keyset, in a stable order, at most 200 a page.

It stands in a module of its own: DRF's settings import it while views are being made.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

import orjson
from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from crm import publicids
from crm.errors import Problem
from crm.rest import fields

LIMIT: Final = 50
MOST: Final = 200
NUMBER: Final = re.compile(r"[0-9]{1,9}")

PARAMETERS: Final = (
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}),
    OpenApiParameter("cursor", str, description="As `next` of the page before gives it."),
)

Row = TypeVar("Row", bound=Model)


def limit_of(request: Request) -> int:
    """`?limit=`, 1 to 200."""
    said = request.query_params.get("limit")
    if said is None:
        return LIMIT
    if not NUMBER.fullmatch(said) or not 1 <= int(said) <= MOST:
        raise Problem("/limit", "limit", f"limit is a whole number from 1 to {MOST}.")
    return int(said)


def page(
    request: Request,
    rows: QuerySet[Row],
    order: Sequence[str],
    represent: Callable[[list[Row]], list[dict[str, Any]]],
) -> dict[str, Any]:
    """One page of `rows`. `order` names not-null columns that are unique together ("-id")."""
    limit = limit_of(request)
    after = request.query_params.get("cursor")
    ordered = rows.order_by(*order)
    if after is not None:
        ordered = ordered.filter(_beyond(order, read(after, order)))
    found = list(ordered[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    following = None
    if more:
        last = [getattr(found[-1], name.lstrip("-")) for name in order]
        following = replace_query_param(request.build_absolute_uri(), "cursor", write(last))
    return {"data": represent(found), "next": following}


def write(values: Sequence[Any]) -> str:
    """The place after a row, as opaque text."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def read(cursor: str, order: Sequence[str]) -> list[Any]:
    """Back from text; what did not come from us is refused."""
    wrong = Problem("/cursor", "cursor", "This cursor is not from here; follow `next` as it is given.")
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list):
            raise wrong
        return [_value(name, value) for name, value in zip(order, values, strict=True)]
    except (binascii.Error, TypeError, ValueError, OverflowError) as error:
        raise wrong from error


def _value(name: str, value: Any) -> Any:
    """An instant where the column is one (…at, since), otherwise a whole number."""
    if name.endswith(("at", "since")):
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError(value)
        return instant.astimezone(UTC)
    if type(value) is int and abs(value) < 1 << 63:
        return value
    raise ValueError(value)


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Strictly after `values` in a keyset order."""
    condition, equal, bound = Q(), Q(), Q()
    for name, value in zip(order, values, strict=True):
        column, side = (name[1:], "lt") if name.startswith("-") else (name, "gt")
        condition |= equal & Q(**{f"{column}__{side}": value})
        equal &= Q(**{column: value})
        if not bound:  # says again what follows, in a form an index can use
            bound = Q(**{f"{column}__{side}e": value})
    return bound & condition


def word(said: str, words: Sequence[str], pointer: str) -> str:
    """A query parameter that is one of a closed list."""
    if said not in words:
        raise Problem(pointer, "invalid_choice", f"{said[:80]!r} is none of: {', '.join(words)}.")
    return said


def id_in_path(prefix: str, text: str) -> int:
    """The number of an id that stands in the address; what is no id is simply not there."""
    try:
        return publicids.decode(prefix, text)
    except Problem as problem:
        raise Problem("", "not_found", problem.detail) from problem


def instant(request: Request, name: str, default: datetime) -> datetime:
    """An instant in a query parameter."""
    said = request.query_params.get(name)
    if said is None:
        return default
    found = fields.instant_of(said)
    if found is None:
        raise Problem(f"/{name}", "instant", f"{name} is an instant such as 2026-03-28T09:00:00Z.")
    return found


def day(request: Request, name: str, default: date) -> date:
    """A day in a query parameter."""
    said = request.query_params.get(name)
    if said is None:
        return default
    try:
        found = date.fromisoformat(said)
    except ValueError:
        found = date.min
    if not 1900 <= found.year < 3000:
        raise Problem(f"/{name}", "date", f"{name} is a day such as 2026-03-28.")
    return found


def page_of_ids(request: Request, ids: Sequence[int], represent: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """One page of numbers that are at hand already, in their own order."""
    limit = limit_of(request)
    after = request.query_params.get("cursor")
    rest = sorted(set(ids))
    if after is not None:
        (last,) = read(after, ["id"])
        rest = [each for each in rest if each > last]
    following = None
    if len(rest) > limit:
        following = replace_query_param(request.build_absolute_uri(), "cursor", write([rest[limit - 1]]))
    return {"data": [represent(each) for each in rest[:limit]], "next": following}
