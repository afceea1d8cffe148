"""Who is asked to confirm a yes, how often, and what a no is worth meanwhile."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from crm import asof, capture, confirmations, confirming, consent, permission, regions, replay, unconfirmed
from crm.capture import Arrival
from crm.confirming import Policy, Rule
from crm.errors import Problem
from crm.models import AuditEntry, Confirmation, ConfirmationRule, ConsentReceipt, Contact, Identifier
from crm.permission import Said
from tests.crm.people import address, come, email, phone, say

DAY = date(2026, 3, 10)
FORM = {"purpose": "offers", "channel": "email", "action": "granted", "method": "web_form", "source": "blog"}


def sign_up(now: datetime, who: str = "elena@example.com", country: str = "DE", **said: Any) -> capture.Received:
    (answer,) = capture.receive([Arrival({"email": who}, {"country": country}, [{**FORM, **said}])], now=now)
    assert answer.problems == []
    return answer


def states(contact: int) -> dict[tuple[str, str], str]:
    return {(row[2], row[3]): folded.state for row, folded in replay.states([contact]).items()}


# --- who is asked --------------------------------------------------------------------------


def test_germany_asks_for_mails_and_spain_does_not() -> None:
    policy = Policy()
    assert policy.way("offers", "email", "DE", DAY) == "email_link"
    assert policy.way("offers", "email", "ES", DAY) == ""
    assert policy.way("offers", "email", "AR", DAY) == ""  # no pack names it: nothing is asked beyond a yes
    assert policy.way("service", "email", "DE", DAY) == ""
    assert policy.way("offers", "post", "DE", DAY) == ""


def test_a_shop_that_does_without_the_german_pack_asks_nobody() -> None:
    assert Policy((), regions.Switches(frozenset({"de"}))).way("offers", "email", "DE", DAY) == ""


def test_the_rule_that_says_most_decides() -> None:
    rules = Policy((Rule("", "", "", "on"), Rule("newsletter", "", "", "off"), Rule("", "sms", "FR", "off")))
    assert rules.way("offers", "email", "ES", DAY) == "email_link"
    assert rules.way("offers", "sms", "ES", DAY) == "sms_code"
    assert rules.way("newsletter", "email", "ES", DAY) == ""
    assert rules.way("offers", "sms", "FR", DAY) == ""
    assert rules.way("newsletter", "email", "DE", DAY) == ""


@pytest.mark.django_db
def test_ada_turns_it_on_and_it_stands_in_the_audit(now: datetime) -> None:
    confirming.change(Rule("", "email", "ES", "on"), actor="user:1")
    assert states(sign_up(now, country="ES").contact_id or 0) == {("offers", "email"): "granted_unconfirmed"}
    confirming.change(Rule("", "email", "ES", "on"), remove=True, actor="user:1")
    assert not ConfirmationRule.objects.exists()
    assert states(sign_up(now, "dario@example.com", "ES").contact_id or 0) == {("offers", "email"): "granted"}
    assert AuditEntry.objects.filter(action="confirmation.change").count() == 2
    with pytest.raises(Problem):
        confirming.change(Rule("service", "email", "", "on"), actor="user:1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "state"),
    [("web_form", "granted_unconfirmed"), ("pos_screen", "granted_unconfirmed"), ("api", "granted_unconfirmed"),
     ("paper_form", "granted"), ("verbal_call", "granted"), ("doi_email", "granted")],
)  # fmt: skip
def test_what_is_signed_or_proved_is_not_asked_again(now: datetime, method: str, state: str) -> None:
    answer = sign_up(now, method=method)
    assert answer.receipts[0].state == state
    assert len(answer.receipts) == 1


@pytest.mark.django_db
def test_what_somebody_tells_a_colleague_directly_is_left_as_it_was_recorded(now: datetime) -> None:
    elena = come(now, email("elena@example.com"), country="DE")
    say(now, elena, "granted", channel="email")
    assert states(elena) == {("offers", "email"): "granted"}


@pytest.mark.django_db
def test_a_yes_of_last_year_that_a_shop_brings_along_asks_nobody(now: datetime) -> None:
    long_ago = (now - timedelta(days=8)).isoformat()
    assert sign_up(now, occurred_at=long_ago).receipts[0].state == "granted"
    assert not Confirmation.objects.exists()
    assert sign_up(now, "d@example.com", occurred_at=long_ago, confirm=True).receipts[0].state == "granted_unconfirmed"


# --- what becomes of it ----------------------------------------------------------------------


@pytest.mark.django_db
def test_two_purposes_are_one_question(now: datetime) -> None:
    consents = [FORM, {**FORM, "purpose": "newsletter"}]
    (answer,) = capture.receive([Arrival({"email": "elena@example.com"}, {"country": "DE"}, consents)], now=now)
    (asked,) = Confirmation.objects.filter(contact=answer.contact_id)
    assert [item["purpose"] for item in asked.items] == ["offers", "newsletter"]
    done = confirming.confirm(asked.pk, {"ip": "203.0.113.7"}, now + timedelta(hours=1))
    assert done is not None
    assert done.confirmed_at is not None
    assert set(states(answer.contact_id or 0).values()) == {"granted"}
    assert Identifier.objects.get(contact=answer.contact_id).verified_at == now + timedelta(hours=1)
    assert ConsentReceipt.objects.filter(action="confirmed").count() == 2


@pytest.mark.django_db
def test_confirming_twice_is_one_receipt(now: datetime) -> None:
    sign_up(now)
    number = Confirmation.objects.get().pk
    for _ in range(3):
        confirming.confirm(number, {}, now)
    assert ConsentReceipt.objects.filter(action="confirmed").count() == 1


@pytest.mark.django_db
def test_a_yes_before_there_is_an_address_is_asked_at_the_first_one(now: datetime) -> None:
    dario = come(now, phone("+4915112345678"), country="DE")
    capture.receive([Arrival({"id": dario}, consents=[FORM])], now=now)
    assert not Confirmation.objects.exists()
    capture.receive([Arrival([{"kind": "id", "value": dario}, {"kind": "email", "value": "d@example.com"}])], now=now)
    assert Confirmation.objects.get().address_id == address("d@example.com")


@pytest.mark.django_db
def test_a_no_of_somebody_else_at_the_address_makes_the_question_worthless(now: datetime) -> None:
    elena = sign_up(now).contact_id or 0
    marta = come(now, email("elena@example.com", shared=True), phone("+34600000001"))
    say(now, marta, "withdrawn", channel="email", address_id=address("elena@example.com"))
    asked = confirming.confirm(Confirmation.objects.get().pk, {}, now)
    assert asked is not None
    assert asked.confirmed_at is None
    assert isinstance(consent.allowed(elena, "offers", "email", now), permission.Deny)


@pytest.mark.django_db
@pytest.mark.parametrize("before", ["refused", "withdrawn", "soft"])
def test_a_form_alone_changes_nothing_about_a_no_or_a_relation(now: datetime, before: str) -> None:
    elena = come(now, email("elena@example.com"), country="DE")
    told = {"action": "granted", "basis": "soft_opt_in"} if before == "soft" else {"action": before}
    say(now, elena, channel="email", **told)
    state = states(elena)
    sign_up(now + timedelta(days=1))
    assert states(elena) == state
    confirming.confirm(Confirmation.objects.get().pk, {}, now + timedelta(days=2))
    assert states(elena) == {("offers", "email"): "granted"}


@pytest.mark.django_db
def test_who_has_confirmed_is_not_asked_by_the_next_form(now: datetime) -> None:
    sign_up(now)
    confirming.confirm(Confirmation.objects.get().pk, {}, now)
    sign_up(now + timedelta(days=1))
    sign_up(now + timedelta(days=2), confirm=True)
    assert Confirmation.objects.count() == 1
    assert isinstance(consent.allowed(sign_up(now).contact_id or 0, "offers", "email", now), permission.Allow)


@pytest.mark.django_db
def test_what_was_so_then_is_told_by_the_receipts(now: datetime) -> None:
    elena = sign_up(now).contact_id or 0
    later = now + timedelta(days=1)
    confirming.confirm(Confirmation.objects.get().pk, {}, later)
    assert isinstance(asof.allowed(elena, "offers", "email", now + timedelta(hours=1)).verdict, permission.Deny)
    assert asof.allowed(elena, "offers", "email", later).standing.confirmed


# --- limits ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_address_gets_no_more_than_three_messages_a_day_and_the_answer_is_the_same(now: datetime) -> None:
    answers = []
    for hour in range(6):
        at = now + timedelta(hours=hour)
        answers.append(sign_up(at).receipts[0].state)
        wanted = confirmations.claim(at, 10)
        confirmations.sent([(each.id, "") for each in wanted], at)
    assert set(answers) == {"granted_unconfirmed"}
    assert Confirmation.objects.get().sent == 3


@pytest.mark.django_db
def test_two_forms_in_a_row_are_one_message(now: datetime) -> None:
    sign_up(now)
    confirmations.sent([(each.id, "") for each in confirmations.claim(now, 10)], now)
    sign_up(now + timedelta(minutes=1))
    assert confirmations.claim(now + timedelta(minutes=2), 10) == []


@pytest.mark.django_db
def test_one_computer_cannot_have_mails_sent_to_the_whole_town(now: datetime) -> None:
    for place in range(confirmations.MOST_OF_AN_IP + 5):
        sign_up(now, f"p{place}@example.com", evidence={"ip": "203.0.113.9"})
    assert Confirmation.objects.count() == confirmations.MOST_OF_AN_IP + 5
    assert confirmations.pending(now) == confirmations.MOST_OF_AN_IP
    sign_up(now, "other@example.com", evidence={"ip": "203.0.113.10"})
    assert confirmations.pending(now) == confirmations.MOST_OF_AN_IP + 1


@pytest.mark.django_db
def test_a_code_counts_for_ten_minutes_and_five_tries(now: datetime) -> None:
    capture.receive(
        [Arrival({"phone": "+34600111222"}, consents=[{**FORM, "channel": "sms", "confirm": True}])], now=now
    )
    (wanted,) = confirmations.claim(now, 10)
    confirmations.sent([(wanted.id, confirmations.code_hash(wanted.id, "123456"))], now)
    place = ("phone", "+34600111222")
    assert confirming.confirm_code(place, "123456", {}, now + timedelta(minutes=10)) is None
    for _ in range(5):
        assert confirming.confirm_code(place, "654321", {}, now) is None
    assert confirming.confirm_code(place, "123456", {}, now) is None
    Confirmation.objects.update(tries=4)
    done = confirming.confirm_code(place, "123456", {}, now)
    assert done is not None
    assert done.confirmed_at is not None
    assert confirming.confirm_code(place, "123456", {}, now) is None


@pytest.mark.django_db
def test_a_batch_of_sign_ups_costs_the_same_number_of_queries(now: datetime) -> None:
    def cost(people: int, start: int) -> int:
        arrivals = [
            Arrival({"email": f"q{start + place}@example.com"}, {"country": "DE"}, [FORM]) for place in range(people)
        ]
        with CaptureQueriesContext(connection) as made:
            capture.receive(arrivals, now=now)
        return len(made)

    cost(1, 0)
    assert cost(3, 100) == cost(60, 200)


# --- forgetting --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_only_who_is_known_by_nothing_else_is_forgotten(now: datetime) -> None:
    def asked(name: str) -> int:
        return sign_up(now, f"{name}@example.com").contact_id or 0

    ghost, buyer, confirmed, loud, refuser = (asked(name) for name in ("ghost", "buyer", "yes", "loud", "no"))
    late = asked("late")
    order = {"name": "Order Completed", "properties": {"order_id": "o1", "total": {"amount": "5", "currency": "EUR"}}}
    capture.receive([Arrival({"id": buyer}, events=[order])], now=now)
    confirming.confirm(Confirmation.objects.get(contact=confirmed).pk, {}, now)
    capture.receive([Arrival({"id": loud}, events=[{"name": "Page Viewed"}])], now=now)
    say(now, refuser, "refused", channel="sms")
    after = now + timedelta(days=30)
    Confirmation.objects.filter(contact=late).update(asked_at=now + timedelta(days=1))
    assert unconfirmed.purge(after, dry_run=True) == [ghost]
    assert Contact.objects.filter(pk=ghost).exists()
    assert unconfirmed.purge(after) == [ghost]
    assert set(Contact.objects.values_list("pk", flat=True)) == {buyer, confirmed, loud, refuser, late}
    assert not ConsentReceipt.objects.filter(contact_id=ghost).exists()
    assert not Identifier.objects.filter(value="ghost@example.com").exists()
    assert AuditEntry.objects.filter(action="unconfirmed.purge").count() == 1
    assert replay.differing() == []


# --- the fold, for any sequence ------------------------------------------------------------------

ACTIONS = st.lists(
    st.sampled_from([("granted", "web_form"), ("confirmed", "doi_email"), ("withdrawn", "one_click"),
                     ("refused", "web_form"), ("expired", "operator")]),
    max_size=12,
)  # fmt: skip


@given(said=ACTIONS)
def test_without_a_confirmation_no_sequence_of_forms_ends_in_a_yes(said: list[tuple[str, str]]) -> None:
    """Where it is asked for, only what came from the address itself makes a yes."""
    now = datetime(2026, 3, 10, 12)
    state, receipt, proved = permission.NOTHING, 0, False
    for action, method in said:
        whole = permission.Statement(1, "offers", "email", action, "", method, "x", occurred_at=now)
        place = confirming._Place(state.state, confirmed=proved)
        steps = [whole] if action != "granted" else confirming.planned(whole, 7, place, anyway=True)
        for step in steps:
            receipt += 1
            state = permission.step(state, Said(receipt, step.action, "", step.method, now))
        proved = action == "confirmed" if action != "granted" else proved
        if action in ("withdrawn", "refused", "expired"):
            proved = False
        assert state.state != "granted" or proved
