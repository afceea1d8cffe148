"""How people come in: by what they do, when it has been quiet, by a segment, at a date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from campaigns import entries, lifecycle
from campaigns.models import Campaign, Candidate, Enrolment, Occurrence, PendingEntry
from crm import clock, registry
from crm.models import Contact, SegmentMember
from crm.segments.upkeep import MembershipChange
from tests.campaigns import cast

pytestmark = pytest.mark.django_db

VIEWED = {"entry": [{"type": "event", "event": "Product Viewed", "reentry": "after_exit"}]}


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()


def runs_of(campaign: Campaign) -> list[tuple[int, str]]:
    return list(Enrolment.objects.filter(campaign=campaign).order_by("id").values_list("contact_id", "key"))


# --- events ------------------------------------------------------------------------------------


def test_what_elena_does_starts_a_run_that_remembers_it() -> None:
    campaign, elena = cast.publish(cast.mail(), **VIEWED), cast.person()
    event = cast.happen(elena, "Product Viewed", sku="boot")
    cast.work()
    run = cast.only_run(campaign)
    assert run.entry == {
        "event": "Product Viewed", "id": event, "occurred_at": run.entry["occurred_at"], "properties": {"sku": "boot"},
    }  # fmt: skip
    assert not run.edition


def test_the_filter_of_an_entry_is_obeyed() -> None:
    boots = {"entry": [{**VIEWED["entry"][0], "where": [{"f": "properties.category", "op": "is", "v": "boots"}]}]}
    campaign, elena, dario = cast.publish(cast.mail(), **boots), cast.person(), cast.person("Dario")
    cast.happen(elena, "Product Viewed", category="socks")
    cast.happen(dario, "Product Viewed", category="boots")
    cast.work()
    assert runs_of(campaign) == [(dario.pk, "")]
    assert not Candidate.objects.filter(contact=elena).exists()


def test_old_and_historic_facts_start_nothing() -> None:
    elena, dario, chiara = cast.person(), cast.person("Dario"), cast.person("Chiara")
    before = cast.happen(elena, "Product Viewed", occurred_at=clock.now() - timedelta(minutes=5))
    campaign = cast.publish(cast.mail(), **VIEWED)
    cast.happen(dario, "Product Viewed", historic=True)
    cast.react()
    cast.later(days=3)
    cast.happen(chiara, "Product Viewed", occurred_at=clock.now() - timedelta(hours=25))
    cast.work()
    assert runs_of(campaign) == []
    assert cast.reasons(campaign) == ["too_old", "too_old"]  # before it was published, and older than a day
    assert {row.contact_id for row in Candidate.objects.all()} == {elena.pk, chiara.pk}
    assert before


def test_a_fact_of_the_same_day_that_comes_late_starts_a_run() -> None:
    campaign, elena = cast.publish(cast.mail(), **VIEWED), cast.person()
    cast.later(days=3)
    cast.happen(elena, "Product Viewed", occurred_at=clock.now() - timedelta(hours=23))
    cast.work()
    assert len(runs_of(campaign)) == 1


def test_answering_an_event_twice_starts_one_run() -> None:
    from campaigns import reactions
    from crm.timeline import Fact

    campaign, elena = cast.publish(cast.mail(), **VIEWED), cast.person()
    event = cast.happen(elena, "Product Viewed")
    fact = Fact(event, elena.pk, "Product Viewed", {}, clock.now(), clock.now(), "", "", None, False)
    for _ in range(2):
        reactions.react([fact])
    assert len(runs_of(campaign)) == 1
    assert cast.reasons(campaign) == ["already_inside"]


# --- quiet ---------------------------------------------------------------------------------------


def test_a_cart_starts_when_it_has_been_quiet_for_an_hour() -> None:
    campaign, elena = cast.publish(cast.mail(), **cast.CART), cast.person()
    cast.happen(elena, "Cart Updated", cart_id="c1", lines=[{"sku": "boot"}])
    cast.work()
    cast.later(minutes=40)
    cast.happen(elena, "Cart Updated", cart_id="c1", lines=[{"sku": "boot"}, {"sku": "sock"}])
    cast.work()
    cast.later(minutes=40)
    cast.work()
    assert runs_of(campaign) == []
    cast.later(minutes=21)
    cast.work()
    assert runs_of(campaign) == [(elena.pk, "c1")]
    lines = cast.only_run(campaign).entry["properties"]["lines"]
    assert [line["sku"] for line in lines] == ["boot", "sock"]
    assert not PendingEntry.objects.exists()


def test_two_carts_have_a_timer_each() -> None:
    campaign, elena = cast.publish(cast.mail(), **cast.CART), cast.person()
    cast.happen(elena, "Cart Updated", cart_id="c1")
    cast.react()
    cast.later(minutes=30)
    cast.happen(elena, "Cart Updated", cart_id="c2")
    cast.react()
    cast.later(minutes=31)
    cast.work()
    assert runs_of(campaign) == [(elena.pk, "c1")]
    cast.later(minutes=31)
    cast.work()
    assert runs_of(campaign) == [(elena.pk, "c1"), (elena.pk, "c2")]


def test_an_older_fact_that_comes_late_does_not_turn_the_timer_back() -> None:
    cast.publish(cast.mail(), **cast.CART)
    elena = cast.person()
    cast.later(minutes=30)
    cast.happen(elena, "Cart Updated", cart_id="c1", total=2)
    cast.react()
    due = PendingEntry.objects.get().due_at
    cast.happen(elena, "Cart Updated", cart_id="c1", total=1, occurred_at=clock.now() - timedelta(minutes=20))
    cast.react()
    row = PendingEntry.objects.get()
    assert (row.due_at, row.entry["properties"]["total"]) == (due, 2)


@pytest.mark.parametrize(
    ("bought", "left"),
    [
        ({"cart_id": "c1"}, ["c2"]),
        ({"skus": ["boot"]}, ["c2"]),
        ({"skus": ["hat"]}, []),
        ({"cart_id": "c9"}, ["c1", "c2"]),
    ],
)
def test_a_purchase_lets_go_of_the_carts_that_it_is_about(bought: dict[str, object], left: list[str]) -> None:
    campaign, elena = cast.publish(cast.mail(), **cast.CART), cast.person()
    cast.happen(elena, "Cart Updated", cart_id="c1", lines=[{"sku": "boot"}])
    cast.happen(elena, "Cart Updated", cart_id="c2", lines=[{"sku": "sock"}])
    cast.react()
    cast.later(minutes=10)
    cast.order(elena, *bought.pop("skus", []), **bought)
    cast.react()
    cast.later(hours=2)
    cast.work()
    assert [key for _, key in runs_of(campaign)] == left
    assert cast.messages(campaign) == [("due", "")] * len(left)


def test_a_purchase_and_its_cart_in_one_batch_leave_nothing_behind() -> None:
    campaign, elena = cast.publish(cast.mail(), **cast.CART), cast.person()
    cast.happen(elena, "Cart Updated", cart_id="c1")
    cast.order(elena, cart_id="c1")
    cast.react()
    assert not PendingEntry.objects.exists()
    cast.later(hours=2)
    cast.work()
    assert runs_of(campaign) == []


def test_an_event_without_the_key_starts_nothing_and_says_so() -> None:
    campaign, elena = cast.publish(cast.mail(), **cast.CART), cast.person()
    cast.happen(elena, "Cart Updated", lines=[])
    cast.work()
    assert cast.reasons(campaign) == ["no_trigger"]


# --- by hand ------------------------------------------------------------------------------------


def test_a_campaign_without_a_manual_entry_is_not_triggered() -> None:
    campaign = cast.publish(cast.mail(), **VIEWED)
    assert cast.refused(campaign, cast.person()) == "no_trigger"


def test_what_is_given_by_hand_stands_in_the_entry() -> None:
    campaign, elena = cast.publish(cast.mail()), cast.person()
    run = cast.run(cast.enter(campaign, elena, voucher="SPRING"))
    assert run.entry["properties"] == {"voucher": "SPRING"}


def test_nobody_is_found_by_an_unknown_reference() -> None:
    from campaigns import triggers
    from crm.errors import Problem

    campaign = cast.publish(cast.mail())
    with pytest.raises(Problem) as refused:
        triggers.trigger(campaign, {"email": "nobody@example.com"}, "", {}, clock.now())
    assert (refused.value.pointer, refused.value.code) == ("/contact", "not_found")


# --- segments ------------------------------------------------------------------------------------


def entry(segment: object, **more: object) -> dict[str, object]:
    return {"type": "segment", "segment": str(segment.pk), **more}  # type: ignore[attr-defined]


def test_a_segment_comes_in_as_it_stands_by_stretches_that_can_be_resumed() -> None:
    contacts = cast.people(25)
    chosen = cast.segment(contacts)
    campaign = cast.publish(cast.mail(), entry=[entry(chosen, mode="current")])
    assert entries.fire_occurrence(clock.now(), 10) == 10
    assert Enrolment.objects.count() == 10  # killed here, another worker goes on
    assert entries.fire_occurrence(clock.now(), 10) == 10
    entries.fire_occurrence(clock.now(), 10)
    assert entries.fire_occurrence(clock.now(), 10) == 0
    occurrence = Occurrence.objects.get()
    assert (occurrence.audience, bool(occurrence.done_at)) == (25, True)
    assert [contact for contact, _ in runs_of(campaign)] == [each.pk for each in contacts]
    assert set(Enrolment.objects.values_list("edition", flat=True)) == {True}


def test_publishing_again_does_not_let_them_in_again() -> None:
    chosen = cast.segment(cast.people(3))
    campaign = cast.publish(cast.mail(), entry=[entry(chosen, mode="current", reentry="after_exit")])
    cast.work()
    lifecycle.publish(campaign, actor=cast.ADA, now=clock.now())
    cast.work()
    assert Enrolment.objects.count() == 3
    assert cast.reasons(campaign) == []


def join(segment: object, contact: Contact, *, joined: bool) -> None:
    change = MembershipChange(segment.pk, contact.pk, joined, clock.now(), "a test")  # type: ignore[attr-defined]
    for listener in registry.membership_listeners:
        listener([change])


def test_whoever_joins_later_comes_in_and_whoever_leaves_goes_out() -> None:
    elena, dario = cast.people(2)
    chosen = cast.segment([elena])
    campaign = cast.publish(cast.mail(), entry=[entry(chosen, mode="joins", leave_exits=True)])
    cast.work()
    assert runs_of(campaign) == []
    join(chosen, dario, joined=True)
    cast.work()
    assert runs_of(campaign) == [(dario.pk, "")]
    assert cast.messages(campaign) == [("due", "")]
    join(chosen, dario, joined=False)
    assert cast.only_run(campaign).outcome == "exited"
    assert cast.messages(campaign) == [("cancelled", "recalled")]


def test_joining_a_segment_can_be_an_exit() -> None:
    vips, elena = cast.segment(), cast.person()
    campaign = cast.publish(cast.mail(), exit=[{"segment": str(vips.pk), "when": "joined"}])
    cast.enter(campaign, elena)
    join(vips, elena, joined=False)
    assert cast.only_run(campaign).outcome == ""
    join(vips, elena, joined=True)
    assert cast.only_run(campaign).outcome == "exited"


def test_a_segment_that_is_still_being_built_is_waited_for() -> None:
    chosen = cast.segment(cast.people(2))
    chosen.revision = 2
    chosen.save()
    campaign = cast.publish(cast.mail(), entry=[entry(chosen, mode="current")])
    cast.work()
    assert runs_of(campaign) == []
    chosen.built_revision = 2
    chosen.save()
    cast.later(seconds=6)
    cast.work()
    assert len(runs_of(campaign)) == 2


# --- dates --------------------------------------------------------------------------------------


def test_a_broadcast_at_ten_in_the_zone_of_each_recipient() -> None:
    madrid = cast.people(2)
    lima = cast.people(2, zone="America/Lima")
    chosen = cast.segment([*madrid, *lima])
    at = {"type": "schedule", "segment": str(chosen.pk), "at": "2026-06-11T10:00", "zone": "contact"}
    campaign = cast.publish(cast.mail(), entry=[at])
    moments = dict(Occurrence.objects.values_list("zone", "due_at"))
    assert moments == {
        "Europe/Madrid": datetime(2026, 6, 11, 8, tzinfo=UTC), "America/Lima": datetime(2026, 6, 11, 15, tzinfo=UTC),
    }  # fmt: skip
    clock.set_to(datetime(2026, 6, 11, 7, 59, tzinfo=UTC))
    cast.work()
    assert runs_of(campaign) == []
    clock.set_to(datetime(2026, 6, 11, 8, 1, tzinfo=UTC))
    # Somebody moves to a zone nobody lived in: they are not forgotten.
    Contact.objects.filter(pk=lima[1].pk).update(zone="America/Caracas")
    cast.work()
    assert {contact for contact, _ in runs_of(campaign)} == {each.pk for each in madrid}
    clock.set_to(datetime(2026, 6, 11, 15, 1, tzinfo=UTC))
    cast.work()
    assert {contact for contact, _ in runs_of(campaign)} == {each.pk for each in [*madrid, *lima]}


def test_a_broadcast_in_the_zone_of_the_workspace_goes_once() -> None:
    chosen = cast.segment(cast.people(3, zone="America/Lima"))
    at = {"type": "schedule", "segment": str(chosen.pk), "at": "2026-06-11T10:00"}
    campaign = cast.publish(cast.mail(), entry=[at])
    clock.set_to(datetime(2026, 6, 11, 8, 0, 30, tzinfo=UTC))
    cast.work()
    assert len(runs_of(campaign)) == 3
    assert Occurrence.objects.count() == 1


@pytest.mark.parametrize(("if_past", "count"), [("skip", 0), ("now", 2)])
def test_a_moment_that_is_over_is_skipped_or_taken_now(if_past: str, count: int) -> None:
    chosen = cast.segment(cast.people(2))
    at = {"type": "schedule", "segment": str(chosen.pk), "at": "2026-06-09T10:00", "if_past": if_past}
    campaign = cast.publish(cast.mail(), entry=[at])
    cast.work()
    assert len(runs_of(campaign)) == count
    assert SegmentMember.objects.count() == 2
