"""The gate as a table: who gets what, when, and the reason why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from channels import gate
from channels.gate import Cap, Counted, Facts, House
from channels.types import Defer, Go, Refuse
from crm.permission import Standing

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUSE = House(quiet_from=time(21), quiet_until=time(9), cap=3, cap_days=7)
GRANTED = Standing(state="granted", basis="consent", receipt_id=7)
OFFER = Facts(channel="email", message_class="marketing", standing=GRANTED, zone="Europe/Madrid")


def test_an_offer_to_ada_who_allows_it_goes_at_noon() -> None:
    assert gate.judge(OFFER, HOUSE, NOON) == Go()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"veto": "recalled", "held_out": True}, "recalled"),
        ({"held_out": True, "standing": Standing()}, "holdout_campaign"),
        ({"expires_at": NOON, "standing": Standing()}, "expired"),
        ({"standing": Standing()}, "consent_missing"),
        ({"standing": Standing(state="requested")}, "consent_unconfirmed"),
        ({"standing": Standing(state="granted_unconfirmed")}, "consent_unconfirmed"),
        ({"standing": Standing(state="withdrawn", since=NOON)}, "consent_withdrawn"),
        ({"standing": Standing(state="refused")}, "consent_withdrawn"),
        ({"standing": replace(GRANTED, stopped_since=NOON)}, "consent_withdrawn"),
        ({"standing": replace(GRANTED, expires_at=NOON)}, "consent_expired"),
        ({"standing": replace(GRANTED, health="hard_bounce")}, "channel_suppressed_bounce"),
        ({"standing": replace(GRANTED, health="complaint")}, "channel_suppressed_complaint"),
        ({"standing": replace(GRANTED, health="invalid")}, "channel_suppressed_invalid"),
        ({"standing": replace(GRANTED, suppressions=(("robinson", NOON, None),))}, "channel_suppressed_robinson"),
        ({"standing": replace(GRANTED, reachable=False)}, "no_address"),
        ({"standing": replace(GRANTED, removed=True)}, "contact_removed"),
    ],
)  # fmt: skip
def test_what_stops_a_message_names_itself_and_the_first_one_wins(change: dict[str, Any], reason: str) -> None:
    verdict = gate.judge(replace(OFFER, **change), HOUSE, NOON)
    assert isinstance(verdict, Refuse)
    assert verdict.reason == reason
    assert verdict.expired == (reason == "expired")


@pytest.mark.parametrize(
    ("zone", "now", "until"),
    [
        # 23:30 in Madrid waits for nine o'clock there, 17:30 in New York does not wait.
        ("Europe/Madrid", datetime(2026, 6, 10, 21, 30, tzinfo=UTC), datetime(2026, 6, 11, 7, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 6, 10, 21, 30, tzinfo=UTC), None),
        ("Asia/Tokyo", datetime(2026, 6, 10, 21, 30, tzinfo=UTC), datetime(2026, 6, 11, 0, tzinfo=UTC)),
        # The edges: quiet from 21:00 on, not any more at 09:00.
        ("Europe/Madrid", datetime(2026, 6, 10, 18, 59, 59, tzinfo=UTC), None),
        ("Europe/Madrid", datetime(2026, 6, 10, 19, tzinfo=UTC), datetime(2026, 6, 11, 7, tzinfo=UTC)),
        ("Europe/Madrid", datetime(2026, 6, 11, 7, tzinfo=UTC), None),
        # The night the clocks go forward is an hour shorter, the night they go back an hour longer.
        ("Europe/Madrid", datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        ("Europe/Madrid", datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 8, 13, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 14, tzinfo=UTC), datetime(2026, 10, 3, 22, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_quiet_hours_are_those_of_the_person(zone: str, now: datetime, until: datetime | None) -> None:
    expected = Go() if until is None else Defer(until, "quiet_hours", {"zone": zone})
    assert gate.judge(replace(OFFER, zone=zone), HOUSE, now) == expected


def test_what_would_expire_in_the_quiet_hours_ends_now_and_says_why() -> None:
    night = datetime(2026, 6, 10, 22, tzinfo=UTC)
    verdict = gate.judge(replace(OFFER, expires_at=night + timedelta(hours=2)), HOUSE, night)
    assert isinstance(verdict, Refuse)
    assert verdict.reason == "quiet_hours"


@pytest.mark.parametrize("message_class", ["service", "transactional"])
def test_a_service_message_needs_no_yes_and_knows_no_night_and_no_cap(message_class: str) -> None:
    night = datetime(2026, 6, 10, 23, tzinfo=UTC)
    facts = replace(OFFER, message_class=message_class, standing=Standing(), counted=[Counted(night)] * 9)
    assert gate.judge(facts, HOUSE, night) == Go()


@pytest.mark.parametrize("message_class", ["marketing", "service", "transactional"])
def test_nothing_goes_to_a_dead_or_suppressed_address(message_class: str) -> None:
    for change in ({"health": "hard_bounce"}, {"suppressions": (("manual", NOON, None),)}):
        facts = replace(OFFER, message_class=message_class, standing=replace(GRANTED, **change))  # type: ignore[arg-type]
        assert isinstance(gate.judge(facts, HOUSE, NOON), Refuse)


@pytest.mark.parametrize(
    ("days_ago", "free_in_days"),
    [
        ([], None),
        ([1, 2], None),
        ([1, 2, 3], 4),
        ([1, 2, 3, 6], 4),  # four within the window (the cap was higher): the third newest counts
        ([0, 0, 0], 7),
        ([1, 2, 7], None),  # exactly seven days ago is outside: the window is (now - 7 days, now]
        ([1, 2, 8], None),
    ],
)
def test_the_cap_is_a_rolling_window(days_ago: list[int], free_in_days: int | None) -> None:
    facts = replace(OFFER, counted=[Counted(NOON - timedelta(days=days)) for days in days_ago])
    verdict = gate.judge(facts, HOUSE, NOON)
    if free_in_days is None:
        assert verdict == Go()
    else:
        assert verdict == Defer(NOON + timedelta(days=free_in_days), "cap", {"messages": 3, "days": 7})


def test_when_the_next_free_instant_is_at_night_the_morning_after_is_named() -> None:
    late = datetime(2026, 6, 3, 20, tzinfo=UTC)  # 22:00 in Madrid, sent there under other quiet hours
    verdict = gate.judge(replace(OFFER, counted=[Counted(late)] * 3), HOUSE, NOON)
    assert isinstance(verdict, Defer)
    assert verdict.until == datetime(2026, 6, 11, 7, tzinfo=UTC)


def test_a_capped_message_that_would_expire_first_ends_with_the_cap_as_its_reason() -> None:
    facts = replace(OFFER, counted=[Counted(NOON)] * 3, expires_at=NOON + timedelta(hours=24))
    verdict = gate.judge(facts, HOUSE, NOON)
    assert isinstance(verdict, Refuse)
    assert (verdict.reason, verdict.expired) == ("cap", False)


def test_what_let_a_message_pass_is_written_down() -> None:
    assert gate.passed_by(OFFER, HOUSE, NOON) == {
        "zone": "Europe/Madrid", "basis": "consent", "receipt": 7, "cap": 3, "cap_days": 7,
        "quiet": ["21:00:00", "09:00:00"],
    }  # fmt: skip
    assert "cap" not in gate.passed_by(replace(OFFER, message_class="service"), HOUSE, NOON)
