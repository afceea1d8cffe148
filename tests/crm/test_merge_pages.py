"""The pages of merging: Ada compares two contacts, merges them, and takes it back; and who may identify somebody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm import capture, identity, publicids, workspace
from crm.errors import Problem
from crm.identity import merging, rules
from crm.models import Contact, Event, Membership, Store, User
from crm.normalise import Trace
from tests.crm.people import address, come, email, phone, say

pytestmark = pytest.mark.django_db


def at_work(role: str = "marketer") -> Client:
    user = User.objects.create_user(f"{role}@example.com", "x", name=role.title())
    store = Store.objects.create(code="valencia", name="Valencia") if role.startswith("store") else None
    Membership.objects.create(user=user, role=role, store=store)
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return str(answer.content.decode())


def merge_url(winner: int, loser: int) -> str:
    return f"{reverse('crm:merge', args=[winner])}?with={publicids.encode('ctc', loser)}"


def test_ada_compares_merges_and_takes_it_back(now: datetime) -> None:
    ada = at_work()
    marta = come(now, email("marta@example.com"), given_name="Marta", city="Valencia")
    twin = come(now, phone("+34600112233"), given_name="Martha", family_name="Gil")
    say(now, twin, "withdrawn")
    page = text(ada.get(merge_url(marta, twin)))
    for words in (
        "Marta",
        "Martha",
        "Gil",
        "+34600112233",
        'name="pick.given_name"',
        "stricter",
        "Purchases"[:0] or "Events",
    ):
        assert words in page
    assert 'name="pick.city"' not in page, "what only one has is no choice"
    sent = {"with": publicids.encode("ctc", twin), "pick.given_name": "loser"}
    done = ada.post(reverse("crm:merge", args=[marta]), sent, follow=True)
    assert "They are one contact now." in text(done)
    row = Contact.objects.get(pk=marta)
    assert (row.given_name, row.family_name) == ("Martha", "Gil")
    (join,) = merging.of(marta)
    undo = reverse("crm:merge-undo", args=[join.number])
    assert undo in text(done)
    shown = text(ada.get(reverse("crm:contact-joins", args=[marta])))
    assert "Merged by hand" in shown
    assert "Marketer" in shown
    assert undo in shown
    gone = ada.get(reverse("crm:contact", args=[twin]))
    assert gone.status_code == 302
    assert gone.headers["Location"] == reverse("crm:contact", args=[marta])
    assert "two contacts again" in text(ada.post(undo, follow=True))
    assert Contact.objects.get(pk=twin).merged_into_id is None
    assert Contact.objects.get(pk=marta).given_name == "Marta"
    assert "Undone" in text(ada.get(reverse("crm:contact-joins", args=[marta])))
    assert "undone already" in text(ada.post(undo, follow=True))


def test_somebody_to_merge_with_is_found_by_name(now: datetime) -> None:
    ada = at_work()
    marta = come(now, email("marta@example.com"), given_name="Marta")
    twin = come(now, phone("+34600112233"), given_name="Martha", family_name="Gilabert")
    url = reverse("crm:merge", args=[marta])
    assert "Nobody like them" in text(ada.get(url))
    assert publicids.encode("ctc", twin) in text(ada.get(url, {"q": "gilabert"}))
    assert "Nobody else" in text(ada.get(url, {"q": "nobody@example.com"}))
    for wrong in (publicids.encode("ctc", marta), publicids.encode("ctc", 10**9), "nonsense"):
        assert ada.get(url, {"with": wrong}).status_code == 404


def test_whoever_may_only_read_merges_nobody(now: datetime) -> None:
    marta, twin = come(now, email("m@example.com")), come(now, email("t@example.com"))
    number = merging.merge(marta, twin, {}, actor="user:1", now=now)
    analyst = at_work("analyst")
    assert analyst.get(merge_url(marta, twin)).status_code == 403
    assert analyst.post(reverse("crm:merge-undo", args=[number])).status_code == 403
    shown = text(analyst.get(reverse("crm:contact-joins", args=[marta])))
    assert "Merged by hand" in shown
    assert "Undo" not in shown


def test_the_page_asks_as_often_for_a_long_history(now: datetime) -> None:
    ada = at_work()
    counts = []
    for round_ in range(2):
        one, other = come(now, email(f"a{round_}@example.com")), come(now, phone(f"+3460011223{round_}"))
        for place in range(1 + 20 * round_):
            seen = capture.Arrival({"id": other}, {"fields": {f"f{place}": "x"}}, events=[{"name": "Viewed"}])
            capture.receive([seen], now=now)
            say(now, other, "granted", purpose=("offers", "newsletter")[place % 2])
        ada.get(merge_url(one, other))
        with CaptureQueriesContext(connection) as caught:
            assert ada.get(merge_url(one, other)).status_code == 200
        counts.append(len(caught))
    assert counts[0] == counts[1]


# --- what names a person -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "test@test.com"),
        ("email", "TEST@Test.es"),
        ("email", "noreply@example.com"),
        ("phone", "+34000000000"),
        ("card", "0000000000"),
        ("external_id", "null"),
        ("external_id", "undefined"),
        ("anonymous_id", "00000000"),
        ("external_id", "[object Object]"),
    ],
)
def test_what_is_nobodys_own_makes_nobody(now: datetime, kind: str, value: str) -> None:
    answer = capture.receive([capture.Arrival([{"kind": kind, "value": value}])], now=now)[0]
    assert answer.problem is not None
    assert answer.problem.code == "blocked_identifier"
    assert not Contact.objects.exists()


@pytest.mark.parametrize(("kind", "value"), [
    ("email", "tester@test.company"), ("email", "ana@example.com"), ("phone", "+34600000001"), ("card", "1000"),
    ("external_id", "7"), ("anonymous_id", "nullable"),
])  # fmt: skip
def test_what_only_looks_like_it_is_taken(now: datetime, kind: str, value: str) -> None:
    assert come(now, Trace(kind, value))


def test_the_shop_blocks_its_own_phone_and_limits_cards_on_a_page(now: datetime) -> None:
    known = come(now, phone("+34963112233"))
    admin = at_work("admin")
    url = reverse("crm:identifiers")
    assert "What names a person" in text(admin.get(url))
    sent = {f"{kind}-{name}": "" for kind in rules.DEFAULTS for name in ("most", "priority", "blocked")}
    wrong = admin.post(url, {**sent, "phone-blocked": "not a phone"})
    assert wrong.status_code == 422
    assert workspace.current().identifiers == {}
    sent |= {"phone-blocked": "963 99 88 77\n963 11 22 33", "email-blocked": "*@shop.example", "card-most": "1"}
    assert admin.post(url, sent).status_code == 302
    workspace.forget()
    assert workspace.current().identifiers["phone"]["blocked"] == ["+34963998877", "+34963112233"]
    for trace in (phone("+34963998877"), email("any@shop.example")):
        answer = capture.receive([capture.Arrival([trace])], now=now)[0]
        assert answer.problem is not None
        assert answer.problem.code == "blocked_identifier"
    assert identity.find({"phone": "+34963112233"}) == known == come(now, phone("+34963112233")), (
        "known ones stay known"
    )
    chiara = come(now, email("chiara@example.com"), Trace("card", "C1"))
    answer = capture.receive([capture.Arrival([email("chiara@example.com"), Trace("card", "C2")])], now=now)[0]
    assert answer.problem is not None
    assert answer.problem.code == "too_many_identifiers"
    assert come(now, email("chiara@example.com"), Trace("card", "C1")) == chiara


def test_the_office_form_says_so_beside_the_field(now: datetime) -> None:
    ada = at_work()
    sent = {
        "known-TOTAL_FORMS": "1", "known-INITIAL_FORMS": "0", "known-0-kind": "email", "known-0-value": "test@test.com",
        "own-TOTAL_FORMS": "0", "own-INITIAL_FORMS": "0", "consent-action": "granted",
    }  # fmt: skip
    answer = ada.post(reverse("crm:contact-new"), sent)
    assert answer.status_code == 422
    assert "nobody&#x27;s own" in text(answer)
    assert not Contact.objects.exists()


def test_the_order_of_kinds_says_who_is_meant(now: datetime) -> None:
    by_card, by_phone = come(now, Trace("card", "C1")), come(now, phone("+34600000001"))
    both = [Trace("card", "C1"), phone("+34600000001")]
    assert identity.find(both) == by_card
    workspace.change({"identifiers": {"phone": {"priority": 1}}}, "user:1")
    workspace.forget()
    assert identity.find(both) == by_phone


# --- shared devices -----------------------------------------------------------------------------


def test_a_till_never_glues_its_customers_together(now: datetime) -> None:
    till = Trace("anonymous_id", "till-1")
    visitor = come(now, till)
    people = []
    for name in ("chiara", "dario", "elena"):
        arrival = capture.Arrival([email(f"{name}@example.com"), till], events=[{"name": "Viewed"}], shared_device=True)
        (answer,) = capture.receive([arrival], now=now)
        assert answer.problems == []
        people.append(answer.contact_id)
    assert len(set(people)) == 3
    assert visitor not in people
    assert Contact.objects.get(pk=visitor).merged_into_id is None
    assert identity.find({"anonymous_id": "till-1"}) == visitor
    assert Event.objects.filter(name="Viewed").values("contact").distinct().count() == 3


def test_the_same_without_the_mark_joins_the_first(now: datetime) -> None:
    browser = Trace("anonymous_id", "browser-1")
    visitor = come(now, browser)
    chiara = come(now, email("chiara@example.com"), browser)
    assert (identity.find({"anonymous_id": "browser-1"}) == chiara and visitor != chiara) or visitor == chiara
    with pytest.raises(Problem):
        merging.merge(chiara, chiara, {}, actor="", now=now)
    assert address("chiara@example.com")
