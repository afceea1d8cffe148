"""The stories run over REST and the testing clock, on real PostgreSQL, with every round of work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from config import work
from crm import apikeys, clock

EXAMPLES = Path(__file__).parents[2] / "campaigns" / "examples"
TUESDAY = datetime(2026, 3, 24, 9, 0, tzinfo=UTC)


class Shop:
    """A web shop and its till, as an integrator sees Cauce."""

    def __init__(self) -> None:
        self.http = Client()
        self.key = apikeys.create("admin", name="shop")

    def call(self, method: str, path: str, body: Any = None, *, expect: int | None = None) -> Any:
        response = self.http.generic(
            method,
            f"/api/v1/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.key}"},
        )
        answer = response.json() if response.content else None
        if expect is None:
            assert 200 <= response.status_code < 300, (method, path, response.status_code, answer)
        else:
            assert response.status_code == expect, (method, path, response.status_code, answer)
        return answer

    def post(self, path: str, body: Any = None, *, expect: int | None = None) -> Any:
        return self.call("POST", path, body if body is not None else {}, expect=expect)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def customer(self, name: str, *, email: bool = True, sms: bool = True) -> dict[str, str]:
        """Somebody with an e-mail and a phone who said yes to these channels; answers a reference."""
        address = f"{name.lower()}@example.com"
        said = [
            {"purpose": "offers", "channel": channel, "action": "granted" if yes else "refused",
             "basis": "consent", "method": "web_form", "source": "checkout"}
            for channel, yes in (("email", email), ("sms", sms))
        ]  # fmt: skip
        number = sum(map(ord, name))
        self.post("contacts/", {
            "identifiers": [{"kind": "email", "value": address}, {"kind": "phone", "value": f"+34600{number:06d}"}],
            "given_name": name, "country": "ES", "consents": said,
        })  # fmt: skip
        return {"email": address}

    def event(self, who: dict[str, str], name: str, /, **properties: Any) -> None:
        self.post("events/", {"contact": who, "name": name, "properties": properties, "channel": "web"})

    def campaign(self, document: dict[str, Any]) -> str:
        """Create and publish; answers the id."""
        made = self.post("campaigns/", document)
        self.post(f"campaigns/{made['id']}/publish/")
        return str(made["id"])

    def messages(self, campaign: str, **filters: str) -> list[dict[str, Any]]:
        query = "&".join(f"{key}={value}" for key, value in filters.items())
        return list(self.get(f"messages/?campaign={campaign}&limit=200&{query}")["data"])


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    clock.set_to(TUESDAY)
    return Shop()


@pytest.fixture
def wait() -> Any:
    """Let business time pass, then do everything that is due."""

    def pass_time(**span: float) -> None:
        clock.advance(timedelta(**span))
        drained = work.drain(60)
        assert not any(drained.pending.values()), drained

    return pass_time


@pytest.fixture
def example() -> Any:
    """A ready-made campaign without its holdout, so that a story has one ending."""

    def load(name: str, **changes: Any) -> dict[str, Any]:
        return deepcopy(json.loads((EXAMPLES / f"{name}.json").read_text())) | {"holdout_pct": 0} | changes

    return load


@pytest.fixture
def ledger_holds(transactional_db: None) -> Iterator[None]:
    """Whatever a story did, every promise holds at its end."""
    yield
    call_command("verify_ledger")
