"""The pages of contacts without a browser: what they show to whom, what they change, what they cost."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm import clock, lists, publicids, tags, timeline
from crm.models import (
    AuditEntry,
    ConsentReceipt,
    Contact,
    ContactChange,
    ContactTag,
    Identifier,
    Membership,
    Store,
    User,
)
from crm.normalise import Trace
from crm.timeline import NewFact
from tests.crm.people import come, email, phone, say

pytestmark = pytest.mark.django_db


def somebody(role: str) -> Client:
    user = User.objects.create_user(f"{role}@example.com", "-", name=role)
    Membership.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def office() -> Client:
    return somebody("marketer")


@pytest.fixture
def marta() -> int:
    return come(clock.now(), email("marta@mail.example"), phone("+34600112233"), given_name="Marta", family_name="Gil")


def file_of(client: Client, url: str) -> str:
    answer: Any = client.get(url)
    return b"".join(answer.streaming_content).decode("utf-8-sig")


def text(answer: Any) -> str:
    return str(answer.content.decode())


def public(contact: int) -> str:
    return publicids.encode("ctc", contact)


def undo_of(client: Client, url: str) -> str:
    """The address of the Undo button in the toast on this page."""
    page = text(client.get(url))
    return page.split('action="/contacts/undo/')[1].split('"')[0].join(["/contacts/undo/", ""])


# --- the list ----------------------------------------------------------------------------------


def test_an_empty_list_says_how_people_come(office: Client) -> None:
    page = text(office.get("/contacts/"))
    assert "Nobody here yet" in page
    assert reverse("crm:contact-new") in page


def test_the_list_costs_the_same_however_long(office: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as told:
            assert office.get("/contacts/").status_code == 200
        return len(told)

    store = Store.objects.create(code="s1", name="S")
    for number in range(3):
        come(clock.now(), email(f"a{number}@mail.example"), home_store=store.code)
    office.get("/contacts/")
    few = queries()
    for number in range(30):
        one = come(clock.now(), email(f"b{number}@mail.example"), home_store=store.code)
        tags.put([one], "vip", actor="t", now=clock.now())
    assert queries() == few


def test_analysts_see_masked_addresses_and_nothing_to_change(marta: int) -> None:
    analyst = somebody("analyst")
    for url in ("/contacts/", f"/contacts/{public(marta)}/", f"/contacts/{public(marta)}/consent/"):
        page = text(analyst.get(url))
        assert "marta@mail.example" not in page
        assert "+34600112233" not in page
        assert "contacts/act" not in page
    assert "m…@mail.example" in text(analyst.get("/contacts/"))
    assert "marta@mail.example" not in file_of(analyst, "/contacts/export/")
    assert analyst.post("/contacts/act/", {"do": "archive", "id": public(marta)}).status_code == 403
    assert analyst.get(f"/contacts/{public(marta)}/edit/").status_code == 403


def test_the_file_holds_exactly_the_filtered_rows(office: Client, marta: int) -> None:
    come(clock.now(), email("=cmd@mail.example"), given_name="Other")
    rows = list(csv.reader(file_of(office, "/contacts/export/?q=marta").splitlines()))
    assert [row[0] for row in rows[1:]] == [public(marta)]
    assert rows[0][:3] == ["id", "Name", "E-mail"]


def test_columns_are_kept_for_the_person(office: Client, marta: int) -> None:
    answer = office.post("/contacts/columns/", {"column": ["city", "email", "nonsense"], "back": "/contacts/?q=marta"})
    assert answer.headers["Location"] == "/contacts/?q=marta"
    user = User.objects.get(email="marketer@example.com")
    assert user.preferences == {"contacts.columns": ["email", "city"]}
    page = text(office.get("/contacts/"))
    assert '<th scope="col">City</th>' in page
    assert '<th scope="col">Phone</th>' not in page


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_one_is_sent_back_to_our_own_pages_only(office: Client, back: str) -> None:
    assert office.post("/contacts/columns/", {"back": back}).headers["Location"] == "/contacts/"


def test_chosen_people_are_tagged_and_the_tag_is_taken_back(office: Client, marta: int) -> None:
    other = come(clock.now(), email("b@mail.example"))
    chosen = {"id": [public(marta), public(other)], "do": "tag", "target": "VIP", "back": "/contacts/?who=everybody"}
    assert office.post("/contacts/act/", chosen).headers["Location"] == "/contacts/?who=everybody"
    assert ContactTag.objects.count() == 2
    undo = undo_of(office, "/contacts/")
    assert office.get(undo).status_code == 405
    assert office.post(undo).headers["Location"] == "/contacts/?who=everybody"
    assert ContactTag.objects.count() == 0
    assert office.post("/contacts/undo/made-up/").status_code == 404


def test_an_act_without_people_or_sense_changes_nothing(office: Client, marta: int) -> None:
    for given in ({"do": "tag", "target": "x"}, {"do": "nothing", "id": public(marta)}, {"do": "tag", "id": "ctc_zz!"}):
        office.post("/contacts/act/", given)
    assert "Choose some people first" in text(office.get("/contacts/"))
    assert ContactTag.objects.count() == 0


def test_a_list_of_the_same_name_is_taken_by_its_id(office: Client, marta: int) -> None:
    fair = lists.create("Fair", actor="t", now=clock.now())
    office.post("/contacts/act/", {"do": "enlist", "id": public(marta), "target": publicids.encode("seg", fair.pk)})
    assert [each.pk for each in lists.of(marta)] == [fair.pk]
    office.post("/contacts/act/", {"do": "enlist", "id": public(marta), "name": "New one", "target": ""})
    assert [each.name for each in lists.of(marta)] == ["Fair", "New one"]


# --- one contact -------------------------------------------------------------------------------


def test_the_page_of_a_contact_says_who_they_are(office: Client, marta: int) -> None:
    say(clock.now(), marta, "granted", channel="email")
    tags.put([marta], "vip", actor="t", now=clock.now())
    page = text(office.get(f"/contacts/{public(marta)}/"))
    for words in ("Marta Gil", "marta@mail.example", "vip", "Not asked", "Allowed", "Said yes: Offers by E-mail"):
        assert words in page


def test_the_page_costs_the_same_however_much_happened(office: Client, marta: int) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as told:
            assert office.get(f"/contacts/{public(marta)}/").status_code == 200
        return len(told)

    now = clock.now()
    say(now, marta, "granted", channel="email")
    tags.put([marta], "t0", actor="t", now=now)
    lists.create("L0", [marta], actor="t", now=now)
    office.get(f"/contacts/{public(marta)}/")
    few = queries()
    timeline.record([NewFact(marta, "Product Viewed", {"name": str(n)}) for n in range(60)], now=now)
    for number in range(4):
        say(now, marta, "granted", purpose="newsletter", channel="sms")
        tags.put([marta], f"t{number + 1}", actor="t", now=now)
        lists.create(f"L{number + 1}", [marta], actor="t", now=now)
    assert queries() == few


def test_only_blocked_shows_what_was_not_sent_and_why(office: Client, marta: int) -> None:
    timeline.record(
        [
            NewFact(marta, "Message Skipped", {"reason": "consent_missing", "channel": "sms"}, channel="sms"),
            NewFact(marta, "Message Sent", {"channel": "email"}, channel="mail"),
        ],
        now=clock.now(),
    )
    page = text(office.get(f"/contacts/{public(marta)}/timeline/?kind=blocked", headers={"HX-Request": "true"}))
    assert "SMS not sent: No consent" in page
    assert "Sent: E-mail" not in page
    assert reverse("crm:contact-consent", args=[marta]) in page
    assert "<html" not in page


def test_the_timeline_loads_older_entries(office: Client, marta: int) -> None:
    now = clock.now()
    timeline.record(
        [NewFact(marta, "Product Viewed", {"name": f"P{n}"}, now - timedelta(minutes=n)) for n in range(70)], now=now
    )
    page = text(office.get(f"/contacts/{public(marta)}/timeline/"))
    older = page.split('hx-get="')[-1].split('"')[0].replace("&amp;", "&")
    assert "cursor=" in older
    more = text(office.get(older))
    assert "P69<" in more
    assert "Only blocked" not in more


def test_the_proofs_show_text_evidence_and_chain(office: Client, marta: int) -> None:
    say(clock.now(), marta, "granted", channel="email", source="Fair 2026", evidence={"ip": "192.0.2.7"})
    page = text(office.get(f"/contacts/{public(marta)}/consent/"))
    for words in ("Fair 2026", "192.0.2.7", "Form on a site", "The chain is whole", "Unchanged"):
        assert words in page


def test_who_was_joined_leads_to_who_they_are_now(office: Client, marta: int) -> None:
    visitor = Contact.objects.create(merged_into_id=marta)
    assert office.get(f"/contacts/{public(visitor.pk)}/").headers["Location"] == f"/contacts/{public(marta)}/"
    assert office.get(f"/contacts/{publicids.encode('ctc', 999_999)}/").status_code == 404


# --- by hand -----------------------------------------------------------------------------------


def rows(prefix: str, *given: dict[str, str]) -> dict[str, str]:
    told = {f"{prefix}-TOTAL_FORMS": str(len(given)), f"{prefix}-INITIAL_FORMS": "0"}
    return told | {f"{prefix}-{place}-{name}": value for place, row in enumerate(given) for name, value in row.items()}


def sheet(*known: dict[str, str], own: tuple[dict[str, str], ...] = (), **given: Any) -> dict[str, Any]:
    return {**rows("known", *known), **rows("own", *own), "consent-action": "granted", **given}


def test_a_contact_is_made_by_hand_without_a_consent(office: Client) -> None:
    answer = office.post(
        "/contacts/new/",
        sheet(
            {"kind": "email", "value": "Pablo@Mail.Example"},
            {"kind": "phone", "value": "600 33 44 55"},
            {"kind": "card", "value": ""},
            own=({"name": "shoe_size", "value": "43"},),
            given_name="Pablo",
            city="Valencia",
        ),
    )
    pablo = Contact.objects.get(given_name="Pablo")
    assert answer.headers["Location"] == f"/contacts/{public(pablo.pk)}/"
    assert (pablo.city, pablo.fields, pablo.source) == ("Valencia", {"shoe_size": "43"}, "office")
    assert sorted(Identifier.objects.values_list("value", flat=True)) == ["+34600334455", "pablo@mail.example"]
    assert not ConsentReceipt.objects.exists()
    entry = AuditEntry.objects.get(action="contact.create")
    assert entry.actor.startswith("user:")


def test_what_they_said_is_recorded_with_its_proof(office: Client) -> None:
    given = sheet({"kind": "email", "value": "pablo@mail.example"}, given_name="Pablo") | {
        "consent-said": ["offers.email", "loyalty.post"],
        "consent-method": "paper_form",
        "consent-source": "Fair 2026",
    }
    assert office.post("/contacts/new/", given).status_code == 302
    found = set(ConsentReceipt.objects.values_list("purpose", "channel", "action", "method", "source", "basis"))
    assert found == {
        ("offers", "email", "granted", "paper_form", "Fair 2026", "consent"),
        ("loyalty", "post", "granted", "paper_form", "Fair 2026", "consent"),
    }


def test_a_tick_without_a_proof_is_refused_and_nothing_is_kept(office: Client) -> None:
    given = sheet({"kind": "email", "value": "p@mail.example"}) | {"consent-said": ["offers.email"]}
    answer = office.post("/contacts/new/", given)
    assert answer.status_code == 422
    assert "say how and where" in text(answer)
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("known", "wrong"),
    [
        ({"kind": "email", "value": "no address"}, "is not an e-mail address"),
        ({"kind": "phone", "value": "12"}, "is not a phone number"),
        ({"kind": "email", "value": ""}, "Say at least one thing"),
    ],
)
def test_mistakes_stand_at_their_field(office: Client, known: dict[str, str], wrong: str) -> None:
    answer = office.post("/contacts/new/", sheet(known, given_name="Pablo"))
    assert answer.status_code == 422
    assert wrong in text(answer)
    assert 'value="Pablo"' in text(answer)
    assert not Contact.objects.exists()


def test_somebody_who_is_there_already_is_shown_not_changed(office: Client, marta: int) -> None:
    answer = office.post(
        "/contacts/new/", sheet({"kind": "email", "value": "marta@mail.example"}, given_name="Somebody else")
    )
    assert answer.status_code == 409
    assert f"/contacts/{public(marta)}/" in text(answer)
    assert Contact.objects.get(pk=marta).given_name == "Marta"


def test_a_contact_is_changed_and_the_old_is_kept(office: Client, marta: int) -> None:
    old = Identifier.objects.get(contact=marta, kind="phone")
    given = sheet({"kind": "card", "value": "2910 0048"}, given_name="Marta Elena", family_name="Gil", remove=[old.pk])
    assert office.post(f"/contacts/{public(marta)}/edit/", given).status_code == 302
    assert Contact.objects.get(pk=marta).given_name == "Marta Elena"
    assert set(Identifier.objects.filter(contact=marta).values_list("kind", flat=True)) == {"email", "card"}
    kept = list(ContactChange.objects.filter(contact=marta).order_by("pk").values_list("before", flat=True))
    assert {"given_name": "Marta"} in kept
    assert any("identifiers" in before for before in kept)


def test_emptied_fields_are_emptied_and_types_are_kept(office: Client) -> None:
    fields = {"size": 43, "vip": True, "likes": ["a", "b"], "note": "x"}
    one = come(clock.now(), email("e@mail.example"), given_name="E", city="Madrid", fields=fields)
    own = (
        {"name": "size", "value": "44"},
        {"name": "vip", "value": "false"},
        {"name": "likes", "value": "a, c"},
        {"name": "note", "value": ""},
    )
    assert office.post(f"/contacts/{public(one)}/edit/", sheet(own=own, given_name="E")).status_code == 302
    found = Contact.objects.get(pk=one)
    assert found.fields == {"size": 44, "vip": False, "likes": ["a", "c"]}
    assert found.city == ""


def test_an_identifier_of_somebody_else_is_refused_with_a_link(office: Client, marta: int) -> None:
    other = come(clock.now(), email("other@mail.example"), given_name="Other")
    given = sheet({"kind": "email", "value": "marta@mail.example"}, given_name="Changed")
    answer = office.post(f"/contacts/{public(other)}/edit/", given)
    assert answer.status_code == 409
    assert f"/contacts/{public(marta)}/" in text(answer)
    assert Contact.objects.get(pk=other).given_name == "Other"


def test_the_last_identifier_stays(office: Client) -> None:
    one = come(clock.now(), email("e@mail.example"), given_name="E")
    only = Identifier.objects.get(contact=one)
    answer = office.post(f"/contacts/{public(one)}/edit/", sheet(given_name="Changed", remove=[only.pk]))
    assert answer.status_code == 422
    assert "last thing they are known by" in text(answer)
    assert Contact.objects.get(pk=one).given_name == "E"


def test_a_visitor_becomes_known_by_hand(office: Client) -> None:
    visitor = come(clock.now(), Trace("anonymous_id", "b1"))
    given = sheet({"kind": "email", "value": "v@mail.example"}, given_name="Vera")
    assert office.post(f"/contacts/{public(visitor)}/edit/", given).status_code == 302
    assert Identifier.objects.get(value="v@mail.example").contact_id == visitor
