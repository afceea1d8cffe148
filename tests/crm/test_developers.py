"""Elena the developer: her first event, her keys, and what she sent."""

from __future__ import annotations

import gzip
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from crm import access, apikeys, clock, scopes
from crm.api.events import Events
from crm.models import ApiKey, AuditEntry, Contact, Event, Membership, RequestLog, User
from crm.rest import limits, masking, requestlog
from crm.rights import erasure

pytestmark = pytest.mark.django_db


@pytest.fixture
def elena() -> Client:
    return office("developer")


def office(role: str) -> Client:
    user = User.objects.create_user(f"{role}@shop.example", "-", name=role)
    Membership.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def ask(secret: str, path: str, body: Any, **headers: str) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return Client().post(
        f"/api/v1/{path}/", text, content_type="application/json",
        headers={"Authorization": f"Bearer {secret}", **headers},
    )  # fmt: skip


EVENT = {"contact": {"email": "ana.ruiz@example.com"}, "name": "Product Viewed", "properties": {"sku": "SKU-39"}}


def test_the_first_event_appears_on_the_page_it_was_asked_on(elena: Client) -> None:
    page = elena.post("/developers/key/")
    secret = page.context["secret"]
    assert secret.startswith("sk_test_")
    assert f"Bearer {secret}" in page.content.decode()
    assert secret not in elena.get("/developers/").content.decode()
    assert "Nothing yet." in elena.get("/developers/newest/").content.decode()
    assert ask(secret, "events", EVENT).status_code == 202
    shown = elena.get("/developers/newest/").content.decode()
    assert "Product Viewed" in shown
    assert "/developers/trace/" in shown


