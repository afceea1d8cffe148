"""People of the office at their browsers, for the tests of pages."""

from __future__ import annotations

from typing import Any

from django.test import Client

from campaigns import lifecycle
from campaigns.models import Campaign
from crm import clock, publicids
from crm.models import Membership, User, Workspace
from tests.campaigns import cast


def somebody(role: str = "marketer", name: str = "Ada") -> User:
    user = User.objects.create_user(f"{name.lower()}@{role}.example", "a-long-password", name=name)
    Membership.objects.create(user=user, role=role)
    return user


def at_work(role: str = "marketer", name: str = "Ada") -> Client:
    client = Client()
    client.force_login(somebody(role, name))
    return client


def house(**settings: Any) -> None:
    """The workspace, with the address that marketing needs."""
    Workspace.objects.update_or_create(only=True, defaults={"postal_address": "Calle del Río 1, Madrid", **settings})


def draft(*steps: dict[str, Any], **settings: Any) -> Campaign:
    return lifecycle.begin(cast.document(*steps, **settings), cast.ADA, clock.now())


def at(campaign: Campaign, rest: str = "") -> str:
    return f"/campaigns/{publicids.encode('cmp', campaign.pk)}/{rest}"
