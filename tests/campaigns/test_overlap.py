"""Which campaigns write to the same people at the same time."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import lifecycle, overlap, prospects
from campaigns.models import Campaign
from crm import clock, publicids
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house()


def to_all_of(contacts: list[cast.Contact], **more: object) -> Campaign:
    members = cast.segment(contacts)
    entry = [{"type": "segment", "segment": publicids.encode("seg", members.pk), "mode": "current"}]
    return office.draft(cast.mail(), entry=entry, **more)


def asked(campaign: Campaign) -> list[overlap.Overlap]:
    return overlap.of(campaign.pk, prospects.read(campaign.document), clock.now())


def test_people_who_are_in_another_journey_are_counted() -> None:
    crowd = cast.people(20)
    other = cast.publish(cast.wait(), name="Black Friday", priority=80)
    for contact in crowd[:5]:
        cast.enter(other, contact)
    cast.enter(other, cast.person("Stranger"))
    [found] = asked(to_all_of(crowd))
    assert (found.name, found.people, found.share) == ("Black Friday", 5, 0.25)
    assert found.goes_first
    assert found.is_worth_saying


def test_who_is_about_to_be_written_to_counts_too() -> None:
    crowd = cast.people(10)
    members = cast.segment(crowd[:4], name="Theirs")
    dated = {"type": "schedule", "segment": publicids.encode("seg", members.pk), "at": "2026-06-12T10:00"}
    cast.publish(cast.mail(), name="Friday letter", entry=[dated])
    [found] = asked(to_all_of(crowd))
    assert (found.name, found.people, found.goes_first) == ("Friday letter", 4, False)


def test_somebody_counts_once_in_each() -> None:
    crowd = cast.people(4)
    other = cast.publish(cast.wait(), name="Two carts", entry=[{"type": "manual", "reentry": "every_key"}],
                         concurrency="one_per_key")  # fmt: skip
    cast.enter(other, crowd[0], "a")
    cast.enter(other, crowd[0], "b")
    assert [each.people for each in asked(to_all_of(crowd))] == [1]


def test_what_is_over_or_its_own_does_not_count() -> None:
    crowd = cast.people(4)
    over = cast.publish(cast.wait(), name="Over")
    cast.enter(over, crowd[0])
    lifecycle.stop(over, cast.ADA, clock.now())
    mine = to_all_of(crowd)
    lifecycle.publish(mine, cast.ADA, clock.now())
    cast.work()
    assert asked(mine) == []


def test_a_few_shared_people_are_not_worth_a_word() -> None:
    crowd = cast.people(40)
    other = cast.publish(cast.wait())
    cast.enter(other, crowd[0])
    [found] = asked(to_all_of(crowd))
    assert not found.is_worth_saying


def test_the_queries_do_not_grow() -> None:
    crowd = cast.people(3)
    mine = to_all_of(crowd)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            asked(mine)
        return len(seen)

    few = queries()
    for number in range(6):
        other = cast.publish(cast.wait(), name=f"Other {number}")
        for contact in crowd:
            cast.enter(other, contact)
    assert queries() == few
    assert len(asked(mine)) == 6
