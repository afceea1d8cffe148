"""The kinds of step, where a page of history does not say it all: odds, limits, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from campaigns import chance, journey, palette
from campaigns.steps import kinds
from campaigns.steps.base import Step
from campaigns.steps.base import step as register
from tests.campaigns.cart import campaign, email, lane, rule, step, wait


def mistakes(*steps: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one.pointer.removeprefix("/steps/0"), one.code) for one in journey.check(campaign(*steps, email("e9")))[0]}


def test_there_is_one_step_per_name() -> None:
    assert set(kinds) == {
        "send.email",
        "send.sms",
        "wait.duration",
        "wait.until_time",
        "wait.event",
        "split.rule",
        "split.random",
        "holdout",
        "contact.update",
        "contact.stage",
        "goal",
        "exit",
        "goto",
    }

    class Impostor(Step):
        kind = "exit"

    with pytest.raises(ValueError, match="two steps are called 'exit'"):
        register(Impostor)


def test_every_step_has_its_words_and_an_icon_that_exists() -> None:
    assert set(palette.tiles) == set(kinds)
    icons = Path(__file__).parents[2] / "node_modules" / "@tabler" / "icons" / "icons" / "outline"
    for tile in palette.tiles.values():
        assert str(tile.label)
        assert str(tile.help).endswith(".")
        assert not icons.exists() or (icons / f"{tile.icon}.svg").exists(), tile.icon


def test_the_weights_are_the_odds() -> None:
    dealt = [chance.pick("spring/r1", f"draw-{number}", [70, 0, 30]) for number in range(4_000)]
    assert dealt.count(1) == 0
    assert 0.67 < dealt.count(0) / 4_000 < 0.73


def test_ten_per_cent_are_held_out_and_a_second_campaign_draws_anew() -> None:
    draws = [f"draw-{number}" for number in range(10_000)]
    one = {draw for draw in draws if chance.held_out("one", draw, 10)}
    other = {draw for draw in draws if chance.held_out("other", draw, 10)}
    assert 900 < len(one) < 1_100
    assert 60 < len(one & other) < 140, "two salts share only what chance gives them"
    assert one < {draw for draw in draws if chance.held_out("one", draw, 10.5)}
    assert not any(chance.held_out("one", draw, 0) for draw in draws)


@pytest.mark.django_db
def test_a_draw_is_the_same_number_in_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ('x' || substr(md5(%s || ':' || %s), 1, 8))::bit(32)::bigint", ["salt", "draw"])
        assert cursor.fetchone() == (chance.bucket("salt", "draw"),)


@pytest.mark.parametrize(
    ("what", "pointer", "code"),
    [
        (step("wait.until_time", "w1"), "/config", "required"),
        (step("wait.until_time", "w1", at="25:00"), "/config/at", "not_a_time"),
        (
            step("wait.until_time", "w1", at="10:00", window={"from": "09:00", "to": "10:00"}),
            "/config/window",
            "two_times",
        ),
        (step("wait.until_time", "w1", window={"from": "09:00", "to": "09:00"}), "/config/window/to", "empty_window"),
        (step("wait.until_time", "w1", at="10:00", weekdays=["monday"]), "/config/weekdays", "not_weekdays"),
        (step("wait.until_time", "w1", at="10:00", weekdays=[]), "/config/weekdays", "not_weekdays"),
        (step("wait.until_time", "w1", at="10:00", zone="moon"), "/config/zone", "not_a_choice"),
        (wait("w1", 1.5, "days"), "/config/value", "not_in_range"),  # type: ignore[arg-type]
        (wait("w1", True, "days"), "/config/value", "not_in_range"),
        (step("wait.event", "w1", branches=[], timeout={"value": 1, "unit": "days"}), "/config/branches", "bad_count"),
        (
            step(
                "wait.event", "w1", branches=[{"label": "a", "event": "X"}] * 10, timeout={"value": 1, "unit": "days"}
            ),
            "/config/branches",
            "bad_count",
        ),
        (
            step("wait.event", "w1", branches=[{"label": "a", "event": "X"}] * 2, timeout={"value": 1, "unit": "days"}),
            "/config/branches/1/label",
            "duplicate_label",
        ),
        (step("split.rule", "s1"), "/config", "bad_count"),
        (step("split.rule", "s1", [lane("a", when={"all": "x"})]), "/lanes/0/when", "bad_rule"),
        (step("split.random", "r1", [lane("a", weight=1)]), "/config", "bad_count"),
        (step("split.random", "r1", [lane("a", weight=0), lane("b", weight=0)]), "/config", "no_weight"),
        (step("split.random", "r1", [lane("a", weight=1), lane("b")]), "/lanes/1/weight", "not_in_range"),
        (step("split.random", "r1", [lane("else", weight=1), lane("b", weight=1)]), "/lanes/0/label", "reserved_label"),
        (step("holdout", "h1"), "/config/pct", "not_in_range"),
        (step("holdout", "h1", pct=12.345), "/config/pct", "too_fine"),
        (step("holdout", "h1", [lane("everyone")], pct=10), "/lanes/0/label", "unknown_lane"),
        (step("contact.update", "u1"), "/config", "bad_count"),
        (step("contact.update", "u1", set={"consent.offers": True}), "/config/set/consent.offers", "not_a_field"),
        (step("contact.update", "u1", increment={"contact.city": 1}), "/config/increment/contact.city", "not_a_field"),
        (step("contact.update", "u1", increment={"fields.n": "x"}), "/config/increment/fields.n", "bad_value"),
        (step("contact.update", "u1", set={"fields.n": "{{ contact.city }}"}), "/config/set/fields.n", "bad_value"),
        (step("contact.update", "u1", set={"fields.n": 1}, unset=["fields.n"]), "/config/fields.n", "changed_twice"),
        (step("contact.stage", "t1"), "/config/stage", "required"),
        (step("goal", "g1", exit="yes"), "/config/exit", "not_a_flag"),
        (step("goto", "g1"), "/config/step", "required"),
        (step("goto", "g1", step="e9", max_visits=0), "/config/max_visits", "not_in_range"),
        (step("exit", "x1", outcome="happy"), "/config/outcome", "not_a_choice"),
        (step("send.sms", "m1", text=" "), "/config/text", "required"),
        (step("send.sms", "m1", [lane("opened")], text="Hi"), "/lanes/0/label", "unknown_lane"),
        (step("wait.duration", "w1", [lane("next")], value=1, unit="days", jitter=1), "/config/jitter", "unknown_key"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_where_it_stands(what: dict[str, Any], pointer: str, code: str) -> None:
    assert (pointer, code) in mistakes(what)


def test_rules_may_be_eight_deep_and_hold_a_hundred_clauses() -> None:
    deep: dict[str, Any] = {"f": "fields.x", "op": "is", "v": 1}
    for _ in range(7):
        deep = {"all": [deep]}
    assert not mistakes(step("split.rule", "s1", [lane("a", when=deep)]))
    assert mistakes(step("split.rule", "s1", [lane("a", when={"all": [deep]})])) == {("/lanes/0/when", "bad_rule")}
    wide = {"any": [{"f": "fields.x", "op": "is", "v": 1}] * 100}
    assert mistakes(step("split.rule", "s1", [lane("a", when=wide)])) == {("/lanes/0/when", "bad_rule")}


def test_a_step_without_a_rule_is_told_which_lane_lacks_it() -> None:
    problems, _ = journey.check(campaign(step("split.rule", "s1", [lane("vip", when=rule()), lane("far")])))
    assert [one.detail for one in problems] == ["Step s1: lane far has no rule; give when, or label it else."]
