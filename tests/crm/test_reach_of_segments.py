"""How many of a segment's people can be reached: a crowd in which not everybody said the same."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from crm import clock, suppression
from crm.models import Address, Contact, User
from crm.segments import fixed, live
from tests.channels import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd() -> list[Contact]:
    """Nine people, each with an e-mail and a phone: five said yes to e-mail, three of them to SMS too."""
    live.forget()
    return [*people.people(3, granted=("email", "sms")), *people.people(2), *people.people(4, granted=())]


def reached(client: Client, segment: int) -> dict[str, int]:
    html = client.get(reverse("crm:segments-reach"), {"ids": str(segment)}).content.decode()
    return {
        channel: int(found[1])
        for channel in ("email", "sms")
        if (found := re.search(rf'id="reach-{channel}-{segment}"[^>]*>\s*(\d+)', html))
    }


def test_a_mixed_crowd_is_reached_as_far_as_each_said_yes(crowd: list[Contact], client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "x", name="Ada"))
    everybody = fixed.fixed("Everybody", [each.pk for each in crowd], actor="user:1", now=clock.now())
    assert reached(client, everybody.pk) == {"email": 5, "sms": 3}

    chiara, bounced, *_ = crowd
    people.withdraw(chiara, "sms")
    address = Address.objects.get(medium="email", value=f"p{bounced.pk}@example.com")
    suppression.suppress("email", [address.hash], reason="bounce", source="test", now=clock.now())
    assert reached(client, everybody.pk) == {"email": 4, "sms": 2}


def test_people_who_are_not_in_the_segment_do_not_count(crowd: list[Contact], client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "x", name="Ada"))
    two = fixed.fixed("Two", [crowd[0].pk, crowd[-1].pk], actor="user:1", now=clock.now())
    assert reached(client, two.pk) == {"email": 1, "sms": 1}
