"""Lift: intervals as published, verdicts that follow them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import lift
from analytics.lift import Group

# R. G. Newcombe, Statistics in Medicine 17 (1998), table II, method 10.
PUBLISHED = [
    (Group(70, 56), Group(80, 48), 0.0524, 0.3339),
    (Group(10, 9), Group(10, 3), 0.1705, 0.8090),
    (Group(7, 6), Group(7, 2), 0.0582, 0.8062),
    (Group(56, 5), Group(29, 0), -0.0381, 0.1926),
    (Group(10, 0), Group(20, 0), -0.1611, 0.2775),
    (Group(10, 0), Group(10, 0), -0.2775, 0.2775),
    (Group(10, 10), Group(20, 0), 0.6791, 1.0000),
    (Group(10, 10), Group(10, 0), 0.6075, 1.0000),
]


@st.composite
def groups(draw: st.DrawFn) -> Group:
    n = draw(st.integers(1, 100_000))
    return Group(n, draw(st.integers(0, n)))


@pytest.mark.parametrize(("treated", "holdout", "low", "high"), PUBLISHED)
def test_the_interval_is_the_published_one(treated: Group, holdout: Group, low: float, high: float) -> None:
    assert lift.interval(treated, holdout) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_share_of_one_group_is_wilsons() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    assert lift.share(Group(263, 81)) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))
    assert lift.share(Group(148, 15)) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))
    assert lift.share(Group(20, 0)) == (0.0, pytest.approx(0.1611, abs=5e-5))
    assert lift.share(Group(29, 1)) == (pytest.approx(0.0061, abs=5e-5), pytest.approx(0.1718, abs=5e-5))


def test_a_campaign_that_sells_works() -> None:
    found = lift.compare(Group(9_000, 900), Group(1_000, 60))
    assert found.verdict == "works"
    assert found.difference == pytest.approx(0.04)
    assert 0 < found.low < 0.04 < found.high
    assert found.extra == pytest.approx(360)
    assert found.more == 0


def test_a_campaign_that_drives_people_away_harms() -> None:
    assert lift.compare(Group(9_000, 360), Group(1_000, 80)).verdict == "harms"


def test_an_interval_that_holds_nought_proves_nothing_and_says_how_many_more() -> None:
    found = lift.compare(Group(900, 63), Group(100, 5))
    assert found.verdict == "not_proven"
    assert found.low < 0 < found.high
    assert found.more is not None
    times = 1 + found.more / 1_000
    assert lift.compare(Group(math.ceil(900 * times), math.ceil(63 * times)), Group(100, 5)).verdict == "not_proven"
    later = lift.compare(
        Group(math.ceil(900 * times), math.ceil(63 * times)), Group(math.ceil(100 * times), math.floor(5 * times))
    )
    assert later.verdict == "works"


def test_equal_shares_will_never_prove_anything() -> None:
    found = lift.compare(Group(1_000, 50), Group(1_000, 50))
    assert (found.verdict, found.more) == ("not_proven", None)


@pytest.mark.parametrize(
    ("treated", "holdout", "rule", "more"),
    [
        (Group(990, 50), Group(99, 5), "people", 11),
        (Group(1_000, 3), Group(1_000, 1), "hits", 500),
        (Group(1_000, 0), Group(1_000, 0), "hits", None),
        (Group(1_000, 50), Group(0, 0), "people", None),
    ],
)
def test_too_few_is_too_early_whatever_the_rates_look_like(
    treated: Group, holdout: Group, rule: str, more: int | None
) -> None:
    found = lift.compare(treated, holdout)
    assert (found.verdict, found.too_few) == ("too_early", rule)
    assert found.more == more or (found.more is not None and more is not None and abs(found.more - more) <= 1)


def test_days_are_people_by_how_many_come() -> None:
    assert lift.days(1_200, 100) == 12
    assert lift.days(1, 100) == 1
    assert lift.days(1_200, 0) is None
    assert lift.days(None, 5) is None


def test_more_hits_than_people_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Group(3, 4)


@given(groups(), groups())
def test_the_verdict_follows_the_interval(treated: Group, holdout: Group) -> None:
    found = lift.compare(treated, holdout)
    assert -1 - 1e-9 <= found.low <= found.difference + 1e-9
    assert found.difference - 1e-9 <= found.high <= 1 + 1e-9
    if found.verdict == "works":
        assert found.low > 0
    if found.verdict == "harms":
        assert found.high < 0
    if found.verdict == "not_proven":
        assert found.low <= 0 <= found.high
    low, high = lift.interval(holdout, treated)
    assert (low, high) == (pytest.approx(-found.high), pytest.approx(-found.low))
