"""Accounts with carriers, set by people: settings by the carrier's own schema, secrets that are never shown again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels import accounts, secrets
from channels.models import Account
from crm import clock
from crm.models import AuditEntry, Membership, User

SMTP = {
    "carrier": "smtp", "name": "Our mail server", "cost": "0.0005", "per_second": "20", "set_host": "mail.example.com",
    "set_port": "587", "set_security": "starttls", "set_user": "shop", "set_password": "hunter2", "set_hello": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    accounts.forget()
    yield
    accounts.forget()


@pytest.fixture
def door(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("ada@example.com", "-"))
    return client


def mail_account() -> Account:
    return Account.objects.get(channel="email", is_default=True)


def test_a_mail_server_is_set_on_the_account_that_followed_the_environment(door: Client, settings: Any) -> None:
    settings.CAUCE_MODE = "live"
    accounts.ensure()
    row = mail_account()
    assert "As the environment says" in door.get(f"/settings/channels/{row.pk}/").content.decode()
    page = door.get(f"/settings/channels/{row.pk}/?carrier=smtp")
    assert {field.name for field in page.context["form"].asked()} == {
        "set_host", "set_port", "set_security", "set_user", "set_password", "set_hello"
    }  # fmt: skip
    assert door.post(f"/settings/channels/{row.pk}/", SMTP).status_code == 302
    row.refresh_from_db()
    assert (row.carrier, row.cost, row.per_second) == ("smtp", Decimal("0.00050"), 20.0)
    assert row.settings == {"host": "mail.example.com", "port": 587, "security": "starttls", "user": "shop"}
    assert secrets.unseal(row.secrets) == {"password": "hunter2"}
    accounts.forget()
    opened = next(each for each in accounts.active() if each.id == row.pk)
    assert opened.carrier.name == "smtp"
    assert "hunter2" not in str(list(AuditEntry.objects.values_list("before", "after")))


def test_a_secret_is_never_shown_and_stays_until_it_is_entered_anew(door: Client) -> None:
    accounts.ensure()
    row = mail_account()
    door.post(f"/settings/channels/{row.pk}/", SMTP)
    html = door.get(f"/settings/channels/{row.pk}/").content.decode()
    assert "hunter2" not in html
    assert "It is set" in html
    door.post(f"/settings/channels/{row.pk}/", SMTP | {"set_password": "", "set_host": "other.example.com"})
    row.refresh_from_db()
    assert row.settings["host"] == "other.example.com"
    assert secrets.unseal(row.secrets) == {"password": "hunter2"}
    door.post(f"/settings/channels/{row.pk}/", SMTP | {"set_password": "correct horse "})
    row.refresh_from_db()
    assert secrets.unseal(row.secrets) == {"password": "correct horse "}
    wrong = door.post(f"/settings/channels/{row.pk}/", SMTP | {"set_host": ""})
    assert wrong.status_code == 422
    assert "hunter2" not in wrong.content.decode()
    back = {"carrier": "", "name": "E-mail", "cost": "0"}
    door.post(f"/settings/channels/{row.pk}/", back)
    row.refresh_from_db()
    assert accounts.follows_environment(row)
    assert row.secrets == "", "another carrier does not inherit them"


def test_an_sms_carrier_is_described_in_json_and_its_mistakes_stand_at_their_fields(door: Client) -> None:
    accounts.ensure()
    given = {
        "carrier": "http_sms", "name": "SMS of today", "cost": "0.049", "set_url": "https://sms.example.com/send",
        "set_method": "POST", "set_encoding": "json", "set_headers": '{"Authorization": "Bearer {{ secret.token }}"}',
        "set_body": '{"to": "{{ recipient }}", "text": "{{ text }}"}', "set_values": '{"token": "abc"}',
        "set_success": "", "set_idempotency_header": "",
    }  # fmt: skip
    wrong = {"set_headers": "not json", "set_url": "ftp://x", "cost": "-1"}
    page = door.post("/settings/channels/new/sms/", given | wrong)
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {"set_headers", "cost"}
    page = door.post("/settings/channels/new/sms/", given | {"set_values": '{"other": "abc"}'})
    assert set(page.context["form"].errors) == {"set_headers"}, "the carrier knows which names there are"
    page = door.post("/settings/channels/new/sms/", given | {"set_url": "http://10.0.0.1/x", "set_body": "[1]"})
    assert page.status_code == 422
    assert door.post("/settings/channels/new/sms/", given).status_code == 302
    row = Account.objects.get(name="SMS of today")
    assert not row.is_default, "there is one already"
    assert secrets.unseal(row.secrets) == {"values": {"token": "abc"}}
    assert "abc" not in door.get(f"/settings/channels/{row.pk}/").content.decode()


def test_another_account_becomes_the_default_with_a_way_back(door: Client) -> None:
    accounts.ensure()
    first = mail_account()
    door.post("/settings/channels/new/email/", {"carrier": "sandbox", "name": "Second", "cost": "0"})
    second = Account.objects.get(name="Second")
    page = door.post(f"/settings/channels/{second.pk}/prefer/", follow=True).content.decode()
    assert f"/settings/channels/{first.pk}/prefer/" in page
    assert mail_account() == second
    door.post(f"/settings/channels/{second.pk}/switch/")
    second.refresh_from_db()
    assert second.active, "a channel's default sends"
    door.post(f"/settings/channels/{first.pk}/switch/")
    first.refresh_from_db()
    assert not first.active
    door.post(f"/settings/channels/{first.pk}/switch/?on=1")
    first.refresh_from_db()
    assert first.active
    door.post(f"/settings/channels/{first.pk}/prefer/")
    assert Account.objects.filter(channel="email", is_default=True).count() == 1


def test_saving_leaves_pace_and_breaker_alone_and_the_page_shows_the_breaker(door: Client) -> None:
    accounts.ensure()
    row = mail_account()
    until = clock.real() + timedelta(minutes=5)
    stale = Account.objects.get(pk=row.pk)
    Account.objects.filter(pk=row.pk).update(resting_until=until, paced_until=until)
    accounts.put(stale, {"name": "x"}, None, "test")
    row.refresh_from_db()
    assert (row.resting_until, row.paced_until) == (until, until)
    assert "Rests until" in door.get("/settings/channels/").content.decode()


def test_channels_and_carriers_that_are_not_there_are_not_found(door: Client) -> None:
    assert door.get("/settings/channels/new/pigeon/").status_code == 404
    assert door.get("/settings/channels/new/sms/?carrier=smtp").status_code == 404
    assert door.post("/settings/channels/new/sms/", {"carrier": "smtp"}).status_code == 404


def test_accounts_are_for_who_may_write_them(client: Client, db: None) -> None:
    accounts.ensure()
    eva = User.objects.create_user("eva@example.com", "-")
    Membership.objects.create(user=eva, role="developer")
    client.force_login(eva)
    assert client.get("/settings/channels/").status_code == 403
    assert client.post(f"/settings/channels/{mail_account().pk}/", SMTP).status_code == 403
    assert mail_account().carrier == "sandbox"


def test_twenty_accounts_ask_as_much_as_four(door: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            door.get("/settings/channels/")
        return len(asked)

    accounts.ensure()
    queries()
    few = queries()
    Account.objects.bulk_create([Account(channel="sms", carrier="sandbox", name=f"s{n}") for n in range(16)])
    assert queries() == few
