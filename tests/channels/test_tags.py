"""Loops and outputs answer what python-liquid itself answers, whatever stands in them."""

from __future__ import annotations

from uuid import UUID, uuid5

import liquid
import pytest
from django.conf import settings

from channels import filters, tracking
from channels import liquid as ours

TEMPLATES = [
    "{{ name }} {{ markup }} {{ number }} {{ yes }} {{ none }} {{ texts }} {{ (1..3) }}",
    "{% for a in texts %}{{ forloop.index }}/{{ forloop.length }} {{ forloop.first }} {{ a }};{% endfor %}",
    "{% for a in texts %}{% if a == 'two' %}{% continue %}{% endif %}{{ a }}{% endfor %}",
    "{% for a in texts %}{% if a == 'two' %}{% break %}{% endif %}{{ a }}{% endfor %}{{ a | default: 'gone' }}",
    "{% for a in texts limit:1 %}{{ a }}{% endfor %}{% for a in texts offset:continue %}<{{ a }}>{% endfor %}",
    "{% for a in texts %}{{ a }}{% endfor %}{% for a in texts offset:continue %}<{{ a }}>{% else %}none{% endfor %}",
    "{% for a in texts reversed %}{{ a }}{% endfor %}",
    "{% for a in texts %}{% for b in numbers %}{{ forloop.parentloop.index }}{{ b }} {% endfor %}{% endfor %}",
    "{% for a in nothing %}{{ a }}{% else %}none{% endfor %}",
    "{% for a in person %}{{ a[0] }}={{ a[1] }};{% endfor %}{% for a in name %}{{ a }}{% endfor %}",
    "{% for a in texts %}   {% endfor %}|{% for a in texts %}{% assign last = a %}{% endfor %}{{ last }}",
    "{% assign name = 'Eva' %}{{ name }} {% for name in texts %}{{ name }}{% endfor %} {{ name }}",
    "{% for p in people %}{{ p.name }} {{ p.tags.first }} {{ p.tags.size }} {{ p['name'] }}{% endfor %}",
    "{{ person.name }} {{ person.size }} {{ texts.first }} {{ texts.last }} {{ texts[1] }} {{ name.size }}",
    "{% if person.missing %}yes{% else %}no{% endif %}{{ person.missing | default: 'x' }}{{ now_here | default: 1 }}",
    "{{ person[name] | default: 'none' }} {{ people[0].name }} {{ people[9].name | default: 'far' }}",
    "{{ [word] }} {{ [person] | default: 'odd' }} {{ person[word] }}",
    "{% capture all %}{% for a in texts %}{{ a }},{% endfor %}{% endcapture %}{{ all | upcase }}",
]
VALUES = {
    "name": "Ada <b> & 'co'", "word": "name",
    "number": 3.5, "yes": True, "none": None, "texts": ["one", "two", "<three>"],
    "numbers": [1, 2], "nothing": [], "person": {"name": "Bruno", "town": "Cádiz"}, "markup": "a\nb",
    "people": [{"name": "Chiara", "tags": ["x", "y"]}, {"name": "Dario", "tags": ["z"]}],
}  # fmt: skip


@pytest.mark.parametrize("html", [True, False])
@pytest.mark.parametrize("source", TEMPLATES)
def test_a_template_says_what_the_library_says(source: str, html: bool) -> None:
    plain = liquid.Environment(undefined=ours._Missing, autoescape=html)
    plain.filters |= filters.OWN

    assert ours.parse(source, html=html).render(VALUES) == plain.from_string(source).render(**VALUES)


def test_a_loop_keeps_its_limit_inside_another_loop() -> None:
    source = "{% for a in many %}{% for b in many %}{{ b }}{% endfor %}{% endfor %}"

    assert ours.parse(source, html=True).render({"many": [1] * 7}) == "1" * 49
    with pytest.raises(ours.RenderError, match="loop iteration limit"):
        ours.parse(source, html=True).render({"many": [1] * 8})


def test_a_name_that_is_missing_in_a_loop_is_named() -> None:
    with pytest.raises(ours.RenderError) as told:
        ours.parse("{% for p in people %}{{ p.nickname }}{% endfor %}", html=True).render(VALUES)

    assert told.value.variable == "p.nickname"


def test_the_name_of_a_message_is_its_uuid5() -> None:
    seed = UUID(bytes=tracking._seed(settings.SUPPRESSION_PEPPER))

    assert [tracking.key(number) for number in (0, 1, 2**40)] == [
        str(uuid5(seed, str(number))) for number in (0, 1, 2**40)
    ]
