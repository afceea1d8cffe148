"""Campaigns that several tests use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from campaigns.types import Traveller

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


def email(name: str = "e1", **config: Any) -> dict[str, Any]:
    return {"id": name, "type": "send.email", "config": {"subject": "Hello", "text": "Still yours", **config}}


def wait(name: str = "w1", value: int = 2, unit: str = "days") -> dict[str, Any]:
    return {"id": name, "type": "wait.duration", "config": {"value": value, "unit": unit}}


def step(kind: str, name: str, lanes: list[dict[str, Any]] | None = None, **config: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"id": name, "type": kind, "config": config}
    return {**found, "lanes": lanes} if lanes is not None else found


def lane(label: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"label": label, "steps": list(steps), **more}


def rule(field: str = "fields.vip") -> dict[str, Any]:
    return {"all": [{"f": field, "op": "is", "v": True}]}


def campaign(*steps: dict[str, Any], **top: Any) -> dict[str, Any]:
    """Ada's smallest campaign around some steps."""
    return {
        "name": "Spring",
        "purpose": "offers",
        "entry": [{"type": "manual"}],
        "steps": list(steps),
        **top,
    }


def abandoned_cart() -> dict[str, Any]:
    """The campaign of the article: keyed by cart, stopped by a purchase."""
    heard = {"branches": [{"label": "came_back", "event": "Product Viewed"}], "timeout": {"value": 2, "unit": "days"}}
    sms = {"id": "m1", "type": "send.sms", "config": {"text": "We kept it"}}
    return {
        "name": "Abandoned cart",
        "purpose": "offers",
        "class": "marketing",
        "objective": "cart",
        "entry": [
            {
                "type": "event",
                "event": "Cart Updated",
                "where": [],
                "key": "properties.cart_id",
                "debounce": {"value": 1, "unit": "hours"},
                "reentry": "every_key",
            }
        ],
        "exit": [{"event": "Order Completed"}, {"event": "Cart Emptied"}],
        "goal": {"event": "Order Completed", "window_days": 7, "value": "properties.total.amount"},
        "holdout_pct": 10,
        "steps": [
            email("e1"),
            step("wait.event", "w2", [lane("came_back"), lane("timeout")], **heard),
            step("split.rule", "s1", [lane("sms", sms, when=rule("reachable.sms")), lane("else")]),
        ],
    }


def chiara(**changes: Any) -> Traveller:
    """Chiara in Madrid, at the start of a journey."""
    person: dict[str, Any] = {
        "run_id": 1,
        "contact_id": 7,
        "draw": "4d1c",
        "zone": "Europe/Madrid",
        "key": "",
        "entry_seq": 1,
        "held_out": False,
        "entry": {},
        "entry_occurred_at": NOW,
        "entered_at": NOW,
        "rested_at": None,
        "step": "",
        "port": "",
    }
    return Traveller(**{**person, **changes})
