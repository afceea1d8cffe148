"""Shops and pages that speak as the SDKs do."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm import apikeys


class Sender:
    """Sends to `/v1/…` with a key as the user name of Basic."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.client = Client(raise_request_exception=False)

    def raw(self, path: str, data: bytes, kind: str = "application/json", **headers: str) -> Any:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret:
            said.setdefault("Authorization", "Basic " + base64.b64encode(f"{self.secret}:".encode()).decode())
        return self.client.generic("POST", f"/v1/{path}", data, content_type=kind, headers=said)

    def send(self, path: str, body: Any, *, zipped: bool = False, **headers: str) -> Any:
        data = json.dumps(body).encode()
        if zipped:
            return self.raw(path, gzip.compress(data), Content_Encoding="gzip", **headers)
        return self.raw(path, data, **headers)

    def batch(self, *messages: dict[str, Any], **beside: Any) -> Any:
        return self.send("batch", {"batch": list(messages), **beside})

    def identify(self, **body: Any) -> Any:
        return self.send("identify", body)

    def track(self, event: str, **body: Any) -> Any:
        return self.send("track", {"event": event, **body})


@pytest.fixture
def sender(db: None) -> Callable[..., Sender]:
    return lambda role="tracking", **more: Sender(apikeys.create(role, f"{role} of the test", **more))


@pytest.fixture
def site(sender: Callable[..., Sender]) -> Sender:
    """A page of the shop, with the key that everybody can read in it."""
    return sender("tracking")


@pytest.fixture
def server(sender: Callable[..., Sender]) -> Sender:
    """The shop's own server."""
    return sender("admin")
