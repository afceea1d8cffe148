"""A name that may have no value needs a fallback, or a condition that asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaigns import wording
from channels import lint

EXAMPLES = sorted(Path("campaigns/examples").glob("*.json"))


def unsure(text: str, *sure: str) -> list[str]:
    found = lint.problems("sms", {"text": text}, sure)
    return [problem.detail.partition("}}")[0].removeprefix("{{ ").strip() for problem in found]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi {{ contact.given_name }}", ["contact.given_name"]),
        ("Hi {{ contact.given_name | default: 'you' }}", []),
        ("Hi {{ contact.given_name | upcase | default: 'YOU' }}", []),
        ("{{ entry.colour | upcase | default: 'red' }}", ["entry.colour"]),  # it raises before the fallback
        ("{{ entry.colour | default: 'red' | upcase }}", []),
        ("{{ contact.fields.size | default: contact.city }}", ["contact.city"]),
        ("{% if contact.city %}in {{ contact.city }}{% endif %}", []),
        ("{% unless contact.city %}far{% else %}{{ contact.city }}{% endunless %}", []),
        ("{% if contact.name %}{{ contact.city }}{% endif %}", ["contact.city"]),
        ("{% if contact %}{{ contact.city }}{% endif %}", ["contact.city"]),
        ("{% assign n = contact.given_name %}{{ n }}", ["contact.given_name"]),
        ("{% assign n = contact.given_name | default: 'x' %}{{ n }}", []),
        ("{% capture c %}{{ contact.city }}{% endcapture %}{{ c }}", ["contact.city"]),
        ("{{ viewed[0].url }}", ["viewed[0].url"]),
        ("{% if viewed %}{{ viewed[0].url }}{% endif %}", ["viewed[0].url"]),  # an empty list is true
        ("{% if viewed.size > 0 %}{{ viewed[0].url }}{% endif %}", []),
        ("{{ products.first.name }}", ["products[0].name"]),
        ("{% for p in products %}{{ p.name }} {{ forloop.index }}{% endfor %}", []),
        ("{% for x in entry.things %}{{ x }}{% endfor %}", ["entry.things"]),
        ("{{ store.name }}", ["store.name"]),
        ("{% if store.code %}{{ store.name }} {{ store.address.city }}{% endif %}", ["store.address.city"]),
        ("{{ links.unsubscribe }} {{ campaign.name }} {{ contact.zone }} {{ products.size }}", []),
        ("{{ 'now' | date: '%Y' }} {{ entry.occurred_at | date: '%d' }}", []),
        ("{% if broken", []),  # said elsewhere
    ],
)
def test_what_may_have_no_value_is_named(text: str, names: list[str]) -> None:
    assert unsure(text) == names


def test_what_the_journey_is_sure_of_needs_no_fallback() -> None:
    assert unsure("{{ event.properties.order_id }}", "event.order_id") == []
    document = {"entry": [{"type": "event", "event": "X", "key": "properties.order_id"}]}
    assert wording.sure(document) == {"entry.order_id", "event.order_id"}
    both = {"entry": [*document["entry"], {"type": "event", "event": "Y"}]}
    assert wording.sure(both) == frozenset()


def test_what_the_catalogue_may_not_know_is_only_advice() -> None:
    body = {"text": "{% for p in products %}{{ p.name }} {{ p.price | money }} {{ p.units_left }}{% endfor %}"}
    assert lint.problems("sms", body) == []
    assert [each.code for each in lint.warnings("sms", body)] == ["may_be_empty", "may_be_empty"]


def test_a_ready_piece_that_nobody_wrote_over_is_no_message() -> None:
    found = lint.problems("email", {"html": '<p style="x">…</p>', "subject": "x"})
    assert [each.code for each in found] == ["unwritten"]
    assert lint.problems("email", {"html": "<p>And so on…</p>", "subject": "x"}) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_ready_made_campaigns_have_all_their_fallbacks(path: Path) -> None:
    document = json.loads(path.read_text())
    assert wording.inspect(document)[0] == []


def test_a_broken_document_has_no_messages() -> None:
    for document in ({}, {"steps": 3}, {"steps": [{"type": "send.sms", "config": 3}, 5]}, {"entry": [4]}):
        assert isinstance(wording.inspect(document), tuple)


def test_channels_that_say_the_same_are_named() -> None:
    text = "Your cart is waiting, come back before Sunday and take ten percent off"
    same = {"a": ("email", text), "b": ("sms", text + "."), "c": ("sms", "Other")}
    assert wording.alike(same) == [("a", "b")]
    assert wording.alike({"a": ("sms", text), "b": ("sms", text)}) == []
