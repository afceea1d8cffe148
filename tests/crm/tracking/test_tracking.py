"""What comes in over `/v1/…`, and as what it arrives."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm import apikeys, clock
from crm.models import Cart, Contact, Event, Identifier, Store
from crm.tracking import translate
from tests.crm.tracking.conftest import Sender

pytestmark = pytest.mark.django_db


def known_by(kind: str, value: str) -> Contact:
    """Who surely is, else of whom it is said."""
    found = Contact.objects.filter(identifiers__kind=kind, identifiers__value=value, merged_into=None)
    return found.filter(identifiers__identifying=True, identifiers__value=value).first() or found.get()


def told(contact: Contact) -> list[str]:
    return list(Event.objects.filter(contact_id=contact.pk).order_by("id").values_list("name", flat=True))


def test_who_the_server_identifies_is_a_contact_with_fields_and_identifiers(server: Sender) -> None:
    answer = server.identify(
        userId="elena-1", messageId="m1", anonymousId="browser-1",
        traits={"email": "Elena@Example.com", "phone": "+34 600 11 22 33", "firstName": "Elena", "lastName": "Ruiz",
                "birthday": "1990-05-31", "address": {"city": "Madrid", "country": "es", "street": "Gran Vía 1"},
                "shoe_size": 39, "plans": ["a", "b"], "house": {"rooms": 3}},
    )  # fmt: skip
    assert answer.json() == {"success": True}
    elena = known_by("external_id", "elena-1")
    assert (elena.given_name, elena.family_name, elena.city, elena.country) == ("Elena", "Ruiz", "Madrid", "ES")
    assert str(elena.birth_date) == "1990-05-31"
    assert elena.fields == {"shoe_size": 39, "plans": ["a", "b"]}
    assert set(elena.identifiers.values_list("kind", "value")) == {
        ("external_id", "elena-1"), ("anonymous_id", "browser-1"),
        ("email", "elena@example.com"), ("phone", "+34600112233"),
    }  # fmt: skip
    event = Event.objects.get(contact_id=elena.pk, name="Identified")
    assert event.properties == {"traits": {"address": {"street": "Gran Vía 1"}, "house": {"rooms": 3}}}


def test_rudder_says_the_traits_in_the_context(server: Sender) -> None:
    server.batch(
        {
            "type": "identify",
            "userId": "7",
            "context": {"traits": {"email": "dario@example.com", "name": "Dario Rossi"}},
        }
    )
    dario = known_by("email", "dario@example.com")
    assert (dario.given_name, dario.family_name) == ("Dario", "Rossi")


def test_a_page_identifies_a_visitor_whom_the_office_finds_by_what_was_said(site: Sender) -> None:
    site.identify(userId="u-1", anonymousId="browser-1", traits={"email": "new@example.com", "firstName": "New"})
    visitor = known_by("email", "new@example.com")
    assert visitor == known_by("external_id", "u-1") == known_by("anonymous_id", "browser-1")
    assert visitor.given_name == "New"
    site.track("Product Viewed", userId="u-1", anonymousId="browser-1", properties={"sku": "R1"})
    site.track("Product Viewed", userId="u-1", anonymousId="phone-2", properties={"sku": "R1"})
    assert told(visitor) == ["Contact Created", "Identified", "Product Viewed", "Product Viewed"]


def test_standard_names_are_known_whatever_their_case_and_age(site: Sender) -> None:
    for name in ("product viewed", "PRODUCT_VIEWED", "Viewed Product", "Product  Viewed"):
        site.track(name, anonymousId="b")
    assert set(Event.objects.exclude(name="Contact Created").values_list("name", flat=True)) == {"Product Viewed"}


def test_pages_screens_and_groups_are_events(site: Sender) -> None:
    site.send("p", {"anonymousId": "b", "name": "Home", "properties": {"url": "https://shop.example/?utm_source=mail&gclid=g1",
              "title": "Shop"}, "context": {"page": {"path": "/", "url": "https://shop.example/?utm_source=mail&gclid=g1",
              "referrer": "https://else.example/"}, "campaign": {"name": "spring"}, "sessionId": 77,
              "ip": "192.0.2.1", "userAgent": "x", "consent": {"categoryPreferences": {"ads": True}}}})  # fmt: skip
    site.send("s", {"anonymousId": "b", "name": "Start"})
    site.send("g", {"anonymousId": "b", "groupId": "acme", "traits": {"name": "Acme"}})
    seen, screen, group = Event.objects.exclude(name="Contact Created").order_by("id")
    assert (seen.name, seen.properties["name"], seen.session) == ("Page Viewed", "Home", "77")
    assert seen.context["utm"] == {"source": "mail", "campaign": "spring"}
    assert seen.context["click_ids"] == {"gclid": "g1"}
    assert seen.context["referrer"] == "https://else.example/"
    assert "192.0.2.1" not in json.dumps(seen.context), "addresses of machines are not kept"
    assert (screen.name, screen.channel) == ("Screen Viewed", "app")
    assert (group.name, group.properties) == ("Group Joined", {"group_id": "acme", "group": {"name": "Acme"}})


def test_nobody_agrees_to_anything_by_tracking(site: Sender, server: Sender) -> None:
    said = {"consent": {"categoryPreferences": {"Advertising": True}}, "traits": {"email": "c@example.com"}}
    for each in (site, server):
        each.identify(userId="chiara", context=said, traits={"email": "c@example.com", "consents": {"offers": True}})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_consentreceipt")
        assert cursor.fetchone() == (0,)


def test_the_server_says_that_a_browser_is_somebodys(server: Sender, site: Sender) -> None:
    site.track("Product Viewed", anonymousId="browser-1", properties={"sku": "R1"})
    server.identify(userId="marta-1", traits={"email": "marta@example.com"})
    server.send("alias", {"userId": "marta-1", "previousId": "browser-1"})
    marta = known_by("external_id", "marta-1")
    assert "Product Viewed" in told(marta)
    site.track("Product Viewed", anonymousId="browser-1", properties={"sku": "R2"})
    assert told(marta).count("Product Viewed") == 2


def test_a_wrong_clock_is_put_right(server: Sender) -> None:
    now = clock.now()
    wrong = now + timedelta(days=400)
    server.batch(
        {"type": "track", "event": "Late", "userId": "u", "timestamp": (wrong - timedelta(hours=2)).isoformat()},
        {"type": "track", "event": "Own", "userId": "u", "originalTimestamp": "2001-01-01T00:00:00Z",
         "sentAt": "2001-01-01T00:01:00Z"},
        {"type": "track", "event": "Broken", "userId": "u", "timestamp": "yesterday"},
        sentAt=wrong.isoformat(),
    )  # fmt: skip

    def ago(name: str) -> timedelta:
        at: datetime = Event.objects.get(name=name).occurred_at
        return now - at

    assert abs(ago("Late") - timedelta(hours=2)) < timedelta(seconds=30)
    assert abs(ago("Own") - timedelta(minutes=1)) < timedelta(seconds=30)
    assert abs(ago("Broken")) < timedelta(seconds=30)


def test_the_same_message_is_kept_once(site: Sender, server: Sender) -> None:
    for each in (site, server):
        for _ in range(3):
            each.track("Form Opened", userId="u-1", messageId="m-1")
            each.batch(*[{"type": "track", "event": "Form Opened", "userId": "u-1", "messageId": "m-2"}] * 2)
    assert Event.objects.filter(name="Form Opened").count() == 4  # two of the page, two of the server


def test_adding_products_makes_a_cart(site: Sender) -> None:
    for sku in ("R1", "R2"):
        site.track("Product Added", anonymousId="b", properties={"cart_id": "c1", "sku": sku, "price": "39.90"})
    cart = Cart.objects.get()
    assert sorted(cart.skus) == ["R1", "R2"]
    assert "Cart Updated" in set(Event.objects.values_list("name", flat=True))


def test_what_cannot_be_read_of_a_purchase_is_kept_as_it_was_said(site: Sender) -> None:
    site.track("Order Completed", anonymousId="b", properties={"order_id": "1", "total": "a lot", "products": 7})
    assert Event.objects.get(name="Order Completed").properties == {
        "_raw": {"order_id": "1", "total": "a lot", "products": 7}
    }


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "track", "event": "A"}, "nobody"),
        ({"type": "track", "userId": "undefined", "event": "A"}, "nobody"),
        ({"type": "track", "userId": "u"}, "no_event"),
        ({"type": "track", "userId": "u", "event": 7}, "no_event"),
        ({"type": "track", "userId": {"a": 1}, "event": "A"}, "wrong_type"),
        ({"type": "track", "userId": "u", "event": "A", "properties": [1]}, "wrong_type"),
        ({"type": "smile", "userId": "u"}, "unknown_type"),
        ({"type": "track", "userId": "u", "event": "A", "properties": {"x": "y" * 33_000}}, "too_large"),
        ("text", "not_an_object"),
    ],
)
def test_what_is_dropped_is_told_in_the_log_and_hurts_no_other_message(site: Sender, message: Any, code: str) -> None:
    good = {"type": "track", "event": "Good", "userId": "u"}
    answer = site.batch(good, message, good)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    dropped = answer.wsgi_request.META["cauce.dropped"]
    assert [(each["index"], each["code"]) for each in dropped] == [(1, code)]
    assert Event.objects.filter(name="Good").count() == 2


# --- the wire --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "", "text/plain;charset=UTF-8"]
)
@pytest.mark.parametrize("zipped", [True, False])
def test_any_content_type_is_read_plain_and_zipped(site: Sender, kind: str, zipped: bool) -> None:
    data = json.dumps({"batch": [{"type": "track", "event": "Seen", "userId": "u"}]}).encode()
    headers = {"Content_Encoding": "gzip"} if zipped else {}
    assert site.raw("batch", gzip.compress(data) if zipped else data, kind, **headers).status_code == 200
    assert Event.objects.filter(name="Seen").count() == 1


def test_the_key_may_stand_in_the_body_or_as_bearer(site: Sender) -> None:
    stranger = Sender("")
    assert stranger.track("A", userId="u", writeKey=site.secret).status_code == 200
    assert (
        stranger.send("track", {"event": "A", "userId": "u"}, Authorization=f"Bearer {site.secret}").status_code == 200
    )
    assert stranger.track("A", userId="u").status_code == 401


def test_a_wrong_key_is_refused_as_the_sdks_read_it() -> None:
    answer = Sender("wk_wrong").track("A", userId="u")
    assert answer.status_code == 401
    assert set(answer.json()) == {"success", "code", "message"}
    assert answer.headers["RateLimit-Remaining"]
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("role", "status"), [("tracking", 200), ("admin", 200), ("marketer", 200), ("store", 200), ("analyst", 403)]
)
def test_only_keys_that_may_tell_events_are_listened_to(role: str, status: int) -> None:
    store = Store.objects.create(code="granvia", name="Gran Vía") if role == "store" else None
    answers = [
        Sender(apikeys.create(role, "key", store=store)).send(kind, {"event": "A", "userId": "u", "groupId": "g"})
        for kind in (*translate.KINDS, "i", "t", "p", "s", "g", "a")
    ]
    assert {answer.status_code for answer in answers} == {status}
    assert Event.objects.exists() == (status == 200)


def test_a_key_that_may_only_tell_events_is_not_believed_of_people(site: Sender) -> None:
    """A secret key narrowed to events, and a till's, are no better than a page's."""
    store = Store.objects.create(code="granvia", name="Gran Vía")
    for key in (
        apikeys.create("admin", "events", scopes=["events.write"]),
        apikeys.create("store", "till", store=store),
    ):
        Sender(key).identify(userId="u-1", traits={"email": "marta@example.com"})
        assert not Identifier.objects.filter(kind="email", identifying=True).exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{", "not_json"), (b"[]", "not_an_object"), (b'{"batch": {}}', "no_batch"), (b"{}", "no_batch"),
        (b'{"batch": [' + b'{"a":' * 30 + b"1" + b"}" * 30 + b"]}", "too_deep"),
        (b'{"batch": [' + b"{}," * 5_000 + b"{}]}", "too_many"),
        (b"\x1f\x8bno gzip", "not_gzip"), (gzip.compress(b'{"batch": []}')[:-6], "not_gzip"),
        (b'{"x": "' + b"y" * 4_200_000 + b'"}', "body_too_large"),
        (gzip.compress(b'{"x": "' + b"y" * 6_000_000 + b'"}'), "body_too_large"),
    ],
    ids=["cut", "a list", "no list", "nothing", "deep", "many", "no gzip", "cut gzip", "large", "a bomb"],
)  # fmt: skip
def test_what_is_no_batch_is_refused(site: Sender, data: bytes, code: str) -> None:
    answer = site.raw("batch", data)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_too_much_at_once_is_asked_to_wait(site: Sender, settings: Any) -> None:
    settings.API_RATE_PER_MINUTE = 2
    answers = [site.track("A", userId="u") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].json()["code"] == "rate_limit"
    other = site.client.generic("POST", "/v1/track", b'{"event": "A", "userId": "u"}', REMOTE_ADDR="198.51.100.7",
                                headers={"Authorization": f"Bearer {site.secret}"})  # fmt: skip
    assert other.status_code == 200, "one visitor does not use up what the others have"


def test_pages_anywhere_may_ask_without_cookies(site: Sender) -> None:
    asked = site.client.options("/v1/t", headers={"Origin": "https://shop.example",
        "Access-Control-Request-Headers": "authorization,anonymousid,sentat,content-type"})  # fmt: skip
    assert asked.status_code == 204
    allowed = asked.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type", "anonymousid", "sentat"} <= {each.strip() for each in allowed.split(",")}
    for answer in (asked, site.track("A", userId="u"), Sender("no").track("A", userId="u")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers


def test_every_answer_says_how_much_is_left(site: Sender) -> None:
    asked = site.client
    for answer in (
        site.track("A", userId="u"), site.raw("batch", b"{"), Sender("no").track("A", userId="u"), site.send("m", {}),
        asked.get("/v1/track"), asked.get(f"/v1/projects/{site.secret}/settings"), asked.get("/sourceConfig/"),
    ):  # fmt: skip
        assert int(answer.headers["RateLimit-Remaining"]) < int(answer.headers["RateLimit-Limit"])


def test_reading_is_not_possible_here(site: Sender) -> None:
    for route in ("tracking-batch", "tracking-identify", "tracking-t"):
        assert site.client.get(reverse(route)).status_code == 405


def test_the_browser_sdks_find_their_settings(site: Sender) -> None:
    found = site.client.get(f"/v1/projects/{site.secret}/settings").json()
    assert found["integrations"]["Segment.io"]["apiHost"] == "testserver/v1"
    rudder = site.client.get("/sourceConfig/", {"writeKey": site.secret}).json()
    assert (rudder["source"]["enabled"], rudder["source"]["destinations"]) == (True, [])


# --- speed -----------------------------------------------------------------------------------


def queries_of(sender: Sender, messages: list[dict[str, Any]]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert sender.batch(*messages).status_code == 200
    return len([each for each in asked.captured_queries if "crm_ratecount" not in each["sql"]])


def messages_of(people: int, start: int = 0) -> list[dict[str, Any]]:
    """What an evening brings: some say who they are, most look around."""
    return [
        message
        for number in range(start, start + people)
        for message in (
            {"type": "identify", "userId": f"u{number}", "anonymousId": f"b{number}",
             "traits": {"email": f"u{number}@example.com", "plan": number}, "messageId": f"i{number}"},
            {"type": "track", "event": "Product Added", "userId": f"u{number}", "anonymousId": f"b{number}",
             "properties": {"cart_id": f"c{number}", "sku": "R1", "price": 3}, "messageId": f"t{number}"},
            {"type": "page", "anonymousId": f"b{number}", "messageId": f"p{number}"},
        )
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["tracking", "admin"])
def test_a_batch_costs_as_many_queries_as_a_single_person(role: str) -> None:
    sender = Sender(apikeys.create(role, role))
    queries_of(sender, messages_of(1, 9_000))  # what a process holds is fetched
    few, many = queries_of(sender, messages_of(2, 100)), queries_of(sender, messages_of(80, 200))
    assert many == few
    assert Identifier.objects.filter(kind="email").count() == 83


@pytest.mark.parametrize("role", ["tracking", "admin"])
def test_facts_of_known_people_go_the_short_way(role: str) -> None:
    sender = Sender(apikeys.create(role, role))
    sender.batch(*messages_of(50))
    looks = [{"type": "page", "userId": f"u{n}", "anonymousId": f"b{n}", "messageId": f"x{n}"} for n in range(50)]
    assert queries_of(sender, looks) <= 11
    assert Event.objects.filter(name="Page Viewed").count() == 100
