"""The record of processing says what this installation does, and changes with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels import accounts
from channels.models import Account
from crm import clock, ownfields, processing, retention, workspace
from crm.models import User, Wording
from tests.crm.people import come, email, say

pytestmark = pytest.mark.django_db


def section(key: str) -> list[tuple[str, ...]]:
    return next([tuple(row) for row in each.rows] for each in processing.record() if each.key == key)


def test_what_changes_here_changes_in_the_record(settings: Any) -> None:
    settings.CAUCE_MODE = "live"
    now = clock.now()
    assert ("Offers", "their consent") not in section("purposes")
    elena = come(now, email("elena@example.com"))
    say(now, elena, "granted", channel="email")
    assert ("Offers", "their consent") in section("purposes")
    assert ("Subscribers",) in section("people")
    ownfields.add({"key": "shoe", "label": "Shoe size", "kind": "number", "choices": []}, actor="user:1")
    assert ("Your own fields", "Shoe size") in section("data")
    Account.objects.create(channel="sms", carrier="http_sms", name="Texts", settings={
        "url": "https://user:secret@sms.example.com/send?key=1"})  # fmt: skip
    accounts.forget()
    assert ("SMS", "Texts", "http_sms", "sms.example.com", "Address, and the words of the message") in section(
        "recipients"
    )
    Wording.objects.create(code="offers-es-1", purpose="offers", language="es", version=1, text="¿Ofertas?")
    assert [row[2:4] for row in section("wordings")] == [("offers-es-1", "¿Ofertas?")]
    retention.choose("sandbox", 33, actor="user:1")
    workspace.forget()
    assert "33 days" in [row[1] for row in section("retention")]
    workspace.change({"name": "Zapatería Luna"}, "user:1")
    workspace.forget()
    assert ("Name", "Zapatería Luna") in section("controller")


def test_who_gets_the_mails_is_told_as_the_environment_sends_them(settings: Any) -> None:
    settings.CAUCE_MODE = "live"
    settings.PROVIDER_BASE_URLS = {"sms": "https://texts.example.net/v1"}
    settings.EMAIL_URL = ""
    accounts.ensure()
    assert [row[2:4] for row in section("recipients") if row[0] == "E-mail"] == [("sandbox", "nowhere: it stays here")]
    settings.PROVIDER_BASE_URLS = {}
    assert section("transfers") == [("None", "No data leaves this installation.")]
    settings.PROVIDER_BASE_URLS = {"sms": "https://texts.example.net/v1"}
    settings.EMAIL_URL = "smtp://shop:secret@mail.example.org:587"
    told = {row[0]: row[2:4] for row in section("recipients")}
    assert told["E-mail"] == ("smtp", "mail.example.org")
    assert told["SMS"] == ("http_sms", "texts.example.net")
    assert [row[0] for row in section("transfers")] == ["mail.example.org", "texts.example.net"]
    assert "secret" not in str(processing.record())


def test_ada_reads_it_and_takes_it_with_her(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "-", name="Ada"))
    url = reverse("crm:processing")
    client.get(url)
    counts = []
    for name in ("one", "two", "three"):
        Account.objects.create(channel="sms", carrier="sandbox", name=name)
        Wording.objects.create(code=name, purpose="offers", language=name[:2], version=1, text=name)
        with CaptureQueriesContext(connection) as asked:
            page = client.get(url).content.decode()
        counts.append(len(asked))
    assert len(set(counts)) == 1, counts
    assert "nowhere: it stays here" in page
    files = {form: client.get(reverse("crm:processing-file", args=[form])) for form in ("pdf", "json", "csv")}
    assert files["pdf"].content.startswith(b"%PDF-")
    told = json.loads(files["json"].content)
    assert {each["section"] for each in told["record"]} >= {
        "controller",
        "purposes",
        "recipients",
        "retention",
        "measures",
    }
    assert "Who is responsible" in files["csv"].content.decode("utf-8-sig")
    assert client.get("/settings/processing/record.exe").status_code == 404


def test_no_cell_of_the_table_is_a_formula(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "-", name="Ada"))
    Account.objects.create(channel="sms", carrier="sandbox", name="=1+1")
    assert "'=1+1" in client.get(reverse("crm:processing-file", args=["csv"])).content.decode()
