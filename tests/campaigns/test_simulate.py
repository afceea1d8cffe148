"""The simulator keeps every promise, and would notice if the engine broke one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from campaigns import engine, journey, matching, simulate
from campaigns.paper import ledger
from campaigns.paper.rows import Broken
from campaigns.steps.base import Go, Stay
from campaigns.steps.contact_update import ContactUpdate
from campaigns.steps.goto import Goto
from campaigns.steps.send import SendStep
from campaigns.steps.split_random import SplitRandom
from campaigns.steps.wait_duration import WaitDuration
from campaigns.steps.wait_event import WaitEvent
from campaigns.types import END, InEffect, Send
from crm.errors import Problems

SMALL = range(300)


def test_three_hundred_seeds_keep_every_promise() -> None:
    report = simulate.run(SMALL)
    assert report.broken == ()
    assert report.crashes > 1_000
    assert report.handed_over > 300


@pytest.mark.slow
def test_two_thousand_seeds_keep_every_promise() -> None:
    assert simulate.run(range(2_000)).broken == ()


def test_the_seeds_visit_every_reason_and_every_outcome() -> None:
    report = simulate.run(SMALL)
    assert set(report.reasons) >= {
        "planned",
        "settled",
        "until",
        "elapsed",
        "event",
        "branch",
        "timeout",
        "else",
        "random",
        "treated",
        "held_out",
        "changed",
        "stage",
        "goal",
        "exit",
        "jump",
        "max_visits",
        "holdout_campaign",
    }
    assert set(report.outcomes) >= {"completed", "converted", "dropped", "held_out"}


def test_the_same_seed_has_the_same_history() -> None:
    one, other = simulate.simulate(7), simulate.simulate(7)
    assert one.ledger.runs == other.ledger.runs
    assert one.ledger.letters == other.ledger.letters
    assert one.ledger.runs != simulate.simulate(8).ledger.runs


# --- mistakes planted on purpose: each is noticed -------------------------------------------


def timeout_fires_before_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = WaitDuration.decide

    def hasty(self: WaitDuration, look: Any) -> Any:
        stay = honest(self, look)
        assert isinstance(stay, Stay)
        early = look.now + (stay.rest.until - look.now) / 2  # type: ignore[union-attr]
        return replace(stay, rest=replace(stay.rest, until=early))  # type: ignore[arg-type]

    monkeypatch.setattr(WaitDuration, "decide", hasty)


def lanes_do_not_rejoin(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = journey._link_list

    def forgetful(nodes: Any, after: str, table: Any) -> None:
        honest(nodes, END, table)

    monkeypatch.setattr(journey, "_link_list", forgetful)


def the_arm_dealt_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = SplitRandom.decide

    def forgetful(self: SplitRandom, look: Any) -> Any:
        return replace(honest(self, replace(look, facts=replace(look.facts, arms={}))), effects=())

    monkeypatch.setattr(SplitRandom, "decide", forgetful)


def exits_spare_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ledger.exits_of
    monkeypatch.setattr(ledger, "exits_of", lambda tables, run: [] if run.state == "waiting" else honest(tables, run))


def visits_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "count_visit", lambda loops, instruction: loops.get(instruction.id, 0) + 1)


def the_held_out_travel_like_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: SendStep, look: Any) -> Stay:
        return Stay(InEffect(look.step), "planned", effects=(Send(look.step, look.visit, self.channel, 86_400),))

    monkeypatch.setattr(SendStep, "decide", careless)


def what_happened_before_the_wait_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaitEvent, "_already", lambda self, look: None)
    honest = WaitEvent.decide

    def deaf(self: WaitEvent, look: Any) -> Any:
        stay = honest(self, look)
        if not isinstance(stay, Stay):
            return stay
        listens = tuple(replace(one, since=look.now + timedelta(seconds=1)) for one in stay.rest.listens)  # type: ignore[union-attr]
        return replace(stay, rest=replace(stay.rest, listens=listens))  # type: ignore[arg-type]

    monkeypatch.setattr(WaitEvent, "decide", deaf)


def a_change_is_not_seen_by_the_rules_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ContactUpdate.decide
    monkeypatch.setattr(ContactUpdate, "decide", lambda self, look: replace(honest(self, look), again=False))
    monkeypatch.setattr(ContactUpdate, "onward", lambda self: frozenset(self.ports()))


def a_goto_jumps_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Goto, "decide", lambda self, look: Go("jump", "jump"))


def an_event_of_one_cart_touches_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "find", lambda watch, properties, runs: frozenset(run.run_id for run in runs))


MUTATIONS = [
    timeout_fires_before_it_is_due,
    lanes_do_not_rejoin,
    the_arm_dealt_is_forgotten,
    exits_spare_those_who_wait,
    visits_are_not_counted,
    the_held_out_travel_like_the_others,
    what_happened_before_the_wait_is_missed,
    a_change_is_not_seen_by_the_rules_after_it,
    a_goto_jumps_for_ever,
    an_event_of_one_cart_touches_the_other,
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_planted_mistake_is_caught(mutation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    for seed in SMALL:
        try:
            simulate.simulate(seed)
        except Broken:
            return
        except Problems:
            continue  # the checks of the plan noticed it already; the simulator shall notice it too
    pytest.fail(f"{len(SMALL)} seeds did not notice that {mutation.__name__.replace('_', ' ')}")


def test_the_command_prints_what_it_came_to() -> None:
    out = StringIO()
    call_command("simulate", "--seeds", "0..9", stdout=out)
    told = json.loads(out.getvalue())
    assert told["seeds"] == 10
    assert told["broken"] == 0


def test_the_command_names_the_seed_that_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    timeout_fires_before_it_is_due(monkeypatch)
    with pytest.raises(CommandError, match=r"try --seeds \d+\.\.\d+"):
        call_command("simulate", "--seeds", "0..40", stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize("text", ["", "x", "5..3", "-1..2", "1..y"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match=r"seeds"):
        call_command("simulate", f"--seeds={text}")
