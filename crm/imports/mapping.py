"""Which column of a file is what: `{"email": "E-mail", "fields.shoe_size": "Shoe", …}`, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm.errors import Problem, Problems
from crm.imports.tables import Table

TRACES = ("email", "phone", "card", "external_id", "anonymous_id")
FIELDS = (
    "given_name", "family_name", "language", "timezone", "country", "region", "city", "postal_code",
    "birth_date", "home_store",
)  # fmt: skip
ORDER = (
    "order_id", "occurred_at", "total", "currency", "channel", "store", "cart_id", "coupon", "discount",
    "sku", "name", "quantity", "price",
)  # fmt: skip
PRODUCT = ("sku", "name", "url", "image", "categories", "brand", "price", "currency", "active")
STOCK = ("sku", "place", "available", "at")
# What a file of each kind may say beside who somebody is.
KNOWN = {"contacts": FIELDS, "orders": ORDER, "products": PRODUCT, "stock": STOCK, "suppressions": ()}
GOODS = ("products", "stock")


@dataclass(frozen=True)
class Mapping:
    """Column index by target, apart by what the target is."""

    traces: dict[str, int]
    fields: dict[str, int]
    custom: dict[str, int]


def parse(data: Any, table: Table, known: tuple[str, ...], *, of_people: bool = True) -> Mapping:
    """Check a mapping against the file's header. `known`: targets beside identifiers and `fields.*`.

    Raises Problems with every unknown target and every column the file does not have.
    """
    if not isinstance(data, dict) or not data:
        raise Problems([Problem("", "mapping", 'The mapping is a JSON object: {"email": "E-mail", …}.')])
    problems: list[Problem] = []
    found = Mapping({}, {}, {})
    for target, column in data.items():
        pointer = f"/{target}"
        try:
            _sort(found, target, table.column(str(column), pointer), known)
        except Problem as problem:
            problems.append(problem)
    if not problems and of_people and not found.traces:
        problems.append(
            Problem("", "no_identifier", f"Map at least one of {', '.join(TRACES)}, or nobody is recognised.")
        )
    if problems:
        raise Problems(problems)
    return found


def _sort(found: Mapping, target: str, column: int, known: tuple[str, ...]) -> None:
    if target in TRACES:
        found.traces[target] = column
    elif target in known:
        found.fields[target] = column
    elif target.startswith("fields.") and len(target) > len("fields."):
        found.custom[target.removeprefix("fields.")] = column
    else:
        choices = ", ".join((*TRACES, *known, "fields.<name>"))
        raise Problem(f"/{target}", "unknown_target", f"{target!r} is not one of {choices}.")
