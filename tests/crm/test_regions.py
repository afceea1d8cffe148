"""What the packs say, case by case; and that a file which cannot be used says where its mistake is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import region_words, regions
from crm.regions import Lapse, Never, Place, Rule, Span, Switches, holidays
from crm.regions.packs import read
from tests.crm.region_cases import CASES, GROUNDS, at

ALL = Switches()
DAY = date(2026, 6, 10)


def answer(country: str, region: str, channel: str, kind: str, purpose: str, ground: str, zone: str, now: str) -> str:
    known = regions.law(country, region, channel, kind, purpose, at(now).date(), ALL)
    rule = regions.refused(known, GROUNDS[ground], at(now))
    if rule:
        return rule.key
    opens, late = regions.opening(known.windows, (zone,), at(now))
    return "send" if late is None else f"{opens:%Y-%m-%dT%H:%M} {late.key}"


@pytest.mark.parametrize("case", CASES, ids=[" ".join((*each[:7], each[8])) for each in CASES])
def test_who_may_be_written_to(case: tuple[str, ...]) -> None:
    *asked, expected = case[1:]
    assert answer(*asked) == expected


def test_every_pack_has_twelve_cases_and_more() -> None:
    counts = Counter(case[0] for case in CASES)
    assert {pack: counts[pack] for pack in regions.packs() if counts[pack] < 12} == {}
    assert set(regions.packs()) == {
        "ca", "de", "es", "eu", "fr", "mailbox", "uk", "us-email", "us-sms", "whatsapp",
    }  # fmt: skip


def test_every_rule_that_stops_something_is_seen_stopping_it() -> None:
    """A rule nobody sees at work could be wrong for years."""
    seen = {part for case in CASES for part in case[-1].split()}
    asleep = {
        rule.key for pack in regions.packs().values() for rule in pack.rules
        if rule.severity == "block" and (rule.requires or rule.window) and rule.key not in seen
    }  # fmt: skip
    # Each stands behind another rule of the same country that says as much and comes first.
    assert asleep <= {"fr:bloctel", "us-sms:calls", "eu:calls"}


def test_each_rule_says_what_it_asks_and_where_that_is_written() -> None:
    for pack in regions.packs().values():
        assert pack.title
        assert pack.author
        for rule in pack.rules:
            assert rule.says.endswith(".")
            assert len(rule.source) > 10
            assert rule.key.startswith(f"{pack.id}:")


def test_a_pack_that_is_switched_off_says_nothing_and_an_unknown_country_may_be_judged_as_ours() -> None:
    off = Switches(frozenset({"ca"}))
    assert not [
        each for each in regions.law("", "", "email", "marketing", "offers", DAY, off).blocking if each.pack == "ca"
    ]
    ours = Switches(unknown="ES")
    packs = {each.pack for each in regions.law("", "", "email", "marketing", "offers", DAY, ours).blocking}
    assert packs == {"eu", "es", "mailbox"}
    # A country whose every pack is off is as unknown as any other.
    assert regions.judged_as("GB", Switches(frozenset({"uk"}))) == ""


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("CA", Lapse(24, 6)), ("ES", Lapse(36, 0)), ("FR", Lapse(36, 0)), ("GB", Lapse(24, 0)),
        ("US", Lapse(36, 0)), ("", Lapse(24, 0)), ("JP", Lapse(24, 0)),
    ],
)  # fmt: skip
def test_a_relation_counts_for_so_many_months(country: str, expected: Lapse) -> None:
    assert regions.lapse(country, DAY, ALL) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("FR", "", "+34600000001", "DE"), Place("FR", "", "declared")),
        (("US", "Florida", "", ""), Place("US", "FL", "declared")),
        (("US", "US-TX", "", ""), Place("US", "TX", "declared")),
        (("US", "Ontario", "", ""), Place("US", "", "declared")),
        (("", "", "+34600000001", "DE"), Place("ES", "", "phone")),
        (("", "", "+14165550123", "ES"), Place("CA", "", "phone")),
        (("", "", "+12125550123", "ES"), Place("US", "", "phone")),
        (("", "", "", "DE"), Place("DE", "", "store")),
        (("", "", "not a number", ""), Place()),
        (("", "", "+999123", ""), Place()),
    ],
)
def test_where_somebody_is(given: tuple[str, str, str, str], expected: Place) -> None:
    assert regions.place(*given) == expected


def test_who_moved_with_their_number_is_woken_by_neither_clock() -> None:
    """Chiara lives in California and kept her number of New York."""
    zones = regions.zones("America/Los_Angeles", "contact", "US", "+12125550123")
    assert zones == ("America/Los_Angeles", "America/New_York")
    known = regions.law("US", "CA", "sms", "marketing", "offers", DAY, ALL)
    # 20:30 in California is 23:30 in New York; both allow from 11:00 in New York (8:00 in California) on.
    assert regions.opening(known.windows, zones, at("2026-06-11T03:30"))[0] == at("2026-06-11T15:00")


def test_a_zone_that_is_only_the_workspaces_gives_way_to_the_area_code() -> None:
    assert regions.zones("Europe/Madrid", "workspace", "US", "+12125550123") == ("America/New_York",)
    assert regions.zones("Europe/Madrid", "workspace", "ES", "+34600000001") == ("Europe/Madrid",)
    assert regions.zones("Europe/Madrid", "workspace", "US", "+18005550123") == ("Europe/Madrid",)


def test_windows_that_never_meet_are_said_to() -> None:
    days = [Rule(f"x:{day}", "x", "", "", DAY, window=(Span(time(9), time(10), frozenset({day})),)) for day in (1, 2)]
    with pytest.raises(Never):
        regions.opening(days, ("UTC",), at("2026-06-10T12:00"))


@given(
    st.sampled_from(["US", "FR", "ES", "CA", "DE", "GB", ""]),
    st.sampled_from(["", "TX", "RI", "CT", "FL"]),
    st.sampled_from(["sms", "call", "email", "whatsapp"]),
    st.lists(st.sampled_from(["America/New_York", "Europe/Madrid", "Pacific/Honolulu"]), min_size=1, max_size=1),
    st.integers(0, 366 * 24 * 60),
)
def test_the_moment_it_is_put_off_to_is_open_and_none_before_it_is(
    country: str, region: str, channel: str, zones: list[str], minutes: int
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    rules = regions.law(country, region, channel, "marketing", "offers", DAY, ALL).windows
    opens, late = regions.opening(rules, zones, now)
    assert opens >= now
    assert regions.opening(rules, zones, opens) == (opens, None)
    if late is not None:
        assert regions.opening(rules, zones, opens - timedelta(seconds=1))[0] == opens


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id = ", "x.toml: "),
        ('id = "x"', "'title' is missing"),
        ('id="x"\ntitle="X"\nauthor="A"\ncountries=["ES"]\nrules=[{id="a"}]', "rule 'a': 'says' is missing"),
        (
            (
                'id="x"\ntitle="X"\nauthor="A"\ncountries=["ES"]\n[[rules]]\nid="a"\nsays="s"\nsource="s"\n'
                'effective_from=2020-01-01\napplies={channels=["fax"]}'
            ),
            "'fax' is none of email",
        ),
        (
            (
                'id="x"\ntitle="X"\nauthor="A"\ncountries=["ES"]\n[[rules]]\nid="a"\nsays="s"\nsource="s"\n'
                'effective_from=2020-01-01\napplies={channels=["sms"]}\nwindow=[{opens="21:00", closes="09:00"}]'
            ),
            "opens before it closes",
        ),
        (
            (
                'id="x"\ntitle="X"\nauthor="A"\ncountries=["ES"]\n[[rules]]\nid="a"\nsays="s"\nsource="s"\n'
                'effective_from=2020-01-01\napplies={channels=["sms"]}\nrequires={blessing=true}'
            ),
            "unknown key 'blessing'",
        ),
        (
            (
                'id="x"\ntitle="X"\nauthor="a"\ncountries=["XX"]\n[[rules]]\nid="r"\nsays="a."\nsource="a book"\n'
                'effective_from=2020-01-01\napplies={channels=["sms"]}\nclosed_on=["XX"]'
            ),
            "closed_on: 'XX' is none of ES, FR",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_where_its_mistake_is(text: str, says: str) -> None:
    with pytest.raises(regions.Unreadable, match=says):
        read("x.toml", text)


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1818, "03-22"), (1943, "04-25"), (1954, "04-18"), (1981, "04-19"), (2000, "04-23"), (2008, "03-23"),
        (2024, "03-31"), (2025, "04-20"), (2026, "04-05"), (2027, "03-28"), (2038, "04-25"), (2049, "04-18"),
    ],
)  # fmt: skip
def test_easter_is_when_the_almanacs_have_it(year: int, day: str) -> None:
    """The earliest and the latest there can be, and the two exceptions of the rule (1954 and 1981) among them."""
    assert holidays.easter(year) == date.fromisoformat(f"{year}-{day}")


def test_easter_is_a_sunday_of_early_spring_in_every_year() -> None:
    for year in range(1900, 2300):
        found = holidays.easter(year)
        assert found.isoweekday() == 7
        assert date(year, 3, 22) <= found <= date(year, 4, 25)


@pytest.mark.parametrize(
    ("day", "countries", "expected"),
    [
        ("2026-12-25", ("ES",), True), ("2026-12-25", ("FR",), True), ("2026-12-25", ("DE",), False),
        ("2026-04-03", ("ES",), True), ("2026-04-03", ("FR",), False), ("2026-04-06", ("FR", "ES"), True),
        ("2028-02-29", ("ES",), False), ("2026-12-25", (), False),
    ],
)  # fmt: skip
def test_a_holiday_is_one_where_its_calendar_says_so(day: str, countries: tuple[str, ...], expected: bool) -> None:
    assert holidays.falls_on(date.fromisoformat(day), countries) is expected


def test_what_the_packs_say_can_be_translated() -> None:
    said = {words for pack in regions.packs().values() for words in (pack.title, *(rule.says for rule in pack.rules))}
    assert said == set(region_words.WORDS)
