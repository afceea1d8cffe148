"""Who may do what: every address × every role of a key, written down by hand, and nothing changed by a refusal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import connection

from config.api import urlpatterns
from crm.models import Store
from tests.api.cart import MANUAL
from tests.api.conftest import Speaker
from tests.api.test_fuzz import BODIES, furnish

ALL: Final = {"admin", "marketer", "analyst", "store"}
READERS: Final = {"admin", "marketer", "analyst"}
MAKERS: Final = {"admin", "marketer"}
SHOPS: Final = {"admin", "marketer", "store"}

# route name, method -> the roles that may, and the body that would do something
MAY: Final[dict[tuple[str, str], set[str]]] = {
    ("contacts", "GET"): ALL,
    ("contacts", "POST"): SHOPS,
    ("contacts-batch", "POST"): SHOPS,
    ("contacts-duplicates", "GET"): ALL,
    ("contact", "GET"): ALL,
    ("contact", "DELETE"): MAKERS,
    ("timeline", "GET"): ALL,
    ("contact-restriction", "POST"): MAKERS,
    ("contact-restriction", "DELETE"): MAKERS,
    ("contact-objection", "POST"): MAKERS,
    ("contact-export", "POST"): MAKERS,
    ("contact-export-state", "GET"): MAKERS,
    ("contact-export-file", "GET"): MAKERS,
    ("contact-explain", "GET"): READERS,
    ("fields", "GET"): ALL,
    ("consents", "GET"): ALL,
    ("consents", "POST"): SHOPS,
    ("consents-allowed", "GET"): ALL,
    ("consents-confirm", "POST"): SHOPS,
    ("consents-cookies", "POST"): SHOPS | {"tracking"},
    ("events", "POST"): SHOPS | {"tracking"},
    ("events-batch", "POST"): SHOPS | {"tracking"},
    ("event-trace", "GET"): READERS,
    ("orders", "GET"): ALL,
    ("orders", "POST"): SHOPS,
    ("order", "GET"): ALL,
    ("order-refund", "POST"): SHOPS,
    ("order-cancel", "POST"): SHOPS,
    ("products", "GET"): ALL,
    ("products", "POST"): SHOPS,
    ("stock", "POST"): SHOPS,
    ("imports", "POST"): MAKERS,
    ("import", "GET"): MAKERS,
    ("import-rejected", "GET"): MAKERS,
    ("import-start", "POST"): MAKERS,
    ("import-pause", "POST"): MAKERS,
    ("import-cancel", "POST"): MAKERS,
    ("import-undo", "POST"): MAKERS,
    ("segments", "GET"): READERS,
    ("segments", "POST"): MAKERS,
    ("segments-count", "POST"): READERS,
    ("segment", "GET"): READERS,
    ("segment", "PATCH"): MAKERS,
    ("segment-members", "GET"): READERS,
    ("segment-explain", "POST"): READERS,
    ("campaigns", "GET"): READERS,
    ("campaigns", "POST"): MAKERS,
    ("campaign", "GET"): READERS,
    ("campaign", "PATCH"): MAKERS,
    ("campaign-publish", "POST"): MAKERS,
    ("campaign-pause", "POST"): MAKERS,
    ("campaign-resume", "POST"): MAKERS,
    ("campaign-finish", "POST"): MAKERS,
    ("campaign-stop", "POST"): MAKERS,
    ("campaign-trigger", "POST"): MAKERS,
    ("campaign-waterfall", "GET"): READERS,
    ("campaign-waterfall-people", "GET"): READERS,
    ("campaign-runs", "GET"): READERS,
    ("campaign-report", "GET"): READERS,
    ("metrics", "GET"): READERS,
    ("kpis", "GET"): READERS,
    ("messages", "GET"): READERS,
    ("message", "GET"): READERS,
    ("webhooks", "GET"): {"admin"},
    ("webhooks", "POST"): {"admin"},
    ("webhook", "GET"): {"admin"},
    ("webhook", "PATCH"): {"admin"},
    ("webhook", "DELETE"): {"admin"},
    ("webhook-secret", "POST"): {"admin"},
    ("webhook-test", "POST"): {"admin"},
}
BODY: Final = {
    ("contacts", "POST"): "contacts_upsert",
    ("contacts-batch", "POST"): "contacts_batch",
    ("contact-restriction", "POST"): "contacts_restrict",
    ("contact-objection", "POST"): "contacts_object",
    ("consents", "POST"): "consents_create",
    ("events", "POST"): "events_create",
    ("events-batch", "POST"): "events_batch",
    ("orders", "POST"): "orders_create",
    ("order-refund", "POST"): "orders_refund",
    ("order-cancel", "POST"): "orders_cancel",
    ("products", "POST"): "products_put",
    ("stock", "POST"): "stock_put",
    ("imports", "POST"): "imports_create",
    ("segments", "POST"): "segments_create",
    ("segments-count", "POST"): "segments_count",
    ("segment", "PATCH"): "segments_update",
    ("segment-explain", "POST"): "segments_explain",
    ("campaign", "PATCH"): "campaigns_update",
    ("campaign-trigger", "POST"): "campaigns_trigger",
    ("webhooks", "POST"): "webhooks_create",
    ("webhook", "PATCH"): "webhooks_update",
}
METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
# What is counted and written down of every request, refused ones too.
UNCOUNTED: Final = {"crm_ratecount", "crm_apikey", "crm_requestlog"}


def addresses(world: dict[str, Any]) -> dict[str, str]:
    """Every route by its name, with real ids in it."""
    found = {}
    for pattern in urlpatterns:
        text = pattern.pattern.regex.pattern  # type: ignore[union-attr]
        kind = text.lstrip("^").split("/")[0]
        path = re.sub(r"\(\?P<public_id>[^)]*\)", str(world.get(kind, "")), text)
        path = re.sub(r"\(\?P<order_id>[^)]*\)", "A-1", path)
        path = re.sub(r"\(\?P<number>[^)]*\)", str(world["copy"]), path)
        found[str(pattern.name).removeprefix("api-")] = path.lstrip("^").removesuffix("/?$") + "/"
    found.pop("nowhere")
    return found


def contents() -> dict[str, str]:
    """A fingerprint of every table."""
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name not in UNCOUNTED]
        union = " UNION ALL ".join(
            f"SELECT '{name}', count(*) || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {name} t"
            for name in tables
        )
        cursor.execute(union)
        return dict(cursor.fetchall())


def body_of(what: tuple[str, str], world: dict[str, Any]) -> Any:
    if what == ("campaigns", "POST"):
        return MANUAL
    return BODIES[BODY[what]](world, 77) if what in BODY else {}


def test_the_table_names_every_address(shop: Speaker) -> None:
    assert set(addresses(furnish(shop))) == {name for name, _ in MAY}


@pytest.mark.parametrize("role", ["admin", "marketer", "analyst", "store", "tracking", "stranger"])
def test_each_role_may_what_is_written_and_a_refusal_changes_nothing(
    shop: Speaker, stranger: Speaker, speak: Callable[..., Speaker], role: str
) -> None:
    world = furnish(shop)
    asker = stranger if role == "stranger" else speak(role)
    before = contents()
    allowed = []
    for name, path in addresses(world).items():
        for method in METHODS:
            may = MAY.get((name, method))
            if may is not None and role in may:
                allowed.append((name, method, path))
                continue
            answer = asker.ask(method, path, None if method == "GET" else body_of((name, method), world))
            expected = 401 if role == "stranger" else 405 if may is None else 403
            assert answer.status_code == expected, (name, method, answer.content)
    assert contents() == before
    for name, method, path in allowed:
        asked = path + ("?campaign=" + world["campaigns"] if name == "contact-explain" else "")
        answer = asker.ask(method, asked, None if method == "GET" else body_of((name, method), world))
        assert answer.status_code not in {401, 403, 405, 500}, (name, method, answer.content)
    if role != "stranger":
        assert allowed


# One store and the people of another


def things_of(shop: Speaker, store: Store) -> dict[str, str]:
    """Somebody whose home this store is, with a permission, a purchase there and a visit."""
    who = {"email": f"{store.code}@example.com"}
    made = shop.post("contacts/", {"identifiers": [{"kind": "email", **_value(who)}], "home_store": store.code})
    said = {"contact": who, "purpose": "offers", "channel": "email", "action": "granted", "method": "pos_screen",
            "source": store.code, "confirm": False}  # fmt: skip
    shop.post("consents/", said)
    order = {"contact": who, "order_id": f"{store.code}:1", "occurred_at": "2026-01-05T10:00:00Z", "store": store.code,
             "total": {"amount": "10.00", "currency": "EUR"}, "lines": []}  # fmt: skip
    assert shop.post("orders/", order).status_code == 201
    event = shop.post("events/", {"contact": who, "name": "Store Visited"}).json()["id"]
    return {"contacts": made.json()["id"], "orders": f"{store.code}:1", "events": event}


def _value(who: dict[str, str]) -> dict[str, str]:
    return {"value": who["email"]}


def theirs(theirs: dict[str, str], world: dict[str, Any]) -> dict[str, str]:
    """Every address with the objects of the other store in it."""
    named = addresses({**world, **theirs})
    return {name: path.replace("orders/A-1/", f"orders/{theirs['orders']}/") for name, path in named.items()}


def by_id(what: tuple[str, str], contact: str, world: dict[str, Any]) -> Any:
    """The body that names the other store's customer by id, wherever a contact may be named."""
    body = body_of(what, world)
    if isinstance(body, dict) and "contact" in body:
        return {**body, "contact": {"id": contact}}
    if what == ("events-batch", "POST"):
        return {"events": [{"contact": {"id": contact}, "name": "Store Visited"}]}
    return body


