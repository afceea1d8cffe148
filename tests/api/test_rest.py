"""What every address of the API has in common: keys, refusals, limits, idempotency."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from crm import apikeys, clock
from crm.models import ApiKey, IdempotencyRecord, Product, Store, User
from crm.models.team import Membership
from crm.rest import keys, limits
from tests.api.conftest import Speaker

pytestmark = pytest.mark.urls("tests.api.urls")


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["type"]
    assert body["request_id"] == answer["X-Request-Id"]
    for entry in body["errors"]:
        assert set(entry) == {"pointer", "code", "detail"}
    return body


def codes(answer: Any, status: int) -> list[tuple[str, str]]:
    return [(entry["pointer"], entry["code"]) for entry in problem(answer, status)["errors"]]


# Who asks


def test_a_request_without_a_key_is_told_so(db: None, stranger: Speaker) -> None:
    answer = stranger.get("notes/")
    assert codes(answer, 401) == [("", "not_authenticated")]
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_revoked_or_expired_key_opens_nothing(shop: Speaker) -> None:
    assert Speaker("sk_nonsense").get("notes/").status_code == 401
    assert shop.get("notes/").status_code == 200
    ApiKey.objects.update(expires_at=clock.real() - timedelta(seconds=1))
    keys.forget()  # some seconds later
    assert codes(shop.get("notes/"), 401) == [("", "invalid_key")]
    ApiKey.objects.update(expires_at=None, revoked_at=clock.real())
    keys.forget()
    assert shop.get("notes/").status_code == 401


def test_a_key_that_is_revoked_elsewhere_is_refused_within_seconds(
    shop: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shop.get("notes/").status_code == 200
    ApiKey.objects.update(revoked_at=clock.real())
    soon = time.monotonic() + keys.FRESH_SECONDS + 0.1
    monkeypatch.setattr("crm.rest.keys.time.monotonic", lambda: soon)
    assert shop.get("notes/").status_code == 401


def test_a_key_that_expires_or_is_saved_here_is_obeyed_at_once(shop: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ApiKey.objects.get()
    key.expires_at = clock.real() + timedelta(seconds=60)
    key.save()
    assert shop.get("notes/").status_code == 200
    later = clock.real() + timedelta(seconds=61)
    with monkeypatch.context() as patched:
        patched.setattr(clock, "real", lambda: later)
        assert shop.get("notes/").status_code == 401
    key.expires_at, key.revoked_at = None, clock.real()
    key.save()
    assert shop.get("notes/").status_code == 401


def test_a_key_may_come_as_the_user_name_of_basic(shop: Speaker) -> None:
    basic = base64.b64encode(f"{shop.secret}:".encode()).decode()
    assert Client().get("/api/v1/notes/", headers={"Authorization": f"Basic {basic}"}).status_code == 200
    assert Client().get("/api/v1/notes/", headers={"Authorization": "Basic %%%"}).status_code == 401


def test_an_analyst_reads_and_changes_nothing(analyst: Speaker) -> None:
    assert analyst.get("notes/").status_code == 200
    assert codes(analyst.post("notes/", {"sku": "a"}), 403) == [("", "missing_permission")]
    assert not Product.objects.exists()


def test_scopes_narrow_a_key_and_never_widen_it(db: None, speak: Callable[..., Speaker]) -> None:
    reader = speak("admin", scopes=["catalogue.read"])
    assert reader.get("notes/").status_code == 200
    assert reader.post("notes/", {"sku": "a"}).status_code == 403
    with pytest.raises(ValueError, match="scope"):
        apikeys.create("analyst", "x", scopes=["catalogue.write"])


def test_ada_who_is_logged_in_may_use_it_with_the_csrf_token(db: None) -> None:
    ada = User.objects.create_user("ada@example.com", "a long password")
    Membership.objects.create(user=ada, role="marketer")
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.get("/api/v1/notes/").status_code == 200
    answer = client.post("/api/v1/notes/", {"sku": "a"}, content_type="application/json")
    assert answer.status_code == 403
    assert not Product.objects.exists()


def test_a_person_without_a_role_may_nothing(db: None, client: Client) -> None:
    client.force_login(User.objects.create_user("nobody@example.com", "a long password"))
    assert client.get("/api/v1/notes/").status_code == 403


# Refusals


def test_all_mistakes_of_a_body_are_told_at_once_with_their_places(shop: Speaker) -> None:
    body = {
        "sku": 5,
        "kind": "huge",
        "at": "2026-03-28T09:00:00",
        "colour": "red",
        "count": "x",
        "lines": [{"sku": "a", "price": {"amount": "1.005", "currency": "EUR"}}, {"sku": "b" * 11, "prise": 1}],
    }
    assert set(codes(shop.post("notes/", body), 422)) == {
        ("/sku", "invalid"),
        ("/kind", "invalid_choice"),
        ("/at", "instant"),
        ("/colour", "unknown_field"),
        ("/count", "invalid"),
        ("/lines/0/price/amount", "amount"),
        ("/lines/1/sku", "max_length"),
        ("/lines/1/prise", "unknown_field"),
        ("/lines/1/price", "required"),
    }


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "not_json"),
        (b'{"sku": NaN}', 400, "not_json"),
        (b'{"count": Infinity}', 400, "not_json"),
        (b"\xff\xfe{}", 400, "not_json"),
        (b'{"sku": "\\ud800"}', 400, "not_json"),
        (b'{"sku": "a\\u0000"}', 400, "nul"),
        (b"[" * 21 + b"]" * 21, 400, "too_deep"),
        (b"[" * 100_000, 400, "not_json"),
        (b'{"sku": "' + b"x" * 1_048_577 + b'"}', 413, "body_too_large"),
        (b"[1]", 422, "invalid"),
        (b"null", 422, "null"),
        (b'"x"', 422, "invalid"),
    ],
    ids=[
        "cut off",
        "NaN",
        "Infinity",
        "not UTF-8",
        "lone surrogate",
        "NUL",
        "21 levels",
        "100,000 levels",
        "over 1 MB",
        "a list",
        "null",
        "text",
    ],
)
def test_a_body_that_cannot_be_used_names_the_remedy(shop: Speaker, raw: bytes, status: int, code: str) -> None:
    assert codes(shop.ask("POST", "notes/", raw=raw), status) == [("", code)]


def test_twenty_levels_of_nesting_are_read(shop: Speaker) -> None:
    assert codes(shop.ask("POST", "notes/", raw=b"[" * 20 + b"]" * 20), 422) == [("", "invalid")]


def test_only_json_is_read(shop: Speaker) -> None:
    answer = shop.ask("POST", "notes/", raw=b"sku=a", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert codes(answer, 415) == [("", "unsupported_media_type")]
    assert codes(shop.post("notes/", {"sku": "a"}, **{"Content-Encoding": "gzip"}), 415) == [("", "content_encoding")]


def test_methods_and_addresses_that_do_not_exist(shop: Speaker) -> None:
    for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"):
        answer = shop.ask(method, "notes/", {"sku": "a"})
        assert codes(answer, 405) == [("", "method_not_allowed")]
        assert answer["Allow"] == "GET, POST, HEAD" or set(answer["Allow"].split(", ")) == {"GET", "POST", "HEAD"}
    assert codes(shop.get("nowhere/at/all"), 404) == [("", "not_found")]


def test_a_fault_of_ours_says_nothing_of_itself(shop: Speaker) -> None:
    answer = shop.get("broken/fault/")
    assert codes(answer, 500) == [("", "internal")]
    assert b"secret detail" not in answer.content
    assert codes(shop.get("broken/problems/"), 422) == [("/a", "x"), ("/b", "y")]
    assert codes(shop.get("broken/conflict/"), 409) == [("/identifiers", "identifiers_of_two_contacts")]
    assert codes(shop.get("broken/sql/"), 422) == [("", "not_storable")]


# Limits


def test_every_answer_says_how_much_is_left(shop: Speaker, stranger: Speaker) -> None:
    left = []
    for answer in (shop.get("notes/"), shop.post("notes/", {"sku": 5}), shop.ask("DELETE", "notes/")):
        assert answer["RateLimit-Limit"] == "12000"
        assert 0 < int(answer["RateLimit-Reset"]) <= 60
        left.append(int(answer["RateLimit-Remaining"]))
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1]
    assert stranger.get("notes/")["RateLimit-Limit"] == "600"
    assert shop.get("nowhere/")["RateLimit-Remaining"]


def test_who_asks_too_often_is_told_when_to_come_back(shop: Speaker, settings: Any) -> None:
    settings.API_RATE_PER_MINUTE = 3
    answers = [shop.get("notes/") for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 2  # a minute may turn once in between
    assert codes(refused[-1], 429) == [("", "rate_limit")]
    assert 1 <= int(refused[-1]["Retry-After"]) <= 60
    assert refused[-1]["RateLimit-Remaining"] == "0"


def test_a_generous_limit_is_counted_in_strides_and_never_a_hundredth_behind(
    db: None, django_assert_num_queries: Any
) -> None:
    limits.count("key:fast", 10_000)
    with django_assert_num_queries(0):
        assert [limits.count("key:fast", 10_000).used for _ in range(3)] in ([2, 3, 4], [1, 2, 3])
    for _ in range(200):
        limits.count("key:fast", 10_000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(n) FROM crm_ratecount WHERE slot LIKE 'key:fast@%'")
        assert cursor.fetchone()[0] > 204 - 100


# Idempotency


def test_the_same_key_and_body_get_the_same_answer_once_done(shop: Speaker) -> None:
    first = shop.post("notes/", {"sku": "a", "count": 1}, Idempotency_Key="k1")
    again = shop.post("notes/", {"count": 1, "sku": "a"}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Product.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(shop: Speaker) -> None:
    shop.post("notes/", {"sku": "a"}, Idempotency_Key="k1")
    assert codes(shop.post("notes/", {"sku": "b"}, Idempotency_Key="k1"), 422) == [("", "idempotency_key_reused")]
    assert Product.objects.count() == 1


def test_a_refusal_is_not_kept_and_leaves_nothing(shop: Speaker) -> None:
    refused = shop.post("notes/", {"sku": "refused"}, Idempotency_Key="k1")
    assert codes(refused, 422) == [("/sku", "refused")]
    assert not Product.objects.exists()
    assert not IdempotencyRecord.objects.exists()
    assert shop.post("notes/", {"sku": "a"}, Idempotency_Key="k1").status_code == 201


def test_keys_of_two_integrators_do_not_meet(shop: Speaker, speak: Callable[..., Speaker]) -> None:
    other = speak("admin")
    shop.post("notes/", {"sku": "a"}, Idempotency_Key="k1")
    assert other.post("notes/", {"sku": "b"}, Idempotency_Key="k1").status_code == 201


def test_after_seven_days_a_key_is_new(shop: Speaker) -> None:
    shop.post("notes/", {"sku": "a"}, Idempotency_Key="k1")
    IdempotencyRecord.objects.update(created_at=clock.real() - timedelta(days=7, seconds=1))
    assert "Idempotent-Replayed" not in shop.post("notes/", {"sku": "b"}, Idempotency_Key="k1")
    assert IdempotencyRecord.objects.count() == 1


def test_a_key_that_is_none_is_refused(shop: Speaker) -> None:
    assert codes(shop.post("notes/", {"sku": "a"}, Idempotency_Key="k" * 201), 400) == [("", "idempotency_key")]
    assert codes(shop.post("notes/", {"sku": "a"}, Idempotency_Key=""), 400) == [("", "idempotency_key")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sku", ["slow", "refused"])
def test_twins_at_the_same_moment_do_the_work_once(speak: Callable[..., Speaker], sku: str) -> None:
    shop = speak("admin")
    answers: list[Any] = []
    barrier = threading.Barrier(4)

    def knock() -> None:
        barrier.wait()
        answers.append(Speaker(shop.secret).post("notes/", {"sku": sku}, Idempotency_Key="twin"))
        connection.close()

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = {answer.status_code for answer in answers}
    if sku == "refused":
        assert statuses == {422}
        assert not Product.objects.exists()
        return
    assert statuses == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 3
    assert Product.objects.count() == 1


def test_a_tracking_key_reads_wk_and_a_till_key_knows_its_store(gran_via: Store) -> None:
    assert apikeys.create("tracking", "web").startswith("wk_")
    key = apikeys.find(apikeys.create("store", "till", store=gran_via))
    assert key is not None
    assert key.store == gran_via
    assert key.last_used_at is None


KNOCK = """
import json, sys
import django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from crm.rest import limits
print(json.dumps([limits.count("key:twins", 60).remaining for _ in range(40)]))
"""


@pytest.mark.django_db(transaction=True)
def test_two_processes_count_together() -> None:
    """What is left falls for each of them, no number is given out twice, and together they reach the limit."""
    name = str(connection.settings_dict["NAME"])
    now = clock.real()
    if now.second > 40:  # not across the turn of a minute
        time.sleep(61 - now.second)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", KNOCK, name],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.test_settings"},
        )
        for _ in range(2)
    ]
    left = [json.loads(each.communicate(timeout=60)[0].splitlines()[-1]) for each in running]
    for mine in left:
        assert mine == sorted(mine, reverse=True)
    given = [number for mine in left for number in mine if number]
    assert len(given) == len(set(given)) == 59
    assert sorted(given) == list(range(1, 60))
    assert limits.count("key:twins", 60).exceeded
