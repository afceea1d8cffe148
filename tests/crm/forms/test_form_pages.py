"""Ada builds a form, shares it and reads what came back."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image as Pillow

from channels import images
from crm import clock, ownfields, telling
from crm.capturing import editing, office, seats, showing
from crm.models import AuditEntry, Event, Form, FormAnswer, Membership, User
from tests.crm.forms import cast

pytestmark = pytest.mark.django_db


def at_work(role: str) -> Client:
    user = User.objects.create_user(f"{role}@example.com", "x", name=role)
    Membership.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def typed(form: Form, **more: Any) -> dict[str, Any]:
    """The builder's page as a browser sends it back."""
    sent: dict[str, Any] = {"name": form.name, "language": form.language, "block": []}
    for block in form.document["blocks"]:
        sent["block"].append(block["id"])
        for part, value in block.items():
            if part == "required" and not value:
                continue
            if part not in ("id", "type", "answers"):
                sent[f"{block['id']}.{part}"] = value
    return {**sent, **more}


def test_ada_builds_a_form_by_buttons_and_publishes_it() -> None:
    ada = at_work("marketer")
    ada.post(reverse("crm:form-new"), {"name": "Join the club", "kind": "plain", "language": "en"})
    form = Form.objects.get()
    assert (form.slug, form.live) == ("join-the-club", None)
    url = reverse("crm:form", args=[form.pk])
    refused = ada.post(reverse("crm:form-publish", args=[form.pk]))
    assert refused.status_code == 422
    assert "Write something here." in refused.content.decode()
    added = ada.post(url, typed(form, act="add:consent", **{"b1.text": "Welcome"}))
    assert added["Location"].endswith("#b4")
    form.refresh_from_db()
    assert [block["type"] for block in form.document["blocks"]] == ["heading", "field", "consent", "submit"]
    assert form.document["blocks"][0]["text"] == "Welcome"
    ada.post(url, typed(form, act="up:b4"))
    form.refresh_from_db()
    ada.post(url, typed(form, **{"b4.wording": cast.text().code, "b4.channels": ["email"]}))
    form.refresh_from_db()
    assert [block["id"] for block in form.document["blocks"]] == ["b1", "b4", "b2", "b3"]
    assert "Welcome" in ada.get(reverse("crm:form-preview", args=[form.pk])).content.decode()
    assert Client().get("/f/join-the-club/").status_code == 404
    shared = ada.post(reverse("crm:form-publish", args=[form.pk]), follow=True).content.decode()
    assert "data-form=&quot;join-the-club&quot;" in shared
    assert "<svg" in shared
    assert Client().get("/f/join-the-club/").status_code == 200
    ada.post(url, typed(form, **{"b1.text": "Another"}))
    assert "Welcome" in Client().get("/f/join-the-club/").content.decode()  # until it is published again
    assert AuditEntry.objects.filter(action="form.publish").count() == 1


def test_what_a_consent_box_needs_is_said_before_it_is_published() -> None:
    made = cast.form(publish=False)
    document = {**made.document, "blocks": [
        {"id": "t", "type": "field", "field": "phone", "label": "", "required": True},
        {"id": "c", "type": "consent", "wording": "nothing-1", "channels": ["email"]},
    ]}  # fmt: skip
    office.save(made.pk, document, "x", "en", actor="user:1", now=clock.now())
    made.refresh_from_db()
    codes = {problem.code for problem in office.problems(made)}
    assert codes == {"no_such_text", "no_address", "one_button"}


def test_what_is_typed_into_the_builder_cannot_change_what_a_block_is() -> None:
    made = cast.form(publish=False)
    sent = {"b1.text": "A", "b1.type": "consent", "b1.extra": "x"}
    read = editing.read(made.document, sent, lambda name: ["b1", "made-up"] if name == "block" else [])
    assert read["blocks"] == [{"id": "b1", "type": "heading", "text": "A"}]


def test_a_file_for_a_spreadsheet_runs_nothing_and_an_analyst_sees_no_addresses() -> None:
    made = cast.form()
    FormAnswer.objects.create(form=made, token="1", answers={"mail": "ada@example.com", "name": "=cmd()"})
    ada = at_work("marketer")
    file: Any = ada.get(reverse("crm:form-export", args=[made.pk]))
    text = b"".join(file.streaming_content).decode()
    assert "'=cmd()" in text
    analyst = at_work("analyst")
    page = analyst.get(reverse("crm:form-results", args=[made.pk])).content.decode()
    assert "ada@example.com" not in page
    assert analyst.get(reverse("crm:form-export", args=[made.pk])).status_code == 403
    assert analyst.get(reverse("crm:form", args=[made.pk])).status_code == 403


