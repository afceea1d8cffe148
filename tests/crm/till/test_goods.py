"""Bruno's reader: what is a card of this shop, what is an article, and what the catalogue says of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from crm import workspace
from crm.errors import Problem
from crm.models import Membership, Product, User
from crm.till import cards, purchases
from tests import plans
from tests.crm.till.people import till

pytestmark = pytest.mark.django_db
PENS = {"sku": "PEN-4", "name": "Pens, four", "price": Decimal("6.90"), "attributes": {"gtin": "4006381333931"}}


def ask(code: str) -> Any:
    answer = till().client.get("/store/purchase/product/", {"code": code}, headers={"Accept": "application/json"})
    return answer.json()["product"]


@pytest.mark.parametrize("code", ["4006381333931", "04006381333931", "PEN-4"])
def test_an_article_is_known_by_its_bar_code_with_zeros_or_without_and_by_its_number(code: str) -> None:
    Product.objects.create(**PENS)
    assert ask(code) == {"sku": "PEN-4", "name": "Pens, four", "price": "6.90"}


@pytest.mark.parametrize(
    ("change", "price"), [({"currency": "USD"}, ""), ({"currency": "EUR"}, "6.90"), ({"price": None}, "")]
)
def test_a_price_of_another_currency_is_typed(change: dict[str, Any], price: str) -> None:
    Product.objects.create(**{**PENS, **change})
    assert ask("PEN-4")["price"] == price


def test_what_is_not_sold_or_not_known_is_no_article() -> None:
    Product.objects.create(**{**PENS, "active": False})
    bruno = till().client
    for code in ("4006381333931", "PEN-4", "", "0" * 80, "x\x00"):
        assert bruno.get("/store/purchase/product/", {"code": code}).json() == {"product": None}, code


def test_a_bar_code_is_found_by_an_index() -> None:
    Product.objects.create(**PENS)
    both = ["product_gtin", "product_sku_once"]
    sql, given = purchases.named("4006381333931").query.sql_with_params()
    plan = plans.told(sql, given, ["crm_product"], both)
    assert [index for index in both if index not in plan] == []


@pytest.mark.parametrize(("text", "found"), [("12, 13", [12, 13]), ("8-10,16", [8, 9, 10, 16]), ("", []), ("6–6", [6])])
def test_lengths_are_read_as_people_write_them(text: str, found: list[int]) -> None:
    assert cards.lengths(text) == found


@pytest.mark.parametrize("text", ["5", "25", "13-12", "twelve", "8-", "-8", "12;13"])
def test_lengths_that_no_card_has_are_refused(text: str) -> None:
    with pytest.raises(Problem, match="Write lengths"):
        cards.lengths(text)


def test_beginnings_are_digits_and_letters() -> None:
    assert cards.beginnings(" 29, vip,29 ") == ["29", "VIP"]
    for text in ("29;30", "é", "a b", "1" * 11, ",".join(str(number) for number in range(100, 121))):
        with pytest.raises(Problem):
            cards.beginnings(text)


def test_ada_says_what_the_cards_look_like_and_every_till_knows(now: datetime) -> None:
    ada = User.objects.create_user("ada@shop.example", "-", name="Ada")
    Membership.objects.create(user=ada, role="admin")
    office = Client()
    office.force_login(ada)
    kinds = {f"{kind}-{name}": "" for kind in ("email", "phone", "card", "external_id", "anonymous_id")
             for name in ("most", "priority", "blocked")}  # fmt: skip
    said = {**kinds, "shape-digits": "13", "shape-begins": "29", "shape-check": "ean"}
    answer = office.post("/settings/identifiers/", {**said, "shape-digits": "three"})
    assert answer.status_code == 422
    assert "Write lengths from 6 to 24" in answer.content.decode()
    assert office.post("/settings/identifiers/", said).status_code == 302
    assert cards.shape(workspace.current().identifiers) == cards.Shape((13,), ("29",), "ean")
    assert "&quot;begins&quot;: [&quot;29&quot;]" in till().client.get("/store/enrol/").content.decode()
    page = office.get("/settings/identifiers/").content.decode()
    assert 'value="29"' in page


def test_what_cannot_be_read_is_as_if_nothing_were_set() -> None:
    assert cards.shape({}) == cards.shape({"card": {"shape": {"check": "odd"}}}) == cards.Shape()
