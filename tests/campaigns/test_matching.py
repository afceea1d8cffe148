"""How an event finds a run: its key, a product they share, or any (decision A3)."""

from __future__ import annotations

import pytest

from campaigns import journey, matching
from campaigns.matching import Candidate
from campaigns.terms import Watch
from tests.campaigns.cart import abandoned_cart

BOUGHT = Watch("Order Completed", (), "cart_id")
A = Candidate(1, "A", frozenset({"shoe"}))
B = Candidate(2, "B", frozenset({"hat", "scarf"}))


def found(properties: dict[str, object], watch: Watch = BOUGHT) -> set[int]:
    return set(matching.find(watch, properties, [A, B]))


def test_a_purchase_of_cart_a_leaves_cart_b_alone() -> None:
    assert found({"cart_id": "A", "products": [{"sku": "hat"}]}) == {1}


def test_a_purchase_of_a_third_cart_touches_neither() -> None:
    assert found({"cart_id": "C", "products": [{"sku": "shoe"}]}) == set()


def test_a_till_purchase_of_the_hat_ends_the_cart_with_the_hat_only() -> None:
    assert found({"lines": [{"sku": "hat"}]}) == {2}


def test_a_till_purchase_of_something_else_ends_all_of_them() -> None:
    assert found({"lines": [{"sku": "umbrella"}]}) == {1, 2}
    assert found({}) == {1, 2}


def test_a_null_key_is_no_key() -> None:
    assert found({"cart_id": None, "sku": "shoe"}) == {1}


def test_a_number_is_the_same_key_as_its_text() -> None:
    run = Candidate(3, "17")
    assert matching.find(BOUGHT, {"cart_id": 17}, [run]) == {3}


@pytest.mark.parametrize(
    ("match", "properties", "runs"),
    [
        (("key",), {"sku": "hat"}, set()),
        (("key", "shares_product"), {"sku": "hat"}, {2}),
        (("key", "shares_product"), {"sku": "umbrella"}, set()),
        (("key", "any"), {"sku": "hat"}, {1, 2}),
        (("any",), {"cart_id": "A"}, {1, 2}),
        (("shares_product",), {"cart_id": "A", "sku": "hat"}, {2}),
    ],
)
def test_ada_chooses_the_ways_to_match(match: tuple[str, ...], properties: dict[str, object], runs: set[int]) -> None:
    assert found(properties, Watch("Order Completed", (), "cart_id", match)) == runs


def test_in_a_campaign_without_keys_every_event_finds_the_run() -> None:
    assert found({"cart_id": "C"}, Watch("Order Completed")) == {1, 2}


def test_a_run_that_came_in_without_a_key_is_found_by_every_cart() -> None:
    assert matching.find(BOUGHT, {"cart_id": "C"}, [Candidate(3, ""), A]) == {3}


def test_only_the_event_that_passes_the_filter_counts() -> None:
    watch = Watch("Product Viewed", ({"f": "properties.category", "op": "is", "v": "shoes"},))
    assert matching.happened(watch, "Product Viewed", {"category": "shoes"})
    assert not matching.happened(watch, "Product Viewed", {"category": "hats"})
    assert not matching.happened(watch, "Product Added", {"category": "shoes"})


def test_a_view_of_what_lies_in_the_other_cart_does_not_count_for_this_one() -> None:
    viewed = Watch("Product Viewed", (), "cart_id")
    assert not matching.heard(viewed, "Product Viewed", {"sku": "hat"}, A, [B.skus])
    assert matching.heard(viewed, "Product Viewed", {"sku": "umbrella"}, A, [B.skus])
    assert matching.heard(viewed, "Product Viewed", {"sku": "hat"}, A)


def test_an_exit_by_the_goals_event_converts_and_any_other_only_ends() -> None:
    plan = journey.compile(abandoned_cart())
    bought, emptied = plan.exits
    assert matching.exit_outcome(plan.terms, bought, {}) == "converted"
    assert matching.exit_outcome(plan.terms, emptied, {}) == "exited"
    choosy = abandoned_cart()
    choosy["goal"]["where"] = [{"f": "properties.category", "op": "is", "v": "shoes"}]
    plan = journey.compile(choosy)
    assert matching.exit_outcome(plan.terms, plan.exits[0], {"category": "hats"}) == "exited"


def test_products_are_read_from_the_event_and_from_the_cart() -> None:
    entry = {"properties": {"products": [{"sku": "shoe"}, {"product_id": 7}, "x"]}, "cart": {"lines": [{"sku": "hat"}]}}
    assert matching.skus_of_entry(entry) == {"shoe", "7", "hat"}
    assert matching.skus_of_entry({}) == frozenset()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", "x"),
        ("n", "17"),
        ("flag", "true"),
        ("list.0", "first"),
        ("list.9", None),
        ("a", '{"b": "x"}'),
        ("z.y", None),
    ],
)
def test_a_path_reads_as_the_database_reads_it(path: str, value: str | None) -> None:
    assert matching.value_at({"a": {"b": "x"}, "n": 17, "flag": True, "list": ["first"]}, path) == value
