"""A fair part of many: which ids it is of, and what is reckoned from it."""

from __future__ import annotations

import itertools

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from crm import clock
from crm.models import Contact, Segment
from crm.segments import audience, counting, edit, fixed, live, parse, spread
from tests.channels import people
from tests.crm.segments.test_upkeep import somebody

SPAIN = {"f": "contact.country", "op": "is", "v": "ES"}


@given(st.integers(1, 10**9), st.integers(0, 10**7), st.floats(0.0001, 2), st.integers(1, 700))
def test_ranges_lie_inside_and_apart_and_hold_their_share(first: int, more: int, share: float, stripes: int) -> None:
    last = first + more
    found = spread.ranges(first, last, share, stripes)
    assert found == spread.ranges(first, last, share, stripes)
    assert all(begin < end for begin, end in found)
    assert found[0][0] >= first
    assert found[-1][1] <= last + 1
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(found))
    held = sum(end - begin for begin, end in found)
    if share >= 1:
        assert held == more + 1
    elif (more + 1) * share > 20 * stripes:
        assert held == pytest.approx((more + 1) * share, rel=0.1, abs=2 + (more + 1) / stripes)


def test_nothing_that_comes_round_in_the_ids_is_met_more_often() -> None:
    for every in (2, 5, 10, 1_000):
        ids = [number for begin, end in spread.ranges(1, 1_000_000, 0.004) for number in range(begin, end)]
        share = sum(number % every < every / 2 for number in ids) / len(ids)
        assert share == pytest.approx((every + 1) // 2 / every, abs=0.03)


def test_nobody_has_no_ranges() -> None:
    assert spread.ranges(1, 0, 0.5) == []


def test_a_few_out_of_many_are_in_step_with_nothing() -> None:
    assert spread.thinned([1, 2], 2) == [1, 2]
    for every in (2, 3, 5, 10):
        few = spread.thinned(range(600 * every), 600)
        assert len(set(few)) == 600
        assert sum(number % every == 0 for number in few) / 600 == pytest.approx(1 / every, abs=0.05)


@pytest.mark.django_db
def test_an_empty_base_and_an_empty_segment_have_nobody() -> None:
    assert spread.contacts(0.5) == []
    assert spread.members(7, 0.5) == []


# --- what is reckoned ---------------------------------------------------------------------------


@pytest.fixture
def crowd(db: None, monkeypatch: pytest.MonkeyPatch) -> list[Contact]:
    """600 people, every third of whom allows e-mail, in a base that is a big one here."""
    live.forget()
    monkeypatch.setattr(counting, "MANY", 400)
    monkeypatch.setattr(counting, "REACHED", 200)
    found = []
    for _ in range(200):
        found += [*people.people(1, granted=("email",)), *people.people(2, granted=())]
    Contact.objects.filter(pk__in=[each.pk for each in found]).update(country="ES")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # what many tests before left in the statistics makes plans nobody waits for
    return found


def test_the_reach_of_a_big_segment_is_said_to_be_about(crowd: list[Contact], monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = fixed.fixed("Everybody", [each.pk for each in crowd], actor="user:1", now=clock.now())
    few = fixed.fixed("Few", [each.pk for each in crowd[:9]], actor="user:1", now=clock.now())
    counts = {everybody.pk: 600, few.pk: 9}
    exact = counting.Number(200), counting.Number(3)
    told = counting.reach_of_segments(counts, clock.now())
    assert (told[everybody.pk]["email"], told[few.pk]["email"]) == exact
    monkeypatch.setattr(counting, "ALL_SAMPLES", 300)
    monkeypatch.setattr(counting, "LEAST", 30)
    told = counting.reach_of_segments(counts, clock.now())
    assert told[few.pk]["email"] == exact[1]
    assert told[everybody.pk]["email"].exact is False
    assert told[everybody.pk]["email"].n == pytest.approx(200, abs=50)
    assert told[everybody.pk]["sms"] == counting.Number(0, exact=False)


def test_the_reach_of_a_rule_nobody_saved_is_about_and_that_of_a_narrow_one_exact(crowd: list[Contact]) -> None:
    about = counting.reach(parse.parse(SPAIN), clock.now())
    assert about is not None
    assert not about.total.exact
    assert about.total.n == pytest.approx(600, abs=10)
    assert about.channels["email"].n == pytest.approx(200, abs=60)
    Contact.objects.filter(pk__in=[each.pk for each in crowd[:4]]).update(country="FR")
    narrow = counting.reach(parse.parse({**SPAIN, "v": "FR"}), clock.now())
    assert narrow == counting.Reach(
        {"email": counting.Number(2), "sms": counting.Number(0)}, counting.Number(2), counting.Number(4)
    )


def test_the_reach_of_a_saved_rule_is_that_of_its_people(crowd: list[Contact]) -> None:
    saved = edit.create("Spain", SPAIN, actor="user:1", now=clock.now())
    _made(saved)
    told = counting.reach(parse.parse(SPAIN), clock.now())
    assert told is not None
    assert told.total == counting.Number(600)
    assert not told.nobody.exact
    assert told.channels["email"].n + told.nobody.n == pytest.approx(600, abs=1)
    assert told.channels["email"].n == pytest.approx(200, abs=60)
    Contact.objects.filter(pk__in=[each.pk for each in crowd[6:]]).update(country="IT")
    audience.refresh_full(saved, clock.now())
    few = counting.reach(parse.parse(SPAIN), clock.now())
    assert few is not None
    assert (few.total, few.channels["email"], few.nobody) == tuple(map(counting.Number, (6, 2, 4)))


def test_the_sample_is_the_newest_however_it_is_found(crowd: list[Contact], monkeypatch: pytest.MonkeyPatch) -> None:
    Contact.objects.filter(pk__in=[each.pk for each in crowd[10:]]).update(country="IT")
    newest = [each.pk for each in reversed(crowd[:10])]
    rule, now = parse.parse(SPAIN), clock.now()
    assert counting.sample(rule, now, 4) == newest[:4]
    assert counting.sample(rule, now, 4, skip=8) == newest[8:]
    monkeypatch.setattr(counting, "NEWEST", 50)  # of whom none fits: the whole base is asked
    assert counting.sample(rule, now, 4) == newest[:4]
    _made(edit.create("Spain", SPAIN, actor="user:1", now=now))
    assert counting.sample(rule, now, 4, skip=4) == newest[4:8]


@pytest.mark.django_db
def test_who_left_the_house_is_in_no_sample() -> None:
    chiara, dino = somebody("Chiara", country="ES"), somebody("Dino", country="ES")
    Contact.objects.filter(pk=dino).update(archived_at=clock.now())
    assert counting.sample(parse.parse(SPAIN), clock.now(), 5) == [chiara]


def _made(segment: Segment) -> None:
    segment.refresh_from_db()
    if segment.built_revision != segment.revision:
        audience.refresh_full(segment, clock.now())
