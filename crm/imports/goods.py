"""Brings products and stock in from a file: the bulk form of `PUT /products/` and `PUT /stock/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from crm import catalogue, commerce, workspace
from crm.errors import Problem, Problems
from crm.imports import cells, items, mapping
from crm.imports.outcomes import CREATED, UNCHANGED, UPDATED, Outcome, Reject
from crm.imports.tables import Rejected, Row, Table, unread

BATCH: Final = 500
PRODUCTS: Final = "products"
REQUIRED: Final = {"products": ("sku",), "stock": ("sku", "available")}
_TEXTS: Final = {"name": 300, "url": 2_000, "image": 2_000, "brand": 120}
LONGEST_PLACE: Final = 40
LONGEST_CATEGORY: Final = 120


@dataclass
class Batch:
    goods: list[tuple[Row, dict[str, Any]]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    line: int = 0


def check(found: mapping.Mapping, kind: str) -> None:
    missing = [name for name in REQUIRED[kind] if name not in found.fields]
    if missing:
        raise Problems([Problem(f"/{name}", "required", f"Map a column to {name}.") for name in missing])


def batches(table: Table, columns: mapping.Mapping, kind: str, after: int = 0, *, dates: str = "") -> Iterator[Batch]:
    """What stands behind line `after`; a product that comes again opens the next batch, so that the last one counts."""
    batch, seen = Batch(line=after), set[tuple[str, str]]()
    currency = workspace.current().currency
    for row in table:
        if row.line <= after:
            continue
        found = _read(row, columns, kind, currency, dates)
        key = (found["sku"], found.get("place", "")) if isinstance(found, dict) else ("", "")
        if len(batch.goods) + len(batch.rejects) >= BATCH or key in seen:
            yield batch
            batch, seen = Batch(), set()
        batch.line = row.line
        if isinstance(found, Reject):
            batch.rejects.append(found)
        elif isinstance(row, Row):
            batch.goods.append((row, found))
            seen.add(key)
    if batch.goods or batch.rejects:
        yield batch


def bring(batch: Batch, kind: str, terms: Any) -> Outcome:
    """Store a batch, and say of each row what became of it."""
    outcome = Outcome(rejects=list(batch.rejects))
    known = _known(batch, kind)
    goods = [found for _, found in batch.goods]
    if kind == PRODUCTS:
        # What the file says nothing about stays as it is known.
        whole = [known.get(one["sku"], {}) | one for one in goods]
        for (row, one), all_of_it in zip(batch.goods, whole, strict=True):
            was = known.get(one["sku"])
            outcome.say([row.line], CREATED if was is None else UNCHANGED if was == all_of_it else UPDATED)
        currency = workspace.current().currency
        _store(batch, kind, terms, lambda: catalogue.put_products(whole, currency=currency, now=terms.now))
        return outcome
    for row, one in batch.goods:
        was = known.get(f"{one['sku']}\n{one['place']}")
        same = was is not None and (was["available"] == one["available"] or was["at"] > (one.get("at") or terms.now))
        outcome.say([row.line], CREATED if was is None else UNCHANGED if same else UPDATED)
    _store(batch, kind, terms, lambda: catalogue.put_stock(goods, now=terms.now))
    return outcome


def _store(batch: Batch, kind: str, terms: Any, store: Callable[[], object]) -> None:
    if not terms.journal:
        store()
        return
    keys = [one["sku"] if kind == PRODUCTS else f"{one['sku']}\n{one['place']}" for _, one in batch.goods]
    items.noted_goods(terms.journal, kind, keys, store)


def _known(batch: Batch, kind: str) -> dict[str, dict[str, Any]]:
    skus = [found["sku"] for _, found in batch.goods]
    with connection.cursor() as cursor:
        if kind == PRODUCTS:
            cursor.execute(
                """SELECT sku, name, url, image, categories, brand, price, currency, attributes, active
                   FROM crm_product WHERE sku = ANY(%s)""",
                [skus],
            )
            return {row[0]: _product(row) for row in cursor.fetchall()}
        cursor.execute("SELECT sku, place, available, at FROM crm_stock WHERE sku = ANY(%s)", [skus])
        return {f"{sku}\n{place}": {"available": left, "at": at} for sku, place, left, at in cursor.fetchall()}


def _product(row: tuple[Any, ...]) -> dict[str, Any]:
    sku, name, url, image, categories, brand, price, currency, attributes, active = row
    money = commerce.money(str(price), currency) if price is not None else None
    return {
        "sku": sku, "name": name, "url": url, "image": image, "categories": list(categories or ()), "brand": brand,
        "price": money, "attributes": attributes if isinstance(attributes, dict) else {}, "active": active,
    }  # fmt: skip


def _read(
    row: Row | Rejected, columns: mapping.Mapping, kind: str, currency: str, dates: str
) -> dict[str, Any] | Reject:
    if isinstance(row, Rejected):
        return unread(row)
    given = {name: text for name, column in columns.fields.items() if (text := cells.plain(row.cells[column].strip()))}
    try:
        for name in REQUIRED[kind]:
            if not given.get(name):
                raise Problem(f"/{name}", "required", f"The row has no {name}.")
        if len(given["sku"]) > commerce.LONGEST_SKU:
            raise Problem("/sku", "too_long", f"A sku has at most {commerce.LONGEST_SKU} characters.")
        return _goods(given, currency) if kind == PRODUCTS else _level(given, dates)
    except Problem as problem:
        return Reject(row.line, row.cells, problem.code, str(problem))


def _goods(given: dict[str, str], currency: str) -> dict[str, Any]:
    found: dict[str, Any] = {"sku": given["sku"]}
    for name, most in _TEXTS.items():
        if name in given:
            found[name] = _short(name, given[name], most)
    if "price" in given:
        found["price"] = commerce.money(cells.amount(given["price"]), given.get("currency", currency), "/price")
    if "categories" in given:
        parts = (part.strip() for part in given["categories"].replace("|", ";").split(";"))
        found["categories"] = [_short("categories", part, LONGEST_CATEGORY) for part in parts if part]
    if "active" in given:
        found["active"] = cells.agreed(given["active"])
    return found


def _level(given: dict[str, str], dates: str) -> dict[str, Any]:
    whole, _, rest = cells.amount(given["available"]).partition(".")
    if rest.strip("0") or abs(int(whole)) > commerce.MOST_UNITS:
        raise Problem("/available", "not_a_number", f"{given['available'][:40]!r} is not a number of units.")
    level: dict[str, Any] = {
        "sku": given["sku"],
        "place": _short("place", given.get("place", "online"), LONGEST_PLACE),
        "available": int(whole),
    }
    if "at" in given:
        level["at"] = _moment(cells.instant(given["at"], dates))
    return level


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _short(name: str, text: str, most: int) -> str:
    if len(text) > most:
        raise Problem(f"/{name}", "too_long", f"{name} has at most {most} characters.")
    return text
