"""A campaign is drafted, published, paused, resumed, finished and stopped; a version never changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from campaigns import lifecycle, runner, sweeps
from campaigns.models import Campaign, Enrolment, PendingEntry, Version
from channels.models import Content, Message
from crm import clock
from crm.errors import Problem, Problems
from crm.models import AuditEntry
from tests.campaigns import cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()


def pause(campaign: Campaign) -> None:
    lifecycle.pause(campaign, actor=cast.ADA, now=clock.now())


def resume(campaign: Campaign) -> None:
    lifecycle.resume(campaign, actor=cast.ADA, now=clock.now())


# --- drafts and versions ---------------------------------------------------------------------------


def test_all_mistakes_come_at_once_with_their_places() -> None:
    bad = cast.document(
        {"id": "e1", "type": "send.email", "config": {"subject": "Hi", "text": "{{ contact.given_name"}},
        {"id": "e1", "type": "no.such", "config": {}},
        entry=[{"type": "segment", "segment": "424242"}],
        eligibility={"all": [{"f": "contact.country", "op": "is", "v": 3}]},
    )
    with pytest.raises(Problems) as refused:
        lifecycle.create(bad, actor=cast.ADA, now=clock.now())
    found = {problem.pointer for problem in refused.value.problems}
    assert {"/steps/1/id", "/steps/1/type", "/entry/0/segment"} <= found
    assert any(pointer.startswith("/steps/0/config") for pointer in found)
    assert any(pointer.startswith("/eligibility") for pointer in found)
    assert not Campaign.objects.exists()


def test_publishing_freezes_the_words_and_the_journey() -> None:
    campaign = cast.publish(cast.mail(), cast.wait(), **cast.BOUGHT_IS_THE_END)
    version = Version.objects.get()
    assert campaign.state == "live"
    assert (version.number, version.exit_events, version.concurrency) == (1, ["Order Completed"], "one_per_contact")
    assert Content.objects.get(pk=version.contents["e1"]).body["subject"].startswith("Hello")
    assert len(version.hash) == 64


@pytest.mark.parametrize("change", ["document = '{}'", "hash = 'x'", "contents = '{}'", "exit_events = '{}'"])
def test_the_database_refuses_to_change_a_version(change: str) -> None:
    cast.publish(cast.mail())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE campaigns_version SET {change}")


def test_people_inside_stay_in_their_version() -> None:
    campaign, elena, dario = cast.publish(cast.wait(value=1)), cast.person(), cast.person("Dario")
    cast.enter(campaign, elena)
    cast.work()
    lifecycle.update(campaign, cast.document(cast.wait(value=9)), actor=cast.ADA, now=clock.now())
    lifecycle.publish(campaign, actor=cast.ADA, now=clock.now())
    cast.enter(campaign, dario)
    cast.work()
    due = {row.contact_id: row.due_at for row in Enrolment.objects.all()}
    assert due[dario.pk] - due[elena.pk] > timedelta(days=7)
    assert [row.number for row in Version.objects.order_by("id")] == [1, 2]


def test_an_editor_who_saw_an_older_revision_is_told() -> None:
    campaign = lifecycle.create(cast.document(cast.mail()), actor=cast.ADA, now=clock.now())
    other = cast.document(cast.wait())
    lifecycle.update(campaign, other, actor=cast.ADA, now=clock.now(), revision=1)
    with pytest.raises(Problem) as refused:
        lifecycle.update(campaign, other, actor="bruno", now=clock.now(), revision=1)
    assert refused.value.code == "stale"


def test_every_verb_is_in_the_audit_log() -> None:
    campaign = cast.publish(cast.mail())
    pause(campaign)
    resume(campaign)
    lifecycle.finish(campaign, actor=cast.ADA, now=clock.now())
    lifecycle.stop(campaign, actor=cast.ADA, now=clock.now())
    verbs = ["create", "publish", "pause", "resume", "finish", "stop"]
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [f"campaign.{v}" for v in verbs]


def test_a_stopped_campaign_is_neither_paused_nor_published() -> None:
    campaign = cast.publish(cast.mail())
    lifecycle.stop(campaign, actor=cast.ADA, now=clock.now())
    for verb in (lifecycle.pause, lifecycle.resume, lifecycle.publish):
        with pytest.raises(Problem):
            verb(campaign, actor=cast.ADA, now=clock.now())


# --- pause and resume --------------------------------------------------------------------------------


def test_a_pause_freezes_time_and_messages() -> None:
    campaign = cast.publish(cast.mail(), cast.wait())
    elena, dario, chiara = cast.person(), cast.person("Dario"), cast.person("Chiara")
    waiting = cast.enter(campaign, elena)
    cast.work()
    cast.settle(Message.objects.get().pk)
    cast.work()
    before = cast.run(waiting).due_at
    sending = cast.enter(campaign, dario)
    cast.work()
    due = cast.enter(campaign, chiara)
    pause(campaign)
    assert runner.tick() == 0  # even before anything is frozen
    cast.work()
    assert {cast.run(each).held_from for each in (waiting, sending, due)} == {"waiting", "in_effect", "due"}
    message = Message.objects.get(run_id=sending)
    assert (message.state, message.reason) == ("planned", "paused")
    cast.later(days=5)
    cast.work()
    assert set(Enrolment.objects.values_list("state", flat=True)) == {"held"}
    resume(campaign)
    cast.work()
    assert cast.run(waiting).state == "waiting"
    moved = cast.run(waiting).due_at - before
    assert abs(moved - timedelta(days=5)) < timedelta(seconds=30)
    message.refresh_from_db()
    assert message.state == "due"
    assert message.expires_at - clock.now() > timedelta(hours=23)
    assert cast.run(due).state == "in_effect"


def test_a_pause_that_is_lifted_before_all_are_frozen_moves_everybody_the_same() -> None:
    campaign = cast.publish(cast.wait())
    contacts = cast.people(30)
    for each in contacts:
        cast.enter(campaign, each)
    cast.work()
    before = dict(Enrolment.objects.values_list("pk", "due_at"))
    pause(campaign)
    sweeps.tick(10)  # a third is frozen
    cast.later(days=3)
    resume(campaign)
    assert runner.tick() == 0  # whoever is not frozen yet is not late either
    cast.work()
    after = dict(Enrolment.objects.values_list("pk", "due_at"))
    spans = {round((after[run] - before[run]).total_seconds() / 3600) for run in before}
    assert spans == {72}
    assert set(Enrolment.objects.values_list("state", flat=True)) == {"waiting"}


def test_a_second_pause_keeps_the_first_moment_of_those_still_frozen() -> None:
    campaign = cast.publish(cast.wait())
    for each in cast.people(20):
        cast.enter(campaign, each)
    cast.work()
    before = dict(Enrolment.objects.values_list("pk", "due_at"))
    pause(campaign)
    cast.work()
    cast.later(days=1)
    resume(campaign)
    sweeps.tick(5)  # five are let go
    pause(campaign)
    cast.work()
    cast.later(days=1)
    resume(campaign)
    cast.work()
    after = dict(Enrolment.objects.values_list("pk", "due_at"))
    spans = {round((after[run] - before[run]).total_seconds() / 3600) for run in before}
    assert spans == {48}


def test_what_is_frozen_costs_a_tick_nothing() -> None:
    campaign = cast.publish(cast.wait())
    for each in cast.people(20):
        cast.enter(campaign, each)
    pause(campaign)
    cast.work()
    assert (sweeps.pending(), runner.pending(), sweeps.tick()) == (0, 0, 0)


# --- finish and stop -----------------------------------------------------------------------------------


def test_a_finished_campaign_lets_those_inside_go_on() -> None:
    campaign, elena = cast.publish(cast.wait()), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    lifecycle.finish(campaign, actor=cast.ADA, now=clock.now())
    cast.later(days=2, minutes=1)
    cast.work()
    assert cast.run(run).outcome == "completed"


def test_stopping_ends_everybody_and_calls_back_what_has_not_left() -> None:
    campaign = cast.publish(cast.mail(), **{**cast.CART, "entry": [*cast.CART["entry"], {"type": "manual"}]})
    for each in cast.people(25):
        cast.enter(campaign, each)
    cast.work()
    cast.happen(cast.person("Chiara"), "Cart Updated", cart_id="c9")
    cast.react()
    lifecycle.stop(campaign, actor=cast.ADA, now=clock.now())
    assert set(cast.messages(campaign)) == {("cancelled", "recalled")}
    assert not PendingEntry.objects.exists()
    while sweeps.tick(10):
        pass
    assert set(Enrolment.objects.values_list("state", "outcome")) == {("done", "stopped")}
    cast.work()
    assert set(Enrolment.objects.values_list("state", "outcome")) == {("done", "stopped")}
