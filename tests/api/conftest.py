"""Clients that speak as a shop's server, a marketer, an analyst, a till."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm import apikeys
from crm.models import Store


class Speaker:
    """A client with a key, which sends JSON and reads JSON."""

    def __init__(self, secret: str | None) -> None:
        self.client = Client(raise_request_exception=False)
        self.secret = secret

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Any:
        said = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        kind = said.pop("Content-Type", "application/json")
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        url = path if path.startswith(("http", "/")) else f"/api/v1/{path}"
        return self.client.generic(method, url, data, content_type=kind, headers=said)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        return self.ask("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: Any) -> Any:
        return self.ask("PATCH", path, body, **headers)


@pytest.fixture
def speak() -> Callable[..., Speaker]:
    def make(role: str = "admin", **more: Any) -> Speaker:
        return Speaker(apikeys.create(role, f"{role} of the test", **more))

    return make


@pytest.fixture
def shop(db: None, speak: Callable[..., Speaker]) -> Speaker:
    """The shop's own server: an admin key."""
    return speak("admin")


@pytest.fixture
def analyst(db: None, speak: Callable[..., Speaker]) -> Speaker:
    return speak("analyst")


@pytest.fixture
def stranger() -> Speaker:
    return Speaker(None)


@pytest.fixture
def gran_via(db: None) -> Store:
    return Store.objects.create(code="granvia", name="Gran Vía 1", zone="Europe/Madrid", country="ES")


@pytest.fixture
def till(gran_via: Store, speak: Callable[..., Speaker]) -> Speaker:
    """Bruno's till."""
    return speak("store", store=gran_via)
