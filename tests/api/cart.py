"""The abandoned cart of the articles, as a marketer would send it."""

from __future__ import annotations

from typing import Any

CART: dict[str, Any] = {
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
        {
            "id": "e1",
            "type": "send.email",
            "config": {
                "subject": "{{ contact.given_name | default: 'Hello' }}, still yours",
                "html": '<p>Your cart waits.</p><p><a href="{{ links.unsubscribe }}">No more of this</a></p>',
                "text": "Your cart waits. {{ links.unsubscribe }}",
            },
        },
        {
            "id": "w2",
            "type": "wait.event",
            "config": {
                "branches": [{"label": "came_back", "event": "Product Viewed"}],
                "timeout": {"value": 2, "unit": "days"},
            },
            "lanes": [{"label": "came_back", "steps": []}, {"label": "timeout", "steps": []}],
        },
        {
            "id": "s1",
            "type": "split.rule",
            "lanes": [
                {
                    "label": "sms",
                    "when": {"all": [{"f": "reachable.sms", "op": "is", "v": True}]},
                    "steps": [{"id": "m1", "type": "send.sms", "config": {"text": "Still yours. STOP to end"}}],
                },
                {"label": "else", "steps": []},
            ],
        },
    ],
}
MANUAL: dict[str, Any] = {
    "name": "By hand",
    "purpose": "offers",
    "objective": "info",
    "entry": [{"type": "manual"}],
    "holdout_pct": 0,
    "steps": [{"id": "w", "type": "wait.duration", "config": {"value": 1, "unit": "days"}}],
}
