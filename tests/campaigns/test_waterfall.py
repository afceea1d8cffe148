"""Everybody is somewhere: the numbers of a campaign come out, have their people, and notice a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from campaigns import lifecycle, waterfall
from campaigns.models import Campaign, Enrolment
from channels.models import Message
from crm import clock, registry
from crm.errors import Problem
from crm.models import Contact
from tests.campaigns import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    """Forty people: some are refused, held out, without address, waiting, done, converted."""
    cast.at_noon()
    contacts = [*cast.people(34), *cast.people(6, addresses=False)]
    Contact.objects.filter(pk__in=[each.pk for each in contacts[:4]]).update(country="FR")
    spanish = {"none": [{"f": "contact.country", "op": "is", "v": "FR"}]}
    entry = {"type": "segment", "segment": str(cast.segment(contacts).pk), "mode": "current"}
    made = cast.publish(
        cast.mail(),
        cast.wait(),
        entry=[entry, {"type": "manual"}],
        eligibility=spanish,
        holdout_pct=25,
        **cast.BOUGHT_IS_THE_END,
    )
    cast.work()
    for message in Message.objects.filter(state="due").order_by("id")[:10]:
        cast.settle(message.pk)
    for contact in contacts[10:13]:
        cast.order(contact)
    cast.work()
    cast.refused(made, contacts[20])  # inside already: entered is what counts
    lifecycle.pause(made, actor=cast.ADA, now=clock.now())
    cast.refused(made, cast.person("Late"))
    return made


def test_the_numbers_come_out(campaign: Campaign) -> None:
    found = waterfall.of(campaign)
    assert found["differences"] == {"candidates": 0, "messages": 0, "runs": 0}
    assert found["difference"] == 0
    assert (found["audience"], found["entered"]) == (41, 36)
    assert found["not_entered"] == {"eligibility": 4, "paused": 1}
    assert found["planned"] == 36
    assert (
        found["skipped"]["no_address"]
        + found["skipped"]["holdout_campaign"]
        + found["waiting"]
        + found["skipped"].get("recalled", 0)
        == 36
    )
    assert found["held_out"] == found["skipped"]["holdout_campaign"] > 0
    assert found["converted"] == 3
    assert found["runs"]["entered"] == 36
    assert found["runs"]["outcomes"] == {"converted": 3}


def test_each_number_has_its_list_of_people(campaign: Campaign) -> None:
    found = waterfall.of(campaign)
    plain = {name: found[name] for name in ("audience", "entered", "planned", "waiting", "held_out", "converted")}
    labelled = {f"{name}.{key}": n for name in ("not_entered", "sent", "skipped") for key, n in found[name].items()}
    runs = {f"runs.outcomes.{key}": n for key, n in found["runs"]["outcomes"].items()}
    runs |= {f"runs.active.{key}": n for key, n in found["runs"]["active"].items()}
    for number, count in (plain | labelled | runs | {"runs.entered": 36}).items():
        assert len(waterfall.people(campaign, number)) == count, number
    first = waterfall.people(campaign, "audience", limit=10)
    rest = waterfall.people(campaign, "audience", after=first[-1])
    assert first + rest == waterfall.people(campaign, "audience")
    refused = Contact.objects.filter(country="FR").order_by("id").values_list("id", flat=True)
    assert waterfall.people(campaign, "not_entered.eligibility") == list(refused)


def test_an_unknown_number_is_refused_with_the_known_ones(campaign: Campaign) -> None:
    with pytest.raises(Problem) as refused:
        waterfall.people(campaign, "lucky")
    assert "not_entered" in refused.value.detail


LOSSES = {
    "a run": "DELETE FROM campaigns_enrolment WHERE id = (SELECT max(id) FROM campaigns_enrolment)",
    "a message": "DELETE FROM channels_message WHERE id = (SELECT max(id) FROM channels_message)",
    "a refusal": """DELETE FROM campaigns_refusal WHERE id =
                    (SELECT min(id) FROM campaigns_refusal WHERE reason = 'eligibility')""",
    "a candidate": "DELETE FROM campaigns_candidate WHERE id = (SELECT max(id) FROM campaigns_candidate)",
    "a planned visit": """DELETE FROM campaigns_visit WHERE id =
                          (SELECT max(id) FROM campaigns_visit WHERE reason = 'planned')""",
    "a beginning": """DELETE FROM campaigns_visit WHERE id =
                      (SELECT max(id) FROM campaigns_visit WHERE reason = 'entered')""",
}


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.rowcount == 1


@pytest.mark.parametrize("loss", LOSSES)
def test_one_row_that_is_lost_shows(campaign: Campaign, loss: str) -> None:
    execute(LOSSES[loss])
    assert waterfall.of(campaign)["difference"] != 0
    assert rows("I12")


# --- the ledger -------------------------------------------------------------------------------------


def rows(name: str) -> list[tuple[Any, ...]]:
    """What `verify_ledger` would show for one promise."""
    promise = registry.invariants.get(name)
    assert promise
    if promise.rows:
        return promise.rows()
    with connection.cursor() as cursor:
        # As `verify_ledger` does: without parameters a per cent sign is one.
        cursor.execute(promise.sql, promise.params or None)
        return list(cursor.fetchall())


def test_the_promises_of_campaigns_hold(campaign: Campaign) -> None:
    cast.work()
    for name in ("I5", "I12", "I13", "I15", "I16"):
        assert rows(name) == [], name


def _drop(sql: str) -> Callable[[], None]:
    return lambda: execute(sql)


def _unfrozen(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE campaigns_version DISABLE TRIGGER version_frozen")
        cursor.execute(sql)
        cursor.execute("ALTER TABLE campaigns_version ENABLE TRIGGER version_frozen")


def _second_run(lane: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX enrolment_one_active")
        cursor.execute(
            """INSERT INTO campaigns_enrolment (campaign_id, version_id, contact_id, key, lane, state, due_at,
                                                entry_occurred_at, entered_at)
               SELECT campaign_id, version_id, contact_id, 'again', %s, 'due', entered_at, entered_at, entered_at
               FROM campaigns_enrolment WHERE state <> 'done' ORDER BY id LIMIT 1""",
            [lane],
        )


def _without_the_check(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_enrolment DROP CONSTRAINT enrolment_one_cause")
        cursor.execute(sql)


ONE = "(SELECT min(id) FROM campaigns_enrolment WHERE state = 'in_effect')"
BROKEN: dict[str, tuple[str, Callable[[], None], str]] = {
    "a message that was planned": ("I5", _drop(LOSSES["a message"]), "planned, and no message"),
    "a person who was considered": ("I5", _drop(LOSSES["a run"]), "neither entered nor refused"),
    "a changed version": (
        "I13",
        lambda: _unfrozen("""UPDATE campaigns_version SET document = document || '{"name": "Other"}'"""),
        "version",
    ),
    "other words in a version": (
        "I13", lambda: _unfrozen("""UPDATE campaigns_version SET contents = '{"e1": 999}'"""), "version",
    ),
    "a second run in the lane": ("I15", lambda: _second_run(""), "campaign"),
    "a second run in another lane": ("I15", lambda: _second_run("sideways"), "campaign"),
    "a message that is not there": (
        "I16", _drop(f"UPDATE campaigns_enrolment SET message_id = 999999999 WHERE id = {ONE}"), "not there",
    ),
    "a message that is settled": (
        "I16",
        _drop(f"""UPDATE channels_message SET settled_at = clock_timestamp()
                  WHERE id = (SELECT message_id FROM campaigns_enrolment WHERE id = {ONE})"""),
        "is settled",
    ),
    "an ear without a wait": (
        "I16",
        _drop(f"""INSERT INTO campaigns_subscription (run_id, contact_id, event_name, branch, port, since)
                  SELECT id, contact_id, 'Product Viewed', 0, 'came', entered_at
                  FROM campaigns_enrolment WHERE id = {ONE}"""),
        "listens",
    ),
    "a run with two causes": (
        "I16",
        lambda: _without_the_check(f"UPDATE campaigns_enrolment SET due_at = entered_at WHERE id = {ONE}"),
        "one cause",
    ),
    "a frozen run in a live campaign": (
        "I16",
        _drop(f"""UPDATE campaigns_enrolment SET state = 'held', held_from = 'in_effect', held_at = entered_at
                  WHERE id = {ONE}"""),
        "frozen",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_promise_notices_when_it_is_broken(name: str) -> None:
    cast.at_noon()
    campaign = cast.publish(cast.mail(), cast.wait(), entry=[{"type": "manual"}])
    for contact in [*cast.people(5, addresses=False), *cast.people(5)]:
        cast.enter(campaign, contact)
    cast.work()
    promise, do, shown = BROKEN[name]
    assert rows(promise) == []
    do()
    found = rows(promise)
    assert found
    assert any(shown in str(cell) for row in found for cell in row)


def test_a_run_left_behind_by_a_stopped_campaign_shows() -> None:
    cast.at_noon()
    campaign = cast.publish(cast.wait())
    run = cast.enter(campaign, cast.people(1)[0])
    cast.work()
    Campaign.objects.filter(pk=campaign.pk).update(state="stopped")
    assert rows("I16") == [(f"run {run}", "goes on, and its campaign is over")]


def test_the_view_of_runs_reads_like_the_table() -> None:
    cast.at_noon()
    campaign = cast.publish(cast.wait())
    run = cast.enter(campaign, cast.people(1)[0])
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, version, state FROM v_enrolment")
        assert cursor.fetchall() == [(run, 1, "due")]
    assert Enrolment.objects.count() == 1
