"""Did it work? People who were written to against people who were held out. Pure.

The difference of two shares, its 95 % interval and a verdict that follows the interval: one that
holds 0 proves nothing. No test, no p value: the interval says both how much and how sure.

* The share of one group: E. B. Wilson, "Probable inference, the law of succession, and statistical
  inference", JASA 22 (1927), 209-212.
* The difference of two: R. G. Newcombe, "Interval estimation for the difference between independent
  proportions: comparison of eleven methods", Statistics in Medicine 17 (1998), 873-890, method 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Z: Final = 1.959963984540054  # of 95 %, two-sided
LEAST_PEOPLE: Final = 100  # in each group
LEAST_HITS: Final = 5  # in both together
FAR: Final = 1_000  # beyond so many times the people, no estimate is given

Verdict = Literal["works", "harms", "not_proven", "too_early"]
TooFew = Literal["", "people", "hits"]


@dataclass(frozen=True)
class Group:
    """So many people, and so many of them did what was hoped for."""

    n: int
    hits: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.n:
            raise ValueError(f"{self.hits} of {self.n} cannot be")

    @property
    def rate(self) -> float:
        return self.hits / self.n if self.n else 0.0


@dataclass(frozen=True)
class Lift:
    """What the comparison says.

    `difference`, `low`, `high`: share of the treated minus share of the held out, and its interval.
    `extra`: how many of the treated would not have done it otherwise (difference times treated people).
    `too_few`: which rule makes it too early, "people" (fewer than 100 in a group) or "hits" (fewer than 5 at all).
    `more`: how many people more, of both groups together, until a verdict can be given at the present
    rates: until the rules above hold, then until the interval leaves 0. 0 when there is one already,
    None when it is out of sight.
    """

    difference: float
    low: float
    high: float
    verdict: Verdict
    extra: float
    more: int | None = 0
    too_few: TooFew = ""


def compare(treated: Group, holdout: Group) -> Lift:
    """The lift of `treated` over `holdout`; `low` and `high` are -1 and 1 while a group is empty."""
    if not treated.n or not holdout.n:
        return Lift(0.0, -1.0, 1.0, "too_early", 0.0, _until_enough(treated, holdout), "people")
    difference = treated.rate - holdout.rate
    low, high = interval(treated, holdout)
    few = too_few(treated, holdout)
    verdict = _verdict(low, high, few)
    more: int | None = 0
    if verdict == "too_early":
        more = _until_enough(treated, holdout)
    elif verdict == "not_proven":
        more = _until_clear(treated, holdout)
    return Lift(difference, low, high, verdict, difference * treated.n, more, few)


def share(group: Group) -> tuple[float, float]:
    """The score interval of one share (Wilson 1927), without continuity correction.

    (2np + z² ± z·sqrt(z² + 4np(1-p))) / 2(n + z²)
    """
    if not group.n:
        return 0.0, 1.0
    n, p, square = group.n, group.rate, Z * Z
    middle = 2 * n * p + square
    spread = Z * math.sqrt(square + 4 * n * p * (1 - p))
    whole = 2 * (n + square)
    low = 0.0 if group.hits == 0 else (middle - spread) / whole
    high = 1.0 if group.hits == group.n else (middle + spread) / whole
    return low, high


def interval(treated: Group, holdout: Group) -> tuple[float, float]:
    """The hybrid score interval of a difference (Newcombe 1998, method 10).

    With p₁, p₂ the shares and (l₁, u₁), (l₂, u₂) their Wilson intervals:
    p₁-p₂ - sqrt((p₁-l₁)² + (u₂-p₂)²)  to  p₁-p₂ + sqrt((u₁-p₁)² + (p₂-l₂)²)
    """
    (low1, high1), (low2, high2) = share(treated), share(holdout)
    p1, p2 = treated.rate, holdout.rate
    return (
        p1 - p2 - math.hypot(p1 - low1, high2 - p2),
        p1 - p2 + math.hypot(high1 - p1, p2 - low2),
    )


def too_few(treated: Group, holdout: Group) -> TooFew:
    """Which rule says that nothing can be said yet: "people", "hits", or "" for none."""
    if min(treated.n, holdout.n) < LEAST_PEOPLE:
        return "people"
    return "hits" if treated.hits + holdout.hits < LEAST_HITS else ""


def days(more: int | None, per_day: float) -> int | None:
    """How many days `more` people take when `per_day` come a day; None when nobody comes or it is out of sight."""
    return None if more is None or per_day <= 0 else math.ceil(more / per_day)


def _verdict(low: float, high: float, few: TooFew) -> Verdict:
    if few:
        return "too_early"
    if low > 0:
        return "works"
    return "harms" if high < 0 else "not_proven"


def _until_enough(treated: Group, holdout: Group) -> int | None:
    """People until both rules hold, the groups growing as they did."""
    people, hits = treated.n + holdout.n, treated.hits + holdout.hits
    smaller = min(treated.n, holdout.n)
    if not smaller:
        return None
    times = max(LEAST_PEOPLE / smaller, LEAST_HITS / hits if hits else math.inf)
    return None if times > FAR else math.ceil(people * (times - 1))


def _until_clear(treated: Group, holdout: Group) -> int | None:
    """People until the interval leaves 0, were the rates to stay as they are: by halving."""

    def clear(times: int) -> bool:
        low, high = interval(
            Group(treated.n * times // 100, treated.hits * times // 100),
            Group(holdout.n * times // 100, holdout.hits * times // 100),
        )
        return low > 0 or high < 0

    low, high = 100, 100 * FAR  # hundredths of today's people
    if treated.rate == holdout.rate or not clear(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if clear(middle) else (middle, high)
    return math.ceil((treated.n + holdout.n) * (high - 100) / 100)
