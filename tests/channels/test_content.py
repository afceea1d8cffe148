"""Words are published once and filled with what is true at the moment of sending."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels import content, links, tracking
from channels.models import Content, Link
from crm import timeline, workspace
from crm.errors import Problems
from crm.models import Cart, Contact, Product, Stock, Store
from tests.channels import people

pytestmark = pytest.mark.django_db
CART = {
    "products": [{"sku": "boots", "name": "Old boots", "price": "10"}, {"sku": "socks"}],
    "cart_id": "c1",
    "colour": "red",
}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    content.forget()


def asked(contact: Contact, content_id: int, **given: Any) -> Any:
    address = people.addresses([contact])[contact.pk]
    made = {
        "id": 7, "contact_id": contact.pk, "channel": "email", "content_id": content_id, "campaign_id": 3,
        "address_id": address.pk,
        "entry": "", "context": {}, "recipient": address.value, "message_class": "marketing",
    }  # fmt: skip
    return SimpleNamespace(**{**made, **given})


def catalogue() -> None:
    Product.objects.bulk_create([
        Product(sku="boots", name="Boots", price=Decimal("89.90"), currency="EUR", url="https://shop.example/boots"),
        Product(sku="socks", name="Socks", price=Decimal("5.00"), currency="EUR"),
        Product(sku="cap", name="Cap", price=Decimal("12.00"), currency="EUR"),
    ])  # fmt: skip
    noon = people.NOON
    Stock.objects.bulk_create([
        Stock(sku="boots", place="online", available=2, at=noon),
        Stock(sku="boots", place="madrid", available=1, at=noon),
        Stock(sku="boots", place="lugo", available=40, at=noon),
        Stock(sku="socks", place="online", available=0, at=noon),
    ])  # fmt: skip


def one(message: Any) -> dict[str, Any]:
    return content.facts([message], people.NOON)[message.id]


def test_the_same_words_are_kept_once_with_their_links() -> None:
    first = content.publish("email", people.LETTER)
    assert content.publish("email", dict(people.LETTER)) == first
    assert content.publish("email", {**people.LETTER, "subject": "Another"}) != first
    assert list(Link.objects.filter(content_id=first).values_list("url", flat=True)) == ["https://shop.example/a"]
    assert "contact.given_name" in Content.objects.get(pk=first).slots_used


def test_ada_is_told_all_her_mistakes_at_once_with_their_places() -> None:
    with pytest.raises(Problems) as caught:
        content.publish("email", {"subject": "{{ contact.nme }}", "html": "{% if %}", "text": 3, "colour": "red"})
    found = {problem.pointer: problem.code for problem in caught.value.problems}
    assert found == {"/subject": "unknown_name", "/html": "liquid_syntax", "/text": "type", "/colour": "unknown_key"}
    assert [each.code for each in content.problems("pigeon", {})] == ["no_such_channel"]


def test_published_words_are_parsed_once_per_process() -> None:
    number = content.publish("sms", {"text": "Hi {{ contact.given_name }}"})
    first = content.load(number)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert content.load(number) is first
    assert len(queries) == 0


def test_content_that_is_not_there_ends_its_message_alone() -> None:
    with pytest.raises(content.RenderError):
        content.load(12345)


def test_units_left_are_those_of_now_online_and_in_the_persons_store() -> None:
    catalogue()
    chiara = people.people(1)[0]
    chiara.home_store = Store.objects.create(code="madrid", name="Gran Vía")
    chiara.save()
    number = content.publish(
        "email",
        {
            "subject": "x",
            "html": "{% for p in products %}{{ p.name }} {{ p.price }} {{ p.units_left }}|{% endfor %}{{ store.name }}",
        },
    )
    message = asked(chiara, number, context={"entry": {"event": "Cart Updated", "properties": CART}})
    values = one(message)
    boots = values["products"][0]
    assert (boots["name"], boots["price"], boots["available"], boots["online"], boots["in_store"]) == (
        "Boots",
        "89.90",
        3,
        2,
        1,
    )
    Stock.objects.filter(sku="boots", place="online").update(available=0)
    assert one(message)["products"][0]["units_left"] == 1
    assert "Gran Vía" in content.load(number).render(values, message)["html"]


def test_the_carts_latest_lines_count_not_those_it_began_with() -> None:
    catalogue()
    chiara = people.people(1)[0]
    Cart.objects.create(
        contact=chiara,
        key="c1",
        lines=[{"sku": "cap", "quantity": 2}],
        skus=["cap"],
        touched_at=people.NOON,
        currency="EUR",
    )
    Cart.objects.create(contact=chiara, key="c2", lines=[{"sku": "boots"}], skus=["boots"], touched_at=people.NOON)
    number = content.publish(
        "email",
        {
            "subject": "x",
            "html": "{% for p in products %}{{ p.sku }}{% endfor %}{{ entry.colour }} {{ entry.properties.colour }}",
        },
    )
    message = asked(chiara, number, entry="c1#1", context={"entry": {"event": "Cart Updated", "properties": CART}})
    assert [product["sku"] for product in one(message)["products"]] == ["cap"]
    html = content.load(number).render(one(message), message)["html"]
    assert html.startswith("capred red")


def test_the_last_three_products_chiara_looked_at() -> None:
    catalogue()
    chiara = people.people(1)[0]
    looks = [("boots", 5), ("cap", 4), ("gone", 3), ("boots", 2), ("socks", 200 * 24 * 60)]
    timeline.record(
        [
            timeline.NewFact(chiara.pk, "Product Viewed", {"sku": sku}, people.NOON - timedelta(minutes=ago))
            for sku, ago in looks
        ],
        now=people.NOON,
    )
    number = content.publish("email", {"subject": "x", "html": "{% for p in viewed %}{{ p.name }},{% endfor %}"})
    assert [product["name"] for product in one(asked(chiara, number))["viewed"]] == ["Boots", "gone", "Cap"]


def test_facts_of_a_batch_cost_the_same_few_queries_for_one_or_for_forty() -> None:
    catalogue()
    crowd = people.people(40)
    number = content.publish(
        "email", {"subject": "x", "html": "{{ products.size }}{{ viewed.size }}{{ contact.city }}"}
    )
    content.load(number)
    messages = [
        asked(each, number, id=at, context={"entry": {"properties": CART}}, entry="c1#1")
        for at, each in enumerate(crowd)
    ]
    content.facts(messages[:1], people.NOON)
    counts = []
    for batch in (messages[:1], messages):
        with CaptureQueriesContext(connection) as queries:
            assert len(content.facts(batch, people.NOON)) == len(batch)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 5


def test_what_a_content_does_not_read_is_not_fetched() -> None:
    chiara = people.people(1)[0]
    number = content.publish("email", {"subject": "x", "html": "<p>{{ contact.given_name }}</p>"})
    content.load(number)
    message = asked(chiara, number)
    content.facts([message], people.NOON)
    with CaptureQueriesContext(connection) as queries:
        content.facts([message], people.NOON)
    assert len(queries) == 2
    assert not [query for query in queries if "crm_event" in query["sql"] or "crm_product" in query["sql"]]


def test_what_was_said_is_kept_with_the_message() -> None:
    chiara = people.people(1)[0]
    number = content.publish(
        "email",
        {"subject": "{{ contact.given_name }}", "html": "{{ entry.properties.colour }} {{ links.unsubscribe }}"},
    )
    message = asked(chiara, number, context={"entry": {"properties": CART}})
    kept = content.load(number).slots(one(message))
    assert kept == {"contact": {"given_name": "Ada"}, "entry": {"properties": {"colour": "red"}}}


def test_a_cart_that_is_sold_out_needs_no_reminder() -> None:
    catalogue()
    Stock.objects.update(available=0)
    chiara = people.people(1)[0]
    wanting = content.publish("email", {"subject": "x", "html": "<p>x</p>", "require_stock": True})
    message = asked(chiara, wanting, context={"entry": {"properties": CART}})
    assert content.skip_reason(content.load(wanting), one(message)) == "out_of_stock"
    Stock.objects.filter(sku="socks").update(available=1)
    assert content.skip_reason(content.load(wanting), one(message)) == ""
    Stock.objects.all().delete()  # a shop that does not tell its stock keeps its messages
    assert content.skip_reason(content.load(wanting), one(message)) == ""


def test_links_are_plain_and_there_is_no_pixel_without_the_tracking_purpose() -> None:
    chiara, elena = people.people(2)
    people.allow([elena], "email", "tracking")
    number = content.publish("email", people.LETTER)
    compiled = content.load(number)
    plain, followed = asked(chiara, number, id=1), asked(elena, number, id=2)
    values = content.facts([plain, followed], people.NOON)
    letter = compiled.render(values[1], plain)
    assert 'href="https://shop.example/a"' in letter["html"]
    assert "https://shop.example/a" in letter["text"]
    assert "/c/" not in letter["html"] + letter["text"]
    assert "/o/" not in letter["html"]
    letter = compiled.render(values[2], followed)
    url = tracking.url("click", 2, Link.objects.get(content_id=number).pk)
    assert url in letter["html"]
    assert url in letter["text"]
    assert tracking.url("open", 2) in letter["html"]
    assert "shop.example/a" not in letter["html"] + letter["text"]


def test_an_sms_carries_its_way_out_and_is_counted_as_networks_do() -> None:
    chiara = people.people(1, granted=["sms"])[0]
    number = content.publish("sms", {"text": "Tu carrito te espera: https://shop.example/c", "sender": "Shop"})
    message = asked(chiara, number, channel="sms", recipient="+34600000001")
    body = content.load(number).render(one(message), message)
    assert body["text"] == f"Tu carrito te espera: https://shop.example/c\nStop: {tracking.url('unsubscribe', 7)}"
    assert (body["sender"], body["encoding"], body["parts"]) == ("Shop", "gsm7", 1)


def test_links_that_are_part_liquid_are_left_to_the_data() -> None:
    urls: list[str] = []
    marked = links.mark_html(
        '<a href="{{ p.url }}?x=1">x</a><a class="b" href=\'https://a.example/?x=1&amp;y=2\'>y</a>'
        '<a href="mailto:a@b.example">z</a>',
        urls,
    )
    assert urls == ["https://a.example/?x=1&y=2"]
    assert 'href="{{ p.url }}?x=1"' in marked
    assert 'href="https://a.example/?x=1&amp;y=2"' in links.put(marked, urls, None, html=True)
    assert links.mark_text("see https://a.example/{{ contact.city }} or https://b.example.", urls).startswith(
        "see https://a.example/{{"
    )
    assert urls[-1] == "https://b.example"


BOOTS = "https://shop.example/boots"
SHELF = {
    "subject": "x",
    "html": (
        "{% for p in products %}<a href=\"{{ p.url }}\">{{ p.url }}</a> <a href='{{ p.url }}?a=b'>y</a>{% endfor %}"
    ),
    "text": "{% for p in viewed %}{{ p.name }}: {{ p.url }}, {{ p.url }}/more\n{% endfor %}",
}


def looked_at(contact: Contact, sku: str, **properties: str) -> None:
    fact = timeline.NewFact(
        contact.pk, "Product Viewed", {"sku": sku, **properties}, people.NOON - timedelta(minutes=1)
    )
    timeline.record([fact], now=people.NOON)


def test_links_to_products_are_followed_where_the_person_allows_it_and_only_there() -> None:
    catalogue()
    chiara, elena = people.people(2)
    people.allow([elena], "email", "tracking")
    for each in (chiara, elena):
        looked_at(each, "boots")
    number = content.publish("email", SHELF)
    context = {"entry": {"properties": CART}}
    plain, followed = asked(chiara, number, id=1, context=context), asked(elena, number, id=2, context=context)
    values = content.facts([plain, followed], people.NOON)
    compiled = content.load(number)
    letter = compiled.render(values[1], plain)
    assert "/c/" not in letter["html"] + letter["text"]
    assert f'<a href="{BOOTS}">{BOOTS}</a>' in letter["html"]
    letter = compiled.render(values[2], followed)
    link = Link.objects.get(content_id=number, url=BOOTS)
    url = tracking.url("click", 2, link.pk)
    assert f'<a href="{url}">{BOOTS}</a>' in letter["html"]  # what is read stays what it is
    assert f"Boots: {url}, {BOOTS}/more" in letter["text"]
    assert f"<a href='{BOOTS}?a=b'>" in letter["html"]  # put together: nowhere stored
    assert compiled.slots(values[2])["products"][0]["url"] == BOOTS
    assert list(Link.objects.filter(content_id=number)) == [link]  # socks have no address, and none is made up


def test_a_text_message_follows_the_product_looked_at() -> None:
    catalogue()
    elena = people.people(1, granted=["sms"])[0]
    people.allow([elena], "sms", "tracking")
    looked_at(elena, "boots")
    number = content.publish("sms", {"text": "{% for p in viewed %}{{ p.name }} {{ p.url }}{% endfor %}"})
    message = asked(elena, number, channel="sms", address_id=people.addresses([elena], "sms")[elena.pk].pk)
    text = content.load(number).render(one(message), message)["text"]
    assert text.startswith(f"Boots {tracking.url('click', 7, Link.objects.get(url=BOOTS).pk)}\n")


def test_links_lead_to_the_web_and_nowhere_else() -> None:
    elena = people.people(1)[0]
    people.allow([elena], "email", "tracking")
    number = content.publish(
        "email", {"subject": "x", "html": '{% for p in products %}<a href="{{ p.url }}">x</a>{% endfor %}'}
    )
    odd = [
        "javascript:alert(1)",
        "ftp://shop.example/a",
        "//shop.example",
        "https://a.example/x y",
        "https://b.example\n",
        "",
    ]
    lines = [{"sku": f"s{at}", "url": url} for at, url in enumerate(odd)]
    message = asked(elena, number, context={"entry": {"properties": {"products": lines}}})
    html = content.load(number).render(one(message), message)["html"]
    assert not Link.objects.filter(content_id=number).exists()
    assert "/c/" not in html


def test_targets_of_a_batch_are_stored_with_one_query_and_only_for_words_that_need_them() -> None:
    catalogue()
    crowd = people.people(20)
    people.allow(crowd, "email", "tracking")
    shelf = content.publish("email", SHELF)
    quiet = content.publish(
        "email", {"subject": "x", "html": "{% for p in products %}{{ p.name }}{% endfor %}{{ viewed.size }}"}
    )
    for each in (shelf, quiet):
        content.load(each)
    workspace.current()
    cost = {}
    for name, number, count in (("quiet", quiet, 20), ("new", shelf, 20), ("one", shelf, 1), ("again", shelf, 20)):
        carts = [{"products": [{"sku": f"{at}", "url": f"https://shop.example/{at}"}]} for at in range(count)]
        messages = [
            asked(each, number, id=at, context={"entry": {"properties": cart}})
            for at, (each, cart) in enumerate(zip(crowd, carts, strict=False))
        ]
        with CaptureQueriesContext(connection) as queries:
            content.facts(messages, people.NOON)
        cost[name] = len(queries), sum("channels_link" in query["sql"] for query in queries)
    stored, others = 1, cost["quiet"][0]
    assert cost == {"quiet": (others, 0)} | dict.fromkeys(("new", "one", "again"), (others + stored, stored))
    assert Link.objects.filter(content_id=shelf).count() == 20


def test_a_preview_shows_words_that_are_not_published() -> None:
    chiara = people.people(1)[0]
    message = asked(chiara, content.publish("sms", {"text": "x"}))
    body = content.preview("email", people.LETTER, one(message), message)
    assert body["subject"] == "Hello Ada"
    assert Content.objects.count() == 1
