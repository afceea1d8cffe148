"""What people said, and whether a message may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import audit, consent, errors, reach, receipts, registry, replay, suppression, words
from crm.consent import Allow, Deny
from crm.models import (
    Address,
    AddressConsent,
    ConsentReceipt,
    ConsentState,
    Contact,
    Dirty,
    Event,
    Suppression,
)
from tests.crm.people import address, come, email, phone, say, say_all, statement

pytestmark = pytest.mark.django_db

MOBILE, HOME = "+34600112233", "+34600112244"


def may(
    contact: int, at: datetime, purpose: str = "offers", channel: str = "sms", message_class: str = "marketing"
) -> str:
    answer = consent.allowed(contact, purpose, channel, at, message_class)
    return "yes" if isinstance(answer, Allow) else answer.reason


def test_nothing_said_is_no_permission(now: datetime) -> None:
    assert may(come(now, phone(MOBILE)), now) == "consent_missing"


def test_chiara_said_no_to_sms_and_yes_to_email(now: datetime) -> None:
    chiara = come(now, phone(MOBILE), email("chiara@example.com"))
    granted = say(now, chiara, "granted", channel="email")
    say(now, chiara, "refused")
    assert may(chiara, now) == "consent_withdrawn"
    assert may(chiara, now, channel="whatsapp") == "consent_missing"
    answer = consent.allowed(chiara, "offers", "email", now)
    assert answer == Allow("consent", granted.receipt_id)


def test_a_grant_says_how_and_where(now: datetime) -> None:
    chiara = come(now, phone(MOBILE))
    with pytest.raises(errors.Problems) as wrong:
        say_all(now, [statement(chiara, "granted", method="", source=""), statement(chiara, "paused")])
    assert [problem.pointer for problem in wrong.value.problems] == ["/0/method", "/0/source", "/1/until"]
    assert not ConsentReceipt.objects.exists()


def test_a_withdrawal_without_an_address_covers_them_all_and_a_grant_those_of_now(now: datetime) -> None:
    dario = come(now, phone(MOBILE))
    come(now, phone(MOBILE), phone(HOME))
    assert len(say(now, dario, "granted").receipt_ids) == 2
    come(now, phone(MOBILE), phone("+34600112255"))
    assert may(dario, now) == "yes"
    states = dict(ConsentState.objects.values_list("address__value", "state"))
    assert states == {MOBILE: "granted", HOME: "granted"}
    say(now, dario, "withdrawn")
    assert set(ConsentState.objects.values_list("address__value", "state")) == {
        (MOBILE, "withdrawn"),
        (HOME, "withdrawn"),
        ("+34600112255", "withdrawn"),
    }


def test_what_was_said_before_there_was_an_address_binds_to_the_first_one(now: datetime) -> None:
    elena = come(now, email("elena@example.com"))
    say(now, elena, "granted")
    assert may(elena, now) == "no_address"
    come(now, email("elena@example.com"), phone(MOBILE))
    assert may(elena, now) == "yes"
    bound = ConsentReceipt.objects.get(address=address(MOBILE))
    assert bound.source == f"bound:{ConsentReceipt.objects.get(address=None).pk}"
    come(now, email("elena@example.com"), phone(HOME))
    assert not ConsentState.objects.filter(address=address(HOME)).exists()


def test_a_pause_waits_for_its_address_too(now: datetime) -> None:
    elena = come(now, email("elena@example.com"))
    say(now, elena, "granted")
    say(now, elena, "paused", until=now + timedelta(days=30))
    come(now, email("elena@example.com"), phone(MOBILE))
    assert may(elena, now) == "consent_withdrawn"
    assert may(elena, now + timedelta(days=30)) == "yes"
    assert replay.differing() == []


def test_a_withdrawal_on_a_shared_phone_beats_the_grant_of_the_other(now: datetime) -> None:
    ada = come(now, email("ada@example.com"), phone(MOBILE, shared=True))
    bea = come(now, email("bea@example.com"), phone(MOBILE, shared=True))
    say(now, ada, "granted")
    say(now, bea, "granted")
    say(now + timedelta(minutes=1), ada, "withdrawn")
    assert (may(ada, now), may(bea, now)) == ("consent_withdrawn", "consent_withdrawn")
    say(now + timedelta(minutes=2), bea, "granted", address_id=address(MOBILE))
    assert (may(ada, now), may(bea, now)) == ("consent_withdrawn", "yes")


def test_an_import_never_lifts_a_no(now: datetime) -> None:
    chiara = come(now, phone(MOBILE))
    say(now, chiara, "withdrawn")
    later = now + timedelta(days=1)
    say(later, chiara, "granted", method="csv_import")
    assert may(chiara, later) == "consent_withdrawn"
    say(later, chiara, "granted", basis="soft_opt_in")
    assert may(chiara, later) == "consent_withdrawn"
    say(later, chiara, "granted")
    assert may(chiara, later) == "yes"


def test_last_weeks_form_typed_in_today_does_not_lift_yesterdays_no(now: datetime) -> None:
    chiara = come(now, phone(MOBILE))
    say(now, chiara, "withdrawn", occurred_at=now - timedelta(days=1))
    say(now, chiara, "granted", occurred_at=now - timedelta(days=7))
    assert may(chiara, now) == "consent_withdrawn"
    say(now, chiara, "withdrawn", occurred_at=now - timedelta(days=9))
    say(now, chiara, "granted", occurred_at=now - timedelta(days=8))
    assert may(chiara, now) == "yes"


def test_double_opt_in_is_complete_when_it_is_confirmed(now: datetime) -> None:
    dario = come(now, email("dario@example.com"))
    steps = [
        (say(now, dario, action, channel="email").state, may(dario, now, channel="email"))
        for action in ("requested", "granted", "confirmed")
    ]
    assert steps == [
        ("requested", "consent_unconfirmed"),
        ("granted_unconfirmed", "consent_unconfirmed"),
        ("granted", "yes"),
    ]
    assert list(Event.objects.filter(name__startswith="Consent").order_by("id").values_list("name", flat=True)) == [
        "Consent Requested",
        "Consent Changed",
        "Consent Changed",
    ]


def test_consent_ends_at_its_instant_and_a_pause_is_over_at_its(now: datetime) -> None:
    dario = come(now, phone(MOBILE))
    say(now, dario, "granted", expires_at=now + timedelta(days=2))
    assert (may(dario, now), may(dario, now + timedelta(days=2))) == ("yes", "consent_expired")
    say(now, dario, "paused", until=now + timedelta(days=1))
    assert (may(dario, now), may(dario, now + timedelta(days=1))) == ("consent_withdrawn", "yes")


def test_service_messages_obey_the_withdrawal_of_service_and_transactional_ones_suppression(now: datetime) -> None:
    dario = come(now, phone(MOBILE))
    say(now, dario, "withdrawn")
    assert may(dario, now, message_class="service") == "yes"
    say(now, dario, "withdrawn", purpose="service")
    assert may(dario, now, message_class="service") == "consent_withdrawn"
    assert may(dario, now, message_class="transactional") == "yes"
    hashed = suppression.address_hash("phone", MOBILE)
    assert suppression.suppress("phone", [hashed], "bounce", source="carrier", now=now) == 1
    assert suppression.suppress("phone", [hashed], "bounce", source="carrier", now=now) == 0
    assert may(dario, now, message_class="transactional") == "channel_suppressed_bounce"
    assert may(dario, now - timedelta(seconds=1), message_class="transactional") == "yes"
    suppression.lift("phone", [hashed], now=now + timedelta(days=1))
    assert may(dario, now + timedelta(days=1), message_class="transactional") == "yes"
    assert may(dario, now, message_class="transactional") == "channel_suppressed_bounce"


def test_a_withdrawal_tells_its_listeners_in_the_same_transaction(now: datetime) -> None:
    heard: list[consent.Withdrawal] = []
    chiara = come(now, phone(MOBILE))
    say(now, chiara, "granted")
    registry.withdrawal_listeners.add("test", heard.extend)
    try:
        recorded = say(now, chiara, "withdrawn")
    finally:
        del registry.withdrawal_listeners._items["test"]
    (withdrawal,) = heard
    assert withdrawal == consent.Withdrawal(
        chiara, address(MOBILE), "sms", "offers", recorded.receipt_id, recorded.recorded_at
    )
    assert abs(recorded.recorded_at - datetime.now(UTC)) < timedelta(minutes=1)  # real, not business, time
    assert Dirty.objects.filter(contact=chiara, mention="consent").exists()


def test_the_standings_of_a_thousand_keys_are_one_query(now: datetime, django_assert_num_queries: Any) -> None:
    chiara = come(now, phone(MOBILE))
    keys = [(chiara, address(MOBILE), purpose, channel) for purpose in words.PURPOSES for channel in ("sms", "call")]
    with django_assert_num_queries(1):
        assert len(consent.standings(keys * 60)) == len(keys)


def test_the_address_to_write_to_is_an_allowed_one_then_a_verified_one_then_the_oldest(now: datetime) -> None:
    dario = come(now, phone(MOBILE))
    come(now, phone(MOBILE), phone(HOME))
    first = reach.addresses([dario], "sms", "offers", "marketing", now)[dario]
    assert first.value == MOBILE
    dario_home = Contact.objects.get(pk=dario).identifiers.get(value=HOME)
    dario_home.verified_at = now
    dario_home.save()
    assert reach.addresses([dario], "sms", "offers", "marketing", now)[dario].value == HOME
    say(now, dario, "granted", address_id=address(MOBILE))
    assert reach.addresses([dario], "sms", "offers", "marketing", now)[dario].value == MOBILE
    assert reach.addresses([dario], "onsite", "offers", "marketing", now) == {}


# --- the proof ------------------------------------------------------------------------------------


def test_the_hash_of_a_receipt_is_the_same_in_sql_and_in_python(now: datetime) -> None:
    chiara = come(now, phone(MOBILE))
    say(
        now,
        chiara,
        "granted",
        source="Ñandú · 東京 ; 3:x",
        wording="v1/es",
        expires_at=now,
        evidence={"ip": "::1", "n": 1.50},
    )
    say(now, chiara, "paused", until=now + timedelta(microseconds=1))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT hash, {receipts.hash_sql('r')} FROM crm_consentreceipt r ORDER BY id")
        rows = cursor.fetchall()
        sql, keys = suppression.keyed_hash_sql("%s::text")
        cursor.execute(f"SELECT {sql}", [*keys, f"phone:{MOBILE}"])
        assert cursor.fetchone()[0] == suppression.address_hash("phone", MOBILE)
    assert len(rows) == 2
    assert all(stored == computed for stored, computed in rows)
    assert receipts.broken() == []


def test_receipts_cannot_be_changed_or_deleted(now: datetime) -> None:
    chiara = come(now, phone(MOBILE))
    say(now, chiara, "withdrawn")
    for change in ("UPDATE crm_consentreceipt SET action = 'granted'", "DELETE FROM crm_consentreceipt"):
        with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
            run(change)


@pytest.mark.parametrize(
    "crime",
    [
        "UPDATE crm_consentreceipt SET action = 'granted' WHERE chain_seq = 2",
        "UPDATE crm_consentreceipt SET occurred_at = occurred_at + interval '1 microsecond' WHERE chain_seq = 1",
        "DELETE FROM crm_consentreceipt WHERE chain_seq = 2",
        'UPDATE crm_consentreceipt SET evidence = \'{"ip": "10.0.0.2"}\' WHERE chain_seq = 1',
    ],
)
def test_a_receipt_altered_in_the_database_breaks_its_chain(now: datetime, crime: str) -> None:
    chiara = come(now, phone(MOBILE))
    say(now, chiara, "granted", evidence={"ip": "10.0.0.1"})
    for action in ("withdrawn", "granted"):
        say(now, chiara, action)
    assert receipts.broken() == []
    run("ALTER TABLE crm_consentreceipt DISABLE TRIGGER USER")
    run(crime)
    assert receipts.broken() != []


def test_an_altered_audit_entry_breaks_its_chain(now: datetime) -> None:
    for number in range(3):
        audit.record("ada", "segment.update", f"seg:{number}", {"n": 1.0, "ñ": None}, {"n": 1e22})
    assert audit.broken() == []
    run("ALTER TABLE crm_auditentry DISABLE TRIGGER USER")
    run("UPDATE crm_auditentry SET after = '{\"n\": 3}' WHERE subject = 'seg:1'")
    assert [row[1:3] for row in audit.broken()] == [("ada", "segment.update")]


@pytest.mark.parametrize(
    "crime",
    [
        "UPDATE crm_consentstate SET state = 'granted'",
        "DELETE FROM crm_consentstate",
        "UPDATE crm_addressconsent SET stopped = false",
    ],
)
def test_a_state_that_is_not_the_replay_of_its_receipts_is_named(now: datetime, crime: str) -> None:
    chiara = come(now, phone(MOBILE))
    say(now, chiara, "withdrawn")
    assert replay.differing() == []
    run(crime)
    assert len(replay.differing()) == 1


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(sql)


# --- one decision, three ways to ask --------------------------------------------------------------

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = st.integers(0, 100)
ACTS = st.tuples(
    st.sampled_from(["ada", "bea"]),
    st.sampled_from([*words.ACTIONS, *words.INNER_ACTIONS]),
    st.sampled_from(["consent", "soft_opt_in", ""]),
    st.sampled_from(["web_form", "csv_import", "doi_email"]),
    st.sampled_from(["all", "shared"]),
    st.sampled_from(["offers", "service"]),
    HOURS,
    HOURS,
    st.booleans(),
)
DEEDS = st.one_of(
    st.tuples(st.just("suppress"), st.sampled_from([*Suppression.Reason.values]), HOURS, st.none() | HOURS),
    st.tuples(st.just("health"), st.sampled_from([*Address.Health.values])),
    st.tuples(st.just("archive"), st.sampled_from(["ada", "bea"])),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=9), deeds=st.lists(DEEDS, max_size=2), hour=HOURS)
def test_sql_and_python_decide_alike_on_every_history(acts: list[Any], deeds: list[Any], hour: int) -> None:
    with transaction.atomic():
        people = {
            "ada": come(START, email("ada@example.com"), phone(MOBILE, shared=True), phone(HOME)),
            "bea": come(START, email("bea@example.com"), phone(MOBILE, shared=True)),
            "mute": come(START, email("mute@example.com")),
        }
        live(acts, people)
        suffer(deeds, people)
        at = START + timedelta(hours=hour)
        for message_class in words.MESSAGE_CLASSES:
            for channel in ("sms", "onsite"):
                assert_alike(people, channel, message_class, at)
        assert replay.differing() == []
        assert receipts.broken() == []
        transaction.set_rollback(True)


def live(acts: list[Any], people: dict[str, int]) -> None:
    for who, action, basis, method, where, purpose, when, later, on_site in acts:
        at = START + timedelta(hours=when)
        say(
            START + timedelta(hours=200),
            people[who],
            action,
            purpose,
            "onsite" if on_site else "sms",
            basis=basis,
            method=method,
            occurred_at=at,
            until=at + timedelta(hours=later),
            expires_at=at + timedelta(hours=later) if later % 2 else None,
            address_id=address(MOBILE) if where == "shared" and not on_site else None,
        )


def suffer(deeds: list[Any], people: dict[str, int]) -> None:
    shared = Address.objects.get(value=MOBILE)
    for deed in deeds:
        if deed[0] == "suppress":
            Suppression.objects.filter(hash=shared.hash, reason=deed[1]).delete()
            Suppression.objects.create(
                medium="phone",
                hash=shared.hash,
                reason=deed[1],
                since=START + timedelta(hours=deed[2]),
                until=None if deed[3] is None else START + timedelta(hours=deed[3]),
                channel="",
            )
        elif deed[0] == "health":
            Address.objects.filter(pk=shared.pk).update(health=deed[1])
        else:
            Contact.objects.filter(pk=people[deed[1]]).update(archived_at=START)


def assert_alike(people: dict[str, int], channel: str, message_class: str, at: datetime) -> None:
    sql, params = consent.allowed_sql("offers", channel, message_class, at)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM crm_contact WHERE {sql}", params)
        by_sql = {row[0] for row in cursor.fetchall()}
    purpose = consent.purpose_of("offers", message_class)
    for contact in people.values():
        keys: list[consent.Key] = [(contact, None, purpose, channel)]
        if channel == "sms":
            keys = [
                (contact, each, purpose, channel)
                for each in Address.objects.filter(identifier__contact=contact, medium="phone").values_list(
                    "pk", flat=True
                )
            ] or keys
        decided = [consent.decide(standing, message_class, at) for standing in consent.standings(keys).values()]
        one = any(isinstance(answer, Allow) for answer in decided)
        asked = consent.allowed(contact, "offers", channel, at, message_class)
        assert (contact in by_sql) is one is isinstance(asked, Allow), (decided, asked)
        assert all(answer.reason for answer in decided if isinstance(answer, Deny))


def test_joining_an_anonymous_history_keeps_states_and_chains_whole(now: datetime) -> None:
    visitor = come(now, *[_anonymous("a1")])
    say(now, visitor, "granted", channel="onsite")
    say(now, visitor, "granted", channel="sms")
    elena = come(now, email("elena@example.com"), phone(MOBILE))
    say(now, elena, "withdrawn", channel="onsite")
    come(now, _anonymous("a1"), email("elena@example.com"))
    assert replay.differing() == []
    assert receipts.broken() == []
    assert not ConsentState.objects.filter(contact=visitor).exists()
    say(now, elena, "granted", channel="onsite")
    assert may(elena, now, channel="onsite") == "yes"
    assert receipts.broken() == []
    assert AddressConsent.objects.count() == 0


def _anonymous(value: str) -> Any:
    from crm.normalise import Trace

    return Trace("anonymous_id", value)
