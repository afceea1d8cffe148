"""Chiara objects once, and all marketing and profiling stops: every channel, every purpose, every address of hers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics import stages
from analytics.models import ContactStage
from channels import choosing, leaving
from channels.models import Message
from crm import capture, clock, consent, identity, receipts, replay, timeline, words, workspace
from crm.errors import Problem
from crm.identity import merging
from crm.models import AuditEntry, ConsentReceipt, ConsentState, Event, Identifier, RightsRequest, SegmentMember
from crm.rights import objection
from crm.segments import chores, edit, live
from tests.campaigns import cast
from tests.crm.people import address, come, email, phone, say

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> None:
    clock.set_to(NOON)
    live.forget()
    workspace.forget()


def chiara() -> int:
    return come(clock.now(), email("c@example.com"), phone("+34600112233"))


def object_to_all(contact: int) -> int:
    return objection.object_to_all(contact, method="verbal_call", source="phone", actor="user:1", now=clock.now())


def everywhere() -> list[tuple[str, str]]:
    return [(purpose, channel) for purpose in words.MARKETING for channel in words.CHANNELS]


def denied(contact: int) -> set[tuple[str, str]]:
    return {
        place for place in everywhere()
        if isinstance(consent.allowed(contact, *place, clock.now()), consent.Deny)
    }  # fmt: skip


def react() -> None:
    while timeline.drain():
        pass
    while chores.work():
        pass


def stage(contact: int) -> str | None:
    return stages.of([contact]).get(contact)


# --- all of it, in one action --------------------------------------------------------------------


def test_one_objection_covers_every_purpose_on_every_channel_also_those_she_never_used() -> None:
    who = chiara()
    for channel in ("email", "sms", "ads", "onsite"):
        for purpose in ("offers", "ads"):
            say(clock.now(), who, "granted", purpose, channel)
    assert len(denied(who)) < len(everywhere())
    assert object_to_all(who)
    assert denied(who) == set(everywhere())
    said = set(ConsentReceipt.objects.filter(contact=who, action="objected").values_list("purpose", "channel"))
    assert said == set(everywhere())
    assert set(ConsentState.objects.filter(contact=who).values_list("state", flat=True)) == {"withdrawn"}
    # Service messages (a receipt, an answer) are no marketing.
    assert isinstance(consent.allowed(who, "service", "email", clock.now(), "service"), consent.Allow)
    assert receipts.broken() == []
    assert replay.states([who]) == {
        (row.contact_id, row.address_id, row.purpose, row.channel): consent.Folded(
            row.state, row.basis, row.since, row.expires_at, row.paused_until, row.receipt_id
        )
        for row in ConsentState.objects.filter(contact=who)
    }


def test_it_is_told_once_and_a_second_time_changes_nothing() -> None:
    who = chiara()
    say(clock.now(), who, "granted", "offers", "email")
    assert object_to_all(who)
    assert object_to_all(who) == 0
    assert Event.objects.filter(contact=who, name=objection.OBJECTED).count() == 1
    changed = Event.objects.filter(contact=who, name="Consent Changed", properties__action="objected")
    # What she had said something about is told one by one; what she never used is in the one line.
    assert [(each.properties["purpose"], each.properties["channel"]) for each in changed] == [("offers", "email")]
    entry = AuditEntry.objects.get(action="contact.object")
    assert (entry.actor, entry.after) == ("user:1", {"method": "verbal_call"})
    asked = RightsRequest.objects.get(contact=who)
    assert (asked.kind, asked.state, asked.settled_by) == ("objection", "done", "user:1")


def test_nobody_can_object_for_somebody_who_is_not_there() -> None:
    with pytest.raises(Problem) as wrong:
        object_to_all(987_654_321)
    assert wrong.value.code == "not_found"


def test_what_waits_to_be_sent_stays_here_and_dario_s_goes() -> None:
    her, him = cast.person("Chiara"), cast.person("Dario")
    campaign = cast.publish(cast.mail())
    for person in (her, him):
        cast.enter(campaign, person)
    cast.work()
    object_to_all(her.pk)
    assert Message.objects.get(contact=her).reason == "consent_withdrawn"
    assert Message.objects.get(contact=him).state == "due"


def test_the_number_of_statements_does_not_depend_on_what_she_had_said() -> None:
    her, other = chiara(), come(clock.now(), email("d@example.com"), phone("+34600112244"))
    say(clock.now(), her, "granted", "offers", "email")
    for channel in ("email", "sms", "whatsapp", "call"):
        for purpose in ("offers", "newsletter", "loyalty"):
            say(clock.now(), other, "granted", purpose, channel)
    with CaptureQueriesContext(connection) as few:
        object_to_all(her)
    with CaptureQueriesContext(connection) as many:
        object_to_all(other)
    assert len(many) == len(few)
    assert len(many) < 48


# --- what comes later -----------------------------------------------------------------------------


def test_her_first_phone_is_covered_and_so_is_a_second_address() -> None:
    who = come(clock.now(), email("c@example.com"))
    object_to_all(who)
    cast.later(days=1)
    now = clock.now()
    come(now, email("c@example.com"), phone("+34600112233"), email("second@example.com"))
    # A relation with a customer would allow it, but for her no.
    for at, channel in (("second@example.com", "email"), ("+34600112233", "sms")):
        say(now, who, "granted", channel=channel, basis="soft_opt_in", address_id=address(at))
    assert denied(who) == set(everywhere())
    standing = consent.standings([(who, address("second@example.com"), "offers", "email")])
    assert {each.state for each in standing.values()} == {"withdrawn"}


def test_after_a_yes_of_hers_a_new_address_is_not_stopped_by_the_old_no() -> None:
    who = come(clock.now(), email("c@example.com"))
    object_to_all(who)
    cast.later(days=1)
    say(clock.now(), who, "granted", "offers", "email")
    come(clock.now(), email("c@example.com"), email("second@example.com"))
    keys = [(who, address("second@example.com"), purpose, "email") for purpose in ("offers", "newsletter")]
    found = consent.standings(keys)
    assert [found[key].state for key in keys] == ["unknown", "withdrawn"]


def test_an_import_that_says_yes_does_not_lift_it() -> None:
    who = chiara()
    object_to_all(who)
    cast.later(days=1)
    say(clock.now(), who, "granted", "offers", "email", method="csv_import")
    assert ("offers", "email") in denied(who)


# --- from her own hand ------------------------------------------------------------------------------


def person(contact: int) -> choosing.Person:
    return choosing.Person(contact, address("c@example.com"), "email", "offers", "preferences", 1)


def test_stop_everything_on_the_preference_page_is_the_same_action() -> None:
    who = chiara()
    say(clock.now(), who, "granted", "offers", "email")
    choosing.stop_all(person(who), clock.now())
    assert denied(who) == set(everywhere())
    assert set(ConsentReceipt.objects.filter(contact=who, action="objected").values_list("purpose", "channel")) == set(
        everywhere()
    )
    before = ConsentReceipt.objects.count()
    choosing.stop_all(person(who), clock.now())
    assert ConsentReceipt.objects.count() == before


def test_the_link_of_a_message_that_says_all_is_the_same_action_and_reaches_its_old_address() -> None:
    who = chiara()
    old = address("c@example.com")
    now = clock.now()
    come(now, phone("+34600112233"), email("new@example.com"))
    identity.remove_identifiers(who, [Identifier.objects.get(value="c@example.com").pk], actor="user:1", now=now)
    leave = leaving.Leave(7, who, old, "email", "offers", scope="all")
    leaving.lock([who], [old])
    leaving.withdraw([leave], now)
    assert denied(who) == set(everywhere())
    stopped = consent.standings([(who, old, "offers", "email")])
    assert all(each.stopped_since for each in stopped.values())


# --- profiling --------------------------------------------------------------------------------------


def ordered(contact: int, number: str) -> None:
    told = {"name": "Order Completed", "properties": {"order_id": number, "total": {"amount": "40", "currency": "EUR"}}}
    capture.receive([capture.Arrival({"id": contact}, events=[told])], now=clock.now())
    react()


def test_her_stage_ends_and_does_not_come_back_while_dario_climbs() -> None:
    her, him = chiara(), come(clock.now(), email("d@example.com"))
    for contact in (her, him):
        ordered(contact, f"A-{contact}")
    assert (stage(her), stage(him)) == ("first_purchase", "first_purchase")
    object_to_all(her)
    assert stage(her) is None
    row = ContactStage.objects.get(contact=her)
    assert (row.stage, row.tally, row.quiet_at) == ("", {}, None)
    for contact in (her, him):
        ordered(contact, f"B-{contact}")
    assert (stage(her), stage(him)) == (None, "repeat")
    cast.later(days=400)
    while stages.fall_silent(clock.now()):
        pass
    assert (stage(her), stage(him)) == (None, "lapsed")
    assert stages.unheard() == []


def test_segments_that_ask_about_stages_have_her_in_none() -> None:
    her, him = chiara(), come(clock.now(), email("d@example.com"))
    every = edit.create("Any stage", {"stage": list(words.STAGES)}, actor="user:1", now=clock.now())
    for contact in (her, him):
        ordered(contact, f"A-{contact}")
    assert set(SegmentMember.objects.filter(segment=every).values_list("contact", flat=True)) == {her, him}
    object_to_all(her)
    react()
    assert set(SegmentMember.objects.filter(segment=every).values_list("contact", flat=True)) == {him}


def test_no_to_profiling_alone_stops_it_and_a_younger_yes_begins_anew() -> None:
    who = chiara()
    ordered(who, "A-1")
    ordered(who, "A-2")
    say(clock.now(), who, "refused", "offers", "email")
    assert stage(who) == "repeat"  # no to offers is no to offers
    cast.later(hours=1)
    say(clock.now(), who, "withdrawn", "profiling", "sms")
    assert stage(who) is None
    cast.later(hours=1)
    say(clock.now(), who, "granted", "profiling", "email")
    react()
    assert stage(who) == "lead"  # what she did before is not counted again
    ordered(who, "A-3")
    assert stage(who) == "first_purchase"
    cast.later(hours=1)
    say(clock.now(), who, "paused", "profiling", "email", until=clock.now() + timedelta(days=3))
    assert stage(who) == "first_purchase"  # a rest is no objection


def test_whoever_never_said_anything_about_profiling_has_a_stage() -> None:
    who = chiara()
    ordered(who, "A-1")
    assert stage(who) == "first_purchase"


def test_the_no_of_one_is_the_no_of_both_when_two_turn_out_to_be_one() -> None:
    her, twin = chiara(), come(clock.now(), email("twin@example.com"))
    ordered(her, "A-1")
    ordered(twin, "A-2")
    say(clock.now(), twin, "withdrawn", "profiling", "email")
    number = merging.merge(her, twin, {}, actor="user:1", now=clock.now())
    assert stage(her) is None
    merging.undo(number, actor="user:1", now=clock.now())
    assert (stage(her), stage(twin)) == ("first_purchase", None)
    assert stages.unheard() == []
