"""Elena's program connects itself: it says where it listens, and is told its secret once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channels import secrets
from channels.models import WebhookDelivery, WebhookEndpoint
from crm.models import AuditEntry, IdempotencyRecord, RequestLog
from tests.api.conftest import Speaker

pytestmark = pytest.mark.django_db
HOOK = {"name": "Shop", "url": "https://1.1.1.1/hooks", "kinds": ["contact.*", "message.bounced"]}


def made(shop: Speaker) -> dict[str, Any]:
    answer = shop.post("webhooks/", HOOK)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_an_endpoint_is_made_and_its_secret_is_told_once(shop: Speaker) -> None:
    hook = made(shop)
    assert hook["secret"].startswith("whsec_")
    assert (hook["active"], hook["waiting"], hook["failed"], hook["arrived_at"]) == (True, 0, 0, None)
    known = shop.get(f"webhooks/{hook['id']}/").json()
    assert known == {name: value for name, value in hook.items() if name != "secret"}
    assert shop.get("webhooks/").json() == {"data": [known], "next": None}
    assert AuditEntry.objects.filter(action="webhook.create").count() == 1


def test_no_secret_is_kept_where_requests_are(shop: Speaker) -> None:
    first = shop.post("webhooks/", HOOK, Idempotency_Key="hook-1").json()
    again = shop.post("webhooks/", HOOK, Idempotency_Key="hook-1").json()
    assert again == first | {"secret": "whsec_…"}
    rolled = shop.post(f"webhooks/{first['id']}/secret/").json()["secret"]
    for secret in (first["secret"], rolled):
        kept = [*RequestLog.objects.values_list("answer", flat=True),
                *(bytes(row.body).decode() for row in IdempotencyRecord.objects.all())]  # fmt: skip
        assert not any(secret in text for text in kept)
    assert WebhookEndpoint.objects.count() == 1
    assert secrets.unseal(WebhookEndpoint.objects.get().secrets) == {"current": rolled, "former": first["secret"]}


def test_what_is_wrong_is_told_all_at_once(shop: Speaker) -> None:
    answer = shop.post("webhooks/", {"name": "Shop", "url": "http://10.0.0.1/hooks", "kinds": ["contact.born"]})
    assert answer.status_code == 422
    assert {each["pointer"] for each in answer.json()["errors"]} == {"/url", "/kinds"}
    assert not WebhookEndpoint.objects.exists()


def test_it_is_changed_switched_and_removed(shop: Speaker) -> None:
    hook = made(shop)
    path = f"webhooks/{hook['id']}/"
    assert shop.patch(path, {"kinds": ["*"], "active": False}).json()["kinds"] == ["*"]
    known = shop.get(path).json()
    assert (known["active"], known["off_because"], known["name"]) == (False, "person", "Shop")
    assert shop.post(f"{path}test/").status_code == 409
    assert shop.patch(path, {"active": True}).json()["active"] is True
    sent = shop.post(f"{path}test/")
    assert sent.status_code == 202
    assert WebhookDelivery.objects.get().event_id == sent.json()["event_id"]
    assert shop.get(path).json()["waiting"] == 1
    assert shop.ask("DELETE", path).status_code == 204
    assert shop.get(path).status_code == 404
    assert shop.get("webhooks/").json()["data"] == []
    assert WebhookDelivery.objects.get().state == "failed"


def test_a_key_of_a_marketer_is_told_nothing(shop: Speaker, speak: Callable[..., Speaker]) -> None:
    hook = made(shop)
    for role in ("marketer", "analyst", "store", "tracking"):
        assert speak(role).get(f"webhooks/{hook['id']}/").status_code == 403


@pytest.mark.parametrize("public_id", ["whk_zzzz", "seg_1", "1", "whk_", "%00"])
def test_nobody_is_found_by_another_id(shop: Speaker, public_id: str) -> None:
    assert shop.get(f"webhooks/{public_id}/").status_code in {404, 422}


def test_many_cost_as_many_questions_as_one(shop: Speaker, django_assert_max_num_queries: Any) -> None:
    for _ in range(12):
        made(shop)
    with django_assert_max_num_queries(8):
        assert len(shop.get("webhooks/").json()["data"]) == 12
