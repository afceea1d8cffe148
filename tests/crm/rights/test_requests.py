"""Elena, Marta and Dario ask about their data; Ada answers in time, and everything is written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics import home
from crm import clock, history, publicids
from crm.errors import Problem
from crm.identity import merging
from crm.models import AuditEntry, Contact, Event, ExportJob, Membership, RightsRequest, User
from crm.rights import requests
from tests.crm.people import come, email, phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def elena(now: datetime) -> int:
    clock.set_to(now)
    return come(now, email("elena@example.com"), given_name="Elena", family_name="García")


@pytest.fixture
def office(client: Client, now: datetime) -> Client:
    clock.set_to(now)
    user = User.objects.create_user("ada@example.com", "-", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    client.force_login(user)
    return client


def ask(contact: int, kind: str, now: datetime, **more: Any) -> RightsRequest:
    return requests.ask(contact, kind, via="office", actor="user:1", now=now, **more)


# --- until when ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "until"),
    [
        ((2026, 3, 10, 12), (2026, 4, 10)),
        ((2026, 1, 31, 12), (2026, 2, 28)),
        ((2028, 1, 31, 12), (2028, 2, 29)),
        ((2026, 12, 5, 12), (2027, 1, 5)),
        # In Madrid it is the next day already.
        ((2026, 3, 10, 23, 30), (2026, 4, 11)),
    ],
)  # fmt: skip
def test_a_month_is_the_same_day_of_the_next_one(asked: tuple[int, ...], until: tuple[int, int, int]) -> None:
    found = requests.due(datetime(*asked, tzinfo=UTC), "Europe/Madrid")  # type: ignore[misc, arg-type]
    from zoneinfo import ZoneInfo

    local = found.astimezone(ZoneInfo("Europe/Madrid"))
    assert (local.year, local.month, local.day) == until
    assert (local.hour, local.minute) == (23, 59)


# --- asking and answering ------------------------------------------------------------------------------


def test_what_elena_asks_is_written_down_told_and_audited(elena: int, now: datetime) -> None:
    row = ask(elena, "restriction", now, words="Until it is clear")
    assert (row.state, row.via, row.words) == ("open", "office", "Until it is clear")
    (fact,) = Event.objects.filter(contact=elena, name="Rights Requested")
    assert fact.properties == {"kind": "restriction", "via": "office"}
    titles = [entry.title for _, entries in history.timeline(elena).days for entry in entries]
    assert "Asked: to limit the use of their data" in titles
    entry = AuditEntry.objects.get(action="rights.ask")
    assert (entry.actor, entry.subject) == ("user:1", publicids.encode("ctc", elena))
    requests.settle(row.pk, answer="Restricted on the 11th, told by phone", actor="user:2", now=now)
    row.refresh_from_db()
    assert (row.state, row.settled_by, row.settled_at) == ("done", "user:2", now)
    assert AuditEntry.objects.filter(action="rights.settle", actor="user:2").count() == 1


def test_the_same_is_open_once_and_may_be_asked_again_when_it_was_answered(elena: int, now: datetime) -> None:
    first = ask(elena, "erasure", now)
    with pytest.raises(Problem, match="asked before"):
        ask(elena, "erasure", now)
    ask(elena, "access", now)
    requests.refuse(first.pk, answer="We need it for your claim", actor="user:1", now=now)
    ask(elena, "erasure", now)
    assert RightsRequest.objects.filter(contact=elena).count() == 3


def test_a_refusal_without_a_reason_is_none_and_nobody_answers_twice(elena: int, now: datetime) -> None:
    row = ask(elena, "erasure", now)
    with pytest.raises(Problem, match="Say why"):
        requests.refuse(row.pk, answer="  ", actor="user:1", now=now)
    requests.settle(row.pk, answer="", actor="user:1", now=now)
    with pytest.raises(Problem, match="answered before"):
        requests.refuse(row.pk, answer="No", actor="user:1", now=now)
    row.refresh_from_db()
    assert row.state == "done"


def test_nothing_is_asked_for_nobody_nor_of_a_kind_there_is_not(elena: int, now: datetime) -> None:
    Contact.objects.filter(pk=elena).update(erased_at=now)
    with pytest.raises(Problem, match="not there any more"):
        ask(elena, "access", now)
    with pytest.raises(Problem, match="not there any more"):
        ask(987_654, "access", now)
    with pytest.raises(Problem, match="is not one of"):
        ask(elena, "party", now)
    assert not RightsRequest.objects.exists()


def test_a_correction_says_what_is_wrong(elena: int, now: datetime) -> None:
    with pytest.raises(Problem, match="to be corrected"):
        ask(elena, "correction", now)
    assert ask(elena, "correction", now, words="I moved").words == "I moved"


def test_two_who_become_one_are_answered_once(elena: int, now: datetime) -> None:
    other = come(now, email("elena.old@example.com"), given_name="Elena")
    ask(elena, "access", now)
    ask(other, "access", now)
    ask(other, "erasure", now)
    merge = merging.merge(elena, other, {}, actor="user:1", now=now)
    kept = RightsRequest.objects.filter(state="open").values_list("contact", "kind")
    assert sorted(kept) == [(elena, "access"), (elena, "erasure")]
    assert ask(other, "correction", now, words="My name").contact_id == elena
    merging.undo(merge, actor="user:1", now=now)
    back = RightsRequest.objects.filter(state="open").exclude(kind="correction").values_list("contact", "kind")
    assert sorted(back) == sorted([(elena, "access"), (other, "access"), (other, "erasure")])


# --- the office -------------------------------------------------------------------------------------------


def test_ada_sees_the_most_urgent_first_and_what_is_overdue(office: Client, elena: int, now: datetime) -> None:
    late = ask(elena, "erasure", now - timedelta(days=40))
    dario = come(now, email("dario@example.com"), given_name="Dario")
    ask(dario, "access", now)
    page = office.get(reverse("crm:rights")).content.decode()
    assert page.index("Elena García") < page.index("Dario")
    assert page.count("overdue") == 1
    office.post(reverse("crm:rights-settle", args=[late.pk]), {"answer": "Erased"})
    page = office.get(reverse("crm:rights")).content.decode()
    assert "overdue" not in page
    assert page.index("Dario") < page.index("Elena García"), "what is answered stands below"


def test_ada_writes_down_what_marta_said_on_the_phone(office: Client, now: datetime) -> None:
    marta = come(now, phone("+34600112233"), given_name="Marta")
    office.post(reverse("crm:rights"), {"contact": "600 112 233", "kind": "correction", "words": "New street"})
    row = RightsRequest.objects.get()
    assert (row.contact_id, row.kind, row.via, row.words) == (marta, "correction", "office", "New street")
    answer = office.post(reverse("crm:rights"), {"contact": "nobody@example.com", "kind": "access"}, follow=True)
    assert "Nobody is known by this." in answer.content.decode()
    answer = office.post(reverse("crm:rights"), {"contact": "+34600112233", "kind": "correction"}, follow=True)
    assert "Say what is to be corrected." in answer.content.decode()
    assert RightsRequest.objects.count() == 1


def test_ada_must_say_why_she_refuses(office: Client, elena: int, now: datetime) -> None:
    row = ask(elena, "erasure", now)
    place = reverse("crm:rights-refuse", args=[row.pk])
    assert "Say why it is refused" in office.post(place, {"answer": ""}, follow=True).content.decode()
    office.post(place, {"answer": "The books"})
    row.refresh_from_db()
    assert (row.state, row.answer) == ("refused", "The books")
    assert office.get(place).status_code == 405


def test_the_list_asks_no_more_for_many(office: Client, elena: int, now: datetime) -> None:
    ask(elena, "access", now)
    office.get(reverse("crm:rights"))
    with CaptureQueriesContext(connection) as few:
        office.get(reverse("crm:rights"))
    for n in range(20):
        who = come(now, email(f"p{n}@example.com"))
        row = ask(who, "access", now)
        if n % 2:
            requests.settle(row.pk, answer="", actor="user:1", now=now)
    with CaptureQueriesContext(connection) as many:
        office.get(reverse("crm:rights"))
    assert len(many) == len(few)


def test_home_names_who_waits_for_an_answer_within_a_week(elena: int, now: datetime) -> None:
    marketer = User.objects.create_user("ada@example.com", "-", name="Ada")
    Membership.objects.create(user=marketer, role="marketer")
    analyst = User.objects.create_user("dario@example.com", "-", name="Dario")
    Membership.objects.create(user=analyst, role="analyst")
    row = ask(elena, "access", now)

    def told(user: User, at: datetime) -> list[str]:
        return [need.title for need in home.needs(user, at, [], []) if need.icon == "shield-check"]

    assert told(marketer, now) == []
    soon = row.due_at - timedelta(days=6)
    assert told(marketer, soon) == ["Elena García asks: a copy of their data"]
    assert told(analyst, soon) == []
    (need,) = [each for each in home.needs(marketer, row.due_at + timedelta(days=1), [], []) if "Elena" in each.title]
    assert need.tone == "bad"
    requests.settle(row.pk, answer="", actor="user:1", now=soon)
    assert told(marketer, soon) == []


# --- the copy, made in the office ---------------------------------------------------------------------------


def test_ada_makes_a_copy_and_nobody_else_takes_it(office: Client, elena: int, tmp_path: Any, settings: Any) -> None:
    from crm import exports

    settings.MEDIA_ROOT = tmp_path
    place = reverse("crm:contact-export", args=[elena])
    assert "data.pdf" in office.get(place).content.decode()
    assert not ExportJob.objects.exists()
    office.post(place)
    assert 'hx-trigger="every 2s"' in office.get(place).content.decode()
    exports.work()
    job = ExportJob.objects.get()
    link = reverse("crm:export-download", args=[job.pk])
    page = office.get(place).content.decode()
    assert link in page
    assert "every 2s" not in page
    answer = office.get(link)
    assert answer["Content-Type"] == "application/zip"
    assert b"".join(answer.streaming_content).startswith(b"PK")  # type: ignore[attr-defined]
    other = Client()
    colleague = User.objects.create_user("marta@example.com", "-", name="Marta")
    Membership.objects.create(user=colleague, role="marketer")
    other.force_login(colleague)
    assert other.get(link).status_code == 404
    assert link not in other.get(place).content.decode()
    clock.advance(timedelta(hours=25))
    assert office.get(link).status_code == 404
