"""Which source is believed before which, when two say something else of one person. Pure.

`Workspace.sources`: `{"order": ["staff", "till", …], "fields": {"city": ["till", …]}}`, the first most. Nothing set:
whoever comes last is believed, as everywhere else. A source below the one that said a field last does not change it,
and one above it does; between equals the later one is believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crm.errors import Problem

STAFF: Final = "staff"
PERSON: Final = "person"
TILL: Final = "till"
SHOP: Final = "shop"
FORM: Final = "form"
IMPORT: Final = "import"
KINDS: Final = (STAFF, PERSON, TILL, SHOP, FORM, IMPORT)
# What stands at the beginning of who did it, or of where it came from.
_ACTORS: Final = (("import:", IMPORT), ("themselves", PERSON), ("user:", STAFF))
_PLACES: Final = (("import:", IMPORT), ("form:", FORM), ("till", TILL), ("office", STAFF))
COLUMNS: Final = (
    "given_name", "family_name", "language", "timezone", "country", "region", "city", "postal_code", "birth_date",
    "home_store_id",
)  # fmt: skip


@dataclass(frozen=True)
class Ranking:
    """The kinds of sources, the most believed first; for some fields in an order of their own."""

    order: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.order)

    def above(self, name: str, kind: str) -> tuple[str, ...]:
        """The kinds that are believed before this one, of this field. A kind that nobody ranked comes last."""
        order = self.fields.get(name, self.order)
        return order[: order.index(kind)] if kind in order else order

    def stands(self, name: str, writer: str, kind: str) -> bool:
        """Does what `writer` said stand against `kind`?"""
        return writer != kind and writer in self.above(name, kind)

    def all_above(self, kind: str) -> dict[str, tuple[str, ...]]:
        """`above` of every field; under "" of those without an order of their own."""
        return {"": self.above("", kind), **{name: self.above(name, kind) for name in self.fields}}


NONE: Final = Ranking()


def ranking(data: Mapping[str, Any] | None) -> Ranking:
    """As it is kept. What is not a source any more is left out."""
    if not data or not data.get("order"):
        return NONE
    return Ranking(_whole(data["order"]), {name: _whole(order) for name, order in data.get("fields", {}).items()})


def kept(ranked: Ranking) -> dict[str, Any]:
    """As JSON."""
    if not ranked:
        return {}
    return {"order": list(ranked.order), "fields": {name: list(order) for name, order in sorted(ranked.fields.items())}}


def moved(order: Sequence[str], kind: str, steps: int) -> tuple[str, ...]:
    """The order with one source some places further down (or up). Raises Problem where there is no such source."""
    if kind not in order:
        raise Problem("/kind", "not_a_choice", f"{kind!r} is not one of {', '.join(KINDS)}.")
    rest = [each for each in order if each != kind]
    place = min(max(order.index(kind) + steps, 0), len(rest))
    return (*rest[:place], kind, *rest[place:])


def kind_of(actor: str, source: str) -> str:
    """What kind of source this is; empty: one that nobody ranks (the demo)."""
    if actor.startswith("key:"):
        return TILL if source.startswith("till") else SHOP
    if source.startswith("form:"):
        return FORM
    return next((kind for start, kind in _ACTORS if actor.startswith(start)), origin(source))


def origin(source: str) -> str:
    """By where a contact first came from."""
    return next((kind for start, kind in _PLACES if source.startswith(start)), "")


def origin_sql(column: str) -> str:
    """`origin` in SQL."""
    whens = " ".join(f"WHEN starts_with({column}, '{start}') THEN '{kind}'" for start, kind in _PLACES)
    return f"CASE {whens} ELSE '' END"


def _whole(order: Sequence[str]) -> tuple[str, ...]:
    """Every kind once; one that was not ranked yet comes last."""
    named = [kind for kind in dict.fromkeys(order) if kind in KINDS]
    return (*named, *(kind for kind in KINDS if kind not in named))
