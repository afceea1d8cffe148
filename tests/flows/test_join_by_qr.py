"""Elena points her phone at the code beside the till, joins, and a journey answers her; a file waits for her yes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from channels.models import SandboxMessage
from crm.models import Contact, FormLetter, Membership, Store, User
from tests.crm.forms import cast
from tests.flows.conftest import Shop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("ledger_holds")]


def phone() -> Client:
    return Client(enforce_csrf_checks=True, HTTP_USER_AGENT="Mozilla/5.0 (iPhone)")


def test_elena_joins_at_the_till_and_her_contact_says_where(shop: Shop, wait: Any) -> None:
    Store.objects.create(code="valencia", name="Valencia")
    made = cast.form()
    user = User.objects.create_user("ada@example.com", "x", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    ada = Client()
    ada.force_login(user)
    sheet = ada.get(reverse("crm:form-sheet", args=[made.pk])).content.decode()
    link = re.search(r"http\S+/f/[\w-]+/\?p=valencia", sheet)
    assert link
    assert "<svg" in sheet
    web = phone()
    page = web.get(re.sub(r"^https?://[^/]+", "", link[0])).content.decode()
    assert 'name="mail"' in page
    sent = web.post(f"/f/{made.slug}/", {
        "ticket": cast.ticket(made, placement="valencia"), "mail": "elena@example.com", "name": "Elena", "yes": "1",
    })  # fmt: skip
    assert sent.status_code == 302
    wait(seconds=1)
    elena = Contact.objects.get(identifiers__value="elena@example.com")
    shown = ada.get(reverse("crm:form-results", args=[made.pk])).content.decode()
    assert "valencia" in shown
    assert "elena@example.com" in shown
    assert elena.given_name == "Elena"


def test_in_germany_the_file_comes_after_the_address_is_confirmed(shop: Shop, wait: Any) -> None:
    country = {"id": "land", "type": "field", "field": "country", "label": "", "required": True}
    made = cast.form("leadmagnet", country)
    phone().post(f"/f/{made.slug}/", {
        "ticket": cast.ticket(made), "mail": "elena@example.com", "land": "DE", "yes": "1",
    })  # fmt: skip
    wait(seconds=1)
    assert FormLetter.objects.get().sent_at is None
    (asked,) = SandboxMessage.objects.all()
    confirm = re.search(r"/k/[\w-]+", asked.text)
    assert confirm
    assert Client().post(confirm[0]).status_code == 200
    wait(seconds=1)
    letter = SandboxMessage.objects.latest("pk")
    link = re.search(r"/f/file/[\w:.-]+/", letter.text)
    assert link
    assert Client().get(link[0]).content == b"%PDF-1.4 guide"


def test_in_spain_the_file_comes_at_once(shop: Shop, wait: Any) -> None:
    made = cast.form("leadmagnet")
    phone().post(f"/f/{made.slug}/", {"ticket": cast.ticket(made), "mail": "chiara@example.com"})
    wait(seconds=1)
    assert re.search(r"/f/file/[\w:.-]+/", SandboxMessage.objects.get().text)
