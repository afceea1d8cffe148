"""Who enters, who does not, and why; one run at a time where a campaign says so."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import audience, chance, lifecycle, plans, runs
from campaigns.audience import Candidate
from campaigns.models import Arm, Enrolment, PendingEntry, Refusal, RefusalCount
from crm import clock, workspace
from crm.models import Contact, Workspace
from tests.campaigns import cast

pytestmark = pytest.mark.django_db
ONCE = [{"type": "manual"}]


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()


def enter(campaign: object, *contacts: Contact) -> list[audience.Verdict]:
    door = plans.door(campaign.pk, clock.now())  # type: ignore[attr-defined]
    assert door
    entry = door.version.plan.entries[0]
    now = clock.now()
    return audience.enter(door, [Candidate(each.pk, entry, now) for each in contacts], now)


def test_elena_enters_once_and_is_told_why_not_again() -> None:
    campaign, elena = cast.publish(cast.mail(), entry=ONCE), cast.person()
    run = cast.enter(campaign, elena)
    assert cast.refused(campaign, elena) == "already_inside"
    runs.end([(run, "completed")], clock.now())
    assert cast.refused(campaign, elena) == "reentry_never"
    assert cast.reasons(campaign) == ["already_inside", "reentry_never"]


def test_she_may_come_back_after_her_exit_but_not_too_soon() -> None:
    soon = [{"type": "manual", "reentry": {"after": {"value": 7, "unit": "days"}, "times": 2}}]
    campaign, elena = cast.publish(cast.mail(), entry=soon), cast.person()
    for expected in ("reentry_too_soon", "entry_cap"):
        runs.end([(cast.enter(campaign, elena), "completed")], clock.now())
        if expected == "entry_cap":
            cast.later(days=7)
        assert cast.refused(campaign, elena) == expected
        cast.later(days=7)
    assert [row.entry_seq for row in Enrolment.objects.order_by("id")] == [1, 2]


def test_two_carts_are_two_runs_and_the_same_cart_is_seen() -> None:
    keyed = [{"type": "manual", "reentry": "every_key"}, *cast.CART["entry"]]
    campaign, elena = cast.publish(cast.mail(), entry=keyed), cast.person()
    first, second = cast.enter(campaign, elena, "c1"), cast.enter(campaign, elena, "c2")
    assert first != second
    assert cast.refused(campaign, elena, "c1") == "already_inside"
    runs.end([(first, "completed")], clock.now())
    assert cast.refused(campaign, elena, "c1") == "key_seen"
    assert {row.lane for row in Enrolment.objects.all()} == {"c1", "c2"}


def test_in_one_batch_the_second_candidate_sees_the_first() -> None:
    campaign, elena = cast.publish(cast.mail()), cast.person()
    first, second = enter(campaign, elena, elena)
    assert first.run_id
    assert (second.run_id, second.reason) == (None, "already_inside")


@pytest.mark.parametrize(("verb", "reason"), [("pause", "paused"), ("finish", "ended"), ("stop", "ended")])
def test_a_closed_campaign_says_that_it_is_closed(verb: str, reason: str) -> None:
    campaign, elena = cast.publish(cast.mail()), cast.person()
    getattr(lifecycle, verb)(campaign, actor=cast.ADA, now=clock.now())
    assert cast.refused(campaign, elena) == reason


def test_a_draft_has_not_started() -> None:
    draft = lifecycle.create(cast.document(cast.mail()), actor=cast.ADA, now=clock.now())
    assert cast.refused(draft, cast.person()) == "not_started"


def test_who_is_not_eligible_is_refused_and_everybody_else_enters() -> None:
    spanish = {"all": [{"f": "contact.country", "op": "is", "v": "ES"}]}
    campaign = cast.publish(cast.mail(), eligibility=spanish)
    elena, dario = cast.people(2)
    Contact.objects.filter(pk=elena.pk).update(country="ES")
    assert [verdict.reason for verdict in enter(campaign, elena, dario)] == ["", "eligibility"]


def test_merged_and_erased_people_do_not_enter() -> None:
    campaign = cast.publish(cast.mail())
    elena, merged, erased, restricted = cast.people(4)
    Contact.objects.filter(pk=merged.pk).update(merged_into=elena)
    Contact.objects.filter(pk=erased.pk).update(archived_at=clock.now())
    Contact.objects.filter(pk=restricted.pk).update(restricted=True)
    said = [verdict.reason for verdict in enter(campaign, elena, merged, erased, restricted)]
    assert said == ["", "merged", "erased", "restricted"]


def test_the_global_holdout_keeps_people_out_unless_the_campaign_does_not_respect_it() -> None:
    Workspace.objects.create(only=True, global_holdout_pct=50)
    workspace.forget()
    contacts = cast.people(40)
    kept = {each.pk for each in contacts if chance.held_out("workspace", str(each.draw), 50)}
    assert 5 < len(kept) < 35
    verdicts = enter(cast.publish(cast.mail()), *contacts)
    out = {contact.pk for contact, v in zip(contacts, verdicts, strict=True) if v.reason == "global_holdout"}
    assert out == kept
    every = enter(cast.publish(cast.mail(), respect_global_holdout=False), *contacts)
    assert all(verdict.run_id for verdict in every)
    workspace.forget()


def test_held_out_people_enter_and_are_marked_by_their_draw() -> None:
    campaign = cast.publish(cast.mail(), holdout_pct=50)
    contacts = cast.people(60)
    enter(campaign, *contacts)
    marked = set(Enrolment.objects.filter(held_out=True).values_list("contact_id", flat=True))
    assert marked == {c.pk for c in contacts if chance.held_out(str(campaign.salt), str(c.draw), 50)}
    assert 10 < len(marked) < 50


def test_entering_asks_the_same_number_of_questions_for_three_and_for_three_hundred() -> None:
    spanish = {"any": [{"f": "contact.country", "op": "is_empty"}, {"f": "contact.country", "op": "is", "v": "ES"}]}
    campaign = cast.publish(cast.mail(), eligibility=spanish)
    enter(campaign, *cast.people(1))
    counts = []
    for size in (3, 300):
        group = cast.people(size)
        with CaptureQueriesContext(connection) as asked:
            enter(campaign, *group)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert counts[0] <= 16


def test_the_database_itself_refuses_a_second_active_run() -> None:
    campaign, elena = cast.publish(cast.mail()), cast.person()
    row = Enrolment.objects.get(pk=cast.enter(campaign, elena))
    with pytest.raises(DatabaseError), transaction.atomic():
        Enrolment.objects.create(
            campaign=campaign,
            version_id=row.version_id,
            contact=elena,
            key="other",
            due_at=clock.now(),
            entry_occurred_at=clock.now(),
            entered_at=clock.now(),
        )


def test_the_database_itself_refuses_a_run_with_two_causes() -> None:
    run = cast.enter(cast.publish(cast.mail()), cast.person())
    for change in ({"message_id": 7}, {"due_at": None}, {"outcome": "completed"}, {"state": "held"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Enrolment.objects.filter(pk=run).update(**change)


def test_old_refusals_become_numbers() -> None:
    campaign, elena, dario = cast.publish(cast.mail(), entry=ONCE), cast.person(), cast.person("Dario")
    lifecycle.pause(campaign, actor=cast.ADA, now=clock.now())
    for who in (elena, dario):
        cast.refused(campaign, who)
    cast.later(days=91)
    cast.refused(campaign, dario)  # again: the last time counts
    assert audience.fold(clock.now()) == 1
    assert [(row.reason, row.n) for row in RefusalCount.objects.all()] == [("paused", 1)]
    assert [row.contact_id for row in Refusal.objects.all()] == [dario.pk]


def test_when_two_contacts_become_one_the_older_run_stays() -> None:
    from campaigns import joining

    campaign, elena, ghost = cast.publish(cast.mail()), cast.person(), cast.person("Ghost")
    older = cast.enter(campaign, ghost)
    cast.later(minutes=5)
    newer = cast.enter(campaign, elena)
    for each in (elena, ghost):
        Arm.objects.create(campaign=campaign, step="s", contact=each, lane="a")
        PendingEntry.objects.create(
            campaign=campaign,
            entry_index=0,
            contact=each,
            key="",
            event=1,
            entry={},
            occurred_at=clock.now(),
            due_at=clock.now(),
        )
    joining.solve([(ghost.pk, elena.pk)])
    with connection.cursor() as cursor:
        for table in ("enrolment", "arm", "pendingentry", "candidate", "refusal"):
            cursor.execute(f"UPDATE campaigns_{table} SET contact_id = %s WHERE contact_id = %s", [elena.pk, ghost.pk])
    assert cast.run(newer).outcome == "merged"
    assert cast.run(older).state == "due"
    assert sorted(Enrolment.objects.values_list("contact_id", "entry_seq")) == [(elena.pk, 1), (elena.pk, 2)]
