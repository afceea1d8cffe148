"""Elena asks to be forgotten: nothing says any more who she was, and every sum stays what it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Enrolment
from channels import tracking
from channels.models import Message
from crm import (
    audit,
    capture,
    clock,
    consent,
    evidence_files,
    exports,
    groups,
    lists,
    notes,
    publicids,
    suppression,
    tags,
)
from crm.errors import Problem
from crm.identity import kept_out, merging
from crm.models import Address, Contact, Erasure, Event, Group, Identifier, Order, User
from crm.rights import clues, erasure, walk
from tests.flows.conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)
HER = {
    "email": "elena.ruiz@example.com", "phone": "+34600112233", "card": "CARD-778899",
    "external_id": "customer-55501",
}  # fmt: skip
WORDS = ("elena", "ruiz", "600[ -]?11[ -]?22[ -]?33", "CARD-778899", "customer-55501", "calle-luna")


@pytest.fixture(autouse=True)
def _ledger_holds() -> Iterator[None]:
    yield
    call_command("verify_ledger", stdout=StringIO())


def call_her(shop: Shop, name: str = "Elena", **who: Any) -> int:
    """Somebody with everything one can be known by, who said yes to e-mail and no to text messages."""
    known = who or HER
    said = [
        {"purpose": "offers", "channel": channel, "action": action, "basis": "consent", "method": "web_form",
         "source": f"checkout of {name}", "evidence": {"ip": "198.51.100.7"}}
        for channel, action in (("email", "granted"), ("sms", "refused"))
    ]  # fmt: skip
    made = shop.post("contacts/", {
        "identifiers": [{"kind": kind, "value": value} for kind, value in known.items()],
        "given_name": name, "family_name": "Ruiz" if name == "Elena" else "Conti", "country": "ES",
        "fields": {"street": "calle-luna 7"} if name == "Elena" else {}, "consents": said,
    })  # fmt: skip
    return publicids.decode("ctc", made["id"])


def live_through(shop: Shop, wait: Any, example: Any, bring: Any, ada: User) -> tuple[int, int, str]:
    """Everything by which somebody leaves traces: Elena's number, Dario's, the campaign's id."""
    elena, dario = call_her(shop), call_her(shop, "Dario", email="dario@example.com")
    shop.post("products/", [{"sku": "boot", "name": "Boot", "url": "https://shop.example/boot",
                                  "price": {"amount": "40.00", "currency": "EUR"}}])  # fmt: skip
    campaign = shop.campaign(example("abandoned_cart"))
    for name, mail in (("Elena", HER["email"]), ("Dario", "dario@example.com")):
        cart = {"cart_id": f"{name.lower()}-basket", "note": f"birthday cake for {name}", "sku": "boot",
                "product_id": "boot", "name": "Boot", "price": "40.00", "currency": "EUR", "quantity": 1}  # fmt: skip
        shop.event({"email": mail}, "Product Added", **cart)
    wait(minutes=90)
    for number, mail in enumerate((HER["email"], "dario@example.com")):
        order = {"order_id": f"w-{number}", "total": {"amount": "40.00", "currency": "EUR"}, "coupon": f"{mail[:5]}10",
                 "products": [{"sku": "S1", "name": "Shoe", "price": "40.00", "quantity": 1}]}  # fmt: skip
        shop.event({"email": mail}, "Order Completed", **order)
    shop.post("contacts/", {"identifiers": [
        {"kind": "email", "value": HER["email"]}, {"kind": "anonymous_id", "value": "elena-laptop-1"},
    ]})  # fmt: skip
    twin = capture.receive(
        [capture.Arrival({"email": "elena.old@example.com"}, {"given_name": "Elena"})], now=clock.now()
    )[0]
    merging.merge(elena, twin.contact_id or 0, {}, actor="user:1", now=clock.now())
    now = clock.now()
    notes.add(elena, "Wants a birthday cake", author=ada, actor="user:1", now=now)
    tags.put([elena, dario], "vip", actor="user:1", now=now)
    lists.create("Friends", [elena, dario], actor="user:1", now=now)
    groups.join(groups.begin("Club", "company", actor="user:1", now=now), [elena, dario], actor="user:1", now=now)
    audit.record("user:1", "contact.edit", publicids.encode("ctc", elena), {"given_name": "Elena"}, {"street": "luna"})
    audit.record("user:1", "export", "export:contacts", None, {"which": {"q": "Elena.Ruiz@example.com"}})
    evidence_files.keep(elena, evidence_files.read(SimpleUploadedFile("elena.pdf", b"%PDF-1.4 Elena Ruiz")), "user:1")
    shop.post("contacts/", {"identifiers": [{"kind": "email", "value": HER["email"]}], "city": "Ruizville"})
    bring("email,telefono,nombre\nelena.ruiz@example.com,+34 600 11 22 33,Elena\n,600-11-22-33 x,Ruiz\n", dates="dmy")
    exports.ask(exports.Wish("contacts", "csv", {"q": HER["email"]}, full=True), owner=ada.pk, actor="user:1")
    wait(hours=1)
    return elena, dario, campaign


