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


# --- the law where they are -------------------------------------------------------------------------

TEXT = replace(OFFER, channel="sms", standing=replace(GRANTED, method="web_form"), country="US", region="TX")


def test_the_law_of_a_country_is_named_with_its_source() -> None:
    facts = replace(OFFER, standing=replace(GRANTED, basis="contract"), country="ES")
    verdict = gate.judge(facts, HOUSE, NOON)
    assert isinstance(verdict, Refuse)
    assert (verdict.reason, dict(verdict.detail or {})) == (
        "legal_rule", {"rule": "es:lssi-21", "source": "LSSI (Ley 34/2002) art. 21 and 22"}
    )  # fmt: skip


def test_the_hours_of_a_state_put_it_off_and_are_named() -> None:
    sunday = datetime(2026, 6, 14, 15, tzinfo=UTC)  # 10:00 in Texas: not before noon there
    verdict = gate.judge(replace(TEXT, zone="America/Chicago"), HOUSE, sunday)
    assert isinstance(verdict, Defer)
    assert verdict.until == datetime(2026, 6, 14, 17, tzinfo=UTC)
    assert (verdict.detail or {})["rule"] == "us-sms:texas"


def test_own_hours_of_a_country_stand_in_the_place_of_the_general_ones_and_the_packs() -> None:
    early = datetime(2026, 6, 14, 12, tzinfo=UTC)  # 7:00 in Texas
    own = replace(HOUSE, quiet_of={"US": (time(22), time(6))})
    assert gate.judge(replace(TEXT, zone="America/Chicago"), own, early) == Go()
    assert isinstance(gate.judge(replace(TEXT, zone="America/Chicago"), HOUSE, early), Defer)
    # Elsewhere the general hours hold.
    assert isinstance(gate.judge(OFFER, own, datetime(2026, 6, 10, 22, tzinfo=UTC)), Defer)


@pytest.mark.parametrize(
    ("said", "answer"), [("wait", Defer), ("skip", Refuse), ("other_channel", Refuse)]
)  # fmt: skip
def test_a_step_may_wait_leave_it_out_or_go_by_another_channel(said: str, answer: type) -> None:
    night = datetime(2026, 6, 10, 22, tzinfo=UTC)
    verdict = gate.judge(replace(OFFER, when_quiet=said), HOUSE, night)
    assert isinstance(verdict, answer)
    assert verdict.reason == "quiet_hours"  # type: ignore[union-attr]
    assert gate.judge(replace(OFFER, when_quiet=said), HOUSE, NOON) == Go()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        # What they said comes before what is wrong with the address, that before the law, that before the clock …
        ({"standing": Standing(state="withdrawn", health="hard_bounce")}, "consent_withdrawn"),
        ({"standing": replace(GRANTED, basis="contract", health="hard_bounce")}, "channel_suppressed_bounce"),
        ({"standing": replace(GRANTED, basis="contract"), "counted": [Counted(NOON)] * 3}, "legal_rule"),
        ({"counted": [Counted(NOON)] * 3, "expires_at": NOON + timedelta(hours=20)}, "cap"),
        ({"group": "promo", "counted": [Counted(NOON, group="promo", campaign=2)] * 3, "campaign": 1,
          "expires_at": NOON + timedelta(hours=20)}, "cap"),
        ({"group": "promo", "counted": [Counted(NOON, group="promo", campaign=2)], "campaign": 1,
          "expires_at": NOON + timedelta(hours=20)}, "lost_to"),
    ],
)  # fmt: skip
def test_the_first_of_all_checks_names_the_reason(change: dict[str, Any], reason: str) -> None:
    house = replace(HOUSE, groups={"promo": 3})
    verdict = gate.judge(replace(OFFER, country="ES", **change), house, NOON)
    assert isinstance(verdict, Refuse)
    assert verdict.reason == reason


# --- limits ------------------------------------------------------------------------------------------


def test_a_narrow_limit_counts_its_channel_and_purpose_alone() -> None:
    house = replace(HOUSE, caps=(Cap(1, 1, channel="sms"), Cap(1, 7, purpose="newsletter")))
    went = [Counted(NOON - timedelta(hours=2), "email", "offers")]
    assert gate.judge(replace(OFFER, purpose="offers", counted=went), house, NOON) == Go()
    texted = [Counted(NOON - timedelta(hours=2), "sms", "offers")]
    assert gate.judge(replace(OFFER, purpose="offers", counted=texted), house, NOON) == Go()
    verdict = gate.judge(replace(TEXT, country="ES", region="", counted=texted), house, NOON)
    assert verdict == Defer(datetime(2026, 6, 11, 10, tzinfo=UTC), "cap", {"messages": 1, "days": 1, "channel": "sms"})


