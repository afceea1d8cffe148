"""Pieces of SQL with their parameters, and how they are put together. Pure.

Text is code, parameters are data. A literal per cent sign in `text` is written `%%`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sql:
    """An expression. `opposite` is kept so that a double negation takes nothing from the planner:
    it can turn EXISTS and NOT EXISTS into joins, but not NOT (NOT EXISTS)."""

    text: str
    params: tuple[Any, ...] = ()
    opposite: Sql | None = None

    def __str__(self) -> str:
        return self.text


TRUE = Sql("true")
FALSE = Sql("false")


def join(template: str, *parts: Sql | Any) -> Sql:
    """`template` with each `{}` replaced: by a piece of SQL, or by `%s` and its parameter."""
    texts = [part.text if isinstance(part, Sql) else "%s" for part in parts]
    params: list[Any] = []
    for part in parts:
        params.extend(part.params if isinstance(part, Sql) else [part])
    return Sql(template.format(*texts), tuple(params))


def exists(rows: Sql) -> Sql:
    """`rows` is a FROM and a WHERE."""
    return join("EXISTS (SELECT FROM {})", rows)


def every(parts: Iterable[Sql]) -> Sql:
    """All of them hold (none given: true)."""
    return _chain(" AND ", [part for part in parts if part != TRUE], TRUE)


def some(parts: Iterable[Sql]) -> Sql:
    """At least one holds (none given: false)."""
    return _chain(" OR ", [part for part in parts if part != FALSE], FALSE)


def opposite(part: Sql) -> Sql:
    """The negation of a two-valued expression."""
    if part.opposite is not None:
        return part.opposite
    return Sql(f"NOT ({part.text})", part.params, part)


def _chain(word: str, parts: list[Sql], empty: Sql) -> Sql:
    if not parts:
        return empty
    if len(parts) == 1:
        return parts[0]
    return Sql(word.join(f"({part.text})" for part in parts), tuple(value for part in parts for value in part.params))