def sums(campaign: str) -> dict[str, Any]:
    """What was counted: it must not change."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), sum(total), sum(refunded) FROM crm_order")
        orders = cursor.fetchone()
        cursor.execute("SELECT state, reason, count(*), sum(cost) FROM channels_message GROUP BY 1, 2 ORDER BY 1, 2")
        messages = cursor.fetchall()
        cursor.execute("SELECT count(*), sum(value) FROM campaigns_conversion")
        goals = cursor.fetchone()
        cursor.execute("SELECT name, count(*) FROM crm_event WHERE name NOT LIKE 'Segment %' GROUP BY 1 ORDER BY 1")
        events = cursor.fetchall()
    number = publicids.decode("cmp", campaign)
    runs = sorted(Enrolment.objects.filter(campaign=number).values_list("state", "outcome", "held_out"))
    return {"orders": orders, "messages": messages, "goals": goals, "events": events, "runs": runs}


def test_nothing_is_left_of_elena_and_all_sums_are_what_they_were(
    shop: Shop,
    wait: Any,
    example: Any,
    bring: Any,
    ada: User,
    settings: LazySettings,
) -> None:
    elena, dario, campaign = live_through(shop, wait, example, bring, ada)
    mails = Message.objects.filter(contact=elena, state__in=("accepted", "delivered"))
    assert mails.exists(), "she got something, or the story proves little"
    before, waterfall = sums(campaign), shop.get(f"campaigns/{campaign}/waterfall/")
    pattern = "|".join(WORDS)
    assert len(walk.found(pattern)) > 15, walk.found(pattern)
    assert list(exports.folder().iterdir())

    erasure.ask(elena, actor="user:1", via="office", now=clock.now())
    wait(seconds=10)

    assert Erasure.objects.get().state == "done"
    left = walk.found(pattern)
    # Names of our own making: the list of a sandbox's words speaks of nobody.
    assert left == {}, left
    assert list(exports.folder().iterdir()) == []
    assert sums(campaign) == before
    assert shop.get(f"campaigns/{campaign}/waterfall/") == waterfall
    assert Identifier.objects.filter(contact=dario).count() == 1
    assert Contact.objects.get(pk=dario).given_name == "Dario"
    assert Message.objects.filter(contact=dario).exclude(slots=None).exists(), "what is Dario's stays as it was"


def erase(contact: int, wait: Any) -> None:
    erasure.ask(contact, actor="user:1", via="office", now=clock.now())
    wait(seconds=5)
    assert Erasure.objects.get(contact=contact).state == "done"


@pytest.mark.parametrize("known_by", ["email", "telefono", "tarjeta"])
def test_a_list_does_not_bring_elena_back(shop: Shop, wait: Any, bring: Any, known_by: str) -> None:
    elena = call_her(shop)
    erase(elena, wait)
    value = {"email": "ELENA.Ruiz@example.com", "telefono": "600 11 22 33", "tarjeta": HER["card"]}[known_by]
    file = f"{known_by},nombre\n{value},Elena\n{'dario@example.com' if known_by == 'email' else ''},Dario\n"
    checked = bring(file, until="checked")
    assert [each.code for each in checked.importreject_set.filter(code="erased")] == ["erased"]
    done = bring(file)
    assert [each.code for each in done.importreject_set.filter(checked=False, code="erased")] == ["erased"]
    assert not Contact.objects.filter(given_name="Elena").exists()
    refused = shop.post(
        "contacts/", {"identifiers": [{"kind": "email", "value": HER["email"]}], "given_name": "Elena"}, expect=422
    )
    assert "erased" in json.dumps(refused)
    order = {"order_id": "old-1", "total": 10, "currency": "EUR"}
    old = {"name": "Order Completed", "occurred_at": "2026-01-05T10:00:00Z", "properties": order}
    shop.post("events/", {"contact": {"email": HER["email"]}, **old}, expect=422)
    assert Order.objects.filter(order_id="old-1").count() == 0


def test_elena_comes_back_by_herself_and_is_somebody_new(shop: Shop, wait: Any) -> None:
    elena = call_her(shop)
    erase(elena, wait)
    wait(hours=1)
    order = {"order_id": "new-1", "total": {"amount": "10.00", "currency": "EUR"}}
    shop.event({"email": HER["email"]}, "Order Completed", **order)
    again = Identifier.objects.get(value=HER["email"]).contact_id
    assert again != elena
    assert Address.objects.get(medium="email").value == HER["email"]
    now = clock.now()
    assert not isinstance(consent.allowed(again, "offers", "email", now), consent.Allow), "the old yes is not hers"
    shop.post("contacts/", {"identifiers": [{"kind": "email", "value": HER["email"]}], "consents": [
        {"purpose": "offers", "channel": "email", "action": "granted", "basis": "consent", "method": "web_form",
         "source": "checkout"}]})  # fmt: skip
    assert isinstance(consent.allowed(again, "offers", "email", clock.now()), consent.Allow)


def test_the_phone_of_the_family_stays_darios(shop: Shop, wait: Any) -> None:
    elena = call_her(shop)
    dario = call_her(shop, "Dario", email="dario@example.com")
    home = Identifier.objects.get(contact=elena, kind="phone")
    Identifier.objects.filter(pk=home.pk).update(identifying=False)
    Identifier.objects.create(
        contact_id=dario, kind="phone", value=home.value, address=home.address, identifying=False,
        created_at=clock.now(),
    )  # fmt: skip
    erase(elena, wait)
    assert Address.objects.get(medium="phone").value == home.value
    assert kept_out.since([kept_out.place("phone", home.value)]) == {}
    assert Address.objects.get(medium="email", hash=suppression.address_hash("email", HER["email"])).value == ""


def test_whoever_has_a_message_on_the_wire_is_erased_after_it(shop: Shop, wait: Any) -> None:
    elena = call_her(shop)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            """INSERT INTO channels_message (contact_id, channel, state, due_at, lease, lease_until)
               VALUES (%s, 'email', 'handing_off', now(), gen_random_uuid(), now() + interval '1 hour') RETURNING id""",
            [elena],
        )
        (number,) = cursor.fetchone()
        cursor.execute("SET session_replication_role = DEFAULT")
    asked = erasure.ask(elena, actor="user:1", via="office", now=clock.now())
    assert Contact.objects.get(pk=elena).restricted, "nothing new begins meanwhile"
    assert (erasure.work(), erasure.pending()) == (0, 1)
    assert erasure.ask(elena, actor="user:1", via="office", now=clock.now()).pk == asked.pk
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM channels_message WHERE id = %s", [number])
        cursor.execute("SET session_replication_role = DEFAULT")
    assert (erasure.work(), erasure.pending()) == (1, 0)
    with pytest.raises(Problem):
        erasure.ask(elena, actor="user:1", via="office", now=clock.now())


def test_links_in_old_messages_say_nothing_and_still_lead_out(
    shop: Shop,
    wait: Any,
    example: Any,
    bring: Any,
    ada: User,
    client: Client,
) -> None:
    elena, _, _ = live_through(shop, wait, example, bring, ada)
    message = Message.objects.filter(contact=elena, channel="email", state__in=("accepted", "delivered")).latest("pk")
    erase(elena, wait)
    for purpose, name in (("unsubscribe", "unsubscribe"), ("preferences", "preferences"), ("open", "open")):
        url = reverse(f"channels:{name}", args=[tracking.token(purpose, message.pk)])
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        assert "example.com" not in answer.content.decode(errors="replace"), url
    out = reverse("channels:unsubscribe", args=[tracking.token("unsubscribe", message.pk)])
    assert client.post(out, {"List-Unsubscribe": "One-Click"}).status_code == 200
    before = Event.objects.filter(contact=elena).count()
    wait(seconds=5)
    assert Event.objects.filter(contact=elena).count() == before, "nothing new is written of her"
    order = {"order_id": "new-1", "total": {"amount": "10.00", "currency": "EUR"}}
    shop.event({"email": HER["email"]}, "Order Completed", **order)
    shop.post("contacts/", {"identifiers": [{"kind": "email", "value": HER["email"]}], "consents": [
        {"purpose": "offers", "channel": "email", "action": "granted", "basis": "consent", "method": "web_form",
         "source": "checkout"}]})  # fmt: skip
    again = Identifier.objects.get(value=HER["email"]).contact_id
    assert client.post(out, {"scope": "this"}).status_code == 200
    assert not isinstance(consent.allowed(again, "offers", "email", clock.now()), consent.Allow)


def test_ada_sees_what_goes_and_what_stays_before_she_types_the_word(
    shop: Shop,
    wait: Any,
    example: Any,
    bring: Any,
    ada: User,
    client: Client,
) -> None:
    elena, dario, _ = live_through(shop, wait, example, bring, ada)
    client.force_login(ada)
    url = reverse("crm:contact-erase", args=[elena])
    with CaptureQueriesContext(connection) as asked:
        page = client.get(url).content.decode()
    assert len(asked) < 20
    for words in ("Notes", "Tags", "Purchases", "Messages", "Consent receipts"):
        assert words in page, words
    assert client.post(url, {"typed": "yes"}).status_code == 422
    assert not Erasure.objects.exists()
    assert client.post(url, {"typed": "erase"}).status_code == 302
    assert "is being erased" in client.get(url).content.decode()
    wait(seconds=5)
    gone = client.get(reverse("crm:contact", args=[elena]))
    assert gone.status_code == 410
    assert "was erased" in gone.content.decode()
    assert client.get(reverse("crm:contact", args=[dario])).status_code == 200
    for who in ("people", "everybody", "archived"):
        assert "ctc_1/" not in client.get(reverse("crm:contacts"), {"who": who}).content.decode(), who


def test_an_operator_erases_by_command_and_the_whole_database_is_walked(shop: Shop, wait: Any) -> None:
    elena, out = call_her(shop), StringIO()
    wait(seconds=1)
    call_command("erase_contact", HER["email"], stdout=out)
    assert "Nothing was erased" in out.getvalue()
    call_command("erase_contact", HER["email"], "--yes", "--walk", stdout=out)
    assert out.getvalue().endswith("Erased.\n")
    assert Contact.objects.get(pk=elena).erased_at
    with pytest.raises(CommandError, match="Nobody is known"):
        call_command("erase_contact", HER["email"])


def test_a_shop_erases_over_rest(shop: Shop, wait: Any) -> None:
    elena = publicids.encode("ctc", call_her(shop))
    assert shop.call("DELETE", f"contacts/{elena}/") == {"contact": elena, "state": "waiting"}
    wait(seconds=5)
    shop.call("GET", f"contacts/{elena}/", expect=404)
    shop.call("DELETE", f"contacts/{elena}/", expect=404)
    shop.post("events/", {"contact": {"id": elena}, "name": "Cart Viewed"}, expect=404)


@pytest.mark.parametrize("crime", [
    "UPDATE crm_contact SET given_name = 'Elena' WHERE erased_at IS NOT NULL",
    "INSERT INTO crm_contactchange (contact_id, at, before, actor) SELECT id, now(), '{}', 'x' FROM crm_contact",
    "UPDATE crm_event SET context = '{\"ip\": \"198.51.100.7\"}'",
    "UPDATE crm_event SET properties = '{\"note\": \"for Elena\"}'",
    "UPDATE crm_address SET value = 'elena.ruiz@example.com' WHERE medium = 'email'",
])  # fmt: skip
def test_whatever_says_something_of_elena_again_breaks_the_ledger(shop: Shop, wait: Any, crime: str) -> None:
    erase(call_her(shop), wait)
    assert erasure.broken() == []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(crime)
        assert [table for table, *_ in erasure.broken()] == [next(
            word for word in crime.split() if word.startswith("crm_")
        )]  # fmt: skip
        transaction.set_rollback(True)


def test_chains_cannot_be_emptied_while_nobody_is_being_erased(shop: Shop) -> None:
    call_her(shop)
    audit.record("user:1", "x", "y", {"a": 1})
    for table, sets in (
        ("crm_consentreceipt", "source = ''"),
        ("crm_auditentry", "before = NULL, after = NULL, salt = ''"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {sets}")
    Erasure.objects.create(contact_id=Contact.objects.get().pk, asked_at=clock.now(), asked_by="x", via="office")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE crm_consentreceipt SET source = 'elsewhere'")
    Erasure.objects.all().delete()


def test_a_household_of_one_goes_with_her_and_one_of_two_stays(shop: Shop, wait: Any) -> None:
    elena, dario = call_her(shop), call_her(shop, "Dario", email="dario@example.com")
    now = clock.now()
    alone = groups.begin("Casa Ruiz", "household", actor="user:1", now=now)
    both = groups.begin("Casa Conti", "household", actor="user:1", now=now)
    groups.join(alone, [elena], actor="user:1", now=now)
    groups.join(both, [elena, dario], actor="user:1", now=now)
    erase(elena, wait)
    assert [group.name for group in Group.objects.all()] == ["Casa Conti"]


@pytest.mark.parametrize(("kind", "value", "text", "found"), [
    ("phone", "+34600112233", "call 600 11 22 33 at noon", True),
    ("phone", "+34600112233", "+34 (600) 11-22-33", True),
    ("phone", "+34600112233", "6001122334", False),
    ("email", "a.b@example.com", "to A.B@example.com, please", True),
    ("email", "a.b@example.com", "axb@example.com", False),
    ("email", "a.b@example.com", "ca.b@example.com", False),
    ("card", "C-77889", "card c-77889.", True),
    ("card", "C-77889", "card c-778890", False),
    ("card", "123", "123", False),
])  # fmt: skip
def test_a_trace_is_found_however_it_was_written(kind: str, value: str, text: str, found: bool) -> None:
    pattern = clues.pattern([(kind, value)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s ~* %s", [text, pattern])
        assert cursor.fetchone()[0] is found
    assert bool(re.search(pattern, text, re.IGNORECASE)) is found