def test_pages_ask_the_same_for_any_number_of_answers_and_forms() -> None:
    ada = at_work("marketer")
    made = cast.form()
    counts = []
    for round_ in range(2):
        for number in range(5):
            FormAnswer.objects.create(form=made, token=f"{round_}-{number}", answers={"mail": "ada@example.com"})
            cast.form()
        for url in (reverse("crm:forms"), reverse("crm:form-results", args=[made.pk])):
            ada.get(url)
            with CaptureQueriesContext(connection) as asked:
                assert ada.get(url).status_code == 200
            counts.append(len(asked))
    assert counts[:2] == counts[2:]


def test_a_picture_that_a_form_shows_is_not_taken_away_from_under_it() -> None:
    out = io.BytesIO()
    Pillow.new("RGB", (4, 4)).save(out, "PNG")
    image = images.add(out.getvalue(), "shoes.png", "Shoes", None, "user:1")
    shown = {"id": "pic", "type": "picture", "url": images.path(image), "alt": "Shoes"}
    made = cast.form("plain", shown)
    without = {**made.document, "blocks": [block for block in made.document["blocks"] if block["id"] != "pic"]}
    office.save(made.pk, without, made.name, made.language, actor="user:1", now=clock.now())
    use = images.Use("Join us", reverse("crm:form", args=[made.pk]))
    assert images.remove(image, "user:1") == [use]
    office.publish(made.pk, actor="user:1", now=clock.now())
    assert images.remove(image, "user:1") == []


def test_a_field_of_everybodys_keeps_its_name_beside_one_of_the_shop() -> None:
    ownfields.add({"key": "city", "label": "City of the shop", "kind": "text", "choices": []}, actor="user:1")
    assert showing.label("city") == "City"
    assert showing.label("own:city") == "City of the shop"


def test_ada_chooses_a_picture_from_those_that_are_there() -> None:
    ada = at_work("marketer")
    out = io.BytesIO()
    Pillow.new("RGB", (40, 30), "teal").save(out, "PNG")
    image = images.add(out.getvalue(), "shop.png", "Our shop", None, "user:1")
    plain, made = cast.form(), cast.form("poll", {"id": "pic", "type": "picture", "url": "", "alt": ""}, publish=False)
    assert reverse("channels:image-picker") not in ada.get(reverse("crm:form", args=[plain.pk])).content.decode()
    page = ada.get(reverse("crm:form", args=[made.pk])).content.decode()
    assert f'hx-get="{reverse("channels:image-picker")}"' in page
    assert 'data-block="pic"' in page
    dialog = ada.get(reverse("channels:image-picker")).content.decode()
    assert 'id="pictures"' in dialog
    assert f'action="{reverse("channels:image-add")}"' in dialog
    shown = ada.get(reverse("channels:images"), headers={"HX-Request": "true"}).content.decode()
    assert f'data-path="{images.path(image)}"' in shown
    ada.post(reverse("crm:form", args=[made.pk]), typed(made, **{"pic.url": images.path(image), "pic.alt": "Our shop"}))
    page = ada.get(reverse("crm:form", args=[made.pk])).content.decode()
    assert f'src="{images.path(image)}"' in page
    assert [use.words for use in images.used_by(image)] == [made.name]


def test_what_happens_at_an_event_is_told_in_words() -> None:
    """Every event that seats write has its line; nobody reads the name of a program."""
    source = Path(seats.__file__).read_text()
    names = set(re.findall(r'"((?:Seat|Event) [A-Z]\w+)"', source))
    assert names == {"Seat Booked", "Seat Waitlisted", "Seat Cancelled", "Event Attended"}
    told = {"form": "Trail day", "place": "Casa Norte", "date": "2026-07-01", "form_id": "trail-day"}
    for name in names:
        entry = telling.tell(Event(pk=1, name=name, properties=told, occurred_at=clock.now(), channel="web"), {})
        assert entry.title != name
        assert entry.detail == ["Trail day", "Casa Norte", "2026-07-01"]