def test_every_request_is_in_the_log_whatever_became_of_it(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")
    key = ApiKey.objects.get()
    ask(secret, "events", EVENT)
    ask(secret, "events", {"name": "x"})
    ask(secret, "events", "{not json")
    ask("sk_test_wrong", "events", EVENT)
    ask(secret, "nowhere", {})
    ask(secret, "events/batch", {"events": [EVENT, {"name": ""}]})
    rows = list(RequestLog.objects.order_by("pk"))
    assert [(row.status, row.actor) for row in rows] == [
        (202, f"key:{key.pk}"), (422, f"key:{key.pk}"), (400, f"key:{key.pk}"), (401, ""), (404, ""),
        (200, f"key:{key.pk}"),
    ]  # fmt: skip
    assert rows[-1].bad == 1
    assert not RequestLog.objects.filter(headers__has_key="Authorization").exists()
    assert not any(secret in str(row.__dict__) for row in rows)
    page = elena.get("/developers/requests/").content.decode()
    assert page.count("/api/v1/") >= 6
    shown = {
        narrowed: elena.get(f"/developers/requests/?{narrowed}", headers={"HX-Request": "true"}).content.decode()
        for narrowed in ("status=errors", "status=theirs", "status=ours", "status=ok", "status=odd", "method=POST",
                         "method=GET", "path=events/batch", "path=nowhere", "method=POST&status=ok")
    }  # fmt: skip
    assert {narrowed: html.count('class="chip') for narrowed, html in shown.items()} == {
        "status=errors": 4, "status=theirs": 4, "status=ours": 0, "status=ok": 2, "status=odd": 6, "method=POST": 6,
        "method=GET": 0, "path=events/batch": 1, "path=nowhere": 1, "method=POST&status=ok": 2,
    }  # fmt: skip
    assert "There are none of these." in shown["status=ours"]


def test_no_key_is_kept_in_the_log_wherever_an_sdk_repeats_it() -> None:
    secret = apikeys.create("marketer", "Shop")
    said = {"writeKey": secret, "batch": [{"type": "track", "event": "Seen", "anonymousId": "a"}]}
    packed = gzip.compress(json.dumps(said).encode())
    for body in (json.dumps(said).encode(), packed):
        Client().post(f"/v1/batch?writeKey={secret}", body, content_type="text/plain")
    Client().get(f"/v1/projects/{apikeys.create('tracking', 'Site')}/settings")
    rows = list(RequestLog.objects.order_by("pk"))
    assert [row.status for row in rows] == [200, 200, 200]
    assert [json.loads(row.body)["batch"][0]["event"] for row in rows[:2]] == ["Seen", "Seen"]
    assert not any(
        re.search(r"(sk_test|wk)_[\w-]{20,}", f"{row.body}{row.query}{row.path}{row.answer}") for row in rows
    )


def test_a_replay_is_said_to_be_one(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")
    for _ in range(2):
        ask(secret, "events", EVENT, **{"Idempotency-Key": "once"})
    assert list(RequestLog.objects.order_by("pk").values_list("replayed", flat=True)) == [False, True]
    assert "replay" in elena.get("/developers/requests/").content.decode()


def test_what_is_shown_is_masked_and_only_an_admin_sees_it_whole_which_is_written_down(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")
    ask(
        secret,
        "contacts",
        {"identifiers": [{"kind": "email", "value": "ana.ruiz@example.com"}], "given_name": "Ana Belén"},
    )
    row = RequestLog.objects.get()
    page = elena.get(f"/developers/requests/{row.pk}/").content.decode()
    assert [word for word in ("ana.ruiz", "Belén") if word in page] == []
    assert "ana.ruiz" not in elena.post(f"/developers/requests/{row.pk}/").content.decode()
    ada = office("admin")
    assert "ana.ruiz@example.com" in ada.post(f"/developers/requests/{row.pk}/").content.decode()
    assert AuditEntry.objects.filter(action="request.unmask").count() == 1


def test_a_422_is_mended_and_sent_again_with_its_masks(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")
    bad = {**EVENT, "occurred_at": "yesterday"}
    assert ask(secret, "events", bad).status_code == 422
    row = RequestLog.objects.get()
    page = elena.get(f"/developers/requests/{row.pk}/")
    edited = page.context["edited"].replace('"occurred_at": "yesterday"', '"source": "mended"')
    assert "ana.ruiz" not in edited
    answer = elena.post(f"/developers/requests/{row.pk}/again/", {"body": edited})
    assert answer.status_code == 200
    assert "it was 422, now it is 202" in answer.content.decode()
    assert Contact.objects.get().identifiers.get().value == "ana.ruiz@example.com"
    assert RequestLog.objects.filter(again_of=row.pk, status=202).count() == 1


def test_sending_again_never_does_more_than_the_person_may() -> None:
    secret = apikeys.create("admin", "Mighty")
    ask(secret, "segments", {"name": "x"})
    row = RequestLog.objects.get()
    assert office("analyst").post(f"/developers/requests/{row.pk}/again/", {"body": "{}"}).status_code == 403
    assert not Event.objects.exists()
    ApiKey.objects.update(revoked_at=clock.real())
    refused = office("developer").post(f"/developers/requests/{row.pk}/again/", {"body": "{}"})
    assert refused.status_code == 422
    assert "holds no more" in refused.content.decode()


def test_an_amount_is_sent_again_as_it_was(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")
    ask(secret, "events", {**EVENT, "properties": {"value": 96.9}, "occurred_at": "yesterday"})
    row = RequestLog.objects.get()
    edited = elena.get(f"/developers/requests/{row.pk}/").context["edited"].replace('"yesterday"', "null")
    elena.post(f"/developers/requests/{row.pk}/again/", {"body": edited})
    again = RequestLog.objects.get(again_of=row.pk)
    assert json.loads(again.body)["properties"] == {"value": 96.9}
    assert again.request_id


def test_nobody_is_known_by_what_was_asked_for(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")
    asked = "/api/v1/contacts/?email=ana.ruiz%40example.com"
    Client().get(asked, headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "ana.ruiz@example.com"})
    Client().get("/api/v1/contacts/ana.ruiz@example.com/", headers={"Authorization": f"Bearer {secret}"})
    for row in RequestLog.objects.all():
        assert "ana.ruiz" not in elena.get(f"/developers/requests/{row.pk}/").content.decode()
    assert "ana.ruiz" not in elena.get("/developers/requests/").content.decode()


def test_a_body_that_is_no_json_names_the_line(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")
    ask(secret, "events", EVENT)
    row = RequestLog.objects.get()
    answer = elena.post(f"/developers/requests/{row.pk}/again/", {"body": '{"name": \n oops}'})
    assert answer.status_code == 422
    assert "line 2" in answer.content.decode()


def test_keys_are_made_rolled_and_revoked(elena: Client) -> None:
    made = elena.post("/developers/keys/new/", {"name": "Shop", "role": "tracking"})
    secret = made.context["secret"]
    assert secret.startswith("wk_")
    assert secret not in elena.get("/developers/keys/").content.decode()
    key = ApiKey.objects.get()
    rolled = elena.post(f"/developers/keys/{key.pk}/roll/", {"hours": "24"}).context["secret"]
    assert ask(secret, "events", EVENT).status_code == 202, "both hold for a day"
    assert ask(rolled, "events", EVENT).status_code == 202
    newer = ApiKey.objects.get(replaces=key)
    key.refresh_from_db()
    assert key.expires_at is not None
    assert clock.real() + timedelta(hours=23) < key.expires_at < clock.real() + timedelta(hours=25)
    asked = elena.get(f"/developers/keys/{newer.pk}/revoke/").content.decode()
    assert "It made 1 request in the last seven days." in asked
    assert ask(rolled, "events", EVENT).status_code == 202, "a question revokes nothing"
    assert elena.post(f"/developers/keys/{newer.pk}/revoke/").status_code == 302
    assert ask(rolled, "events", EVENT).status_code == 401
    assert AuditEntry.objects.filter(action__startswith="key.").count() == 3


def test_every_scope_has_words() -> None:
    assert set(scopes.WORDS) == frozenset().union(*access.KEY_ROLES.values())


def test_a_key_can_be_narrowed_to_what_it_is_for() -> None:
    said = {"name": "Feed", "role": "marketer", "scopes": ["events.write", "users.write"]}
    secret = office("admin").post("/developers/keys/new/", said).context["secret"]
    assert ApiKey.objects.get().scopes == ["events.write"], "scopes narrow, they never widen"
    assert ask(secret, "events", EVENT).status_code == 202
    assert ask(secret, "segments", {"name": "x"}).status_code == 403


def test_a_tick_that_narrows_to_nothing_makes_no_key_of_everything(elena: Client) -> None:
    said = {"name": "Feed", "role": "tracking", "scopes": ["campaigns.write"]}
    assert elena.post("/developers/keys/new/", said).status_code == 422
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("until", ["2026-13-45", "2020-01-01", "soon"])
def test_a_key_cannot_end_on_a_day_that_is_none_or_over(elena: Client, until: str) -> None:
    assert elena.post("/developers/keys/new/", {"name": "x", "role": "tracking", "until": until}).status_code == 422
    assert not ApiKey.objects.exists()


def test_elena_revokes_the_key_she_tried_with(elena: Client) -> None:
    secret = elena.post("/developers/key/").context["secret"]
    assert elena.post(f"/developers/keys/{ApiKey.objects.get().pk}/revoke/").status_code == 302
    assert ask(secret, "events", EVENT).status_code == 401


def test_nobody_makes_a_key_mightier_than_themselves(elena: Client) -> None:
    answer = elena.post("/developers/keys/new/", {"name": "Mighty", "role": "admin"})
    assert answer.status_code == 422
    assert not ApiKey.objects.exists()
    apikeys.create("admin", "Mighty")
    key = ApiKey.objects.get()
    assert elena.post(f"/developers/keys/{key.pk}/roll/").status_code == 404


def test_the_log_asks_as_many_questions_for_forty_as_for_one(elena: Client) -> None:
    secret = apikeys.create("marketer", "Shop")

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert elena.get("/developers/requests/").status_code == 200
        return len(queries)

    ask(secret, "events", EVENT)
    asked()
    few = asked()
    for _ in range(20):
        ask(secret, "events", EVENT)
    assert asked() == few


def test_a_log_that_cannot_be_written_fails_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = apikeys.create("marketer", "Shop")
    monkeypatch.setattr(requestlog, "PUT", "INSERT INTO nowhere VALUES (1)")
    from django.db import transaction

    with transaction.atomic():
        sid = transaction.savepoint()
        try:
            assert ask(secret, "events", EVENT).status_code == 202
        finally:
            transaction.savepoint_rollback(sid)


@settings(deadline=None)
@given(
    st.recursive(
        st.sampled_from(["ana.ruiz@example.com", "+34 600 11 22 33", "text"]),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["email", "phone", "note", "deep"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_address_gets_through_a_mask_and_masks_are_put_back(body: Any) -> None:
    text = json.dumps(body)
    shown = masking.masked(text)
    assert "ana.ruiz" not in shown
    assert "600 11" not in shown
    assert json.loads(masking.restored(shown, text)) == body


def test_who_is_erased_is_in_no_request_any_more() -> None:
    secret = apikeys.create("marketer", "Shop")
    assert ask(secret, "events", EVENT).status_code == 202
    asked = "/api/v1/contacts/?email=ana.ruiz%40example.com"
    assert Client().get(asked, headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert ask(secret, "events", {**EVENT, "contact": {"email": "dario@example.com"}}).status_code == 202
    contact = Contact.objects.get(identifiers__value="ana.ruiz@example.com")
    erasure.ask(contact.pk, actor="user:1", via="office", now=clock.now())
    assert erasure.finish(contact.pk)
    kept = [f"{row.path} {row.query} {row.body} {row.answer}" for row in RequestLog.objects.order_by("pk")]
    assert [said for said in kept if "ana.ruiz" in said] == []
    assert len(kept) == 3
    assert "dario@example.com" in kept[2], "others' requests stay"


def test_a_request_that_is_too_many_and_one_that_breaks_are_in_the_log_too(
    monkeypatch: pytest.MonkeyPatch, elena: Client
) -> None:
    secret = apikeys.create("marketer", "Shop")
    monkeypatch.setattr(limits, "of_key", lambda: 1)
    assert ask(secret, "events", EVENT).status_code == 202
    assert ask(secret, "events", EVENT).status_code == 429
    monkeypatch.undo()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the shelf fell")

    monkeypatch.setattr(Events, "post", broken)
    client = Client(raise_request_exception=False)
    sent = client.post(
        "/api/v1/events/", json.dumps(EVENT), "application/json", headers={"Authorization": f"Bearer {secret}"}
    )
    assert sent.status_code == 500
    assert [row.status for row in RequestLog.objects.order_by("pk")] == [202, 429, 500]
    row = RequestLog.objects.latest("pk")
    page = elena.post(f"/developers/requests/{row.pk}/again/", {"body": json.dumps(EVENT)})
    assert "it was 500, now it is 500" in page.content.decode(), "one that breaks again is in the log as well"
