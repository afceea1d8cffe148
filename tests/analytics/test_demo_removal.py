"""The demo shop goes with one click, and takes nobody real with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from analytics import demo
from campaigns import plans
from campaigns.models import Campaign
from channels.models import Message
from config import demo as shop
from config import work
from crm import capture, clock, identity, workspace
from crm.models import ConsentReceipt, Contact, DemoItem, Identifier, Segment, Store, User
from tests.campaigns import cast

pytestmark = pytest.mark.django_db(transaction=True)
YES = {"purpose": "offers", "channel": "email", "action": "granted", "basis": "consent", "method": "web_form",
       "source": "shop"}  # fmt: skip


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    workspace.forget()
    plans.forget()
    cast.at_noon()
    yield
    workspace.forget()
    plans.forget()


def real(email: str = "elena@shop.example") -> int:
    """Somebody who is nobody's invention, and has said yes and bought."""
    bought = {"name": "Order Completed", "properties": {"order_id": email, "total": "40.00", "currency": "EUR"}}
    arrival = capture.Arrival([{"kind": "email", "value": email}], {}, [YES], [bought])
    found = capture.receive([arrival], now=clock.now())[0]
    assert found.problems == []
    assert found.contact_id
    return found.contact_id


def rows() -> dict[str, int]:
    """How much there is in each table of ours, but for what is a trail or made anew."""
    kept = {"crm_auditentry", "crm_workspace", "crm_reaction", "channels_content", "channels_link", "channels_account",
            "crm_dirty", "analytics_figure", "analytics_reading", "analytics_staleday", "analytics_standing",
            "crm_clockshift", "channels_senderdomain"}  # fmt: skip
    found = {}
    for model in apps.get_models():
        table = model._meta.db_table
        if table.startswith(("crm_", "channels_", "campaigns_", "analytics_")) and table not in kept:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table}")
                found[table] = cursor.fetchone()[0]
    return found


def remove() -> None:
    demo.ask("user:0")
    demo.work_for(60, clock.now())
    assert not demo.is_asked()


def test_after_it_everything_is_as_it_was_before() -> None:
    User.objects.create_superuser("boss@shop.example", "-", name="Boss")
    elena = real()
    assert not any(work.drain(60).pending.values())
    before = rows()
    shop.seed(25, 1, clock.now())
    work.drain(60)
    assert Contact.objects.count() > 20
    remove()
    work.drain(60)
    assert rows() == before
    assert Contact.objects.get().pk == elena
    call_command("verify_ledger")
    shop.seed(25, 1, clock.now())
    work.drain(60)
    assert DemoItem.objects.filter(kind="contact").count() >= 25, "the same story can be told again"
    call_command("verify_ledger")


def test_what_real_people_depend_on_stays() -> None:
    User.objects.create_superuser("boss@shop.example", "-", name="Boss")
    shop.seed(5, 1, clock.now())
    elena = real()
    Contact.objects.filter(pk=elena).update(home_store_id=Store.objects.get(code="centro").pk)
    work.drain(60)
    assert Message.objects.filter(contact_id=elena).exists(), "the demo thanked her"
    remove()
    work.drain(60)
    assert list(Store.objects.values_list("code", flat=True)) == ["centro"]
    assert list(Campaign.objects.values_list("state", flat=True)) == ["stopped"]
    assert Identifier.objects.filter(contact_id=elena).exists()
    assert not Segment.objects.exists()
    call_command("verify_ledger")


def test_a_proof_of_somebody_real_cannot_be_deleted() -> None:
    elena = real()
    shop.seed(2, 1, clock.now())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ConsentReceipt.objects.filter(contact_id=elena).delete()


def test_a_made_up_contact_who_turns_out_to_be_real_is_real() -> None:
    shop.seed(2, 1, clock.now())
    made_up, elena = DemoItem.objects.filter(kind="contact").values_list("number", flat=True)[0], real()
    identity.merge(made_up, elena, now=clock.now())
    remove()
    assert Contact.objects.filter(pk=made_up).exists()
    call_command("verify_ledger")


def test_it_is_asked_once_and_by_post(client: Client) -> None:
    boss = User.objects.create_superuser("boss@shop.example", "-", name="Boss")
    shop.seed(3, 1, clock.now())
    client.force_login(boss)
    page = client.get("/demo/remove/")
    assert "for good" in page.content.decode()
    assert Contact.objects.exists()
    assert client.post("/demo/remove/").status_code == 302
    assert not Contact.objects.exists()
    assert "no demo data" in client.get("/demo/remove/").content.decode()
