"""Households and companies: people who belong together, each with a permission of their own."""

from __future__ import annotations

import re

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm import clock, groups, publicids
from crm.errors import Problem
from crm.identity import rows
from crm.models import AuditEntry, Contact, Group, GroupMember, Membership, User
from tests.channels import people

pytestmark = pytest.mark.django_db


def begin(name: str = "Casa García", kind: str = "household") -> Group:
    return groups.begin(name, kind, actor="user:1", now=clock.now())


def at_work(client: Client, role: str) -> Client:
    user = User.objects.create_user(f"{role}@example.com", "x", name=role)
    Membership.objects.create(user=user, role=role)
    client.force_login(user)
    return client


def test_ada_puts_a_family_together_from_the_page_of_one_of_them(client: Client) -> None:
    ada = at_work(client, "marketer")
    mother, son = people.people(2)
    sent = {"name": "Casa García", "kind": "household", "contact": publicids.encode("ctc", mother.pk)}
    page = ada.post(reverse("crm:group-new"), sent, follow=True)
    group = Group.objects.get()
    assert "Casa García" in page.content.decode()
    ada.post(reverse("crm:group-add", args=[group.pk]), {"who": f"p{son.pk}@example.com"})
    assert groups.members_of(group) == [mother.pk, son.pk]
    assert "Casa García" in ada.get(reverse("crm:contact", args=[son.pk])).content.decode()
    ada.post(reverse("crm:group-take", args=[group.pk, mother.pk]))
    assert groups.members_of(group) == [son.pk]
    noted = AuditEntry.objects.filter(action__startswith="group.").order_by("pk").values_list("action", flat=True)
    assert list(noted) == ["group.add", "group.join", "group.join", "group.leave"]


def test_nobody_and_two_people_are_not_put_in(client: Client) -> None:
    ada = at_work(client, "marketer")
    people.people(2, name="Maria")
    group = begin()
    for who, words in (("nobody@example.com", "Nobody is known"), ("", "Nobody is known")):
        page = ada.post(reverse("crm:group-add", args=[group.pk]), {"who": who}, follow=True)
        assert words in page.content.decode()
    assert groups.members_of(group) == []


def test_a_company_is_there_once_and_families_of_one_name_are_many() -> None:
    assert begin("ACME  Ltd", "company").pk == begin("acme ltd", "company").pk
    assert begin().pk != begin().pk
    other = begin("Other", "company")
    with pytest.raises(Problem) as told:
        groups.rename(other, "Acme Ltd", actor="user:1")
    assert told.value.code == "taken"
    for name, kind in (("  ", "household"), ("x" * 121, "household"), ("A", "club")):
        with pytest.raises(Problem):
            begin(name, kind)


def test_a_group_that_goes_leaves_its_people_where_they_are(client: Client) -> None:
    ada = at_work(client, "marketer")
    one = people.people(1)[0]
    group = begin()
    groups.join(group, [one.pk], actor="user:1", now=clock.now())
    page = ada.post(reverse("crm:group-remove", args=[group.pk]), follow=True).content.decode()
    assert Group.objects.count() == GroupMember.objects.count() == 0
    assert Contact.objects.filter(pk=one.pk).exists()
    undo = re.search(r"/contacts/groups/restore/[^\"]+", page)
    assert undo
    ada.post(undo[0])
    assert groups.members_of(Group.objects.get(name="Casa García")) == [one.pk]
    assert ada.post("/contacts/groups/restore/made-up/").status_code == 404


def test_when_two_of_a_family_turn_out_to_be_one_they_are_in_it_once() -> None:
    one, other = people.people(2)
    group, more = begin(), begin("Work", "company")
    groups.join(group, [one.pk, other.pk], actor="user:1", now=clock.now())
    groups.join(more, [other.pk], actor="user:1", now=clock.now())
    with transaction.atomic():
        rows.merge(one.pk, other.pk, now=clock.now())
    assert groups.members_of(group) == [one.pk]
    assert groups.of(one.pk) == [group, more]


def test_an_analyst_sees_who_belongs_together_without_their_addresses(client: Client) -> None:
    one = people.people(1)[0]
    group = begin()
    groups.join(group, [one.pk], actor="user:1", now=clock.now())
    page = at_work(client, "analyst").get(reverse("crm:group", args=[group.pk])).content.decode()
    assert "Ada" in page
    assert f"p{one.pk}@example.com" not in page
    assert "group-add" not in page


def test_pages_ask_the_same_for_any_number_of_people(client: Client) -> None:
    ada = at_work(client, "marketer")
    group = begin()
    counts = []
    for _ in range(2):
        groups.join(group, [each.pk for each in people.people(5)], actor="user:1", now=clock.now())
        begin("More")
        for url in (reverse("crm:group", args=[group.pk]), reverse("crm:groups")):
            ada.get(url)
            with CaptureQueriesContext(connection) as asked:
                assert ada.get(url).status_code == 200
            counts.append(len(asked))
    assert counts[:2] == counts[2:]
