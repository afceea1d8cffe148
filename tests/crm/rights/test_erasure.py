"""Elena asks to be forgotten: nothing says any more who she was, and every sum stays what it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection

from campaigns.models import Campaign, Enrolment
from channels.models import Message
from config import work
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
from crm.capturing import submit
from crm.errors import Problem
from crm.identity import merging
from crm.models import Address, AuditEntry, Contact, Erasure, Event, Identifier, Order, User
from crm.rights import clues, erasure, walk
from tests.crm.imports.conftest import _own_files, ada, bring  # noqa: F401 - fixtures
from tests.flows.conftest import Shop, example, shop, wait  # noqa: F401 - fixtures

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


def call_her(shop: Shop, name: str = "Elena", **who: Any) -> int:  # noqa: F811
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


def live_through(shop: Shop, wait: Any, example: Any, bring: Any, ada: User) -> tuple[int, int, str]:  # noqa: F811
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
    settings: LazySettings,  # noqa: F811
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
