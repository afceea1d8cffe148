"""Chiara's data is restricted: kept, and used for nothing, until somebody says otherwise. Dario goes on as before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import runner, triggers
from campaigns.models import Campaign, Enrolment, PendingEntry, Refusal, Subscription
from channels.models import Message
from crm import capture, clock, consent, duplicates, publicids, timeline
from crm.errors import Problem
from crm.identity import merging
from crm.models import AuditEntry, Contact, ContactChange, Duplicate, Event, RightsRequest, SegmentMember
from crm.normalise import Trace
from crm.rights import restriction
from crm.segments import chores, edit, live
from tests.campaigns import cast
from tests.crm.people import come, email, phone, say

pytestmark = pytest.mark.django_db
ADA = "user:1"


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    live.forget()


def restrict(contact: int, why: str = "accuracy") -> bool:
    return restriction.restrict(contact, why=why, actor=ADA, now=clock.now(), words="The street is wrong")


def lift(contact: int) -> bool:
    return restriction.lift(contact, actor=ADA, now=clock.now())


def pair() -> tuple[Contact, Contact]:
    return cast.person("Chiara"), cast.person("Dario")


# --- what is written down ----------------------------------------------------------------------


def test_who_restricted_chiara_when_and_why_is_told_everywhere() -> None:
    chiara, _ = pair()
    at = clock.now()
    assert restriction.restrict(chiara.pk, why="accuracy", actor=ADA, now=at, words=" The street is wrong ")
    assert Contact.objects.get(pk=chiara.pk).restricted
    told = Event.objects.get(contact=chiara, name=restriction.RESTRICTED)
    assert told.properties == {"why": "accuracy", "words": "The street is wrong", "by": ADA}
    entry = AuditEntry.objects.get(action="contact.restrict")
    assert (entry.actor, entry.before) == (ADA, {"restricted": False})
    assert entry.after == {"restricted": True, "why": "accuracy", "words": "The street is wrong"}
    assert ContactChange.objects.get(contact=chiara).before == {"restricted": False}
    found = restriction.of(chiara.pk)
    assert (found.since, found.actor, found.why, found.words) == (at, ADA, "accuracy", "The street is wrong")
    asked = RightsRequest.objects.get(contact=chiara)
    assert (asked.kind, asked.via, asked.state, asked.words) == ("restriction", "office", "done", "The street is wrong")
    cast.later(hours=1)
    assert lift(chiara.pk)
    assert Event.objects.filter(contact=chiara, name=restriction.RESUMED).count() == 1
    assert AuditEntry.objects.filter(action="contact.unrestrict").count() == 1


def test_restricting_twice_changes_nothing_and_nobody_is_restricted_without_a_reason() -> None:
    chiara, _ = pair()
    assert restrict(chiara.pk)
    assert not restrict(chiara.pk, "claims")
    assert restriction.of(chiara.pk).why == "accuracy"
    with pytest.raises(Problem) as wrong:
        restriction.restrict(chiara.pk, why="because", actor=ADA, now=clock.now())
    assert wrong.value.pointer == "/why"
    with pytest.raises(Problem):
        restrict(987_654_321)
    assert not lift(cast.person().pk)


def test_whoever_was_joined_into_her_is_restricted_with_her_and_stays_so_when_they_part() -> None:
    now = clock.now()
    chiara, twin = come(now, email("c@example.com")), come(now, phone("+34600112233"))
    number = merging.merge(chiara, twin, {}, actor=ADA, now=now)
    restrict(chiara)
    assert set(Contact.objects.filter(restricted=True).values_list("pk", flat=True)) == {chiara, twin}
    merging.undo(number, actor=ADA, now=now)
    assert set(Contact.objects.filter(restricted=True, merged_into=None).values_list("pk", flat=True)) == {chiara, twin}


def test_nobody_is_joined_with_her_by_hand_and_her_browser_is_hers() -> None:
    now = clock.now()
    chiara, dario = come(now, email("c@example.com")), come(now, email("d@example.com"))
    browser = come(now, Trace("anonymous_id", "b-1"))
    restrict(chiara)
    with pytest.raises(Problem) as wrong:
        merging.merge(dario, chiara, {}, actor=ADA, now=now)
    assert wrong.value.code == "restricted"
    assert come(now, email("c@example.com"), Trace("anonymous_id", "b-1")) == chiara
    assert Contact.objects.get(pk=browser).merged_into_id == chiara


# --- what ends at once ---------------------------------------------------------------------------


def test_her_journeys_end_and_her_messages_stay_here_while_dario_travels_on() -> None:
    chiara, dario = pair()
    waits, sends = cast.publish(cast.wait()), cast.publish(cast.mail())
    for person in (chiara, dario):
        cast.enter(waits, person)
        cast.enter(sends, person)
    cast.work()
    assert Message.objects.filter(state="due").count() == 2
    restrict(chiara.pk)
    hers = Enrolment.objects.filter(contact=chiara).values_list("state", "outcome")
    assert set(hers) == {("done", "removed")}
    assert list(Message.objects.filter(contact=chiara).values_list("state", "reason")) == [
        ("blocked", "contact_removed")
    ]
    assert set(Enrolment.objects.filter(contact=dario).values_list("state", flat=True)) == {"waiting", "in_effect"}
    assert Message.objects.get(contact=dario).state == "due"


def test_a_wait_for_something_she_does_hears_nothing_any_more() -> None:
    chiara, dario = pair()
    campaign = cast.publish(cast.wait_for("Order Completed"))
    for person in (chiara, dario):
        cast.enter(campaign, person)
    cast.work()
    assert Subscription.objects.count() == 2
    restrict(chiara.pk)
    assert set(Subscription.objects.values_list("contact", flat=True)) == {dario.pk}


def test_a_cart_that_waited_for_quiet_is_let_go() -> None:
    chiara, dario = pair()
    campaign = cast.publish(cast.mail(), **cast.CART)
    for person in (chiara, dario):
        cast.happen(person, "Cart Updated", cart_id="c1")
    cast.react()
    assert PendingEntry.objects.count() == 2
    restrict(chiara.pk)
    assert list(PendingEntry.objects.values_list("contact", flat=True)) == [dario.pk]
    cast.later(hours=2)
    cast.work()
    assert set(Enrolment.objects.filter(campaign=campaign).values_list("contact", flat=True)) == {dario.pk}


def test_a_run_that_began_in_the_same_moment_is_ended_by_the_runner() -> None:
    chiara, dario = pair()
    campaign = cast.publish(cast.mail())
    runs = [cast.enter(campaign, person) for person in (chiara, dario)]
    Contact.objects.filter(pk=chiara.pk).update(restricted=True)  # committed between their entry and their first page
    runner.tick()
    assert cast.run(runs[0]).outcome == "removed"
    assert cast.way(runs[0])[-1][2] == "removed"
    assert cast.run(runs[1]).state == "in_effect"
    assert set(Message.objects.values_list("contact", flat=True)) == {dario.pk}


def test_the_number_of_statements_does_not_depend_on_how_much_she_was_in() -> None:
    chiara, dario = pair()
    first = cast.publish(cast.wait())
    cast.enter(first, chiara)
    others = [cast.publish(cast.wait()) for _ in range(5)] + [first]
    for campaign in others:
        cast.enter(campaign, dario)
    cast.work()
    with CaptureQueriesContext(connection) as few:
        restrict(chiara.pk)
    with CaptureQueriesContext(connection) as many:
        restrict(dario.pk)
    assert len(many) == len(few)


# --- what does not begin ---------------------------------------------------------------------------


def test_nothing_begins_for_her_and_the_reason_is_said() -> None:
    chiara, dario = pair()
    campaign = cast.publish(cast.wait(), entry=[{"type": "event", "event": "Store Visited"}, {"type": "manual"}])
    restrict(chiara.pk)
    for person in (chiara, dario):
        cast.happen(person, "Store Visited")
    cast.react()
    assert list(Enrolment.objects.filter(campaign=campaign).values_list("contact", flat=True)) == [dario.pk]
    assert Refusal.objects.get(contact=chiara).reason == "restricted"
    run, reason = triggers.trigger(campaign, {"id": chiara.pk}, "", {}, clock.now())
    assert (run, reason) == (None, "restricted")


def test_used_again_she_begins_nothing_by_herself() -> None:
    chiara, dario = pair()
    rule = {"all": [{"f": "contact.given_name", "op": "is_set"}]}
    named = edit.create("Named", rule, actor=ADA, now=clock.now())
    chores_done()
    joined = _joining(named.pk)
    cart = cast.publish(cast.mail(), **cast.CART)
    waits = cast.publish(cast.wait())
    cast.enter(waits, chiara)
    cast.work()
    restrict(chiara.pk)
    chores_done()
    assert not SegmentMember.objects.filter(segment=named, contact=chiara).exists()
    assert SegmentMember.objects.filter(segment=named, contact=dario).exists()
    cast.happen(chiara, "Cart Updated", cart_id="c9")
    cast.react()
    assert lift(chiara.pk)
    cast.react()
    chores_done()
    cast.work()
    assert SegmentMember.objects.filter(segment=named, contact=chiara).exists()
    cast.later(hours=3)
    cast.work()
    for campaign in (joined, cart):
        assert not Enrolment.objects.filter(campaign=campaign, contact=chiara).exists()
    assert list(Enrolment.objects.filter(contact=chiara).values_list("outcome", flat=True)) == ["removed"]
    marta = cast.person("Marta")  # who really comes in, does begin
    timeline.drain()
    capture.receive([capture.Arrival([Trace("id", str(marta.pk))], {"given_name": "Martha"})], now=clock.now())
    cast.react()
    chores_done()
    assert Enrolment.objects.filter(campaign=joined, contact=marta).exists()


def _joining(segment: int) -> Campaign:
    entry = {"type": "segment", "segment": publicids.encode("seg", segment), "mode": "joins"}
    return cast.publish(cast.wait(value=30), entry=[entry])


def chores_done() -> None:
    while chores.work():
        pass


# --- what she says and does ------------------------------------------------------------------------


def test_what_she_does_and_says_is_stored_and_her_no_counts() -> None:
    now = clock.now()
    chiara = come(now, email("c@example.com"), given_name="Chiara")
    say(now, chiara, "granted", channel="email")
    restrict(chiara)
    answer = capture.receive(
        [
            capture.Arrival(
                [email("c@example.com")],
                {"given_name": "Clara"},
                consents=[{"purpose": "offers", "channel": "email", "action": "withdrawn", "source": "shop"}],
                events=[{"name": "Store Visited"}],
            )
        ],
        now=now,
    )[0]
    assert answer.problems == []
    assert answer.event_ids != [None]
    assert [receipt.state for receipt in answer.receipts] == ["withdrawn"]
    assert Contact.objects.get(pk=chiara).given_name == "Chiara"
    assert not answer.updated


def test_her_fields_are_refused_with_a_code_and_dario_s_are_taken() -> None:
    now = clock.now()
    chiara, dario = come(now, email("c@example.com")), come(now, email("d@example.com"))
    restrict(chiara)
    answers = capture.receive(
        [capture.Arrival([email(f"{each}@example.com")], {"city": "Vigo"}) for each in ("c", "d")], now=now
    )
    assert [[problem.code for problem in answer.problems] for answer in answers] == [["restricted"], []]
    assert Contact.objects.get(pk=chiara).city == ""
    assert Contact.objects.get(pk=dario).city == "Vigo"


def test_a_new_address_of_hers_makes_no_second_chiara() -> None:
    now = clock.now()
    chiara = come(now, email("c@example.com"))
    restrict(chiara)
    answer = capture.receive(
        [capture.Arrival([email("c@example.com"), email("new@example.com")], events=[{"name": "Store Visited"}])],
        now=now,
    )[0]
    assert answer.contact_id == chiara
    assert come(now, email("new@example.com")) == chiara


def test_nobody_is_looked_up_as_her_double(now: datetime) -> None:
    marta = come(now, email("m@example.com"), given_name="Marta", family_name="Gil Soler", birth_date="1990-02-03")
    come(now, phone("+34600112233"), given_name="Martha", family_name="Gil Soler", birth_date="1990-02-03")
    duplicates.work()
    assert Duplicate.objects.filter(state="open").count() == 1
    restriction.restrict(marta, why="claims", actor=ADA, now=now)
    duplicates.work()
    assert not Duplicate.objects.filter(state="open").exists()
    restriction.lift(marta, actor=ADA, now=now + timedelta(hours=1))
    duplicates.work()
    assert Duplicate.objects.filter(state="open").count() == 1


def test_every_kind_of_message_is_refused_to_her() -> None:
    chiara, dario = pair()
    restrict(chiara.pk)
    for message_class in ("marketing", "service", "transactional"):
        assert consent.allowed(chiara.pk, "offers", "email", clock.now(), message_class) == consent.Deny(
            "contact_removed"
        )
        assert isinstance(consent.allowed(dario.pk, "offers", "email", clock.now(), message_class), consent.Allow)
