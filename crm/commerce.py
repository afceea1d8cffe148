"""The standard ecommerce events in our shape: money, lines, skus. Pure.

Shops send `total: 42.5` beside `currency`; we keep `{"amount": "42.50", "currency": "EUR"}`
and the original under `_raw` (decision A8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crm.errors import Problem

MONEY: Final = ("total", "revenue", "value", "price", "discount", "shipping", "tax", "subtotal")
EVENTS: Final = frozenset(
    {
        "Product Viewed",
        "Product Clicked",
        "Product Added",
        "Product Removed",
        "Product List Viewed",
        "Product Added to Wishlist",
        "Product Removed from Wishlist",
        "Cart Viewed",
        "Cart Updated",
        "Cart Emptied",
        "Checkout Started",
        "Checkout Step Completed",
        "Payment Info Entered",
        "Order Completed",
        "Order Updated",
        "Order Refunded",
        "Order Cancelled",
        "Coupon Applied",
    }
)
CENT: Final = Decimal("0.01")
LIMIT: Final = Decimal(10) ** 12
LONGEST_SKU: Final = 80
MOST_LINES: Final = 500
MOST_UNITS: Final = 10**8
_CURRENCY = re.compile(r"[A-Z]{3}")


def money(value: Any, currency: str, pointer: str = "") -> dict[str, str]:
    """`42.5`, `"42.50"` or `{"amount": …, "currency": …}` as our money; raises `Problem`."""
    if isinstance(value, dict):
        currency = str(value.get("currency") or currency)
        value, pointer = value.get("amount"), f"{pointer}/amount"
    currency = currency.strip().upper()
    if not _CURRENCY.fullmatch(currency):
        raise Problem(pointer, "not_a_currency", f"{currency[:10]!r} is not a currency; write it as in EUR.")
    return {"amount": str(amount(value, pointer)), "currency": currency}


def amount(value: Any, pointer: str = "") -> Decimal:
    """A sum of money to the cent; not negative, not NaN, not boundless."""
    number = decimal(value, pointer, "not_money")
    if number < 0:
        raise Problem(pointer, "negative", "An amount of money is not negative; refunds have their own event.")
    return number.quantize(CENT)


def decimal(value: Any, pointer: str, code: str = "not_a_number") -> Decimal:
    try:
        number = Decimal(str(value).strip()) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= LIMIT:
        raise Problem(pointer, code, f"{str(value)[:40]!r} is not a number we can count with, as in 42.50.")
    return number


def normalise(name: str, properties: Mapping[str, Any], currency: str, pointer: str = "") -> dict[str, Any]:
    """Properties of a known event in our shape; those of other events as they are."""
    if name not in EVENTS:
        return dict(properties)
    currency = str(properties.get("currency") or currency)
    shaped: dict[str, Any] = {
        key: money(properties[key], currency, f"{pointer}/{key}") for key in MONEY if properties.get(key) is not None
    }
    listed = next((key for key in ("products", "lines") if properties.get(key) is not None), "")
    if listed:
        shaped[listed] = lines(properties[listed], f"{pointer}/{listed}")
    raw = {key: properties[key] for key in shaped if shaped[key] != properties[key]}
    result = {**properties, **shaped, **_skus(properties, shaped.get(listed)), **_keys(properties)}
    if raw:
        earlier = properties.get("_raw")
        result["_raw"] = {**(earlier if isinstance(earlier, dict) else {}), **raw}
    return result


def _skus(properties: Mapping[str, Any], listed: list[dict[str, Any]] | None) -> dict[str, Any]:
    if listed is not None:
        return {"skus": skus(listed)}
    sku = sku_of(properties)
    return {"skus": [sku]} if sku and not properties.get("skus") else {}


def _keys(properties: Mapping[str, Any]) -> dict[str, str]:
    """The key of a journey is text, also where a shop counts its carts."""
    return {key: str(properties[key]) for key in ("cart_id", "order_id") if isinstance(properties.get(key), int)}


def lines(products: Any, pointer: str = "") -> list[dict[str, Any]]:
    """The lines of a cart or an order: sku, name, quantity, price, url, image and what else was sent."""
    if not isinstance(products, list):
        raise Problem(pointer, "not_a_list", "The products must be a list.")
    if len(products) > MOST_LINES:
        raise Problem(pointer, "too_many", f"A cart or order has at most {MOST_LINES} lines.")
    return [line(product, f"{pointer}/{place}") for place, product in enumerate(products)]


def line(product: Any, pointer: str = "") -> dict[str, Any]:
    if not isinstance(product, dict):
        raise Problem(pointer, "not_an_object", "A product is an object with a sku.")
    sku = sku_of(product)
    if not sku or len(sku) > LONGEST_SKU:
        raise Problem(f"{pointer}/sku", "required", f"A product has a sku of 1 to {LONGEST_SKU} characters.")
    told = product.get("quantity")
    quantity = decimal(1 if told is None else told, f"{pointer}/quantity")
    if not 0 <= quantity < MOST_UNITS:
        raise Problem(f"{pointer}/quantity", "out_of_range", "A quantity is between 0 and 99,999,999.")
    price = product.get("price")
    if isinstance(price, dict):
        price = price.get("amount")
    result = {
        "sku": sku,
        "name": str(product.get("name") or "")[:300],
        "quantity": number(quantity),
        "price": None if price in (None, "") else str(amount(price, f"{pointer}/price")),
        "url": str(product.get("url") or "")[:2000],
        "image": str(product.get("image") or product.get("image_url") or "")[:2000],
    }
    if product.get("category"):
        result["category"] = product["category"]
    return result


def sku_of(product: Mapping[str, Any]) -> str:
    value = product.get("sku") or product.get("product_id") or ""
    return str(value).strip() if isinstance(value, str | int) else ""


def skus(products: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(each["sku"] for each in products))


def number(value: Decimal) -> int | float:
    """As JSON writes it: 2, not 2.0."""
    return int(value) if value == value.to_integral_value() else float(value)


def worth(products: list[dict[str, Any]]) -> Decimal:
    """What the lines cost together, within what can be stored."""
    total = Decimal(0)
    for each in products:
        total += Decimal(each["price"] or 0) * Decimal(str(each["quantity"]))
    return min(total, LIMIT - CENT).quantize(CENT)
