"""Chiara is restricted in the moment in which a worker does something with her: whoever is first, she is left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from campaigns import audience, facts, runner
from campaigns.models import Enrolment
from channels import content
from channels.models import Message
from crm import clock
from crm.models import Contact
from crm.rights import restriction
from tests.campaigns import cast
from tests.campaigns.test_races import Gate, Side

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    cast.forget()
    content.forget()
    cast.at_noon()
    yield
    cast.forget()
    content.forget()


def restrict(contact: Contact) -> None:
    restriction.restrict(contact.pk, why="accuracy", actor="user:1", now=clock.now())


def test_a_runner_that_is_just_sending_to_her_is_waited_for_and_its_message_stays_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign, chiara = cast.publish(cast.mail()), cast.person("Chiara")
    run = cast.enter(campaign, chiara)
    gate = Gate(monkeypatch, facts, "gather")
    sending = Side(runner.tick)
    gate.wait()
    restricting = Side(lambda: restrict(chiara))
    assert restricting.settles() == "stuck"
    gate.open()
    sending.join()
    restricting.join()
    assert (cast.run(run).state, cast.run(run).outcome) == ("done", "removed")
    assert list(Message.objects.values_list("state", "reason")) == [("blocked", "contact_removed")]


def test_who_was_let_in_before_the_restriction_could_see_it_is_ended_at_the_first_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign, chiara = cast.publish(cast.mail()), cast.person("Chiara")
    gate = Gate(monkeypatch, audience, "_people")
    entering = Side(lambda: cast.enter(campaign, chiara))
    gate.wait()  # asked whether she is restricted: not yet
    restrict(chiara)
    gate.open()
    entering.join()
    assert Enrolment.objects.get().state == "due"
    runner.tick()
    assert Enrolment.objects.get().outcome == "removed"
    assert not Message.objects.exists()


def test_what_slipped_in_unseen_ends_with_the_restriction_at_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, chiara = cast.publish(cast.wait()), cast.person("Chiara")
    gate = Gate(monkeypatch, audience, "_people")
    entering = Side(lambda: cast.enter(campaign, chiara))
    gate.wait()
    restrict(chiara)
    gate.open()
    entering.join()
    restriction.lift(chiara.pk, actor="user:1", now=clock.now())
    assert Enrolment.objects.get().outcome == "removed"


def test_two_who_restrict_her_at_once_do_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chiara = cast.person("Chiara")
    gate = Gate(monkeypatch, restriction, "_stop")
    first = Side(lambda: restrict(chiara))
    gate.wait()
    second = Side(lambda: restrict(chiara))
    assert second.settles() == "stuck"
    gate.open()
    first.join()
    second.join()
    assert chiara.contactchange_set.count() == 1
