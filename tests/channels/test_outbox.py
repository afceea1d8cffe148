"""A message on its way: asked for once, checked again at the door, and settled with its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels import accounts, content, vetoes
from channels.models import Attempt, Message, SandboxMessage
from channels.outbox import delivery, enqueue, reaper, resume, revoke
from channels.types import Outcome, Outgoing, Receipt
from crm import clock, suppression, workspace
from crm.models import Contact, Event, Suppression
from tests.channels import people
from tests.channels.scripted import ACCEPTED, provider

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Any:
    settings.CAUCE_MODE = "live"
    accounts.forget()
    content.forget()
    people.at_noon()
    yield
    accounts.forget()


def told(name: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(name=name).order_by("id").values_list("properties", flat=True))


def only() -> Message:
    return Message.objects.get()


def later(span: timedelta) -> None:
    clock.advance(span)


def change(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


# --- asking ----------------------------------------------------------------------------------


def test_the_same_message_asked_for_twice_is_one_message() -> None:
    planned = people.plan(people.people(2))
    first = enqueue(planned, clock.now())
    assert enqueue([*planned, *planned], clock.now()) == first * 2
    assert people.states() == {"due": 2}


def test_two_people_with_one_address_get_one_letter_of_an_edition() -> None:
    ada, bruno = people.people(2)
    first, second = people.plan([ada, bruno], edition=True, campaign_id=5)
    shared = second._replace(address_id=first.address_id, address_hash=first.address_hash)
    ids = enqueue([first, shared], clock.now())
    assert [(m.state, m.reason) for m in Message.objects.filter(pk__in=ids).order_by("id")] == [
        ("due", ""), ("blocked", "duplicate_recipient"),
    ]  # fmt: skip
    assert enqueue([first, shared], clock.now()) == ids, "asked again, the answer is the same"
    assert [each["reason"] for each in told("Message Skipped")] == ["duplicate_recipient"]


def test_a_held_out_person_ends_at_once_and_the_run_hears_of_it() -> None:
    people.ask(people.people(1), held_out=True)
    assert (only().state, only().reason) == ("blocked", "holdout_campaign")
    assert told("Message Skipped")[0]["reason"] == "holdout_campaign"
    assert delivery.deliver() == 0


def test_somebody_without_an_address_ends_as_no_address() -> None:
    people.ask(people.people(1), address_id=None, address_hash="")
    assert (only().state, only().reason) == ("blocked", "no_address")


# --- the door --------------------------------------------------------------------------------


def test_what_is_sent_is_counted_proved_and_told() -> None:
    people.ask(people.people(1))
    with provider() as given:
        delivery.deliver()
    message = only()
    assert (message.state, message.attempts, message.provider_message_id) == ("accepted", 1, "p-1")
    assert message.judged["receipt"] is not None
    assert message.judged["basis"] == "consent"
    assert message.slots == {"contact": {"given_name": "Ada"}}
    assert (message.lease, message.receipt) == (None, None)
    assert message.counted_at == pytest.approx(people.NOON, abs=timedelta(minutes=1))
    assert [each.recipient for each in given] == [people.addresses([message.contact])[message.contact_id].value]
    assert Attempt.objects.get().outcome == "accepted"
    assert told("Message Sent") == [
        {"message_id": message.pk, "run_id": 1000, "campaign_id": None, "step": "e1", "channel": "email"}
    ]


def test_the_sandbox_keeps_what_a_customer_would_have_seen() -> None:
    people.ask(people.people(1))
    delivery.deliver()
    kept = SandboxMessage.objects.get()
    assert kept.subject == "Hello Ada"
    assert "Dear Ada" in kept.text
    assert kept.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_permission_taken_away_after_the_claim_is_obeyed_at_the_door() -> None:
    (chiara,) = people.people(1)
    people.ask([chiara])
    change("UPDATE crm_consentstate SET state = 'withdrawn'")  # past the listener
    with provider() as given:
        delivery.deliver()
    assert (only().state, only().reason, given) == ("blocked", "consent_withdrawn", [])


def test_a_withdrawal_blocks_what_is_queued_in_its_own_transaction() -> None:
    chiara, dario = people.people(2)
    ids = people.ask([chiara, dario])
    people.withdraw(chiara)
    assert Message.objects.get(pk=ids[0]).state == "blocked"
    assert Message.objects.get(pk=ids[0]).reason == "consent_withdrawn"
    assert Message.objects.get(pk=ids[1]).state == "due"
    assert told("Message Skipped")[0]["reason"] == "consent_withdrawn"


def test_a_withdrawal_of_another_channel_or_purpose_blocks_nothing() -> None:
    (chiara,) = people.people(1, granted=("email", "sms"))
    people.ask([chiara])
    people.withdraw(chiara, "sms")
    people.withdraw(chiara, "email", "newsletter")
    assert people.states() == {"due": 1}


def test_a_withdrawal_while_the_batch_is_on_its_way_reaches_those_not_started() -> None:
    chiara, dario, elena = people.people(3)
    ids = people.ask([chiara, dario, elena])

    def dario_says_no(outgoing: Outgoing) -> Receipt:
        people.withdraw(dario)
        return ACCEPTED

    with provider(dario_says_no) as given:
        delivery.deliver()
    assert [each.message_id for each in given] == [ids[0], ids[2]]
    assert Message.objects.get(pk=ids[1]).state == "blocked"


def test_a_suppressed_address_gets_nothing() -> None:
    (elena,) = people.people(1)
    people.ask([elena])
    suppression.suppress("email", [only().address_hash], "complaint", now=clock.now())
    delivery.deliver()
    assert (only().state, only().reason) == ("blocked", "channel_suppressed_complaint")


def test_at_night_a_message_waits_for_the_morning_of_its_person() -> None:
    clock.set_to(people.NOON.replace(hour=23))
    people.ask(people.people(1))
    delivery.deliver()
    assert (only().state, only().reason) == ("due", "quiet_hours")
    assert (only().due_at.hour, only().lease) == (7, None)
    later(timedelta(hours=9))
    delivery.deliver()
    assert (only().state, only().reason) == ("accepted", "")


def test_what_is_too_late_expires() -> None:
    people.ask(people.people(1), expires_at=people.NOON + timedelta(hours=1))
    later(timedelta(hours=2))
    delivery.deliver()
    assert (only().state, only().reason) == ("expired", "expired")
    assert told("Message Skipped")[0]["reason"] == "expired"


def test_of_many_messages_for_one_person_the_most_important_three_go() -> None:
    (dario,) = people.people(1)
    expires = people.NOON + timedelta(hours=24)
    for number in range(6):
        people.ask([dario], run=number + 1, priority=number, expires_at=expires)
    delivery.deliver()
    sent = Message.objects.filter(state="accepted")
    assert sorted(sent.values_list("priority", flat=True)) == [3, 4, 5]
    assert set(Message.objects.exclude(state="accepted").values_list("state", "reason")) == {("blocked", "cap")}


def test_the_cap_counts_all_channels_and_frees_after_a_week() -> None:
    (dario,) = people.people(1, granted=("email", "sms"))
    for number in range(3):
        people.ask([dario], run=number + 1, channel="sms")
    delivery.deliver()
    people.ask([dario], run=9)
    delivery.deliver()
    waiting = Message.objects.get(run_id=9)
    assert (waiting.state, waiting.reason) == ("due", "cap")
    clock.set_to(waiting.due_at + timedelta(seconds=1))
    delivery.deliver()
    assert Message.objects.get(run_id=9).state == "accepted"


def test_a_veto_from_above_ends_a_message_and_a_pause_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    recalled, paused = people.ask(people.people(2))
    monkeypatch.setattr(vetoes, "_vetoes", type(vetoes._vetoes)("vetoes"))
    vetoes.register("test", lambda ids, now: {recalled: "recalled", paused: "paused"})
    delivery.deliver()
    assert Message.objects.get(pk=recalled).reason == "recalled"
    assert Message.objects.get(pk=paused).state == "planned"


def test_a_name_that_is_missing_ends_that_one_message_only() -> None:
    broken = content.publish("email", {**people.LETTER, "subject": "Hello {{ entry.nickname }}"})
    (ada,), (bruno,) = people.people(1), people.people(1)
    people.ask([ada], content_id=broken)
    people.ask([bruno], run=2)
    delivery.deliver()
    first = Message.objects.get(contact=ada)
    assert (first.state, first.reason, first.reason_detail["variable"]) == ("blocked", "render_error", "entry.nickname")
    assert Message.objects.get(contact=bruno).state == "accepted"


@pytest.mark.parametrize("marks", [True, False])
def test_a_batch_of_forty_costs_as_many_queries_as_one_of_two_beside_its_marks(settings: Any, marks: bool) -> None:
    settings.HANDOFF_MARKS = marks
    counts = []
    with provider():
        for count in (2, 40):
            people.ask(people.people(count), run=count * 100)
            content.forget()
            accounts.active()
            workspace.current()
            with CaptureQueriesContext(connection) as queries:
                delivery._once()
            counts.append(len(queries) - count * marks)
    assert counts[0] == counts[1] <= 32, counts


# --- what providers answer -------------------------------------------------------------------


def test_not_now_is_tried_again_later_and_fails_in_the_end() -> None:
    people.ask(people.people(1))
    again = Receipt(Outcome.RETRY, code="451", detail="greylisted")
    with provider(*[again] * 9) as given:
        for attempt in range(1, 5):
            delivery.deliver()
            message = only()
            assert (message.state, message.attempts, message.started_at) == ("due", attempt, None)
            assert message.counted_at is None, "it takes no place under the cap"
            clock.set_to(message.due_at + timedelta(seconds=1))
            if not 9 <= clock.now().hour + 2 < 21:
                clock.set_to(people.NOON + timedelta(days=attempt))
        delivery.deliver()
    assert (only().state, only().reason, only().reason_detail["code"]) == ("failed", "provider_reject", "451")
    assert list(Attempt.objects.order_by("n").values_list("n", "outcome")) == [(n, "retry") for n in range(1, 6)]
    assert len(given) == 5
    assert told("Message Skipped")[0]["reason"] == "provider_reject"


def test_a_provider_that_asks_for_patience_gets_it() -> None:
    people.ask(people.people(1))
    with provider(Receipt(Outcome.RETRY, code="429", retry_after=3600.0)):
        delivery.deliver()
    assert only().due_at >= people.NOON + timedelta(hours=1)


def test_a_mailbox_that_does_not_exist_is_never_written_to_again() -> None:
    people.ask(people.people(1))
    with provider(Receipt(Outcome.REFUSED, code="550", address_dead=True)):
        delivery.deliver()
    assert (only().state, only().reason) == ("failed", "provider_reject")
    assert Suppression.objects.get().reason == "invalid"


def test_a_lost_answer_is_unknown_and_nobody_sends_it_again() -> None:
    people.ask(people.people(1))
    with provider(Receipt(Outcome.UNKNOWN, detail="connection lost")) as given:
        delivery.deliver()
        later(timedelta(hours=1))
        reaper.reap()
        delivery.deliver()
        assert len(given) == 1
    assert (only().state, only().reason) == ("unknown", "unknown")
    assert only().counted_at is not None, "it may have arrived: it counts for the cap"
    assert told("Message Skipped")[0]["reason"] == "unknown"


def test_a_carrier_that_raises_has_said_nothing() -> None:
    def explode(outgoing: Outgoing) -> Receipt:
        raise RuntimeError("bug")

    people.ask(people.people(2))
    with provider(explode):
        delivery.deliver()
    assert people.states() == {"unknown": 1, "accepted": 1}


def test_an_idempotent_provider_is_asked_again_with_the_same_key() -> None:
    people.ask(people.people(1))
    with provider(Receipt(Outcome.UNKNOWN), idempotent=True) as given:
        delivery.deliver()
        assert (only().state, only().doubtful) == ("due", True)
        later(timedelta(minutes=2))
        delivery.deliver()
    assert only().state == "accepted"
    assert len(given) == 2
    assert len({each.key for each in given}) == 1


def test_a_doubtful_message_never_ends_as_one_that_was_not_sent() -> None:
    (chiara,) = people.people(1)
    people.ask([chiara])
    with provider(Receipt(Outcome.UNKNOWN), idempotent=True):
        delivery.deliver()
        people.withdraw(chiara)
    assert (only().state, only().reason) == ("unknown", "consent_withdrawn")


def test_a_provider_that_cannot_be_reached_rests_and_nobody_suffers() -> None:
    ids = people.ask(people.people(60))
    with provider(Receipt(Outcome.NOT_STARTED)) as given:
        delivery.deliver()
        assert len(given) == 1, "the others were not tried"
        assert people.states() == {"due": 60}
        assert not Message.objects.filter(pk__in=ids).exclude(lease=None, attempts=0, counted_at=None).exists()
        assert delivery.deliver() == 0, "it rests"
        change("UPDATE channels_account SET resting_until = clock_timestamp() - interval '1 second'")
        accounts.look_again()
        later(timedelta(seconds=2))
        delivery.deliver()
    assert people.states() == {"accepted": 60}


def test_no_account_sends_faster_than_its_pace() -> None:
    people.ask(people.people(30))
    with provider(per_second=10.0) as given:
        delivery.deliver()
        assert len(given) <= 12


# --- leases ----------------------------------------------------------------------------------


def leased(state: str, **columns: Any) -> Message:
    """A message whose worker died in `state`."""
    (number,) = people.ask(people.people(1), run=Message.objects.count() + 1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE channels_message SET state = %s, lease = gen_random_uuid(), counted_at = due_at, handed_at ="
            " clock_timestamp(), lease_until = clock_timestamp() - interval '1 second', epoch = cauce_epoch()"
            " WHERE id = %s",
            [state, number],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    Message.objects.filter(pk=number).update(**columns)
    return Message.objects.get(pk=number)


@pytest.mark.parametrize(
    ("state", "columns", "after"),
    [
        ("claimed", {}, "due"),
        ("handing_off", {}, "due"),
        ("handing_off", {"started_at": people.NOON}, "unknown"),
        ("handing_off", {"epoch": "11111111-1111-1111-1111-111111111111"}, "unknown"),
    ],
)
def test_what_a_dead_worker_left_is_found_and_judged_by_what_is_known(
    state: str, columns: dict[str, Any], after: str
) -> None:
    leased(state, **columns)
    assert reaper.reap() == 1
    message = only()
    assert (message.state, message.lease) == (after, None)
    assert (message.counted_at is None) == (after in ("due", "failed"))
    assert Attempt.objects.count() == (after != "due")
    assert len(told("Message Sent")) + len(told("Message Skipped")) == (after != "due")
    assert reaper.reap() == 0


@pytest.mark.parametrize(("outcome", "after"), [("accepted", "accepted"), ("refused", "failed")])
def test_an_outcome_that_was_written_with_the_next_mark_is_not_lost(outcome: str, after: str) -> None:
    first = leased("handing_off", started_at=people.NOON)
    second = leased("handing_off", started_at=people.NOON, lease=first.lease)
    Message.objects.filter(pk=second.pk).update(receipt={"of": first.pk, "outcome": outcome, "code": "x"})
    assert reaper.reap() == 2
    assert [m.state for m in Message.objects.order_by("id")] == [after, "unknown"]
    assert [(a.message_id, a.outcome) for a in Attempt.objects.order_by("message_id")] == [
        (first.pk, outcome), (second.pk, "unknown"),
    ]  # fmt: skip
    assert Message.objects.exclude(receipt=None).count() == 0


def test_an_outcome_is_not_lost_when_the_lease_of_its_bearer_ends_first() -> None:
    first = leased("handing_off", started_at=people.NOON)
    said = {"of": first.pk, "outcome": "accepted"}
    bearer = leased("handing_off", started_at=people.NOON, lease=first.lease, receipt=said)
    change("UPDATE channels_message SET lease_until = clock_timestamp() + interval '1 minute' WHERE id = %s", first.pk)
    assert reaper.reap() == 0
    change("UPDATE channels_message SET lease_until = clock_timestamp() - interval '1 minute' WHERE id = %s", first.pk)
    assert reaper.reap() == 2
    assert [Message.objects.get(pk=each.pk).state for each in (first, bearer)] == ["accepted", "unknown"]


def test_an_idempotent_account_gets_its_started_message_again() -> None:
    with provider(idempotent=True):
        accounts.active()
        message = leased("handing_off", started_at=people.NOON)
        Message.objects.filter(pk=message.pk).update(account_id=accounts.active()[0].id)
        reaper.reap()
    assert (only().state, only().doubtful, only().attempts) == ("due", True, 1)


def test_a_crash_of_postgresql_begins_a_new_epoch() -> None:
    leased("handing_off")
    change("DELETE FROM channels_epoch")  # what crash recovery does to an unlogged table
    reaper.reap()
    assert only().state == "unknown", "its marks may be lost: nobody knows"


def test_after_a_crash_a_withdrawal_leaves_the_batch_to_the_reaper() -> None:
    message = leased("handing_off")
    change("DELETE FROM channels_epoch")
    people.withdraw(message.contact)
    assert only().state == "handing_off", "it may have been sent: it may not be called blocked"
    reaper.reap()
    assert only().state == "unknown"


def test_a_worker_that_lost_its_lease_does_not_send() -> None:
    people.ask(people.people(3))

    def stalls(outgoing: Outgoing) -> Receipt:
        change("UPDATE channels_message SET lease_until = clock_timestamp() - interval '1 second'")
        reaper.reap()
        return ACCEPTED

    with provider(stalls) as given:
        delivery._once()
        assert len(given) == 1
    assert people.states() == {"unknown": 1, "due": 2}


# --- taking back -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("recalled", "cancelled"),
        ("consent_withdrawn", "blocked"),
        ("contact_removed", "blocked"),
        ("expired", "expired"),
    ],
)
def test_upper_floors_take_messages_back_with_their_reason(reason: str, state: str) -> None:
    people.ask(people.people(2), run=1)
    assert revoke(run_ids=[1], reason=reason, now=clock.now()) == 1
    assert people.states() == {state: 1, "due": 1}
    assert told("Message Skipped")[0]["reason"] == reason


def test_each_scope_takes_back_its_own() -> None:
    ada, bruno, chiara = people.people(3)
    people.ask([ada], campaign_id=3, run=1)
    people.ask([bruno], campaign_id=4, run=2)
    people.ask([chiara], campaign_id=4, run=3)
    where = people.addresses([chiara])[chiara.pk]
    assert revoke(contact_ids=[ada.pk], reason="recalled", now=clock.now()) == 1
    assert revoke(address_ids=[where.pk], reason="recalled", now=clock.now()) == 1
    assert revoke(campaign_id=4, reason="recalled", now=clock.now()) == 1
    with pytest.raises(ValueError, match="whose messages"):
        revoke(reason="recalled", now=clock.now())


def test_a_pause_freezes_and_resuming_gives_the_time_back() -> None:
    people.ask(people.people(1), campaign_id=3, expires_at=people.NOON + timedelta(hours=1))
    revoke(campaign_id=3, reason="paused", now=clock.now())
    later(timedelta(hours=5))
    assert delivery.deliver() == 0
    assert told("Message Skipped") == []
    resume(3, timedelta(hours=5), clock.now())
    assert only().state == "due"
    assert only().expires_at == people.NOON + timedelta(hours=6)


def test_a_started_message_cannot_be_taken_back() -> None:
    message = leased("handing_off", started_at=people.NOON)
    assert revoke(contact_ids=[message.contact_id], reason="recalled", now=clock.now()) == 0
    assert Contact.objects.filter(pk=message.contact_id).exists()