@pytest.mark.parametrize(
    ("zone", "went", "now", "free"),
    [
        # One a day of the calendar: at midnight where she lives the next day begins, not after 24 hours.
        ("Europe/Madrid", "2026-06-10T21:30", "2026-06-10T21:59", "2026-06-10T22:00"),
        ("Europe/Madrid", "2026-06-10T21:30", "2026-06-10T22:00", None),
        ("America/New_York", "2026-06-10T21:30", "2026-06-10T23:59", "2026-06-11T04:00"),
        ("Asia/Tokyo", "2026-06-10T14:59", "2026-06-10T15:00", None),
        # The day the clocks go forward has 23 hours, the one they go back 25.
        ("Europe/Madrid", "2026-03-28T23:30", "2026-03-29T21:59", "2026-03-29T22:00"),
        ("Europe/Madrid", "2026-10-24T22:30", "2026-10-25T22:59", "2026-10-25T23:00"),
        ("America/New_York", "2026-11-01T04:30", "2026-11-02T04:59", "2026-11-02T05:00"),
        # Midnight does not exist there that night: the day begins at one.
        ("America/Santiago", "2026-09-05T12:00", "2026-09-06T03:59", "2026-09-06T04:00"),
    ],
)  # fmt: skip
def test_a_day_of_the_calendar_is_the_day_where_she_lives(zone: str, went: str, now: str, free: str | None) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    found = gate.next_free([Counted(at(went))], Cap(1, 1, calendar=True), at(now), zone)
    assert found == (at(free) if free else None)


def test_no_limit_is_no_limit() -> None:
    went = [Counted(NOON)] * 500
    assert gate.judge(replace(OFFER, counted=went), replace(HOUSE, cap=None), NOON) == Go()
    assert "cap" not in gate.passed_by(OFFER, replace(HOUSE, cap=None), NOON)


@pytest.mark.parametrize("message_class", ["service", "transactional"])
def test_what_people_wait_for_knows_no_limit_group_or_hour(message_class: str) -> None:
    house = replace(HOUSE, caps=(Cap(1, 1),), groups={"promo": 3})
    went = [Counted(NOON, "email", "offers", "promo", 2)] * 9
    facts = replace(OFFER, message_class=message_class, standing=Standing(), counted=went, group="promo", rival=2)
    assert gate.judge(facts, house, datetime(2026, 6, 10, 23, tzinfo=UTC)) == Go()


# --- campaigns of a group ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("went", "until"),
    [
        (Counted(NOON - timedelta(days=2), group="promo", campaign=2), NOON + timedelta(days=1)),
        (Counted(NOON - timedelta(days=3), group="promo", campaign=2), None),
        (Counted(NOON - timedelta(days=2), group="promo", campaign=1), None),  # her own earlier message
        (Counted(NOON - timedelta(days=2), group="brand", campaign=2), None),
        (Counted(NOON - timedelta(days=2), campaign=2), None),
    ],
)
def test_campaigns_of_a_group_keep_their_distance(went: Counted, until: datetime | None) -> None:
    facts = replace(OFFER, campaign=1, group="promo", counted=[went])
    verdict = gate.judge(facts, replace(HOUSE, groups={"promo": 3, "brand": 3}), NOON)
    if until is None:
        assert verdict == Go()
    else:
        assert verdict == Defer(until, "lost_to", {"campaign": 2, "group": "promo", "days": 3})


def test_a_campaign_yields_to_a_more_important_one_and_looks_again() -> None:
    facts = replace(OFFER, campaign=1, group="promo", rival=2)
    verdict = gate.judge(facts, replace(HOUSE, groups={"promo": 3}), NOON)
    assert isinstance(verdict, Defer)
    assert (verdict.until, verdict.reason) == (NOON + timedelta(minutes=1), "lost_to")
    assert gate.judge(facts, HOUSE, NOON) == Go(), "a group nobody has set up keeps nobody apart"


def test_what_let_a_text_pass_is_written_down_with_its_windows() -> None:
    house = replace(HOUSE, caps=(Cap(1, 1, calendar=True, channel="sms"),), groups={"promo": 3})
    proof = gate.passed_by(replace(TEXT, group="promo", zones=("America/Chicago", "America/New_York")), house, NOON)
    assert proof["zones"] == ["America/Chicago", "America/New_York"]
    assert proof["country"] == "US"
    assert proof["caps"] == [{"messages": 1, "days": 1, "calendar": True, "channel": "sms"}]
    assert proof["group"] == {"name": "promo", "days": 3}
    assert [rule["rule"] for rule in proof["law"]] == ["us-sms:federal-hours", "us-sms:texas"]
    assert proof["law"][1]["spans"][1] == {"days": [7], "opens": "12:00", "closes": "21:00"}
