"""The one place for products, prices and stock. What is older than what we know is ignored and counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

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


# By what a row is known, and what of it says how it is.
_IMAGES: Final = {
    "products": ("crm_product", "t.sku", "to_jsonb(t) - '{id,updated_at}'::text[]"),
    "stock": ("crm_stock", "t.sku || E'\\n' || t.place", "to_jsonb(t) - 'id'"),
}


def images(kind: str, keys: Sequence[str]) -> dict[str, str]:
    """How these products or stock levels are now, as JSON; those that are not there are left out."""
    table, key, image = _IMAGES[kind]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, ({image})::text FROM {table} t WHERE t.sku = ANY(%s) AND {key} = ANY(%s)",  # noqa: S608
            [[each.partition("\n")[0] for each in keys], list(keys)],
        )
        return dict(cursor.fetchall())


def put_back(kind: str, changes: Sequence[tuple[str, str | None, str]], *, now: datetime) -> set[str]:
    """Products or stock levels that still are as they became are as they were: (key, before, after).

    Without a before they go. Answers the keys of those that were put back.
    """
    table, key, image = _IMAGES[kind]
    columns = CHANGING if kind == "products" else ["available", "at"]
    sets = ", ".join(f"{name} = was.{name}" for name in columns)
    if kind == "products":
        sets += ", updated_at = %s::timestamptz"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH same AS (
                  SELECT t.id, {key} AS key, b.before FROM unnest(%s::text[], %s::jsonb[], %s::jsonb[])
                    AS b(key, before, after) JOIN {table} t ON {key} = b.key AND {image} = b.after
                  WHERE t.sku = split_part(b.key, E'\\n', 1) ORDER BY t.id FOR UPDATE OF t
                ), gone AS (
                  DELETE FROM {table} t USING same WHERE t.id = same.id AND same.before IS NULL
                ), restored AS (
                  UPDATE {table} t SET {sets} FROM same, jsonb_populate_record(NULL::{table}, same.before) was
                  WHERE t.id = same.id AND same.before IS NOT NULL
                ) SELECT key FROM same""",  # noqa: S608 - our own names
            [*([list(each) for each in zip(*changes, strict=True)] or [[], [], []]), *([now] * (kind == "products"))],
        )
        return {found for (found,) in cursor.fetchall()}


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
