"""The builder, as its pages answer."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import drafts, lifecycle
from campaigns.models import Campaign
from crm.models import Membership, User
from tests.campaigns import drafting

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def person(role: str, name: str = "") -> Client:
    user = User.objects.create_user(f"{name or role}@example.com", "a-long-password", name=name or role)
    Membership.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ada() -> Client:
    return person("marketer", "Ada")


@pytest.fixture
def draft() -> Campaign:
    return lifecycle.begin(deepcopy(drafting.START), "ada", NOW)


def edit(client: Client, draft: Campaign, revision: Any = "", **command: Any) -> Any:
    return client.post(
        reverse("campaigns:edit", args=[draft.pk]),
        {"command": json.dumps(command), "revision": revision},
        headers={"HX-Request": "true"},
    )


def page(client: Client, draft: Campaign, **query: str) -> str:
    answer = client.get(reverse("campaigns:journey", args=[draft.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_shows_every_step_with_its_words_and_its_problems(ada: Client, draft: Campaign) -> None:
    html = page(ada, draft)
    for words in ("By hand or by the API", "E-mail: “Hello”", "Split at random", "A 50 %", "Wait …"):
        assert words in html
    assert 'id="node-w1"' in html
    assert 'class="fault"' in html


def test_the_outline_shows_the_same_steps(ada: Client, draft: Campaign) -> None:
    html = page(ada, draft, view="outline")
    assert 'role="tree"' in html
    for step in ("mail", "fork", "w1", "end"):
        assert f'data-id="{step}"' in html


def test_an_edit_answers_with_the_drawing_and_the_bar(ada: Client, draft: Campaign) -> None:
    step = {"id": "two", "type": "wait.duration", "config": {"value": 2, "unit": "days"}}
    answer = edit(ada, draft, draft.revision, do="insert", after="mail", step=step)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "Wait 2 days" in html
    for part in ("board", "bar-name", "bar-undo", "bar-publish"):
        assert f'id="{part}"' in html
    assert f'data-revision="{draft.revision + 1}"' in html
    assert "<html" not in html


def test_who_is_late_gets_the_banner_and_changes_nothing(ada: Client, draft: Campaign) -> None:
    luis = person("marketer", "Luis")
    assert edit(luis, draft, draft.revision, do="label", step="mail", label="Luis").status_code == 200
    answer = edit(ada, draft, draft.revision, do="remove", step="mail")
    assert answer.status_code == 409
    assert "Luis changed this" in answer.content.decode()
    assert "mail" in str(Campaign.objects.get(pk=draft.pk).document)


@pytest.mark.parametrize("command", ["", "[]", "{", '{"do": "fly"}', '{"do": "remove", "step": "nowhere"}'])
def test_what_makes_no_sense_is_refused(ada: Client, draft: Campaign, command: str) -> None:
    answer = ada.post(reverse("campaigns:edit", args=[draft.pk]), {"command": command, "revision": "1"})
    assert answer.status_code == 422
    assert Campaign.objects.get(pk=draft.pk).revision == draft.revision


def test_undo_and_redo_are_there_after_a_reload(ada: Client, draft: Campaign) -> None:
    edit(ada, draft, do="label", step="mail", label="Zweimal")
    assert "Zweimal" in page(ada, draft)
    ada.post(reverse("campaigns:undo", args=[draft.pk]))
    assert "Zweimal" not in page(ada, draft)
    ada.post(reverse("campaigns:redo", args=[draft.pk]))
    assert "Zweimal" in page(ada, draft)


def test_an_analyst_looks_but_cannot_edit(draft: Campaign) -> None:
    analyst = person("analyst")
    html = page(analyst, draft)
    assert 'class="plus"' not in html
    assert edit(analyst, draft, do="remove", step="mail").status_code == 403
    assert Campaign.objects.get(pk=draft.pk).revision == draft.revision


def test_an_empty_journey_offers_six_ways_in(ada: Client) -> None:
    empty = lifecycle.begin({"name": "New", "purpose": "offers", "steps": []}, "ada", NOW)
    html = page(ada, empty)
    assert html.count("data-entry=") == 6
    answer = edit(ada, empty, do="set", path="entry", value=[{"type": "event", "event": "Card Linked"}])
    assert "Card Linked" in answer.content.decode()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"steps": None, "entry": 5},
        {"steps": [5, {"id": "x"}, {"type": []}], "entry": [{"type": "segment", "segment": "seg_nonsense"}]},
        {"steps": [{"id": "x", "type": "goto", "config": {"step": ["x"]}}], "name": 7},
        {"steps": [{"id": "x", "type": "wait.event", "config": {"branches": [3]}, "lanes": [{"label": 4}]}]},
        {"steps": [{"id": "x", "type": "wait.duration", "config": {"value": "x", "unit": []}}]},
    ],
)
def test_whatever_a_draft_holds_it_can_be_opened(ada: Client, document: dict[str, Any]) -> None:
    odd = lifecycle.begin({"name": "Odd"}, "ada", NOW)
    Campaign.objects.filter(pk=odd.pk).update(document=document)
    page(ada, odd)
    page(ada, odd, view="outline")


def test_folded_lanes_are_drawn_as_a_number(ada: Client, draft: Campaign) -> None:
    answer = ada.get(
        reverse("campaigns:journey", args=[draft.pk]), headers={"HX-Request": "true", "X-Folded": "fork.0"}
    )
    assert 'data-unfold="fork.0"' in answer.content.decode()
    assert 'data-id="w1"' not in answer.content.decode()


def test_a_copied_step_comes_with_all_that_is_in_it(ada: Client, draft: Campaign) -> None:
    answer = ada.get(reverse("campaigns:copy", args=[draft.pk]), {"step": "fork"})
    assert answer.json()["steps"][0]["lanes"][0]["steps"][0]["id"] == "w1"


def test_others_are_seen(ada: Client, draft: Campaign) -> None:
    luis = person("marketer", "Luis")
    url = reverse("campaigns:present", args=[draft.pk])
    assert "Ada" not in ada.post(url).content.decode()
    assert "Ada has this open too" in luis.post(url).content.decode()


def long_journey(steps: int) -> Campaign:
    """As one is built: command by command, every twentieth step a split with something in both lanes."""
    campaign = lifecycle.begin({**drafting.START, "steps": []}, "ada", NOW)
    document = campaign.document
    mail = {"type": "send.email", "config": {"subject": "Hello {{ contact.given_name }}", "text": "Hello " * 100}}
    wait = {"type": "wait.duration", "config": {"value": 2, "unit": "days"}}
    fork = {"type": "split.random", "lanes": [{"label": "A", "weight": 1}, {"label": "B", "weight": 1}]}
    place: dict[str, Any] = {"after": ""}
    for number in range(steps):
        kind = fork if number % 20 == 10 else mail if number % 2 else wait
        document = drafts.commands.carry_out(
            document, {"do": "insert", **place, "step": {**deepcopy(kind), "id": f"n{number}"}}
        )
        place = {"lane": [f"n{number}", 1]} if kind is fork and number < 100 else {"after": f"n{number}"}
    Campaign.objects.filter(pk=campaign.pk).update(document=document)
    return Campaign.objects.get(pk=campaign.pk)


def test_the_number_of_queries_does_not_grow_with_the_steps(ada: Client) -> None:
    counted = []
    for steps in (3, 60):
        campaign = long_journey(steps)
        page(ada, campaign)
        with CaptureQueriesContext(
            connection,
        ) as looked:
            page(ada, campaign)
        with CaptureQueriesContext(connection) as edited:
            assert edit(ada, campaign, do="label", step="n1", label=f"It {steps}").status_code == 200
        counted.append((len(looked), len(edited)))
    assert counted[0] == counted[1]
    assert counted[0][0] <= 12


def test_a_journey_of_200_steps_opens_and_answers_quickly(ada: Client) -> None:
    """Generous here, for a busy machine; `benchmarks/builder.py` measures it."""
    campaign = long_journey(200)
    page(ada, campaign)
    began = time.perf_counter()
    page(ada, campaign)
    opened = time.perf_counter() - began
    edit(ada, campaign, do="label", step="n1", label="One")
    began = time.perf_counter()
    edit(ada, campaign, do="label", step="n1", label="Two")
    answered = time.perf_counter() - began
    print(f"\nopened {opened * 1000:.0f} ms, answered {answered * 1000:.0f} ms")
    assert opened < 2
    assert answered < 1
