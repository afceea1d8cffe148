"""Whom a till sees, what it shows of them, and what they change there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import clock, consent, publicids
from crm.identity import claims
from crm.models import Address, AuditEntry, Contact, Event, Identifier, Order, TillEntry
from crm.normalise import Trace
from crm.till import aloud, masked, people
from tests import plans
from tests.crm.people import come, email, phone, say
from tests.crm.till.people import Till, till

pytestmark = pytest.mark.django_db
CARMEN = {"given_name": "Carmen", "family_name": "Martínez Soler"}
SECRETS = ("carmen.martinez@example.com", "600112233", "600 11 22 33", "291000487730", "Martínez", "Soler")


def carmen(now: datetime, home: str = "VLC") -> int:
    return come(
        now, email("carmen.martinez@example.com"), phone("+34600112233"), Trace("card", "291000487730"),
        home_store=home, **CARMEN,
    )  # fmt: skip


def test_a_mask_shows_whom_one_has_before_one_and_no_more() -> None:
    assert masked.name("Carmen", "Martínez") == "Carmen M."
    assert masked.card("291000487730") == "•••• 7730"
    assert masked.phone("+34600114018") == "••• 40 18"
    assert masked.email("carmen@example.com") == "c…@e….com"
    assert masked.card("12345") == "••••"


@pytest.mark.parametrize(
    "text",
    [
        "291000487730",
        "2910 0048 7730",
        "600112233",
        "+34 600 11 22 33",
        "carmen.martinez@example.com",
        "7730",
        "2233",
        "carmen",
        "Martinez",
    ],
)
def test_carmen_is_found_by_anything_of_hers_and_shown_masked(now: datetime, text: str) -> None:
    bruno = till()
    carmen(now)
    page = bruno.client.get("/store/find/", {"q": text}).content.decode()
    assert "Carmen M." in page
    body = page.replace(f'value="{text}"', "")
    assert [secret for secret in SECRETS if secret in body] == []


@pytest.mark.parametrize("text", ["car\0men", "29100\0487730", "a\0@example.com"])
def test_a_text_that_no_keyboard_types_breaks_nothing(now: datetime, text: str) -> None:
    bruno = till()
    assert bruno.client.get("/store/find/", {"q": text}).status_code in {200, 400}
    for kind in ("card", "phone", "email"):
        assert bruno.client.post("/store/hint/", {kind: text}).status_code < 500


def test_a_scan_leads_straight_to_her(now: datetime) -> None:
    bruno = till()
    number = carmen(now)
    answer = bruno.client.get("/store/find/", {"q": "291000487730", "scan": "1"})
    assert answer.headers["Location"] == f"/store/people/{publicids.encode('ctc', number)}/"


def test_no_page_of_the_till_holds_a_whole_value_of_hers(now: datetime) -> None:
    bruno = till()
    number = publicids.encode("ctc", carmen(now))
    bruno.do("purchase", {"contact": number, "amount": "10"}, now)
    for path in (
        f"people/{number}/",
        f"purchase/?customer={publicids.decode('ctc', number)}",
        "purchase/recent/",
        "decisions/",
        "enrol/",
    ):
        page = bruno.client.get(f"/store/{path}")
        assert page.status_code == 200, path
        assert [secret for secret in SECRETS if secret in page.content.decode()] == [], path


def test_a_store_sees_its_own_people_and_learns_nothing_of_others(now: datetime) -> None:
    valencia, barcelona = till(), till("BCN", "Barcelona")
    number = carmen(now)
    public = publicids.encode("ctc", number)
    for text in ("7730", "carmen", "martinez"):
        assert "Carmen" not in barcelona.client.get("/store/find/", {"q": text}).content.decode()
    page = barcelona.client.get("/store/find/", {"q": "291000487730"}).content.decode()
    assert "Customer of another store." in page
    assert "Carmen" not in page
    assert barcelona.client.get(f"/store/people/{public}/").status_code == 404
    before = contents()
    for kind, body in (
        ("consent", {"contact": public, "purpose": "offers", "channel": "all", "yes": False}),
        ("correct", {"contact": public, "kind": "phone", "value": "600000000", "reason": "typo"}),
        ("purchase", {"contact": public, "amount": "5"}),
        ("enrol", {"card": "291000484907", "same_as": public}),
    ):
        assert barcelona.do(kind, body, now)["state"] == "refused", kind
    assert contents() == before
    assert valencia.client.get(f"/store/people/{public}/").status_code == 200


def contents() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Contact, Identifier, Order, Event, TillEntry, AuditEntry))


def test_whoever_shows_her_card_elsewhere_is_served_there_and_it_is_written_down(now: datetime) -> None:
    till()
    barcelona = till("BCN", "Barcelona")
    number = carmen(now)
    key = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
    answer = barcelona.client.post("/store/find/serve/", {"text": "291000487730", "key": key})
    assert answer.headers["Location"] == f"/store/people/{publicids.encode('ctc', number)}/"
    assert barcelona.client.get(answer.headers["Location"]).status_code == 200
    assert Event.objects.get(name="Store Visited").properties["store"] == "BCN"
    assert AuditEntry.objects.filter(action="till.serve").count() == 1


def test_a_purchase_at_a_store_makes_her_one_of_its_people_over_rest_too(now: datetime) -> None:
    till()
    barcelona = till("BCN", "Barcelona")
    number = carmen(now)
    assert not people.sees(barcelona.store, number)
    assert barcelona.do("purchase", {"card": "291000487730", "amount": "10"}, now)["state"] == "done"
    assert people.sees(barcelona.store, number)


def test_restricted_people_are_kept_from_the_till(now: datetime) -> None:
    bruno = till()
    number = carmen(now)
    Contact.objects.filter(pk=number).update(restricted=True)
    page = bruno.client.get("/store/find/", {"q": "291000487730"}).content.decode()
    assert "Ask your manager" in page
    assert "Carmen" not in page
    assert "Carmen" not in bruno.client.get(f"/store/people/{publicids.encode('ctc', number)}/").content.decode()


def test_she_says_no_in_one_tap_and_it_counts_at_once(now: datetime) -> None:
    bruno = till()
    number = carmen(now)
    say(now - timedelta(days=1), number, "granted", "offers", "email")
    public = publicids.encode("ctc", number)
    answer = bruno.client.post(
        f"/store/people/{public}/consent/",
        {"key": "01HZZZZZZZZZZZZZZZZZZZZZZZ", "purpose": "offers", "channel": "email"},
    )
    assert answer.status_code == 200
    assert isinstance(consent.allowed(number, "offers", "email", clock.now()), consent.Deny)


def test_a_yes_at_the_till_needs_the_text_and_waits_for_her_own_word(now: datetime) -> None:
    bruno = till()
    public = publicids.encode("ctc", carmen(now))
    yes = {"contact": public, "purpose": "offers", "channel": "sms", "yes": True}
    assert bruno.do("consent", yes, now)["problems"][0]["code"] == "no_such_wording"
    told = bruno.do("consent", {**yes, "wording": aloud.texts("ES")["es"]["offers"].code}, now)
    assert told["answer"]["states"] == {"sms": "waiting"}
    assert isinstance(consent.allowed(publicids.decode("ctc", public), "offers", "sms", clock.now()), consent.Deny)


def test_a_new_phone_takes_the_place_of_the_old_one_and_no_yes_goes_with_it(now: datetime) -> None:
    bruno = till()
    number = carmen(now)
    say(now - timedelta(days=1), number, "granted", "offers", "sms")
    public = publicids.encode("ctc", number)
    told = bruno.do("correct", {"contact": public, "kind": "phone", "value": "611 22 33 44", "reason": "moved"}, now)
    assert told["state"] == "done", told
    assert list(Identifier.objects.filter(contact=number, kind="phone").values_list("value", flat=True)) == [
        "+34611223344"
    ]
    assert isinstance(consent.allowed(number, "offers", "sms", clock.now()), consent.Deny)
    assert Address.objects.filter(value="+34600112233").exists(), "what was said for it stays with it"
    assert Event.objects.get(name="Contact Corrected").properties["reason"] == "moved"


def test_nobody_is_given_somebody_elses_phone(now: datetime) -> None:
    bruno = till()
    public = publicids.encode("ctc", carmen(now))
    come(now, phone("+34699999999"), given_name="Dario")
    told = bruno.do("correct", {"contact": public, "kind": "phone", "value": "699999999", "reason": "typo"}, now)
    assert told["problems"][0]["code"] == "taken"


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "not_positive"), ("-5", "not_positive"), ("NaN", "not_positive"), ("abc", "not_a_number"),
     ("1.234", "too_fine"), ("9999999", "too_much"), ("12000", "large")],
)  # fmt: skip
def test_an_amount_that_cannot_be_is_refused_in_words(now: datetime, amount: str, code: str) -> None:
    bruno = till()
    carmen(now)
    assert bruno.do("purchase", {"card": "291000487730", "amount": amount}, now)["problems"][0]["code"] == code
    assert not Order.objects.exists()


def test_a_purchase_is_voided_for_ten_minutes_and_not_by_another_store(now: datetime) -> None:
    bruno, other = till(), till("BCN", "Barcelona")
    carmen(now)
    entry = bruno.entry("purchase", {"card": "291000487730", "amount": "10"}, now)
    bruno.send(entry)
    order = f"VLC:{entry['id']}"
    assert other.do("void", {"order": order}, now)["state"] == "refused"
    assert bruno.do("void", {"order": order}, now)["state"] == "done"
    assert Order.objects.get().state == "cancelled"
    late = bruno.entry("purchase", {"card": "291000487730", "amount": "10"}, now - timedelta(minutes=11))
    bruno.send(late)
    assert bruno.do("void", {"order": f"VLC:{late['id']}"}, now)["problems"][0]["code"] == "too_late"


def test_finding_asks_as_many_questions_for_ten_as_for_one(now: datetime) -> None:
    bruno = till()

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert bruno.client.get("/store/find/", {"q": "carmen"}).status_code == 200
        return len(queries)

    carmen(now)
    asked()
    few = asked()
    for place in range(9):
        come(now, phone(f"+3461000000{place}"), given_name="Carmen", home_store="VLC")
    assert asked() == few


def test_no_office_page_answers_a_till_and_no_till_answers_the_office(now: datetime) -> None:
    bruno: Till = till()
    carmen(now)
    for path in ("/", "/contacts/", "/campaigns/", "/segments/", "/settings/", "/developers/", "/exports/"):
        assert bruno.client.get(path).status_code in (302, 404), path
    office = Client()
    office.force_login(bruno.bruno.user)
    for path in ("enrol/", "find/", "purchase/", "decisions/", "lock/"):
        assert office.get(f"/store/{path}").headers["Location"] == "/store/", path


def test_products_of_a_purchase_are_its_lines(now: datetime) -> None:
    bruno = till()
    carmen(now)
    lines = [{"sku": "SHOE-1", "quantity": "3", "price": "0.1"}, {"sku": "SOCK-2", "quantity": "1", "price": "4.90"}]
    told = bruno.do("purchase", {"card": "291000487730", "amount": "5.20", "lines": lines}, now)
    assert told["state"] == "done", told
    order = Order.objects.get()
    assert [(line.sku, str(line.price)) for line in order.lines.order_by("pk")] == [
        ("SHOE-1", "0.10"),
        ("SOCK-2", "4.90"),
    ]
    assert Event.objects.get(name="Order Completed").properties["skus"] == ["SHOE-1", "SOCK-2"]
    for bad, pointer in (({"sku": ""}, "/lines/0/sku"), ({"sku": "A", "price": "x"}, "/lines/0/price")):
        told = bruno.do("purchase", {"card": "291000487730", "amount": "5", "lines": [bad]}, now)
        assert told["problems"][0]["pointer"] == pointer


def test_what_a_page_claims_of_its_visitor_stands_in_nobodys_way_at_the_till(now: datetime) -> None:
    bruno, barcelona = till(), till("BCN", "Barcelona")
    public = publicids.encode("ctc", carmen(now))
    visitor = come(now, Trace("anonymous_id", "a-1"))
    claims.note([(visitor, "phone", "+34600112233"), (visitor, "phone", "+34611223344")], "page", now)
    assert barcelona.do("served", {"text": "600112233"}, now)["answer"]["contact"] == public
    assert bruno.do("purchase", {"phone": "600112233", "amount": "5"}, now)["answer"]["contact"] == public
    assert "another store" not in bruno.client.get("/store/find/", {"q": "611223344"}).content.decode()
    told = bruno.do("correct", {"contact": public, "kind": "phone", "value": "611223344", "reason": "typo"}, now)
    assert told["state"] == "done", told


def test_a_scan_is_answered_from_indexes(now: datetime) -> None:
    till()
    carmen(now)
    both = ["identifier_names_one", "identifier_shared"]
    plan = plans.told(people.HOLDERS, [["card"], ["291000487730"]] * 2, ["crm_identifier"], both)
    assert [index for index in both if index not in plan] == []
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("text", ["carmen", "7730", "291000487730"])
def test_whoever_is_restricted_is_said_to_be_so_however_they_are_looked_for(now: datetime, text: str) -> None:
    bruno = till()
    Contact.objects.filter(pk=carmen(now)).update(restricted=True)
    page = bruno.client.get("/store/find/", {"q": text}).content.decode()
    assert "Ask your manager" in page
    assert "Carmen M." not in page


def test_nothing_is_put_right_of_whoever_is_restricted(now: datetime) -> None:
    bruno, number = till(), carmen(now)
    Contact.objects.filter(pk=number).update(restricted=True)
    body = {"contact": publicids.encode("ctc", number), "kind": "phone", "value": "611223344", "reason": "moved"}
    assert bruno.do("correct", body, now)["problems"][0]["code"] == "restricted"
    assert Identifier.objects.filter(contact=number, kind="phone").get().value == "+34600112233"


def test_her_other_phone_stays_when_one_is_put_right(now: datetime) -> None:
    bruno, number = till(), carmen(now)
    come(now, email("carmen.martinez@example.com"), phone("+34699887766"))
    public = publicids.encode("ctc", number)
    assert "••• 77 66" in bruno.client.get(f"/store/people/{public}/").content.decode(), "the newest is shown"
    bruno.do("correct", {"contact": public, "kind": "phone", "value": "611223344", "reason": "moved"}, now)
    phones = Identifier.objects.filter(contact=number, kind="phone").order_by("pk").values_list("value", flat=True)
    assert list(phones) == ["+34600112233", "+34611223344"]


def test_a_till_that_sets_its_clock_back_voids_nothing_late(now: datetime) -> None:
    bruno = till()
    carmen(now)
    entry = bruno.entry("purchase", {"card": "291000487730", "amount": "10"}, now)
    bruno.send(entry)
    TillEntry.objects.update(taken_at=clock.real() - timedelta(minutes=11))
    told = bruno.do("void", {"order": f"VLC:{entry['id']}"}, now + timedelta(seconds=1))
    assert told["problems"][0]["code"] == "too_late"


def test_whoever_has_only_been_claimed_by_a_page_is_not_shown_by_it(now: datetime) -> None:
    bruno, number = till(), carmen(now)
    Identifier.objects.create(contact_id=number, kind="phone", value="+34677000011", identifying=False)
    assert "00 11" not in bruno.client.get(f"/store/people/{publicids.encode('ctc', number)}/").content.decode()
