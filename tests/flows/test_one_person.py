"""Elena was there three times: as a visitor, by e-mail and by phone. She is one person, and nobody else is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from rest_framework.test import APIClient

from crm import apikeys, capture, consent, duplicates, identity, ledger, publicids, registry
from crm.consent import Allow
from crm.identity import merging
from crm.models import Contact, Event, Order
from crm.normalise import Trace
from tests.crm.conftest import drain_all, now  # noqa: F401 - a fixture
from tests.crm.people import come, email, phone, say

pytestmark = pytest.mark.django_db


def test_elena_is_one_person(now: datetime) -> None:  # noqa: F811
    browser = Trace("anonymous_id", "browser-7")
    capture.receive([capture.Arrival([browser], events=[{"name": "Product Viewed"}])], now=now)
    elena = come(
        now, email("elena@example.com"), browser, given_name="Elena", family_name="Ruiz", birth_date="1990-01-01"
    )
    assert Event.objects.get(name="Product Viewed").contact_id == elena, "what she looked at before is hers"
    told = {"given_name": "Helena", "family_name": "Ruiz", "birth_date": "1990-01-01"}
    order = {"order_id": "o1", "total": {"amount": "42.50", "currency": "EUR"}}
    at_the_till = capture.Arrival(
        [phone("+34600112233")], told, events=[{"name": "Order Completed", "properties": order}], shared_device=True
    )
    twin = capture.receive([at_the_till], now=now)[0].contact_id or 0
    say(now, twin, "withdrawn")
    duplicates.work()
    key = apikeys.create("admin", "shop")
    shop = APIClient(headers={"authorization": f"Bearer {key}"})
    (pair,) = shop.get("/api/v1/contacts/duplicates/").json()["data"]
    assert pair["contacts"] == [publicids.encode("ctc", each) for each in (elena, twin)]
    assert {reason["code"] for reason in pair["reasons"]} == {"names", "same_birth_date"}
    number = merging.merge(elena, twin, {}, actor="user:1", now=now)
    answer = shop.get(f"/api/v1/contacts/{publicids.encode('ctc', twin)}/").json()
    assert answer["id"] == publicids.encode("ctc", elena)
    assert answer["merged_from"] == publicids.encode("ctc", twin)
    assert Order.objects.get().contact_id == elena
    assert not isinstance(consent.allowed(elena, "offers", "sms", now), Allow)
    assert shop.get("/api/v1/contacts/duplicates/", {"state": "merged"}).json()["data"][0]["score"] == pair["score"]
    assert shop.get("/api/v1/contacts/duplicates/", {"state": "strange"}).status_code == 422
    drain_all()
    assert [each.name for each in registry.invariants if ledger.ask(each).rows] == []
    merging.undo(number, actor="user:1", now=now + timedelta(days=29))
    assert identity.find({"phone": "+34600112233"}) == twin
    assert identity.find({"anonymous_id": "browser-7"}) == elena
    assert Order.objects.get().contact_id == twin
    drain_all()
    assert [each.name for each in registry.invariants if ledger.ask(each).rows] == []
    assert Contact.objects.filter(merged_into=None).count() == 2
