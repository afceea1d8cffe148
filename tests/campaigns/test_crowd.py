"""A big audience is looked at through some of its people: how far that may be off, and where it is never done."""

from __future__ import annotations

import pytest
from django.db import connection

from campaigns import crowd, lifecycle, overlap, prospects, readiness
from campaigns.models import Campaign
from crm import clock, publicids
from crm.models import Contact, Segment
from crm.segments import counting, parse, spread
from tests.campaigns import cast, office, test_goal_pages

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred people are many already."""
    monkeypatch.setattr(crowd, "LOOKED_AT", 100)
    monkeypatch.setattr(crowd, "SAMPLED", 150)
    monkeypatch.setattr(crowd, "ASKED", 300)
    monkeypatch.setattr(crowd, "ENOUGH", 60)
    monkeypatch.setattr(counting, "MANY", 400)


def counted(people: list[Contact]) -> Segment:
    """A segment of them that says how many they are, as kept up ones do."""
    segment = cast.segment(people)
    Segment.objects.filter(pk=segment.pk).update(count=len(people))
    return segment


def to_all_of(people: list[Contact], **more: object) -> Campaign:
    entry = [{"type": "segment", "segment": publicids.encode("seg", counted(people).pk), "mode": "current"}]
    return office.draft(cast.mail(), entry=entry, **more)


def seen_of(campaign: Campaign) -> prospects.Audience:
    return prospects.of(campaign.pk, prospects.read(campaign.document), ["email"], clock.now())


def analyzed() -> None:
    """The database knows how large the base is."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.usefixtures("small")
def test_ada_reads_how_many_of_a_big_segment_are_reached_and_how_far_that_may_be_off() -> None:
    people = cast.people(600)
    cast.allow(people[::3], "email")
    campaign = to_all_of(people)
    seen = seen_of(campaign)
    assert (seen.people, seen.at_once, seen.about) == (600, 600, True)
    assert 100 <= seen.looked <= 200
    assert 0 < seen.off < 80
    assert abs(seen.reach["email"] - 200) <= seen.off
    assert abs(seen.unreachable - 400) <= seen.off
    assert seen_of(campaign) == seen
    sent = test_goal_pages.fields(campaign)
    html = office.at_work().post(office.at(campaign, "prospects/"), sent).content.decode()
    assert f"Reckoned from {seen.looked} of them: a number may be off by {seen.off}." in html


@pytest.mark.usefixtures("small")
def test_the_outlook_of_a_big_audience_goes_by_the_people_looked_at() -> None:
    people = cast.people(600)
    cast.allow(people[::2], "email")
    campaign = to_all_of(people, holdout_pct=0, holdout_reason="x")
    analyzed()
    coming = prospects.outlook(campaign.pk, campaign.document, clock.now(), seen_of(campaign))
    assert coming is not None
    assert coming.arrivals == 600
    assert coming.messages["email"] == pytest.approx(300, abs=50)
    html = office.at_work().get(office.at(campaign, "review/outlook/")).content.decode()
    assert "600 people come in" in html


@pytest.mark.usefixtures("small")
def test_people_of_a_big_audience_who_are_in_another_journey_are_reckoned() -> None:
    people = cast.people(600)
    cast.allow(people, "email")
    other = counted(people[::2])
    dated = {"type": "schedule", "segment": publicids.encode("seg", other.pk), "at": "2026-06-12T10:00"}
    cast.publish(cast.mail(), name="Friday letter", entry=[dated])
    campaign = to_all_of(people)
    said, now = prospects.read(campaign.document), clock.now()
    [alone] = overlap.of(campaign.pk, said, now)
    assert alone.people == pytest.approx(300, abs=50)
    assert overlap.of(campaign.pk, said, now, prospects.counted(said, seen_of(campaign))) == [alone]


@pytest.mark.usefixtures("small")
def test_who_did_something_is_reckoned_in_a_big_base_and_the_few_are_counted() -> None:
    people = cast.people(600)
    for place, contact in enumerate(people):
        if place % 2:
            cast.happen(contact, "Cart Updated", historic=True, cart_id=f"c{place}")
    for contact in people[:5]:
        cast.happen(contact, "Wish Made", historic=True)
    analyzed()
    now = clock.now()
    many = crowd.of(parse.parse({"event": "Cart Updated", "did": True}), now)
    assert many.ids is not None
    assert 0 < abs(many.people - 300) + many.off <= 2 * many.off
    few = crowd.of(parse.parse({"event": "Wish Made", "did": True}), now)
    assert (few.people, few.ids, few.off, few.margin) == (5, None, 0, 0)


@pytest.mark.usefixtures("small")
def test_the_one_who_fits_is_not_overlooked_and_publication_not_refused() -> None:
    """Marta alone fits the rule, and she is none of those who are looked at first."""
    people = cast.people(600)
    segment = counted(people)
    looked = set(spread.members(segment.pk, crowd.SAMPLED / 600))
    marta = next(each for each in people if each.pk not in looked)
    cast.allow([marta], "email")
    own = {"all": [{"segment": publicids.encode("seg", cast.segment([marta], name="Marta").pk), "member": True}]}
    campaign = to_all_of(people, eligibility=own)
    seen = seen_of(campaign)
    assert (seen.about, seen.ineligible, seen.unreachable, seen.reach) == (False, 599, 0, {"email": 1})
    found = readiness.of_audience(campaign.document, seen, [], None, clock.now())
    assert not readiness.blocking(found)
    lifecycle.publish(campaign, cast.ADA, clock.now())


@pytest.mark.usefixtures("small")
def test_where_really_nobody_allows_it_publication_is_refused_as_before() -> None:
    campaign = to_all_of(cast.people(300))
    seen = seen_of(campaign)
    assert (seen.about, seen.unreachable) == (False, 300)
    found = readiness.of_audience(campaign.document, seen, [], None, clock.now())
    assert [each.code for each in readiness.blocking(found)] == ["unreachable"]


def test_a_few_thousand_people_are_looked_at_one_by_one() -> None:
    people = cast.people(600)
    cast.allow(people[:7], "email")
    seen = seen_of(to_all_of(people))
    assert (seen.about, seen.off, seen.looked, seen.reach) == (False, 0, 600, {"email": 7})


def test_of_several_segments_the_people_are_counted_not_the_members() -> None:
    elena, marta = cast.people(2)
    both = {"any": [{"segment": counted([elena, marta]).pk}, {"segment": counted([marta]).pk}]}
    assert crowd.of(parse.parse(both), clock.now()).people == 2