# Where a whole list is asked for, or nobody is named: it is answered, without anybody of the other store.
NOBODY_NAMED: Final = {
    ("contacts", "GET"), ("contacts", "POST"), ("contacts-batch", "POST"), ("contacts-duplicates", "GET"),
    ("fields", "GET"), ("orders", "GET"), ("products", "GET"), ("products", "POST"), ("stock", "POST"),
    ("consents-confirm", "POST"), ("consents-cookies", "POST"),
}  # fmt: skip


def test_a_key_of_one_store_reaches_nobody_of_another_at_any_address(
    shop: Speaker, till: Speaker, gran_via: Store
) -> None:
    rambla = Store.objects.create(code="rambla", name="Rambla")
    mine, other, world = things_of(shop, gran_via), things_of(shop, rambla), furnish(shop)
    contact = other["contacts"]
    before = contents()
    asked, wrong = 0, []
    for name, path in theirs(other, world).items():
        for method in METHODS:
            may = MAY.get((name, method))
            if may is None or "store" not in may or (name, method) in NOBODY_NAMED:
                continue
            asked += 1
            query = f"?contact={contact}" if name.startswith("consents") and method == "GET" else ""
            query += "&purpose=offers&channel=email" if name == "consents-allowed" else ""
            body = None if method == "GET" else by_id((name, method), contact, world)
            answer = till.ask(method, path + query, body)
            if answer.status_code != 404 and not refused_row(answer):
                wrong.append((name, method, answer.status_code, answer.content[:200]))
    assert wrong == []
    assert contents() == before
    assert asked >= 10
    # Lists are its own; and what it asks of its own people is answered.
    assert [row["id"] for row in till.get("contacts/").json()["data"]] == [mine["contacts"]]
    assert [row["order_id"] for row in till.get("orders/").json()["data"]] == [mine["orders"]]
    assert till.get("contacts/duplicates/").json()["data"] == []
    assert contact not in till.get(f"orders/?contact={contact}").content.decode()
    assert till.get(f"contacts/{mine['contacts']}/timeline/").json()["data"]
    assert till.get(f"orders/{mine['orders']}/").status_code == 200
    assert till.post("events/", {"contact": {"id": mine["contacts"]}, "name": "Store Visited"}).status_code == 202


def test_a_trace_of_another_stores_customer_is_not_there_for_a_key_of_one_store(
    shop: Speaker, gran_via: Store, speak: Callable[..., Speaker]
) -> None:
    rambla = Store.objects.create(code="rambla", name="Rambla")
    mine, other = things_of(shop, gran_via), things_of(shop, rambla)
    marketer = speak("marketer", store=gran_via)
    assert marketer.get(f"events/{mine['events']}/trace/").status_code == 200
    assert marketer.get(f"events/{other['events']}/trace/").status_code == 404


def refused_row(answer: Any) -> bool:
    """Of a batch: no row was taken."""
    if answer.status_code != 200 or "rejected" not in answer.json():
        return False
    return bool(answer.json()["accepted"] == 0 and answer.json()["rejected"])
