"""Where a history leads: visitor, lead, … loyal, lapsed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import funnel
from analytics.funnel import Change, Happened, Standing
from crm.errors import Problems

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LADDER = funnel.ladder()


def happened(*names: str, start: datetime = NOON, **properties: Any) -> list[Happened]:
    return [Happened(place, name, properties, start + place * DAY) for place, name in enumerate(names)]


def come(*names: str, identified: bool = True, standing: Standing | None = None) -> Standing:
    return funnel.fold(LADDER, standing or Standing(), happened(*names), identified=identified)[0]


@pytest.mark.parametrize(
    ("names", "stage"),
    [
        (["Page Viewed"], "lead"),
        (["Message Opened"], "lead"),
        (["Form Submitted"], "lead"),
        (["Message Clicked"], "engaged"),
        (["Product Viewed"] * 2, "lead"),
        (["Product Viewed"] * 3, "engaged"),
        (["Product Added", "Message Clicked"], "considering"),
        (["Order Completed"], "first_purchase"),
        (["Order Completed", "Product Added", "Order Completed"], "repeat"),
        (["Order Completed"] * 3, "repeat"),
        (["Order Completed"] * 4, "loyal"),
    ],
)
def test_chiara_comes_as_far_as_her_facts_lead(names: list[str], stage: str) -> None:
    assert come(*names).stage == stage


def test_somebody_known_by_a_browser_only_is_a_visitor() -> None:
    assert come("Page Viewed", identified=False).stage == "visitor"
    assert come("Product Added", identified=False).stage == "considering"


def test_each_move_is_kept_with_its_cause() -> None:
    _, changes = funnel.fold(
        LADDER, Standing(), happened("Card Linked", "Order Completed", "Order Completed"), identified=True
    )
    assert changes == [
        Change("", "lead", NOON, "Card Linked", 0),
        Change("lead", "first_purchase", NOON + DAY, "Order Completed", 1),
        Change("first_purchase", "repeat", NOON + 2 * DAY, "Order Completed", 2),
    ]


def test_a_late_purchase_counts_but_does_not_rewrite_history() -> None:
    standing = Standing("considering", NOON)
    after, changes = funnel.fold(LADDER, standing, happened("Order Completed", start=NOON - 9 * DAY), identified=True)
    assert (after.stage, after.since, after.quiet_at) == ("first_purchase", NOON, NOON - 9 * DAY)
    assert changes[0].at == NOON


def test_silence_begins_to_count_at_the_last_purchase_to_the_microsecond() -> None:
    standing = come("Order Completed")
    over = NOON + 180 * DAY
    assert funnel.silent(LADDER, standing, over - timedelta(microseconds=1)) is None
    assert funnel.silent(LADDER, standing, over) == Change("first_purchase", "lapsed", over, "time", None)


def test_somebody_lapsed_comes_back_with_a_purchase_and_by_nothing_else() -> None:
    lapsed = Standing("lapsed", NOON, {"Order Completed": 3}, NOON - 200 * DAY)
    assert come("Message Clicked", "Product Added", standing=lapsed).stage == "lapsed"
    assert come("Order Completed", standing=lapsed).stage == "loyal"


def ask(here: str, wanted: Any, **more: Any) -> str:
    return funnel.fold(
        LADDER, Standing(here, NOON), happened("Stage Requested", stage=wanted, **more), identified=True
    )[0].stage


def test_a_requested_stage_is_come_to_forward_only_unless_said_otherwise() -> None:
    assert ask("lead", "considering") == "considering"
    assert ask("repeat", "considering") == "repeat"
    assert ask("repeat", "considering", forward_only=False) == "considering"
    assert ask("repeat", "nowhere", forward_only=False) == "repeat"
    assert ask("repeat", ["loyal"]) == "repeat"


def test_after_a_step_back_only_new_facts_lead_on() -> None:
    back = Standing("lead", NOON, {"Order Completed": 2, "Product Added": 4})
    assert come("Message Clicked", standing=back).stage == "engaged"
    assert come("Order Completed", standing=back).stage == "repeat"


def test_two_histories_of_one_person_add_up() -> None:
    one, other = come("Order Completed"), come("Product Viewed", "Order Completed", identified=False)
    both = funnel.join(LADDER, one, other)
    assert both.tally == {"Order Completed": 2, "Product Viewed": 1}
    assert (both.stage, both.quiet_at) == ("first_purchase", NOON + DAY)


def test_a_silence_that_was_only_the_other_profiles_is_none() -> None:
    lapsed = Standing("lapsed", NOON, {"Order Completed": 1}, NOON - 200 * DAY)
    assert funnel.join(LADDER, lapsed, come("Order Completed")).stage == "first_purchase"


NAMES = st.sampled_from(["Product Viewed", "Product Added", "Order Completed", "Form Submitted", "Page Viewed"])


@given(st.lists(NAMES, max_size=12), st.integers(0, 12), st.booleans())
def test_folding_in_two_parts_is_folding_at_once(names: list[str], cut: int, identified: bool) -> None:
    facts = happened(*names)
    whole, all_changes = funnel.fold(LADDER, Standing(), facts, identified=identified)
    first, some = funnel.fold(LADDER, Standing(), facts[:cut], identified=identified)
    second, more = funnel.fold(LADDER, first, facts[cut:], identified=identified)
    assert (second, some + more) == (whole, all_changes)


@given(st.lists(NAMES, max_size=12))
def test_facts_never_lead_down(names: list[str]) -> None:
    _, changes = funnel.fold(LADDER, Standing(), happened(*names), identified=False)
    ranks = [LADDER.rank(change.after) for change in changes]
    assert ranks == sorted(set(ranks))


@pytest.mark.parametrize(
    ("stages", "pointer", "words"),
    [
        ({"stage": "x"}, "/stages", "a list"),
        ([3], "/stages/0", "reads"),
        ([{"stage": ""}], "/stages/0/stage", "24"),
        ([{"stage": "a", "colour": 1}], "/stages/0/colour", "keys"),
        ([{"stage": "a"}, {"stage": "a"}], "/stages/1/stage", "rename"),
        ([{"stage": "a", "on": [{"event": "x"}]}], "/stages/0", "first stage"),
        ([{"stage": "a"}, {"stage": "b", "on": {"event": "x"}}], "/stages/1/on", "list"),
        ([{"stage": "a"}, {"stage": "b", "on": [{"event": "x", "count": 0}]}], "/stages/1/on/0", "count"),
        ([{"stage": "a"}, {"stage": "b", "quiet": {"event": "x"}}], "/stages/1/quiet", "days"),
        (
            [{"stage": "a"}, {"stage": "b", "quiet": {"event": "x", "days": 3, "from": ["c"]}}],
            "/stages/1/quiet/from",
            "no stage 'c'",
        ),
        ([{"stage": str(n)} for n in range(21)], "/stages", "20"),
    ],
)
def test_a_mistake_in_a_ladder_is_named_with_its_place_and_its_remedy(stages: Any, pointer: str, words: str) -> None:
    with pytest.raises(Problems) as caught:
        funnel.ladder(stages)
    assert [problem.pointer for problem in caught.value.problems] == [pointer]
    assert words in caught.value.problems[0].detail


def test_the_page_shows_the_default_ladder() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "stages.md").read_text()
    for stage in LADDER.stages:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{stage.name}` |"))
        assert all(f"`{event}`" in row for event in stage.on if stage.name not in ("repeat", "loyal"))
