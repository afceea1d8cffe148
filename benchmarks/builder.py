"""The journey builder with 200 steps: how long its page and an edit take on the server."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks import ground

STEPS = 200
ROUNDS = 20


def main() -> None:
    from django.test import Client
    from django.urls import reverse

    from campaigns.models import Campaign
    from crm.models import Membership, User

    campaign = long_journey(STEPS)
    user = User.objects.create_user("builder@example.com", "a-long-password", name="Builder")
    Membership.objects.create(user=user, role="marketer")
    client = Client()
    client.force_login(user)
    page, edit = reverse("campaigns:journey", args=[campaign.pk]), reverse("campaigns:edit", args=[campaign.pk])

    def open_page(_number: int) -> None:
        assert client.get(page).status_code == 200

    def make_an_edit(number: int) -> None:
        step = {"id": f"x{number}", "type": "send.sms", "config": {"text": f"Hello {number}"}}
        command = json.dumps({"do": "insert", "after": f"n{number}", "step": step})
        answer = client.post(edit, {"command": command, "revision": ""}, headers={"HX-Request": "true"})
        assert answer.status_code == 200

    opened, edited = median(open_page), median(make_an_edit)
    ground.report(ground.Figure(f"journey of {STEPS} steps: page", opened, None, "ms", "< 1,000 ms"))
    ground.report(ground.Figure(f"journey of {STEPS} steps: an edit, with its drawing", edited, None, "ms", "< 100 ms"))
    Campaign.objects.filter(pk=campaign.pk).delete()
    user.delete()


def median(once: Callable[[int], None]) -> float:
    """Milliseconds of the middle one of so many rounds, after one that warms up."""
    once(0)
    taken = []
    for number in range(1, ROUNDS + 1):
        began = time.perf_counter()
        once(number)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def long_journey(steps: int) -> Any:
    """Built by commands: e-mails and waits, every twentieth step a split that the rest goes on in or below."""
    from campaigns import commands, lifecycle
    from campaigns.models import Campaign

    document: dict[str, Any] = {
        "name": "Long", "purpose": "offers", "entry": [{"type": "manual"}],
        "goal": {"event": "Order Completed"}, "steps": [],
    }  # fmt: skip
    words = "<p>{{ contact.given_name | default: 'you' }}, " + "come and see what is new. " * 40 + "</p>"
    place: dict[str, Any] = {"after": ""}
    for number in range(steps):
        if number % 20 == 10:
            lanes = [{"label": "A", "weight": 1}, {"label": "B", "weight": 1}]
            step: dict[str, Any] = {"type": "split.random", "lanes": lanes}
        elif number % 2:
            step = {"type": "send.email", "config": {"subject": f"Number {number}", "html": words, "text": "Come."}}
        else:
            step = {"type": "wait.duration", "config": {"value": 2, "unit": "days"}}
        document = commands.carry_out(document, {"do": "insert", **place, "step": {**step, "id": f"n{number}"}})
        inside = number % 20 == 10 and number < 100
        place = {"lane": [f"n{number}", 1]} if inside else {"after": f"n{number}"}
    made = lifecycle.begin(document, "benchmark", ground.EPOCH)
    return Campaign.objects.get(pk=made.pk)
