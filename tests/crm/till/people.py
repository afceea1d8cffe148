"""Bruno and Marta (the manager) of the store in Valencia, and a till that is signed in there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from crm.models import Membership, Store, User
from crm.till import desk, entries, pins

PIN, MANAGERS = "2580", "7391"
BRUNO = "bruno@shop.example"


@dataclass
class Till:
    """A browser that is a till; `client` has its cookie."""

    store: Store
    bruno: Membership
    manager: Membership
    client: Client = field(default_factory=Client)
    token: str = ""

    @property
    def device(self) -> Any:
        found = desk.of(self.token)
        assert found is not None
        return found.device

    @property
    def pass_(self) -> str:
        return desk.pass_of(self.device, self.bruno)

    def entry(self, kind: str, body: Mapping[str, Any], at: Any, key: str = "") -> dict[str, Any]:
        return {"id": key or entries.new_key(), "kind": kind, "at": at.isoformat(), "pass": self.pass_, "body": body}

    def send(self, *sent: Mapping[str, Any], **headers: str) -> Any:
        return self.client.post(
            "/store/entries/", json.dumps({"entries": sent}), content_type="application/json",
            headers={"X-Till": "1", **headers},
        )  # fmt: skip

    def do(self, kind: str, body: Mapping[str, Any], at: Any) -> dict[str, Any]:
        answer = self.send(self.entry(kind, body, at))
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()["entries"][0]
        return found


def works(store: Store, email: str, name: str, role: str, pin: str) -> Membership:
    user = User.objects.create_user(email, "long-enough-1", name=name)
    found = Membership.objects.create(user=user, role=role, store=store)
    pins.put(found, pin, set_by=None, actor="test")
    return found


def till(code: str = "VLC", name: str = "Valencia", country: str = "ES", *, locked: bool = False) -> Till:
    store = Store.objects.create(code=code, name=name, zone="Europe/Madrid", country=country)
    domain = f"{code.lower()}.example"
    bruno = works(store, f"bruno@{domain}", "Bruno", "store_staff", PIN)
    manager = works(store, f"marta@{domain}", "Marta", "store_manager", MANAGERS)
    _, secret = desk.add(store, "Desk 1", made_by=None, actor="test")
    made = desk.sign_in(secret)
    assert made is not None
    found = Till(store, bruno, manager, token=made[1])
    found.client.cookies[desk.COOKIE] = made[1]
    if not locked:
        desk.unlock(made[0], bruno)
    return found
