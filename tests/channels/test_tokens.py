"""The picker offers what the renderer knows, and nothing it would refuse."""

from __future__ import annotations

from typing import Any

import pytest

from channels import content, lint, proof, snippets, stand_in, tokens
from crm import clock
from crm.models import Product
from tests.channels import people

pytestmark = pytest.mark.django_db


def shown(events: tuple[str, ...] = ("Cart Updated",), contact: int = 0) -> dict[str, Any]:
    now = people.at_noon()
    return stand_in.values(stand_in.choose(contact, events, now), 3, "Cart", now)


def test_every_word_that_is_offered_can_be_published_and_read() -> None:
    values = shown()
    found = tokens.all_of(values)
    assert {"contact.given_name", "entry.cart_id", "products", "store.name", "links.unsubscribe"} <= {
        token.path for token in found
    }
    for token in found:
        body = {"text": f"x {token.insert.replace('…', 'friend')}"}
        assert content.problems("sms", body) == [], token.path
        assert lint.problems("sms", body) == [], token.path
        assert lint.warnings("sms", body) == [], token.path
        read = proof.read("sms", body, values)
        assert read.wrong == "", (token.path, read.wrong)


def test_the_examples_are_those_of_the_chosen_person() -> None:
    elena = people.people(1, name="Elena")[0]
    found = {token.path: token for token in tokens.all_of(shown(contact=elena.pk))}
    assert found["contact.given_name"].example == "Elena"
    assert found["contact.given_name"].needs_fallback
    assert found["contact.family_name"].example == ""
    assert not found["links.unsubscribe"].needs_fallback


def test_the_made_up_person_has_products_of_the_catalogue() -> None:
    Product.objects.create(sku="boots", name="Boots", price="89.90", currency="EUR", url="https://shop.example/boots")
    assert [each["name"] for each in shown()["products"]] == ["Boots"]
    assert shown()["contact"]["given_name"] == "Marta"


def test_the_ready_pieces_are_accepted_once_they_are_written() -> None:
    values = shown()
    inner = "".join(each.html for each in snippets.SNIPPETS)
    html = snippets.SKELETON.replace("<!-- content -->", inner)
    assert [each.code for each in lint.problems("email", {"subject": "x", "html": html})] == ["unwritten"]
    written = html.replace("https://…", "https://shop.example/").replace("…", "Words")
    body = {"subject": "x", "html": written}
    assert content.problems("email", body) == []
    assert lint.problems("email", body) == []
    read = proof.read("email", body, values)
    assert read.is_ready
    assert read.anatomy
    assert read.anatomy.faulty_links == []
    assert "Trail shoes Sierra" in read.html


def test_the_worst_case_has_the_longest_names_and_their_letters() -> None:
    people.people(1, name="Lucía Inmaculada de los Ángeles")
    values = shown()
    read = proof.read("sms", {"text": "{{ contact.given_name | default: 'Hola' }}, hoy 10%"}, values)
    assert read.size
    assert read.worst
    assert read.size.encoding == "gsm7"
    assert read.worst.encoding == "ucs2"
    assert read.worst.units > read.size.units


def test_a_culprit_of_the_text_is_told_from_one_of_a_value() -> None:
    lucia = people.people(1, name="Lucía")[0]
    values = shown(contact=lucia.pk)
    read = proof.read("sms", {"text": "Código para {{ contact.given_name | default: 'ti' }}"}, values)
    assert {each.letter for each in read.culprits} == {"ó", "í"}
    assert read.in_words == {"ó"}
    assert "".join(text for text, _ in read.pieces) == read.text
    assert [text for text, guilty in read.pieces if guilty] == ["ó", "í"]


@pytest.mark.parametrize("body", [{}, {"subject": ""}, {"html": "<p>{{ contact.nme }}</p>"}, {"html": "{% if %}"}])
def test_a_draft_that_is_not_ready_can_be_looked_at(body: dict[str, Any]) -> None:
    read = proof.read("email", body, shown())
    assert read.problems


def test_looking_asks_a_fixed_number_of_questions(django_assert_max_num_queries: Any) -> None:
    contact = people.people(1)[0]
    clock.now()
    with django_assert_max_num_queries(12):
        shown(contact=contact.pk)
