"""What Ada the marketer may write in a template, and what nobody can do with one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from channels import liquid

NAMES: dict[str, frozenset[str] | None] = {
    "contact": frozenset({"given_name", "fields"}), "products": frozenset(), "entry": None,
}  # fmt: skip
CHIARA: dict[str, Any] = {
    "contact": {"given_name": "Chiara <3", "fields": {"shoe_size": 39}},
    "products": [{"name": "Boots", "units_left": 2}, {"name": "Socks", "units_left": 0}],
    "entry": {"occurred_at": "2026-03-29T00:30:00+00:00", "total": {"amount": "1234.5", "currency": "EUR"}},
    "_": {"zone": "Europe/Madrid", "language": "es", "currency": "EUR", "now": "2026-06-10T12:00:00+00:00"},
}


def codes(source: str, *, html: bool = True) -> list[str]:
    return [problem.code for problem in liquid.problems(source, "/html", html=html, names=NAMES)]


def text_of(source: str, *, html: bool = False) -> str:
    return liquid.parse(source, html=html).render(CHIARA)


def test_ada_greets_chiara_and_data_cannot_bring_html() -> None:
    assert text_of("Hello {{ contact.given_name }}", html=True) == "Hello Chiara &lt;3"
    assert text_of("Hello {{ contact.given_name }}") == "Hello Chiara <3"


def test_ada_writes_a_list_of_products_with_the_units_left() -> None:
    source = (
        "{% for p in products %}{% if p.units_left > 0 %}{{ p.name }}: {{ p.units_left }} left. {% endif %}{% endfor %}"
    )
    assert codes(source) == []
    assert text_of(source) == "Boots: 2 left. "


def test_a_name_that_is_missing_stops_the_message_and_says_which() -> None:
    with pytest.raises(liquid.RenderError) as caught:
        text_of("You wear {{ contact.fields.glove_size }}")
    assert caught.value.variable == "contact.fields.glove_size"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ contact.fields.glove_size | default: 'M' }}", "M"),
        ("{% if contact.fields.glove_size %}yes{% else %}no{% endif %}", "no"),
        ("{% if contact.fields.glove_size == 'M' %}yes{% else %}no{% endif %}", "no"),
        ("{% unless contact.fields.vip %}no vip{% endunless %}", "no vip"),
    ],
)
def test_a_missing_name_may_be_asked_for(source: str, text: str) -> None:
    assert text_of(source) == text


def test_a_misspelt_name_is_found_when_ada_publishes_not_when_she_sends() -> None:
    problem = liquid.problems("{{ contact.gven_name }}", "/subject", html=False, names=NAMES)[0]
    assert (problem.pointer, problem.code) == ("/subject", "unknown_name")
    assert "given_name" in problem.detail
    assert codes("{{ settings.SECRET_KEY }}") == ["unknown_name"]
    assert codes("{{ now }}") == ["unknown_name"]
    assert codes("{{ [contact.given_name] }}") == ["unknown_name"]


def test_a_mistake_in_the_language_is_shown_with_its_line() -> None:
    problem = liquid.problems("one\n{% if contact %}two", "/html", html=True, names=NAMES)[0]
    assert problem.code == "liquid_syntax"


@pytest.mark.parametrize(
    "source",
    [
        "{% include 'secret' %}",
        "{% render 'secret' %}",
        "{% liquid\nassign x = 1 %}",
        "{% tablerow p in products %}{% endtablerow %}",
    ],
)
def test_nothing_is_included(source: str) -> None:
    assert codes(source) == ["liquid_syntax"]


@pytest.mark.parametrize(
    "source", ["{{ contact | safe }}", "{{ contact.given_name | base64_decode }}", "{{ entry.x | escapejs }}"]
)
def test_filters_that_are_not_on_the_list_are_refused(source: str) -> None:
    assert codes(source) == ["unknown_filter"]


@pytest.mark.parametrize(
    "path", ["contact.__class__", "contact.given_name.__class__", "contact.fields.keys", "products.append"]
)
def test_attributes_of_python_cannot_be_reached(path: str) -> None:
    with pytest.raises(liquid.RenderError):
        text_of(f"{{{{ {path} }}}}")


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..1000000000) reversed %}x{% endfor %}",
        "{{ (1..1000000000) | join: ',' }}",
        "{% for i in (1..contact.fields.shoe_size) %}x{% endfor %}",
    ],
)
def test_endless_ranges_are_refused_before_they_are_written_out(source: str) -> None:
    assert codes(source) == ["liquid_syntax"]


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..50) %}{% for j in (1..50) %}x{% endfor %}{% endfor %}",
        "{% assign x = 'aaaaaaaaaa' %}{% for i in (1..50) %}{% assign x = x | append: x %}{% endfor %}{{ x }}",
        "{% assign x = 'aaaaaaaaaa' %}{% for i in (1..50) %}{% assign x = x | replace: 'a', x %}{% endfor %}{{ x }}",
        "{% assign x = 99999 %}{% for i in (1..50) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
        "{% assign x = products %}{% for i in (1..50) %}{% assign x = x | concat: x %}{% endfor %}",
        "{{ entry.occurred_at | date: '%999999999d' }}",
    ],
)
def test_bombs_go_off_small_and_soon(source: str) -> None:
    started = time.monotonic()
    with pytest.raises(liquid.RenderError):
        text_of(source)
    assert time.monotonic() - started < liquid.SECONDS * 2


def test_text_longer_than_its_limit_is_refused() -> None:
    piece = "x" * 3_000
    with pytest.raises(liquid.RenderError):
        text_of(f"{{% for i in (1..50) %}}{piece}{{% endfor %}}")
    assert codes("x" * (liquid.TEXT_BYTES + 1), html=False) == ["too_long"]


def test_nesting_deeper_than_eight_is_refused() -> None:
    assert codes("{% if contact %}" * 8 + "{% endif %}" * 8) == []
    assert codes("{% if contact %}" * 10 + "{% endif %}" * 10) == ["liquid_syntax"]


def test_data_is_never_read_as_a_template() -> None:
    values = {"contact": {"given_name": "{{ 7 | times: 7 }}{% include 'x' %}", "fields": {}}}
    assert liquid.parse("{{ contact.given_name }}", html=False).render(values) == "{{ 7 | times: 7 }}{% include 'x' %}"


def test_dates_are_told_in_the_persons_own_zone_across_the_change_of_hour() -> None:
    # 00:30 UTC on the night of the change is 01:30 in Madrid, still winter.
    assert text_of("{{ entry.occurred_at | date: '%d.%m. %H:%M' }}") == "29.03. 01:30"
    assert text_of("{{ 'now' | date: '%Y' }}") == "2026"


def test_money_is_written_as_people_write_it() -> None:
    assert text_of("{{ entry.total | money }}").replace("\xa0", " ") == "1.234,50 €"


def test_the_same_template_is_parsed_once() -> None:
    assert liquid.parse("Hi {{ contact.given_name }}", html=False) is liquid.parse(
        "Hi {{ contact.given_name }}", html=False
    )
