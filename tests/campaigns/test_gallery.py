"""Ready-made campaigns: they begin with a click, in three languages, and can be published as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from campaigns import gallery, lifecycle, readiness
from campaigns.models import Campaign
from channels.kinds import sms
from channels.liquid import plain
from config import demo
from crm import clock
from crm.models import Segment
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db
READ = ("subject", "preheader", "html", "text", "name")
SLUGS = [template.slug for template in gallery.TEMPLATES]


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house()


def pointers(document: Any, at: str = "") -> dict[str, Any]:
    """Every text of a document by its place."""
    inside: Any = document.items() if isinstance(document, dict) else ()
    inside = enumerate(document) if isinstance(document, list) else inside
    if isinstance(document, dict | list):
        return {place: text for key, inner in inside for place, text in pointers(inner, f"{at}/{key}").items()}
    return {at: document}


@pytest.mark.parametrize("language", ["es", "ru"])
def test_every_word_a_customer_reads_is_there_in_each_language(language: str) -> None:
    words = json.loads((gallery.EXAMPLES / "words" / f"{language}.json").read_text())
    assert set(words) == set(SLUGS)
    for slug in SLUGS:
        english = pointers(gallery.document(slug, "en"))
        read = {
            place for place in english if place.rsplit("/", 1)[-1] in ("subject", "preheader", "html", "text", "name")
        }
        assert read <= set(words[slug]), slug
        assert set(words[slug]) <= set(english), slug
        here = gallery.document(slug, language)
        assert not [place for place in read if pointers(here)[place] == english[place]], slug


def test_the_spanish_text_message_stays_in_the_cheap_alphabet() -> None:
    text = gallery.document("abandoned_cart", "es")["steps"][2]["lanes"][0]["steps"][0]["config"]["text"]
    plain = readiness.LIQUID.sub("", text)
    assert sms.measure(plain).encoding == "gsm7"


@pytest.mark.parametrize("language", ["en", "es", "ru"])
@pytest.mark.parametrize("slug", SLUGS)
def test_each_can_be_published_as_it_is(slug: str, language: str) -> None:
    made = gallery.start(slug, language, cast.ADA, clock.now())
    assert [each.title for each in readiness.of(made, clock.now()) if each.blocking] == []
    lifecycle.publish(made, cast.ADA, clock.now())
    made.refresh_from_db()
    assert made.state == "live"


def test_in_the_demo_each_has_its_data_and_nothing_stands_against_it() -> None:
    demo.seed(120, 7, clock.now())
    ada = office.at_work()
    for slug in SLUGS:
        for language in gallery.LANGUAGES:
            made = gallery.start(slug, language, cast.ADA, clock.now())
            answer = ada.post(office.at(made, "publish/"), {"revision": made.revision})
            assert answer.status_code == 302, [
                (each["finding"].code, each["finding"].title) for each in answer.context["blocking"]
            ]
            made.refresh_from_db()
            assert made.state == "live", (slug, language)


def test_the_segment_it_writes_to_is_found_or_made_once() -> None:
    one = gallery.start("win_back", "en", cast.ADA, clock.now())
    other = gallery.start("win_back", "es", cast.ADA, clock.now())
    assert Segment.objects.count() == 1
    assert one.document["entry"] == other.document["entry"]


def test_it_says_what_data_is_missing_in_one_query() -> None:
    with CaptureQueriesContext(connection) as seen:
        met = gallery.met(gallery.TEMPLATES, clock.now())
    assert len(seen) == 1
    assert not any(each.is_met for needs in met.values() for each in needs)
    cast.happen(cast.person(), "Cart Updated", cart_id="c1")
    met = gallery.met(gallery.TEMPLATES, clock.now())
    assert {each.need.code for each in met["abandoned_cart"] if each.is_met} == {"carts", "offers.email", "offers.sms"}


def test_a_mini_tree_has_the_steps_and_lanes() -> None:
    nodes = gallery.tree(gallery.document("abandoned_cart", "en"))
    assert [node.words for node in nodes] == ["Still yours", "2 days", "Split by rule"]
    assert [label for label, _ in nodes[2].lanes] == ["sms", "All others"]
    assert gallery.tree(gallery.document("welcome", "en"))[0].words == "Welcome, friend"


# --- the page ------------------------------------------------------------------------------------------


def test_from_the_list_to_the_first_step_are_three_clicks() -> None:
    ada: Client = office.at_work()
    assert "/campaigns/new/" in ada.get("/campaigns/").content.decode()
    page = ada.get("/campaigns/new/").content.decode()
    assert 'value="abandoned_cart"' in page
    assert page.index('value="welcome"') < page.rindex("Start empty")
    answer = ada.post("/campaigns/new/", {"template": "abandoned_cart", "language": "es"})
    made = Campaign.objects.get()
    assert answer["Location"] == office.at(made, "journey/")
    assert (made.name, made.state) == ("Carrito abandonado", "draft")
    assert made.owner is not None


def test_the_messages_are_in_the_language_of_the_workspace() -> None:
    office.house(language="ru")
    with translation.override("en"):
        office.at_work().post("/campaigns/new/", {"template": "thank_you"})
    assert Campaign.objects.get().name == "Спасибо за заказ"


def test_an_empty_one_begins_with_its_goal() -> None:
    ada = office.at_work()
    answer = ada.post("/campaigns/new/", {"template": ""})
    made = Campaign.objects.get()
    assert answer["Location"] == office.at(made)
    assert ada.get(answer["Location"]).status_code == 200
    assert ada.post("/campaigns/new/", {"template": "no-such"}).status_code == 404


def test_looking_begins_nothing_and_readers_may_not() -> None:
    office.at_work().get("/campaigns/new/")
    assert office.at_work("analyst", "Chiara").post("/campaigns/new/", {"template": ""}).status_code == 403
    assert not Campaign.objects.exists()


def test_a_subject_is_told_without_its_liquid() -> None:
    assert plain("Thank you, {{ contact.given_name | default: 'friend' }}") == "Thank you, friend"
    assert plain('{{ a | default: "" }}{% if b %}Order {{ event.properties.order_id }}{% endif %}') == "Order …"
