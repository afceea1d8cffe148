"""From JSON to a plan: what Ada writes is understood, and every mistake names its place and remedy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from campaigns import journey
from campaigns.reading import Duration
from campaigns.steps import kinds
from campaigns.types import END
from crm.errors import Problem, Problems
from tests.campaigns.cart import abandoned_cart, campaign, email, lane, rule, step, wait


def mistakes(document: Any) -> set[tuple[str, str]]:
    return {(problem.pointer, problem.code) for problem in journey.check(document)[0]}


def test_the_cart_campaign_of_the_article_is_understood() -> None:
    plan = journey.compile(abandoned_cart())
    onward = {name: dict(one.next) for name, one in plan.instructions.items()}
    assert plan.start == "e1"
    assert onward == {
        "e1": {"sent": "w2", "not_sent": "w2"},
        "w2": {"came_back": "s1", "timeout": "s1"},
        "s1": {"sms": "m1", "else": END},
        "m1": {"sent": END, "not_sent": END},
    }
    assert plan.key_path == "cart_id"
    assert plan.entries[0].debounce == Duration(1, "hours")
    assert plan.terms.concurrency == "one_per_key"
    assert plan.terms.priority == 60
    assert [(one.step, one.channel) for one in plan.sendings()] == [("e1", "email"), ("m1", "sms")]


def test_what_ada_leaves_out_has_its_documented_default() -> None:
    terms = journey.compile(campaign(email())).terms
    assert (terms.message_class, terms.holdout_pct, terms.concurrency, terms.priority) == (
        "marketing",
        10,
        "one_per_contact",
        50,
    )
    assert terms.send_expiry == Duration(24, "hours")
    assert terms.entries[0].reentry.kind == "never"
    assert terms.obeys_caps
    assert journey.compile({**campaign(email()), "class": "service"} | {"purpose": "service"}).terms.priority == 70


def test_nobody_is_held_out_only_when_ada_says_so() -> None:
    assert journey.compile(campaign(email(), holdout_pct=0)).terms.holdout_pct == 0
    assert "no_holdout" in {one.code for one in journey.check(campaign(email(), holdout_pct=0))[1]}


def test_a_page_asks_only_what_can_be_reached_before_the_next_rest() -> None:
    plan = journey.compile(abandoned_cart())
    assert plan.page_rules("e1", "") == frozenset()
    assert plan.page_rules("e1", "sent") == {"s1:sms"}, "the wait may have been satisfied already"
    assert plan.page_rules("w2", "timeout") == {"s1:sms"}
    assert plan.page_rules("m1") == frozenset()
    assert plan.page_events("e1", "sent") == {"Product Viewed"}
    assert plan.page_events("w2", "timeout") == frozenset()


def test_rules_after_a_change_belong_to_the_next_page() -> None:
    change = step("contact.update", "u1", set={"fields.vip": True})
    split = step("split.rule", "s1", [lane("vip", when=rule())])
    plan = journey.compile(campaign(change, split))
    assert plan.page_rules("") == frozenset()
    assert plan.page_rules("s1") == {"s1:vip"}


def test_lanes_rejoin_below_their_split_also_from_deep_inside() -> None:
    inner = step("split.random", "r1", [lane("a", email("e1"), weight=1), lane("b", weight=1)])
    outer = step("split.rule", "s1", [lane("vip", inner, when=rule())])
    plan = journey.compile(campaign(outer, wait("w1"), email("e2")))
    assert plan.instructions["e1"].next["sent"] == "w1"
    assert plan.instructions["r1"].next == {"a": "e1", "b": "w1"}
    assert plan.instructions["s1"].next == {"vip": "r1", "else": "w1"}


def test_a_lane_that_was_renamed_keeps_its_id() -> None:
    first = journey.fill(campaign(step("split.random", "r1", [lane("a", weight=1), lane("b", weight=1)]), email()))
    first["steps"][0]["lanes"][0]["label"] = "control"
    again = journey.fill(first)
    assert [one["id"] for one in again["steps"][0]["lanes"]] == ["a", "b"]
    assert set(journey.compile(again).instructions["r1"].next) == {"a", "b"}


def test_a_new_lane_never_takes_the_id_of_a_renamed_one() -> None:
    lanes = [lane("control", weight=1, id="a"), lane("a", weight=1)]
    filled = journey.fill(campaign(step("split.random", "r1", lanes), email()))
    assert [one["id"] for one in filled["steps"][0]["lanes"]] == ["a", "a-2"]


def test_going_round_is_counted_and_a_jump_forward_is_not() -> None:
    plan = journey.compile(campaign(email(), wait("w1"), step("goto", "g1", step="e1"), email("e2")))
    assert {name for name, one in plan.instructions.items() if one.counted} == {"e1", "w1", "g1"}
    assert plan.instructions["g1"].next == {"jump": "e1", "next": "e2"}
    ahead = step("split.rule", "s1", [lane("vip", step("goto", "g1", step="e2"), when=rule())])
    plan = journey.compile(campaign(ahead, email("e1"), email("e2")))
    assert plan.instructions["g1"].next == {"jump": "e2"}
    assert not any(one.counted for one in plan.instructions.values())


def test_leaving_a_wait_by_its_timeout_takes_time_and_by_its_event_does_not() -> None:
    heard = {"branches": [{"label": "came", "event": "Link Clicked"}], "timeout": {"value": 1, "unit": "hours"}}
    back = step("goto", "g1", step="e1")
    late = step("wait.event", "w1", [lane("timeout", back), lane("came", step("exit", "x1"))], **heard)
    assert not mistakes(campaign(email(), late, email("e2")))
    soon = step("wait.event", "w1", [lane("came", back)], **heard)
    assert mistakes(campaign(email(), soon)) == {("/steps/1/lanes/0/steps/0", "endless")}


BROKEN: list[tuple[str, Callable[[dict[str, Any]], Any], str, str]] = [
    ("a marketing campaign without a purpose", lambda d: d.pop("purpose"), "/purpose", "required"),
    ("an unknown purpose", lambda d: d.update(purpose="fun"), "/purpose", "not_a_choice"),
    ("no entry", lambda d: d.update(entry=[]), "/entry", "bad_count"),
    ("no steps", lambda d: d.update(steps=[]), "/steps", "bad_count"),
    ("an unknown setting", lambda d: d.update(holdout=1), "/holdout", "unknown_key"),
    ("an unknown key of a step", lambda d: d["steps"][0].update(x=1), "/steps/0/x", "unknown_key"),
    ("an unknown key of a config", lambda d: d["steps"][0]["config"].update(x=1), "/steps/0/config/x", "unknown_key"),
    ("an unknown key of a lane", lambda d: d["steps"][2]["lanes"][0].update(x=1), "/steps/2/lanes/0/x", "unknown_key"),
    (
        "an unknown key of a branch",
        lambda d: d["steps"][1]["config"]["branches"][0].update(x=1),
        "/steps/1/config/branches/0/x",
        "unknown_key",
    ),
    ("an unknown key of an entry", lambda d: d["entry"][0].update(x=1), "/entry/0/x", "unknown_key"),
    ("an unknown key of a goal", lambda d: d["goal"].update(x=1), "/goal/x", "unknown_key"),
    ("an unknown key of an exit", lambda d: d["exit"][0].update(x=1), "/exit/0/x", "unknown_key"),
    ("a step without id", lambda d: d["steps"][0].pop("id"), "/steps/0/id", "required"),
    ("a step with a strange id", lambda d: d["steps"][0].update(id="a b"), "/steps/0/id", "bad_id"),
    ("the same id twice", lambda d: d["steps"][1].update(id="e1"), "/steps/1/id", "duplicate_id"),
    (
        "the same id in a lane",
        lambda d: d["steps"][2]["lanes"][0]["steps"][0].update(id="e1"),
        "/steps/2/lanes/0/steps/0/id",
        "duplicate_id",
    ),
    ("an unknown step", lambda d: d["steps"][0].update(type="send.pigeon"), "/steps/0/type", "unknown_step"),
    (
        "the same label twice",
        lambda d: d["steps"][1]["lanes"][0].update(label="timeout"),
        "/steps/1/lanes/1/label",
        "duplicate_label",
    ),
    (
        "a lane for no port",
        lambda d: d["steps"][1]["lanes"][0].update(label="bought"),
        "/steps/1/lanes/0/label",
        "unknown_lane",
    ),
    (
        "else with a rule",
        lambda d: d["steps"][2]["lanes"][1].update(when=rule()),
        "/steps/2/lanes/1/when",
        "reserved_label",
    ),
    (
        "timeout as a rule's lane",
        lambda d: d["steps"][2]["lanes"][0].update(label="timeout"),
        "/steps/2/lanes/0/label",
        "reserved_label",
    ),
    (
        "a branch called else",
        lambda d: d["steps"][1]["config"]["branches"][0].update(label="else"),
        "/steps/1/config/branches/0/label",
        "reserved_label",
    ),
    ("a lane without a rule", lambda d: d["steps"][2]["lanes"][0].pop("when"), "/steps/2/lanes/0/when", "required"),
    ("a wait without timeout", lambda d: d["steps"][1]["config"].pop("timeout"), "/steps/1/config/timeout", "required"),
    (
        "fortnights",
        lambda d: d["steps"][1]["config"]["timeout"].update(unit="fortnights"),
        "/steps/1/config/timeout/unit",
        "not_a_choice",
    ),
    (
        "a wait of nothing",
        lambda d: d["steps"][1]["config"]["timeout"].update(value=0),
        "/steps/1/config/timeout/value",
        "not_in_range",
    ),
    (
        "a wait of years",
        lambda d: d["steps"][1]["config"]["timeout"].update(value=731),
        "/steps/1/config/timeout/value",
        "not_in_range",
    ),
    (
        "an e-mail without subject",
        lambda d: d["steps"][0]["config"].pop("subject"),
        "/steps/0/config/subject",
        "required",
    ),
    ("an e-mail without words", lambda d: d["steps"][0]["config"].pop("text"), "/steps/0/config/html", "required"),
    (
        "a header smuggled in",
        lambda d: d["steps"][0]["config"].update(subject="Hi\r\nBcc: x@example.org"),
        "/steps/0/config/subject",
        "bad_text",
    ),
    ("half the people held out and more", lambda d: d.update(holdout_pct=51), "/holdout_pct", "not_in_range"),
    ("caps ignored by marketing", lambda d: d.update(caps={"obey": False}), "/caps/obey", "not_allowed"),
    ("no quiet hours for marketing", lambda d: d.update(quiet="off"), "/quiet", "not_allowed"),
    ("a key path that is none", lambda d: d["entry"][0].update(key="cart_id"), "/entry/0/key", "not_a_path"),
    ("every_key without a key", lambda d: d["entry"][0].pop("key"), "/entry/0/reentry", "no_key"),
    (
        "an exit's key in a campaign without",
        lambda d: (d["entry"][0].pop("key"), d["exit"][0].update(key="properties.k")),
        "/exit/0/key",
        "no_key",
    ),
    ("an unknown way to match", lambda d: d["exit"][0].update(match=["name"]), "/exit/0/match", "not_a_match"),
    ("a cart campaign that writes to buyers", lambda d: d.update(exit=[]), "/exit", "no_exit_on_goal"),
    ("an eligibility that is no rule", lambda d: d.update(eligibility=[]), "/eligibility", "bad_rule"),
    (
        "birthdays, which are not there yet",
        lambda d: d["entry"][0].update(type="date"),
        "/entry/0/type",
        "not_a_choice",
    ),
    ("a NUL in a text", lambda d: d.update(name="a\x00b"), "/name", "bad_value"),
    ("a number that is none", lambda d: d.update(priority=float("nan")), "/priority", "bad_value"),
]


@pytest.mark.parametrize(("what", "spoil", "pointer", "code"), BROKEN, ids=[one[0] for one in BROKEN])
def test_a_mistake_is_named_with_its_place(what: str, spoil: Callable[[Any], Any], pointer: str, code: str) -> None:
    document = abandoned_cart()
    spoil(document)
    assert (pointer, code) in mistakes(document), what


def test_all_mistakes_come_at_once_and_each_names_its_step() -> None:
    document = abandoned_cart()
    for _, spoil, _, _ in BROKEN[4:9]:
        spoil(document)
    document["steps"][0]["config"].pop("subject")
    with pytest.raises(Problems) as caught:
        journey.compile(document)
    found = {problem.pointer: problem.detail for problem in caught.value.problems}
    assert len(found) == 6
    assert found["/steps/0/config/subject"].startswith("Step e1: ")
    assert found["/steps/1/config/branches/0/x"].startswith("Step w2: ")


def test_steps_that_nobody_reaches_are_refused() -> None:
    assert mistakes(campaign(step("exit", "x1"), email("e1"))) == {("/steps/1", "unreachable_step")}
    both = [lane("vip", step("exit", "x1"), when=rule()), lane("else", step("exit", "x2"))]
    assert mistakes(campaign(step("split.rule", "s1", both), email("e1"))) == {("/steps/1", "unreachable_step")}
    assert mistakes(campaign(step("goal", "g1", exit=True), email("e1"))) == {("/steps/1", "unreachable_step")}


def test_a_journey_that_goes_round_without_a_wait_is_refused() -> None:
    assert mistakes(campaign(email(), step("goto", "g1", step="e1"))) == {("/steps/1", "endless")}
    assert mistakes(campaign(step("goto", "g1", step="g1"))) == {("/steps/0", "endless")}
    until = step("wait.until_time", "w1", at="10:00")
    assert mistakes(campaign(email(), until, step("goto", "g1", step="e1"))) == {("/steps/2", "endless")}
    assert mistakes(campaign(step("goto", "g1", step="nowhere"))) == {("/steps/0/config/step", "unknown_step")}


def test_a_wait_in_only_one_of_two_ways_round_is_not_enough() -> None:
    split = step("split.rule", "s1", [lane("vip", wait("w1"), when=rule())])
    assert ("/steps/2", "endless") in mistakes(campaign(email(), split, step("goto", "g1", step="e1")))


def test_lanes_may_be_ten_deep_and_no_deeper() -> None:
    def nested(depth: int) -> dict[str, Any]:
        inner = email(f"e{depth}") if depth == 0 else nested(depth - 1)
        return step("split.rule", f"s{depth}", [lane("vip", inner, when=rule())])

    assert not mistakes(campaign(nested(8)))
    assert {code for _, code in mistakes(campaign(nested(9)))} == {"too_deep"}


def test_a_journey_has_at_most_five_hundred_steps() -> None:
    assert not mistakes(campaign(*(email(f"e{number}") for number in range(500))))
    assert {code for _, code in mistakes(campaign(*(email(f"e{number}") for number in range(501))))} == {"bad_count"}
    lanes = [lane("vip", *(email(f"v{number}") for number in range(400)), when=rule())]
    many = campaign(step("split.rule", "s", lanes), *(email(f"e{number}") for number in range(400)))
    assert "too_many_steps" in {code for _, code in mistakes(many)}


def test_a_document_larger_than_a_megabyte_is_not_even_read() -> None:
    assert mistakes(campaign(email(text="x" * 1_000_001))) == {("", "too_large")}
    deep: Any = "x"
    for _ in range(10_000):
        deep = [deep]
    assert {code for _, code in mistakes(campaign(email(), goal=deep))} == {"too_deep"}


def test_a_cart_campaign_that_waits_for_what_has_no_cart_is_warned() -> None:
    warnings = journey.check(abandoned_cart())[1]
    assert [(one.pointer, one.code) for one in warnings] == [("/steps/1/config/branches/0", "key_never_carried")]
    document = abandoned_cart()
    document["exit"].append({"event": "Message Clicked", "match": ["key"]})
    found = {one.pointer: one.detail for one in journey.check(document)[1]}
    assert "find no run" in found["/exit/2"]


def test_rules_and_words_are_checked_by_those_who_know_them() -> None:
    document = abandoned_cart()
    problems, _ = journey.check(
        document,
        rules=lambda data, pointer: [Problem(pointer + "/all/0/f", "unknown_field", "no such field")],
        contents=lambda channel, body, at: [Problem(f"{at}/{next(iter(body))}", "bad", f"unclosed {channel}")],
    )
    assert {(one.pointer, one.detail) for one in problems} == {
        ("/steps/0/config/subject", "Step e1: unclosed email"),
        ("/steps/2/lanes/0/when/all/0/f", "Step s1: no such field"),
        ("/steps/2/lanes/0/steps/0/config/text", "Step m1: unclosed sms"),
    }


def test_the_page_about_journeys_speaks_of_every_step() -> None:
    text = (Path(__file__).parents[2] / "docs" / "journey.md").read_text()
    for kind in kinds:
        assert f"### {kind}" in text or f"`{kind}`" in text, kind


def test_the_engine_needs_no_django() -> None:
    asked = (
        "import sys; from campaigns import engine, journey, matching, simulate; "
        "sys.exit(any(name.split('.')[0] in ('django', 'rest_framework', 'celery') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
