"""Local time, where the clocks jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import moments, publicids, zones

MADRID, TOKYO, APIA, HOWE = "Europe/Madrid", "Asia/Tokyo", "Pacific/Apia", "Australia/Lord_Howe"
NINE, NIGHT = time(9), time(21)
ZONES = st.sampled_from([MADRID, TOKYO, APIA, HOWE, "America/New_York", "America/Santiago", "UTC"])
INSTANTS = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "at", "zone", "instant"),
    [
        (date(2026, 3, 29), time(2, 30), MADRID, "2026-03-29T01:00"),  # does not exist: the end of the gap
        (date(2026, 10, 25), time(2, 30), MADRID, "2026-10-25T00:30"),  # happens twice: the first
        (date(2026, 10, 4), time(2, 10), HOWE, "2026-10-03T15:30"),  # half an hour's jump
        (date(2011, 12, 30), NINE, APIA, "2011-12-30T10:00"),  # a day Samoa never had
        (date(2026, 7, 1), NINE, TOKYO, "2026-07-01T00:00"),
    ],
)
def test_a_wall_time_is_one_instant(day: date, at: time, zone: str, instant: str) -> None:
    assert moments.at_local(day, at, zone) == utc(instant)


def test_a_day_keeps_the_wall_time_and_24_hours_do_not() -> None:
    saturday = utc("2026-03-28T09:00")  # 10:00 in Madrid
    assert moments.add(saturday, 1, "days", MADRID) == utc("2026-03-29T08:00")
    assert moments.add(saturday, 24, "hours", MADRID) == utc("2026-03-29T09:00")
    assert moments.add(saturday, 1, "weeks", MADRID) == utc("2026-04-04T08:00")
    with pytest.raises(ValueError, match="fortnights"):
        moments.add(saturday, 1, "fortnights", MADRID)


@pytest.mark.parametrize(
    ("now", "zone", "end"),
    [
        ("2026-03-10T12:00", MADRID, None),
        ("2026-03-10T20:00", MADRID, "2026-03-11T08:00"),  # 21:00 sharp is quiet
        ("2026-03-10T19:59", MADRID, None),
        ("2026-03-28T22:00", MADRID, "2026-03-29T07:00"),  # the night the clocks go forward
        ("2026-03-10T12:00", TOKYO, "2026-03-11T00:00"),
        ("2026-03-10T08:00", MADRID, None),  # 09:00 sharp is not
    ],
)
def test_quiet_hours_end_in_the_morning_of_the_zone(now: str, zone: str, end: str | None) -> None:
    assert moments.quiet_end(utc(now), zone, NIGHT, NINE) == (utc(end) if end else None)


def test_the_next_ten_oclock_on_a_weekday() -> None:
    friday = utc("2026-03-13T12:00")
    assert moments.next_local(friday, MADRID, time(10), {1, 2, 3, 4, 5}) == utc("2026-03-16T09:00")
    assert moments.next_local(utc("2026-03-16T09:00"), MADRID, time(10)) == utc("2026-03-16T09:00")
    assert moments.next_local(friday, MADRID, time(10), {1, 5}, (time(10), time(18))) == friday
    assert moments.next_local(friday, MADRID, None, {6}, (time(11), time(12))) == utc("2026-03-14T10:00")
    with pytest.raises(ValueError, match="weekday"):
        moments.next_local(friday, MADRID, NINE, {9})


@given(now=INSTANTS, zone=ZONES, opens=st.times(), closes=st.times(), weekdays=st.sets(st.integers(1, 7)))
def test_the_allowed_instant_is_allowed_and_not_before_now(
    now: datetime, zone: str, opens: time, closes: time, weekdays: set[int]
) -> None:
    opens, closes = opens.replace(microsecond=0), closes.replace(microsecond=0)
    found = moments.allowed_from(now, zone, opens, closes, weekdays)
    assert now <= found <= now + timedelta(days=9)
    if moments.within(now, zone, opens, closes, weekdays):
        assert found == now
    elif found.astimezone(moments.zone_of(zone)).time() == opens:
        assert moments.within(found, zone, opens, closes, weekdays)


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        (("America/Bogota", "ES", "28001", "", "UTC"), ("America/Bogota", "contact")),
        (("", "ES", "38001", "", "UTC"), ("Atlantic/Canary", "postal_code")),
        (("", "ES", "28001", "", "UTC"), ("Europe/Madrid", "country")),
        (("", "US", "", "America/Denver", "UTC"), ("America/Denver", "store")),
        (("", "US", "", "", "UTC"), ("UTC", "workspace")),
        (("", "JP", "", "", "UTC"), (TOKYO, "country")),
    ],
)
def test_where_a_zone_comes_from(told: tuple[str, str, str, str, str], zone: tuple[str, str]) -> None:
    assert zones.resolve(*told) == zone


@given(number=st.integers(0, publicids.LIMIT - 1))
def test_a_public_id_has_one_spelling(number: int) -> None:
    text = publicids.encode("ctc", number)
    assert publicids.decode("ctc", text) == number
    for wrong in (
        text.upper() if text.upper() != text else "x",
        f"ctc_0{text[4:]}",
        text.replace("ctc", "evt"),
        number,
    ):
        with pytest.raises(Exception, match="ctc_"):
            publicids.decode("ctc", wrong)
