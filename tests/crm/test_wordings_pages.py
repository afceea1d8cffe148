"""Consent texts: versions, and what was agreed to stays as it was."""

from __future__ import annotations

from datetime import datetime
from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import wordings
from crm.errors import Problem
from crm.models import AuditEntry, User, Wording
from tests import plans
from tests.crm import people

OFFERS = {"purpose": "offers", "language": "es", "country": "", "code": "", "text": "Quiero ofertas por correo."}


@pytest.fixture
def door(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("ada@example.com", "-", name="Ada"))
    return client


def agree(now: datetime, code: str, name: str = "chiara", source: str = "Card desk") -> None:
    who = people.come(now, people.email(f"{name}@example.com"))
    people.say(now, who, "granted", "offers", "email", wording=code, source=source)


def test_versions_follow_each_other_per_purpose_language_and_country(door: Client) -> None:
    assert "No texts yet" in door.get("/settings/consent-texts/").content.decode()
    door.post("/settings/consent-texts/new/", OFFERS)
    first = Wording.objects.get()
    assert first.code == "offers-es-1"
    page = door.get(f"/settings/consent-texts/new/?from={first.pk}").content.decode()
    assert "Quiero ofertas" in page, "a new version begins with the words of the last"
    door.post("/settings/consent-texts/new/", OFFERS | {"text": "Otra"})
    door.post("/settings/consent-texts/new/", OFFERS | {"country": "MX"})
    assert set(Wording.objects.values_list("code", "version")) == {
        ("offers-es-1", 1), ("offers-es-2", 2), ("offers-es-MX-1", 1)
    }  # fmt: skip
    html = door.get("/settings/consent-texts/").content.decode()
    assert html.index("offers-es-2") < html.index("offers-es-1")


def test_a_text_is_edited_until_somebody_agrees_to_it(door: Client, now: datetime) -> None:
    door.post("/settings/consent-texts/new/", OFFERS)
    row = Wording.objects.get()
    where = f"/settings/consent-texts/{row.pk}/"
    assert door.post(where, {"text": "Sí, quiero ofertas."}).status_code == 302
    agree(now, row.code)
    refused = door.post(where, {"text": "Something else"})
    assert refused.status_code == 422
    row.refresh_from_db()
    assert row.text == "Sí, quiero ofertas."
    html = refused.content.decode()
    assert "Card desk" in html, "it shows where it is used"
    assert "<textarea" not in html
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"wording.add", "wording.edit"}


def test_where_a_text_is_used_is_counted_by_source(door: Client, now: datetime) -> None:
    door.post("/settings/consent-texts/new/", OFFERS)
    for number, source in enumerate(["Card desk", "Card desk", "https://shop.example/form"]):
        agree(now, "offers-es-1", f"c{number}", source)
    agree(now, "other", "x")
    agree(now, "", "y")
    used = {(use.source, use.receipts) for use in wordings.uses("offers-es-1")}
    assert used == {("Card desk", 2), ("https://shop.example/form", 1)}
    assert wordings.codes_in_use() == ["offers-es-1", "other"]
    assert not wordings.is_used("")


def test_a_code_without_a_text_is_shown_and_its_text_can_be_written_down(door: Client, now: datetime) -> None:
    agree(now, "card-2025-01")
    page = door.get("/settings/consent-texts/").content.decode()
    assert "/settings/consent-texts/new/?code=card-2025-01" in page
    door.post("/settings/consent-texts/new/", OFFERS | {"code": "card-2025-01"})
    row = Wording.objects.get()
    assert row.code == "card-2025-01"
    assert door.post(f"/settings/consent-texts/{row.pk}/", {"text": "No"}).status_code == 422, "it is used already"
    assert door.post("/settings/consent-texts/new/", OFFERS | {"code": "card-2025-01"}).status_code == 422
    assert Wording.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_text_does_not_change_under_a_yes_that_is_being_recorded(now: datetime) -> None:
    row = wordings.add(OFFERS, None, "test")
    said, let_go, answers = Event(), Event(), []

    def somebody_agrees() -> None:
        try:
            with transaction.atomic():
                agree(now, row.code)
                said.set()
                let_go.wait(10)
        finally:
            connections.close_all()

    def somebody_edits() -> None:
        try:
            wordings.edit(row.pk, "Other words", "test")
        except Problem as problem:
            answers.append(problem.code)
        finally:
            connections.close_all()

    yes, edit = Thread(target=somebody_agrees), Thread(target=somebody_edits)
    yes.start()
    assert said.wait(10)
    edit.start()
    edit.join(0.3)
    let_go.set()
    yes.join(10)
    edit.join(10)
    assert answers == ["used"]
    row.refresh_from_db()
    assert row.text == OFFERS["text"]


def test_thirty_texts_ask_as_much_as_two(door: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            door.get("/settings/consent-texts/")
        return len(asked)

    for _ in range(2):
        wordings.add(OFFERS, None, "test")
    queries()  # what is held for a few seconds is read
    few = queries()
    for number in range(28):
        wordings.add(OFFERS | {"language": ("es", "en", "ru")[number % 3]}, None, "test")
    assert queries() == few


def test_what_is_used_is_found_by_index(now: datetime, db: None) -> None:
    for sql, given in ((wordings.CODES, []), (wordings.SOURCES, ["x", 10])):
        assert "receipt_wording" in plans.told(sql, given, ["crm_consentreceipt"], ["receipt_wording"])
