"""The one place for products, prices and stock. What is older than what we know is ignored and counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from crm import arrays, commerce

PRODUCT = {
    "sku": "text",
    "name": "text",
    "url": "text",
    "image": "text",
    "categories": "text",
    "brand": "text",
    "price": "numeric",
    "currency": "text",
    "attributes": "jsonb",
    "active": "boolean",
}
CHANGING = [name for name in PRODUCT if name != "sku"]


@dataclass(frozen=True)
class Counts:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    ignored: int = 0


def put_products(products: Sequence[Mapping[str, Any]], *, currency: str, now: datetime) -> Counts:
    """Store these products (the shapes of `POST products/`); the last of the same sku counts."""
    rows = {str(product["sku"]): _product(product, currency) for product in products}
    if not rows:
        return Counts()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO crm_product AS p ({", ".join(PRODUCT)}, updated_at)
                SELECT {", ".join(_written(name) for name in PRODUCT)}, %s FROM {arrays.unnest(PRODUCT)}
                ORDER BY sku COLLATE "C"
                ON CONFLICT (sku) DO UPDATE SET {", ".join(f"{n} = excluded.{n}" for n in CHANGING)},
                  updated_at = excluded.updated_at
                WHERE ({", ".join(f"p.{n}" for n in CHANGING)})
                      IS DISTINCT FROM ({", ".join(f"excluded.{n}" for n in CHANGING)})
                RETURNING xmax = 0""",  # noqa: S608 - our own names
            [now, *arrays.parameters(rows.values(), len(PRODUCT))],
        )
        fresh = [new for (new,) in cursor.fetchall()]
    return Counts(sum(fresh), len(fresh) - sum(fresh), len(rows) - len(fresh))


def put_stock(levels: Sequence[Mapping[str, Any]], *, now: datetime) -> Counts:
    """Store how many are left: `{sku, store | place, available, at?}`; older than stored is ignored."""
    newest: dict[tuple[str, str], tuple[Any, ...]] = {}
    for level in levels:
        place = str(level.get("place") or level.get("store") or "online")
        row = (str(level["sku"]), place, int(level["available"]), level.get("at") or now)
        if row[:2] not in newest or newest[row[:2]][3] <= row[3]:
            newest[row[:2]] = row
    written = arrays.insert(
        "crm_stock",
        {"sku": "text", "place": "text", "available": "int", "at": "timestamptz"},
        [newest[key] for key in sorted(newest)],
        conflict="""(sku, place) DO UPDATE SET available = excluded.available, at = excluded.at
                    WHERE crm_stock.at <= excluded.at""",
        returning="xmax = 0",
    )
    fresh = sum(new for (new,) in written)
    return Counts(fresh, len(written) - fresh, ignored=len(levels) - len(written))


def categories(skus: Iterable[str]) -> dict[str, list[str]]:
    """What kinds of thing these products are, for the skus the catalogue knows."""
    wanted = sorted(set(skus))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT sku, categories FROM crm_product WHERE sku = ANY(%s)", [wanted])
        return dict(cursor.fetchall())


def _product(product: Mapping[str, Any], currency: str) -> tuple[Any, ...]:
    price = product.get("price")
    money = commerce.money(price, currency, "/price") if price is not None else {}
    return (
        str(product["sku"]),
        str(product.get("name") or ""),
        str(product.get("url") or ""),
        str(product.get("image") or ""),
        json.dumps(list(product.get("categories") or ())),
        str(product.get("brand") or ""),
        money.get("amount"),
        money.get("currency", ""),
        dict(product.get("attributes") or {}),
        bool(product.get("active", True)),
    )


def _written(name: str) -> str:
    return "array(SELECT jsonb_array_elements_text(categories::jsonb))" if name == "categories" else name
