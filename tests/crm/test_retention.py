"""What has had its time goes, what has not stays, and looking takes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels.models import Account, Attempt, Inbound, Message, SandboxMessage
from crm import capture, clock, registry, retained, retention, timeline, workspace
from crm.errors import Problem
from crm.identity import merging
from crm.models import (
    Address,
    AuditEntry,
    Confirmation,
    Contact,
    Erasure,
    EventKey,
    ExportJob,
    IdempotencyRecord,
    Invitation,
    RetentionRun,
    Segment,
    SegmentMember,
    User,
    Workspace,
)
from crm.rights import erasure
from tests.crm.people import come, email, say

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Make = Callable[[datetime], Any]


def _invite(at: datetime) -> Any:
    luis = User.objects.filter(email="luis@example.com").first() or User.objects.create_user("luis@example.com", "-")
    return Invitation.objects.create(
        invited_by=luis, email=f"{at:%Y%m%d}@example.com", role="marketer", token_hash=f"{at:%Y%m%d}",
        created_at=at, expires_at=at,
    )  # fmt: skip


def _sandbox(at: datetime) -> Any:
    return SandboxMessage.objects.create(channel="email", recipient="elena@example.com", at=at)


def _inbound(at: datetime) -> Any:
    account = Account.objects.first() or Account.objects.create(channel="email", carrier="sandbox", name="Sandbox")
    return Inbound.objects.create(
        account=account, event_id=f"{at:%Y%m%d}", payload={"to": "elena@example.com"}, received_at=at, processed_at=at
    )


def _answer(at: datetime) -> Any:
    row = IdempotencyRecord.objects.create(actor="key:1", route="contacts", key=f"{at:%Y%m%d}", request_hash="")
    IdempotencyRecord.objects.filter(pk=row.pk).update(created_at=at)
    return row


def _event_key(at: datetime) -> Any:
    return EventKey.objects.create(event_id=f"e{at:%Y%m%d}", event=int(f"{at:%Y%m%d}"), occurred_at=at)


def _download(at: datetime) -> Any:
    return ExportJob.objects.create(
        what="contacts", form="csv", name="x", state="ready", path="x.csv", asked_at=at, expires_at=at + DAY
    )


MADE: dict[str, Make] = {
    "invitations": _invite, "sandbox": _sandbox, "inbound": _inbound, "answers": _answer, "event_keys": _event_key,
}  # fmt: skip


@pytest.mark.parametrize("key", MADE)
def test_what_is_old_goes_and_what_is_young_stays(key: str) -> None:
    now = clock.now()
    days = timedelta(days=retention.days(key))
    old, young = MADE[key](now - days - DAY), MADE[key](now - days + DAY)
    looked = retention.look(key, actor="user:1", now=now)
    assert (looked.removed, looked.dry) == (1, True)
    assert type(old).objects.filter(pk__in=[old.pk, young.pk]).count() == 2, "looking takes nothing"
    swept = retention.sweep(key, actor="user:1", now=now)
    assert (swept.removed, swept.trouble, swept.days) == (1, "", retention.days(key))
    assert [row.pk for row in type(old).objects.filter(pk__in=[old.pk, young.pk])] == [young.pk]
    assert AuditEntry.objects.filter(action="retention.sweep", subject=f"retention:{key}").count() == 1
    assert retention.look(key, actor="user:1", now=now).removed == 0


def test_a_download_that_nobody_fetched_goes() -> None:
    now = clock.now()
    old, young = _download(now - 2 * DAY), _download(now)
    assert retention.look("downloads", actor="x", now=now).removed == 1
    retention.sweep("downloads", actor="x", now=now)
    assert set(ExportJob.objects.values_list("pk", "state")) == {(old.pk, "gone"), (young.pk, "ready")}


def test_words_of_old_messages_go_and_that_they_went_stays() -> None:
    now = clock.now()
    elena = come(now, email("elena@example.com"))
    old, young = (
        Message.objects.create(
            contact_id=elena, channel="email", state="blocked", due_at=at, settled_at=at, created_at=at, slots={"a": 1}
        )
        for at in (now - 401 * DAY, now - 399 * DAY)
    )
    assert retention.look("words", actor="x", now=now).removed == 1
    assert retention.sweep("words", actor="x", now=now).removed == 1
    assert dict(Message.objects.values_list("pk", "slots")) == {old.pk: None, young.pk: {"a": 1}}


def test_what_a_carrier_answered_long_ago_goes_and_how_it_ended_stays() -> None:
    now = clock.now()
    elena = come(now, email("elena@example.com"))
    message = Message.objects.create(contact_id=elena, channel="email", state="blocked", due_at=now)
    account = Account.objects.first() or Account.objects.create(channel="email", carrier="sandbox", name="Sandbox")
    for n, at in ((1, now - 401 * DAY), (2, now - 399 * DAY)):
        Attempt.objects.create(
            message=message, n=n, account=account, started_at=at, outcome="dead", code="550",
            detail="550 no elena@example.com here",
        )  # fmt: skip
    assert retention.look("attempts", actor="x", now=now).removed == 1
    assert retention.sweep("attempts", actor="x", now=now).removed == 1
    assert list(Attempt.objects.order_by("n").values_list("outcome", "code", "detail")) == [
        ("dead", "550", ""),
        ("dead", "550", "550 no elena@example.com here"),
    ]
    assert retention.sweep("attempts", actor="x", now=now).removed == 0


def test_where_a_sign_up_came_from_is_forgotten_after_a_month() -> None:
    now = clock.now()
    elena = come(now, email("elena@example.com"))
    for age in (31, 29):
        Confirmation.objects.create(
            contact_id=elena, address=Address.objects.get(), channel="email", ip_hash=f"h{age}",
            asked_at=now - age * DAY, valid_until=now,
        )  # fmt: skip
    assert retention.look("askers", actor="x", now=now).removed == 1
    assert retention.sweep("askers", actor="x", now=now).removed == 1
    assert set(Confirmation.objects.values_list("ip_hash", flat=True)) == {"", "h29"}


def test_how_a_merge_looked_goes_after_its_month() -> None:
    now = clock.now()
    elena, twin = come(now, email("elena@example.com")), come(now, email("helena@example.com"))
    merging.merge(elena, twin, {}, actor="user:1", now=now)
    assert retention.look("merges", actor="x", now=now + 29 * DAY).removed == 0
    assert retention.look("merges", actor="x", now=now + 31 * DAY).removed > 0


def test_prospects_are_kept_until_ada_says_so_and_then_erased() -> None:
    now = clock.now()
    names = ("silent", "bought", "said", "came", "young")
    people = {name: come(now - 1_200 * DAY, email(f"{name}@example.com")) for name in names}
    Contact.objects.exclude(pk=people["young"]).update(created_at=now - 1_200 * DAY)
    Contact.objects.filter(pk=people["young"]).update(created_at=now)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_event")
    order = {"order_id": "1", "total": {"amount": "10.00", "currency": "EUR"}}
    bought = {"name": "Order Completed", "occurred_at": (now - 1_190 * DAY).isoformat(), "properties": order}
    capture.receive([capture.Arrival({"email": "bought@example.com"}, events=[bought])], now=now)
    say(now, people["said"], "refused", channel="email")
    capture.receive([capture.Arrival({"email": "came@example.com"}, events=[{"name": "Page Viewed"}])], now=now)
    assert retention.look("prospects", actor="x", now=now).removed == 0, "for ever, until somebody says otherwise"
    retention.choose("prospects", 1_095, actor="user:1")
    workspace.forget()
    assert retention.look("prospects", actor="x", now=now).removed == 1
    assert retention.sweep("prospects", actor="x", now=now).removed == 1
    assert erasure.work() == 1
    assert [row.contact_id for row in Erasure.objects.all()] == [people["silent"]]
    assert Contact.objects.get(pk=people["silent"]).erased_at is not None
    assert Contact.objects.filter(erased_at=None).count() == 4


def test_a_machine_that_opens_every_mail_keeps_nobody() -> None:
    """Nor does what we write down about them ourselves; a click of theirs does."""
    now = clock.now()
    told: dict[str, dict[str, Any]] = {
        "machine": {"name": "Message Opened", "properties": {"machine": True}},
        "ours": {"name": "Segment Entered", "properties": {}},
        "sent": {"name": "Message Sent", "properties": {}},
        "elena": {"name": "Message Clicked", "properties": {"machine": False}},
    }
    people = {name: come(now - 1_200 * DAY, email(f"{name}@example.com")) for name in told}
    Contact.objects.update(created_at=now - 1_200 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_event")
    facts = [timeline.NewFact(people[who], fact["name"], fact["properties"], now - DAY) for who, fact in told.items()]
    timeline.record(facts, now=now)
    before = now - 1_095 * DAY
    assert set(retained.silent(before, 10)) == {people["machine"], people["ours"], people["sent"]}


def test_whoever_comes_back_while_others_are_erased_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    people = [come(now - 1_200 * DAY, email(f"{name}@example.com")) for name in ("anna", "elena", "marta")]
    Contact.objects.update(created_at=now - 1_200 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_event")
    monkeypatch.setattr(retained, "FEW", 1)
    retention.choose("prospects", 1_095, actor="user:1")
    workspace.forget()
    asked = erasure.ask

    def elena_clicks(contact_id: int, **how: Any) -> Erasure:
        done = asked(contact_id, **how)
        timeline.record([timeline.NewFact(people[1], "Page Viewed", {}, now)], now=now)
        return done

    monkeypatch.setattr(erasure, "ask", elena_clicks)
    assert retention.sweep("prospects", actor="x", now=now).removed == 2
    assert set(Erasure.objects.values_list("contact_id", flat=True)) == {people[0], people[2]}


def test_choosing_for_ever_stops_a_sweep_and_takes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    _invite(now - 40 * DAY)
    young = _invite(now - 2 * DAY)
    assert retention.sweep("invitations", actor="x", now=now, seconds=0.0).trouble == retention.UNDER_WAY
    stuck = RetentionRun.objects.get()
    retention.choose("invitations", 0, actor="user:1")
    workspace.forget()
    assert retention.pending() == 0
    # Even where the mark of the sweep is still there.
    RetentionRun.objects.filter(pk=stuck.pk).update(trouble=retention.UNDER_WAY)
    assert retention.sweep("invitations", actor="x", now=now).removed == 0
    assert Invitation.objects.count() == 2
    assert Invitation.objects.filter(pk=young.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_holds_is_left_for_the_next_sweep() -> None:
    now = clock.now()
    held, free = _sandbox(now - 500 * DAY), _sandbox(now - 500 * DAY)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM channels_sandboxmessage WHERE id = %s FOR UPDATE", [held.pk])
        assert retention.sweep("sandbox", actor="x", now=now).removed == 1, "it does not wait"
        assert list(SandboxMessage.objects.filter(pk__in=[held.pk, free.pk])) == [held]
        other.rollback()
    finally:
        other.close()
    assert retention.sweep("sandbox", actor="x", now=now).removed == 1


def test_a_count_that_takes_too_long_is_refused_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(before: datetime, limit: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return 1

    rule = registry.retention.get("sandbox")
    monkeypatch.setitem(registry.retention._items, "sandbox", (1, retention.Kept(**{**rule.__dict__, "count": slow})))
    with pytest.raises(Problem, match="--dry-run"):
        retention.look("sandbox", actor="x", now=clock.now(), milliseconds=50)
    assert not RetentionRun.objects.exists()


@pytest.mark.parametrize(
    ("key", "days"), [("sandbox", 4_000), ("answers", 8), ("receipts", 10), ("prospects", 30), ("nothing", 1)]
)
def test_what_cannot_be_is_refused(key: str, days: int) -> None:
    with pytest.raises(Problem):
        retention.choose(key, days, actor="user:1")
    assert Workspace.objects.filter(only=True).exclude(retention={}).count() == 0


def test_a_sweep_that_was_cut_short_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(retention, "BATCH", 2)
    for day in range(5):
        _invite(now - timedelta(days=40 + day))
    first = retention.sweep("invitations", actor="x", now=now, seconds=0.0)
    assert (first.removed, first.trouble) == (0, retention.UNDER_WAY)
    assert retention.pending() == 1
    done = retention.sweep("invitations", actor="x", now=now)
    assert (done.pk, done.removed, done.trouble) == (first.pk, 5, "")
    assert retention.pending() == 0


def test_a_broom_that_breaks_says_so_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    _invite(now - 40 * DAY)

    def breaks(before: datetime, limit: int) -> int:
        raise DatabaseError

    rule = registry.retention.get("sandbox")
    monkeypatch.setitem(registry.retention._items, "sandbox", (1, retention.Kept(**{**rule.__dict__, "clean": breaks})))
    assert retention.work() == 1
    assert RetentionRun.objects.get(key="sandbox").trouble == retention.FAILED
    assert RetentionRun.objects.get(key="invitations").removed == 1
    assert retention.work() == 0, "once a day is enough"


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada@example.com", "-", name="Ada"))
    return client


def test_ada_looks_changes_and_sweeps(office: Client) -> None:
    now = clock.now()
    _sandbox(now - 50 * DAY)
    url = reverse("crm:retention")
    with CaptureQueriesContext(connection) as asked:
        page = office.get(url).content.decode()
    assert len(asked) < 15
    assert "Messages of the sandbox" in page
    assert "Sweep now: Messages of the sandbox" in page
    assert "Sweep now: Consent receipts" not in page, "nobody sweeps the proof"
    assert SandboxMessage.objects.count() == 1, "a page that is looked at sweeps nothing"
    assert office.post(reverse("crm:retention-change", args=["sandbox"]), {"days": "40"}).status_code == 302
    wrong = office.post(reverse("crm:retention-change", args=["sandbox"]), {"days": "a lot"})
    assert wrong.status_code == 422
    assert "a lot" in wrong.content.decode()
    assert office.post(reverse("crm:retention-run", args=["sandbox"]), {"dry": "1"}).status_code == 302
    assert SandboxMessage.objects.count() == 1
    assert [line.looked.removed for line in retention.lines() if line.looked] == [1]
    assert office.post(reverse("crm:retention-run", args=["sandbox"])).status_code == 302
    assert SandboxMessage.objects.count() == 0
    assert not any(line.looked for line in retention.lines()), "what was seen before is over"
    assert "Somebody of the team" in office.get(url).content.decode()
    assert office.get(reverse("crm:retention-run", args=["sandbox"])).status_code == 405


def test_erasing_the_silent_is_asked_once_more_and_they_can_be_listed_before(office: Client) -> None:
    now = clock.now()
    elena, _young = come(now, email("elena@example.com")), come(now, email("young@example.com"))
    Contact.objects.filter(pk=elena).update(created_at=now - 1_050 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_event")
    retention.choose("prospects", 1_095, actor="user:1")
    workspace.forget()
    assert retention.look("prospects", actor="x", now=now).removed == 0, "in 45 days"
    listed = office.post(reverse("crm:retention-soon"))
    made = Segment.objects.get()
    assert listed["Location"] == reverse("crm:segment", args=[made.pk])
    assert list(SegmentMember.objects.filter(segment=made).values_list("contact_id", flat=True)) == [elena]
    Contact.objects.filter(pk=elena).update(created_at=now - 1_100 * DAY)
    run = reverse("crm:retention-run", args=["prospects"])
    refused = office.post(run, follow=True).content.decode()
    assert "has to be confirmed" in refused
    assert "Erase now…" in refused
    assert not Erasure.objects.exists()
    office.post(run, {"sure": "1"})
    assert Erasure.objects.get().contact_id == elena
    assert "Nobody is due" in office.post(reverse("crm:retention-soon"), follow=True).content.decode()


def test_an_operator_sees_all_classes_by_command() -> None:
    _invite(clock.now() - 40 * DAY)
    out = StringIO()
    call_command("retention", "--dry-run", stdout=out)
    assert "invitations  kept 30 days           1 would go" in out.getvalue()
    assert Invitation.objects.count() == 1
    call_command("retention", "--class", "invitations", stdout=out)
    assert Invitation.objects.count() == 0
    with pytest.raises(CommandError, match="no such class"):
        call_command("retention", "--class", "nonsense")
