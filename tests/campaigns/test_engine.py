"""One page at a time: whatever the journey and whatever is known, a run comes to its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import engine, journey
from campaigns.paper import specimens
from campaigns.paper.promises import Atlas
from campaigns.plan import Plan
from campaigns.types import (
    Advance,
    Again,
    AskStage,
    Change,
    Done,
    Facts,
    InEffect,
    Listen,
    ReachGoal,
    Send,
    Traveller,
    Wait,
)
from tests.campaigns.cart import NOW, abandoned_cart, campaign, chiara, email, lane, rule, step, wait

MOST_PAGES = 2_000


def rest_of(result: Advance, person: Traveller, port: str, **changes: Any) -> Traveller:
    """The person after a page, about to leave where they rest by `port`."""
    return replace(
        person, step=getattr(result.rest, "step", ""), port=port, loops=result.loops, rested_at=result.since, **changes
    )


def test_chiara_rests_in_her_first_email_and_nothing_more_happens() -> None:
    result = engine.advance(journey.compile(campaign(email(), wait(), email("e2"))), chiara(), Facts(), NOW)
    assert result.rest == InEffect("e1")
    assert result.effects == (Send("e1", 1, "email", 86_400),)


def test_the_two_days_begin_when_the_email_is_settled() -> None:
    plan = journey.compile(campaign(email(), wait()))
    first = engine.advance(plan, chiara(), Facts(), NOW)
    late = NOW + timedelta(hours=10)
    second = engine.advance(plan, rest_of(first, chiara(), "sent"), Facts(), late)
    assert second.rest == Wait("w1", late + timedelta(days=2), "next")


def test_a_rule_nobody_answered_is_an_error_and_never_a_no() -> None:
    plan = journey.compile(campaign(step("split.rule", "s1", [lane("vip", when=rule())])))
    with pytest.raises(KeyError):
        engine.advance(plan, chiara(), Facts(), NOW)


def test_a_run_whose_step_is_not_in_the_plan_is_an_error() -> None:
    with pytest.raises(KeyError):
        engine.advance(journey.compile(campaign(email())), chiara(step="gone"), Facts(), NOW)


def test_a_keyed_wait_listens_for_its_cart_since_the_mail_was_planned() -> None:
    plan = journey.compile(abandoned_cart())
    bruno = chiara(key="A")
    first = engine.advance(plan, bruno, Facts(), NOW)
    second = engine.advance(plan, rest_of(first, bruno, "sent"), Facts(), NOW + timedelta(hours=1))
    assert isinstance(second.rest, Wait)
    assert second.rest.listens == (Listen(0, "Product Viewed", "came_back", "cart_id", "A", NOW),)


def test_a_run_without_a_key_listens_to_every_cart() -> None:
    plan = journey.compile(abandoned_cart())
    result = engine.advance(plan, chiara(step="e1", port="sent", rested_at=NOW), Facts(), NOW)
    assert isinstance(result.rest, Wait)
    assert (result.rest.listens[0].match_path, result.rest.listens[0].match_value) == (None, None)


def test_what_ended_one_wait_does_not_end_the_next() -> None:
    heard = {"branches": [{"label": "came", "event": "Product Viewed"}], "timeout": {"value": 1, "unit": "days"}}
    plan = journey.compile(campaign(step("wait.event", "w1", **heard), step("wait.event", "w2", **heard)))
    viewed = NOW + timedelta(hours=1)
    facts = Facts(events=((viewed, "Product Viewed", {}, 5),))
    woken = chiara(step="w1", port="came", rested_at=NOW, left_at=viewed)
    assert isinstance(engine.advance(plan, woken, facts, viewed + timedelta(seconds=2)).rest, Wait)
    again = Facts(events=(*facts.events, (viewed + timedelta(seconds=1), "Product Viewed", {}, 6)))
    assert engine.advance(plan, woken, again, viewed + timedelta(seconds=2)).rest == Done("completed")


def test_what_happened_while_a_late_worker_slept_past_the_deadline_counts_for_the_next_wait() -> None:
    heard = {"branches": [{"label": "came", "event": "Product Viewed"}], "timeout": {"value": 1, "unit": "days"}}
    plan = journey.compile(campaign(wait("w0"), step("wait.event", "w1", **heard)))
    deadline = NOW + timedelta(days=2)
    facts = Facts(events=((deadline + timedelta(minutes=1), "Product Viewed", {}, 5),))
    late = chiara(step="w0", port="next", rested_at=NOW, left_at=deadline)
    assert engine.advance(plan, late, facts, deadline + timedelta(minutes=5)).rest == Done("completed")


def test_after_a_change_the_rest_of_the_way_is_read_anew() -> None:
    change = step("contact.update", "u1", set={"fields.vip": True})
    plan = journey.compile(campaign(change, step("split.rule", "s1", [lane("vip", email(), when=rule())])))
    result = engine.advance(plan, chiara(), Facts(), NOW)
    assert result.rest == Again("s1")
    assert result.effects == (Change("u1", 1, {"set": {"fields.vip": True}}),)


def test_dario_is_held_out_and_travels_the_same_way_without_anything_reaching_him() -> None:
    plan = journey.compile(campaign(email(), step("contact.stage", "t1", stage="loyal"), step("goal", "g1"), wait()))
    dario, effects, way = chiara(held_out=True), [], []
    for _ in range(3):
        result = engine.advance(plan, dario, Facts(), NOW)
        effects += result.effects
        way += [(line.step, line.reason) for line in result.trace]
        dario = rest_of(result, dario, "")
    assert [type(effect) for effect in effects] == [Send, ReachGoal]
    assert way == [("e1", "holdout_campaign"), ("t1", "holdout_campaign"), ("g1", "goal"), ("w1", "until")]


def test_each_time_round_is_another_visit() -> None:
    plan = journey.compile(campaign(email(), wait("w1", 1), step("goto", "g1", step="e1", max_visits=3)))
    person, visits = chiara(), []
    for _ in range(20):
        result = engine.advance(plan, person, Facts(), NOW)
        visits += [effect.visit for effect in result.effects if isinstance(effect, Send)]
        if isinstance(result.rest, Done):
            break
        person = rest_of(result, person, "sent" if isinstance(result.rest, InEffect) else "next")
    assert visits == [1, 2, 3]
    assert result.rest == Done("completed")


# --- any journey, any facts ------------------------------------------------------------------


def port_of(result: Advance, rng: Random) -> str:
    rest = result.rest
    if isinstance(rest, InEffect):
        return rng.choice(["sent", "not_sent"])
    if isinstance(rest, Wait):
        return rng.choice([rest.port, *(listen.port for listen in rest.listens)])
    return rest.port if isinstance(rest, Again) else ""


def facts_for(plan: Plan, person: Traveller, arms: dict[str, str], rng: Random) -> Facts:
    """Anything may be true, but only what the plan says this page asks for is known."""
    since = person.rested_at or NOW
    names = sorted(plan.page_events(person.step, person.port))
    return Facts(
        rules={one: rng.random() < 0.5 for one in sorted(plan.page_rules(person.step, person.port))},
        arms={one: arms[one] for one in plan.page_arms(person.step, person.port) if one in arms},
        events=tuple((since + timedelta(minutes=number), name, {}, number) for number, name in enumerate(names, 1)),
        workspace_zone="Europe/Madrid",
    )


def travel(seed: int, held_out: bool) -> tuple[Plan, list[Advance]]:
    """A whole run of a random journey."""
    rng = Random(seed)
    document = specimens.journey(rng)
    plan = journey.compile(document, salt="x")
    person, now, pages, arms = chiara(held_out=held_out, draw=str(seed)), NOW, [], {}  # type: ignore[var-annotated]
    while len(pages) < MOST_PAGES:
        result = engine.advance(plan, person, facts_for(plan, person, arms, rng), now)
        pages.append(result)
        arms.update({one.step: one.lane for one in result.effects if hasattr(one, "lane")})
        if isinstance(result.rest, Done):
            return plan, pages
        if isinstance(result.rest, Wait):
            assert result.rest.until > now, "a wait ends later"
            now = result.rest.until
        person = rest_of(result, person, port_of(result, rng))
    raise AssertionError("the run never ends")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_any_run_ends_and_its_trace_is_a_way_through_the_document(seed: int, held_out: bool) -> None:
    plan, pages = travel(seed, held_out)
    atlas = Atlas(specimens.journey(Random(seed)))
    at = atlas.first
    for page in pages:
        assert len(page.trace) <= len(plan.instructions) + 1
        for line in page.trace:
            assert line.step == at
            at = atlas.onward(at, line.port) if line.port else at
    ended = pages[-1].trace[-1].reason in ("exit", "held_out") and not pages[-1].trace[-1].port
    assert at == "" or ended


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_no_effect_of_any_run_is_asked_for_twice(seed: int, held_out: bool) -> None:
    _, pages = travel(seed, held_out)
    keys = Counter(
        (type(one), one.step, one.visit, getattr(one, "slot", ""))
        for page in pages
        for one in page.effects
        if isinstance(one, (Send, Change, AskStage, ReachGoal))
    )
    assert not keys or max(keys.values()) == 1
    if held_out:
        assert not any(kind in (Change, AskStage) for kind, *_ in keys)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_the_same_page_read_twice_says_the_same(seed: int) -> None:
    assert travel(seed, held_out=False)[1] == travel(seed, held_out=False)[1]
