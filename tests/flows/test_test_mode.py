"""Dario tries a journey of two days in a test installation: the days pass at once, and nothing leaves the house."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.conf import settings as django_settings

from channels import accounts
from channels.models import SandboxMessage
from crm import apikeys
from tests.flows.conftest import Shop

pytestmark = pytest.mark.usefixtures("ledger_holds")
JOURNEY = {
    "name": "Two days", "purpose": "offers", "objective": "info", "holdout_pct": 0, "entry": [{"type": "manual"}],
    "steps": [
        {"id": "e1", "type": "send.email", "config": {"subject": "Hello", "text": "One. {{ links.unsubscribe }}"}},
        {"id": "w1", "type": "wait.duration", "config": {"value": 2, "unit": "days"}},
        {"id": "m1", "type": "send.sms", "config": {"text": "Two. STOP to end"}},
    ],
}  # fmt: skip


def test_two_days_pass_at_once_and_the_carriers_are_never_called(shop: Shop, wait: Any, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as carrier:
        carrier.settimeout(0.2)
        port = carrier.getsockname()[1]
        settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
        settings.PROVIDER_BASE_URLS = {"sms": f"http://127.0.0.1:{port}"}
        accounts.forget()
        assert django_settings.CAUCE_MODE == "test"
        assert apikeys.create("admin", "tests").startswith("sk_test_")
        elena = shop.customer("Elena")
        campaign = shop.campaign(JOURNEY)
        shop.post(f"campaigns/{campaign}/trigger/", {"contact": elena})
        wait(minutes=1)
        assert [row.channel for row in SandboxMessage.objects.order_by("id")] == ["email"]
        wait(days=1, hours=23)
        assert SandboxMessage.objects.count() == 1
        wait(hours=2)
        assert [row.channel for row in SandboxMessage.objects.order_by("id")] == ["email", "sms"]
        with pytest.raises(TimeoutError):
            carrier.accept()
