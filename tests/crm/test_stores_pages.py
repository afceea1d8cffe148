"""Stores: made, changed, closed and opened again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.models import AuditEntry, Membership, Store, User

CENTRO = {
    "name": "Tienda Centro", "code": "centro", "country": "ES", "zone": "", "postal_code": "28005", "city": "Madrid",
    "line": "Calle 1", "mon": "10–14, 17:00-20:30", "sat": "10:00 – 14:00",
}  # fmt: skip


@pytest.fixture
def door(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("ada@example.com", "-"))
    return client


def test_a_store_is_made_with_its_hours_and_the_zone_of_its_place(door: Client) -> None:
    assert "No stores yet" in door.get("/settings/stores/").content.decode()
    assert door.post("/settings/stores/new/", CENTRO).status_code == 302
    store = Store.objects.get()
    assert (store.code, store.zone, store.address["city"]) == ("centro", "Europe/Madrid", "Madrid")
    assert store.hours == {"mon": [["10:00", "14:00"], ["17:00", "20:30"]], "sat": [["10:00", "14:00"]]}
    shown = door.get(f"/settings/stores/{store.pk}/").content.decode()
    assert "10:00–14:00, 17:00–20:30" in shown
    door.post("/settings/stores/new/", CENTRO | {"code": "tenerife", "postal_code": "38001"})
    assert Store.objects.get(code="tenerife").zone == "Atlantic/Canary"
    entry = AuditEntry.objects.filter(action="store.create").earliest("id")
    assert entry.after["code"] == "centro"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "taken"}, "code"), ({"code": "Two Words"}, "code"), ({"mon": "morning"}, "mon"),
        ({"mon": "10:75-12"}, "mon"), ({"country": "US", "postal_code": ""}, "zone"), ({"name": ""}, "name"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_at_its_field(door: Client, change: dict[str, Any], field: str) -> None:
    Store.objects.create(code="taken", name="Other")
    page = door.post("/settings/stores/new/", CENTRO | change)
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {field}
    assert Store.objects.count() == 1


def test_a_store_is_closed_and_opened_again(door: Client) -> None:
    store = Store.objects.create(code="centro", name="Centro", country="ES", zone="Europe/Madrid")
    door.post(f"/settings/stores/{store.pk}/switch/")
    store.refresh_from_db()
    assert not store.active
    page = door.get("/settings/stores/").content.decode()
    assert f"/settings/stores/{store.pk}/switch/?on=1" in page, "with a way back"
    door.post(f"/settings/stores/{store.pk}/switch/?on=1")
    store.refresh_from_db()
    assert store.active
    assert door.get(f"/settings/stores/{store.pk}/switch/").status_code == 405


def test_stores_are_not_for_marketers(client: Client, db: None) -> None:
    eva = User.objects.create_user("eva@example.com", "-")
    Membership.objects.create(user=eva, role="marketer")
    client.force_login(eva)
    assert client.post("/settings/stores/new/", CENTRO).status_code == 403
    assert not Store.objects.exists()


def test_thirty_stores_ask_as_much_as_two(door: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            door.get("/settings/stores/")
        return len(asked)

    Store.objects.bulk_create([Store(code=f"a{n}", name=f"A{n}") for n in range(2)])
    queries()  # what is held for a few seconds is read
    few = queries()
    Store.objects.bulk_create([Store(code=f"b{n}", name=f"B{n}") for n in range(28)])
    assert queries() == few
