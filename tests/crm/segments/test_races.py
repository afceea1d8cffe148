"""Two workers at the same person: the answer that saw more is the one that stays."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from crm.models import Contact, Segment, SegmentMember
from crm.segments import edit, live, upkeep

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)


def test_an_answer_waits_for_the_one_before_it_and_sees_what_that_saw() -> None:
    live.forget()
    chiara = Contact.objects.create(country="ES").pk
    spain = edit.create("Spain", {"f": "contact.country", "op": "is", "v": "ES"}, actor="user:ada", now=NOW)
    assert SegmentMember.objects.count() == 1
    done = threading.Event()

    def other() -> None:
        try:
            upkeep.refresh([chiara], ["contact.country"], NOW)
        finally:
            done.set()
            connection.close()

    with transaction.atomic():
        upkeep.lock([chiara])
        thread = threading.Thread(target=other)
        thread.start()
        # The other worker has to wait for us, although it changes nothing of ours.
        assert not done.wait(0.5)
        Contact.objects.filter(pk=chiara).update(country="FR")
    thread.join(10)
    assert done.is_set()
    assert SegmentMember.objects.count() == 0
    assert Segment.objects.get(pk=spain.pk).count == 0
    assert upkeep.drift(spain, NOW) == []


def test_answers_about_people_of_different_shards_do_not_wait() -> None:
    live.forget()
    one, other = Contact.objects.create(country="ES").pk, Contact.objects.create(country="ES").pk
    edit.create("Spain", {"f": "contact.country", "op": "is", "v": "ES"}, actor="user:ada", now=NOW)
    done = threading.Event()

    def work() -> None:
        try:
            upkeep.refresh([other], ["contact.country"], NOW)
        finally:
            done.set()
            connection.close()

    with transaction.atomic():
        upkeep.lock([one])
        thread = threading.Thread(target=work)
        thread.start()
        assert done.wait(5)
    thread.join(10)
