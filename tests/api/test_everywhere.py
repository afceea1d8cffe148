"""What integrators may rely on at every address, found by walking all of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, transaction
from drf_spectacular.generators import SchemaGenerator

from crm.models import IdempotencyRecord
from tests.api.conftest import Speaker
from tests.api.test_fuzz import BODIES, furnish
from tests.api.test_permissions import addresses

METHODS = ("GET", "POST", "PATCH", "DELETE")
RATES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")
ID = {"contact": {"id": "ctc_zzz"}}


def operations(method: str) -> dict[str, str]:
    """The operations of a method, by name, with the path of the reference."""
    schema = SchemaGenerator().get_schema(public=True)
    return {
        paths[method]["operationId"]: path.removeprefix("/api/v1/")
        for path, paths in schema["paths"].items()
        if method in paths and path.startswith("/api/v1/")
    }


def filled(path: str, label: str, world: dict[str, Any]) -> str:
    """With the ids of things that are there."""
    kind = path.split("/")[0]
    for name, value in (
        ("{public_id}", world["spent"].get(label, world.get(kind, ""))),
        ("{order_id}", world["spent"].get(label, "A-1")),
        ("{number}", world["copy"]),
    ):
        path = path.replace(name, str(value))
    return path


def posts(world: dict[str, Any]) -> list[tuple[str, str, Any]]:
    return [
        (label, filled(path, label, world), BODIES[label](world, 7) if label in BODIES else {})
        for label, path in operations("post").items()
    ]


@pytest.fixture
def world(shop: Speaker) -> dict[str, Any]:
    return furnish(shop)


def test_every_post_that_is_sent_twice_with_a_key_is_done_once(shop: Speaker, world: dict[str, Any]) -> None:
    walked = posts(world)
    unkept = []
    for label, path, body in walked:
        key = f"twice-{label}"
        first = shop.post(path, body, Idempotency_Key=key)
        assert first.status_code < 300, (label, first.content)
        before = fingerprint()
        again = shop.post(path, body, Idempotency_Key=key)
        if again.content != once_told(first.content) or again.get("Idempotent-Replayed") != "true":
            unkept.append(label)
        assert fingerprint() == before, f"{label} did its work twice"
        other = shop.post(path, {**body, "_another": 1} if isinstance(body, dict) else body, Idempotency_Key=key)
        if other.status_code != 422 or other.json()["errors"][0]["code"] != "idempotency_key_reused":
            unkept.append(f"{label}: another body with the same key")
    assert unkept == []
    assert len(walked) >= 25
    assert IdempotencyRecord.objects.count() == len(walked)


def once_told(content: bytes) -> bytes:
    """A secret of ours stands in the first answer alone."""
    return re.sub(rb"whsec_[\w+/=]+", "whsec_…".encode(), content)


def test_a_wrong_code_is_refused_each_time_and_the_right_one_still_counts(shop: Speaker, world: dict[str, Any]) -> None:
    """A refusal is never repeated from memory, also where trying is written down."""
    wrong = {"phone": world["phone"], "code": "000000" if world["code"] != "000000" else "000001"}
    for _ in range(2):
        refused = shop.post("consents/confirm/", wrong, Idempotency_Key="code")
        assert (refused.status_code, faults(refused)) == (422, [])
        assert "Idempotent-Replayed" not in refused
    right = shop.post("consents/confirm/", {**wrong, "code": world["code"]}, Idempotency_Key="code")
    assert right.status_code == 200


def fingerprint() -> dict[str, int]:
    """How many rows each table has; what is counted of requests aside."""
    aside = {"crm_ratecount", "crm_apikey", "crm_requestlog"}
    with connection.cursor() as cursor:
        names = [name for name in connection.introspection.table_names(cursor) if name not in aside]
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names))
        return dict(cursor.fetchall())


def test_every_answer_says_how_much_is_left_and_every_refusal_is_a_problem(
    shop: Speaker, stranger: Speaker, analyst: Speaker, world: dict[str, Any]
) -> None:
    """401, 403, 404, 405, 400, 415, 422 and what succeeds, at every address."""
    wrong: list[tuple[str, str, int, str]] = []
    seen: set[int] = set()
    paths = addresses(world) | {"nowhere": "nowhere/at/all/", "strange": "contacts/ctc_!!/"}
    for name, path in paths.items():
        for method in METHODS:
            body = b"{" if method in ("POST", "PATCH") else b""
            asked = [
                stranger.ask(method, path),
                analyst.ask(method, path, raw=body),
                Speaker("sk_wrong").ask(method, path),
                _undone(shop, method, path, body),
                _undone(shop, method, path, b'{"_nobody_knows_this": 1}' if body else b""),
                _undone(shop, method, path, b"a=b", kind="text/plain") if body else stranger.ask(method, path),
            ]
            for answer in asked:
                seen.add(answer.status_code)
                wrong += [(name, method, answer.status_code, fault) for fault in faults(answer)]
    assert wrong == []
    assert {200, 400, 401, 403, 404, 405, 415, 422} <= seen, seen
    assert not {status for status in seen if status >= 500}


def _undone(shop: Speaker, method: str, path: str, raw: bytes, kind: str = "application/json") -> Any:
    """Asked, and taken back: what some addresses do cannot be done twice."""
    with transaction.atomic():
        answer = shop.ask(method, path, raw=raw, **{"Content-Type": kind})
        transaction.set_rollback(True)
    return answer


def faults(answer: Any) -> list[str]:
    found = [f"no {name}" for name in RATES if not answer.get(name)]
    if answer.status_code < 400:
        return found
    if answer["Content-Type"] != "application/problem+json":
        return [*found, str(answer["Content-Type"])]
    body = answer.json()
    found += [
        f"no {name}" for name in ("type", "title", "status", "detail", "errors", "request_id") if name not in body
    ]
    if body.get("status") != answer.status_code or not body.get("errors"):
        found.append("status or errors")
    found += ["an error without pointer, code and detail" for each in body.get("errors", ())
              if set(each) != {"pointer", "code", "detail"}]  # fmt: skip
    return found


def test_all_that_is_wrong_with_a_body_is_said_at_once_with_its_place(shop: Speaker, world: dict[str, Any]) -> None:
    """Two unknown fields in the body of every POST and PATCH that reads one: both are named."""
    silent = []
    for method in ("post", "patch"):
        for label, path in operations(method).items():
            body = {"colour": 1, "size": 2}
            answer = shop.ask(method.upper(), filled(path, label, world), body)
            if answer.status_code in (200, 201, 202):
                silent.append(label)  # it reads no body
                continue
            assert answer.status_code == 422, (label, answer.content)
            pointers = {each["pointer"] for each in answer.json()["errors"]}
            # Batches name the row first, and a merge of keys says what it misses.
            if not {"/colour", "/size"} <= pointers and label not in LISTS:
                silent.append(label)
    assert set(silent) <= NO_BODY, silent


LISTS = {"events_batch", "events_create", "campaigns_create"}
NO_BODY = {
    "campaigns_publish", "campaigns_pause", "campaigns_resume", "campaigns_finish", "campaigns_stop",
    "webhooks_roll", "webhooks_test",
}  # fmt: skip
