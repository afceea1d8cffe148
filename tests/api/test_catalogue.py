"""The shop's server tells what it sells and how many are left."""

from __future__ import annotations

from tests.api.conftest import Speaker
from tests.api.test_rest import codes

SHOE = {
    "sku": "shoe-42",
    "name": "Trail shoe",
    "price": {"amount": "89.90", "currency": "EUR"},
    "categories": ["running"],
}


def test_a_product_is_stored_and_told_once(shop: Speaker) -> None:
    assert shop.post("products/", SHOE).json() == {"created": 1, "updated": 0, "unchanged": 0}
    assert shop.post("products", SHOE).json() == {"created": 0, "updated": 0, "unchanged": 1}
    dearer = SHOE | {"price": {"amount": "99.90", "currency": "EUR"}}
    assert shop.post("products/", dearer).json()["updated"] == 1
    shop.post("stock/", {"sku": "shoe-42", "store": "online", "available": 3, "at": "2026-01-02T10:00:00Z"})
    (shown,) = shop.get("products/").json()["data"]
    assert shown["price"] == {"amount": "99.90", "currency": "EUR"}
    assert shown["stock"] == {"online": 3}
    assert shown["id"].startswith("prd_")


def test_many_products_at_once_name_the_bad_one(shop: Speaker) -> None:
    rows = [SHOE | {"sku": f"s{n}"} for n in range(3)]
    assert shop.post("products/", {"products": rows}).json()["created"] == 3
    assert shop.post("products/", rows).json()["unchanged"] == 3
    rows[1] = {"sku": "s1", "name": "x"}
    assert codes(shop.post("products/", {"products": rows}), 422) == [("/products/1/price", "required")]
    assert codes(shop.post("products/", rows), 422) == [("/1/price", "required")]
    assert codes(shop.post("products/", {"products": [SHOE] * 1001}), 422) == [("/products", "max_length")]
    assert codes(shop.post("products/", []), 422) == [("", "empty")]


def test_older_stock_is_ignored_and_counted(shop: Speaker) -> None:
    level = {"sku": "s1", "store": "online", "available": 5, "at": "2026-01-02T10:00:00Z"}
    assert shop.post("stock/", level).json() == {"stored": 1, "ignored": 0}
    assert shop.post("stock/", level | {"available": 9, "at": "2026-01-01T10:00:00Z"}).json() == {
        "stored": 0,
        "ignored": 1,
    }
    assert codes(shop.post("stock/", level | {"at": "2999-01-01T10:00:00Z"}), 422) == [("/at", "in_the_future")]
    assert codes(shop.post("stock/", {"stock": [level | {"at": "1889-01-01T10:00:00Z"}]}), 422) == [
        ("/stock/0/at", "instant")
    ]
    assert codes(shop.post("stock/", level | {"available": -1}), 422) == [("/available", "min_value")]


def test_products_come_in_pages_that_meet_without_gap(shop: Speaker) -> None:
    shop.post("products/", [SHOE | {"sku": f"s{n}"} for n in range(5)])
    seen, address = [], "products/?limit=2"
    while address:
        answer = shop.get(address).json()
        seen += [row["sku"] for row in answer["data"]]
        address = answer["next"]
    assert seen == ["s4", "s3", "s2", "s1", "s0"]
    assert codes(shop.get("products/?limit=201"), 422) == [("/limit", "limit")]
    assert codes(shop.get("products/?cursor=nonsense"), 422) == [("/cursor", "cursor")]
