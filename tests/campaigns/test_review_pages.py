"""Before it goes out Ada sees everything at once; after it she can look back, compare and restore."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import drafts, lifecycle, prospects, readiness
from campaigns.models import Campaign, Enrolment, Occurrence, Version
from channels.models import Account, Message
from crm import clock, publicids
from tests.campaigns import cart, cast, office

pytestmark = pytest.mark.django_db
SHORT = {"value": 2, "unit": "hours"}
GOOD = {"holdout_pct": 10, **cast.BOUGHT_IS_THE_END}


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house()


@pytest.fixture
def ada() -> Client:
    return office.at_work()


def sms(text: str = "We kept it", step: str = "m1") -> dict[str, Any]:
    return {"id": step, "type": "send.sms", "config": {"text": text}}


def codes(campaign: Campaign) -> dict[str, bool]:
    """Code -> is it blocking; of the draft and of its people."""
    now, document = clock.now(), campaign.document
    said = prospects.read(document)
    seen = prospects.of(campaign.pk, said, ["email"], now)
    found = readiness.of(campaign, now) + readiness.of_audience(document, seen, [], None, now)
    return {each.code: each.blocking for each in found}


def test_a_campaign_that_is_ready_is_said_to_be(ada: Client) -> None:
    row = office.draft(cast.mail(), **GOOD)
    answer = ada.get(office.at(row, "review/"))
    assert answer.context["blocking"] == []
    page = answer.content.decode()
    assert "Nothing stands in the way" in page
    assert "Publish version 1" in page


# --- ten seeded faults, all found at once ----------------------------------------------------------------


def ten_faults() -> Campaign:
    """1 no subject, 2 no SMS text, 3 no fallback, 4 broken link, 5 unreachable step, 6 no purpose,
    7 a segment that is gone, 8 no postal address, 9 no SMS account, 10 no exit on the goal."""
    office.house(postal_address="")
    from channels import accounts

    accounts.active()
    Account.objects.filter(channel="sms").update(active=False)
    accounts.look_again()
    gone = cast.segment(name="Gone")
    gone.archived_at = clock.now()
    gone.save()
    row = office.draft(
        {"id": "e1", "type": "send.email", "config": {"subject": "", "text": "Hello"}},
        sms("", "m1"),
        {"id": "e2", "type": "send.email", "config": {"subject": "{{ contact.fields.size }}", "text": "x"}},
        {"id": "e3", "type": "send.email", "config": {"subject": "x", "html": '<a href="htp://shop">Shop</a>'}},
        cast.leave("out"),
        cast.mail("never"),
        objective="cart",
        entry=[{"type": "segment", "segment": publicids.encode("seg", gone.pk)}],
        goal={"event": "Order Completed"},
    )
    document = deepcopy(row.document)
    del document["purpose"]
    return drafts.replace(row, document, revision=None, actor=cast.ADA, now=clock.now())


SEEDED = {
    "The e-mail has no subject": "journey/?step=e1&amp;tab=message",
    "The SMS has no words": "journey/?step=m1&amp;tab=message",
    "A value may be empty and has no fallback": "journey/?step=e2&amp;tab=message",
    "A link leads nowhere": "journey/?step=e3&amp;tab=message",
    "Nobody can reach this step": "journey/?step=never",
    "The purpose is missing": "#id_purpose",
    "A segment is no longer there": "#id_entry_segment",
    "People who reached the goal would go on being written to": "#id_exit_events",
    "Your postal address is missing": "/settings/",
    "There is no account that sends: sms": "/settings/",
}


def test_ten_seeded_faults_are_found_at_once_each_with_its_fix(ada: Client) -> None:
    row = ten_faults()
    answer = ada.get(office.at(row, "review/"))
    found = {each["finding"].title: each["fix"] for each in answer.context["blocking"]}
    assert set(SEEDED) <= set(found)
    page = answer.content.decode()
    for title, fix in SEEDED.items():
        assert fix.replace("&amp;", "&") in found[title], title
        assert fix in page, title
    assert "disabled" in page
    answer = ada.post(office.at(row, "publish/"))
    assert answer.status_code == 422
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    ("code", "settings", "steps"),
    [
        ("in_the_past", {"entry": "2026-01-01T10:00"}, [cast.mail()]),
        (
            "quiet_impossible",
            {"entry": "2026-07-01T23:30", "send_expiry": {"value": 2, "unit": "hours"}},
            [cast.mail()],
        ),
        (
            "quiet_impossible",
            {"send_expiry": {"value": 1, "unit": "hours"}},
            [cart.step("wait.until_time", "t", at="22:00"), cast.mail()],
        ),
        ("empty_audience", {"entry": "2026-07-01T10:00"}, [cast.mail()]),
        ("no_weight", {}, [cart.step("split.random", "r", [cart.lane("a", weight=0), cart.lane("b", weight=0)])]),
        ("endless", {}, [cast.mail("a"), cart.step("goto", "g", step="a")]),
    ],
)
def test_more_that_refuses_publication(ada: Client, code: str, settings: dict[str, Any], steps: list[Any]) -> None:
    if isinstance(settings.get("entry"), str):
        dated = {"type": "schedule", "segment": publicids.encode("seg", cast.segment().pk), "at": settings["entry"]}
        settings = {**settings, "entry": [dated]}
    row = office.draft(*steps, **settings)
    assert codes(row)[code]
    assert ada.post(office.at(row, "publish/")).status_code == 422


def test_nobody_who_allows_it_refuses_publication(ada: Client) -> None:
    members = cast.segment(cast.people(3))
    entry = [{"type": "segment", "segment": publicids.encode("seg", members.pk), "mode": "current"}]
    row = office.draft(cast.mail(), entry=entry)
    assert codes(row)["unreachable"]
    answer = ada.post(office.at(row, "publish/"))
    assert answer.status_code == 422
    assert "Nobody may be written to" in answer.content.decode()


def test_advice_does_not_refuse(ada: Client) -> None:
    house = {"cap_messages": 1}
    office.house(**house)
    long = "x" * 170
    row = office.draft(
        {"id": "e1", "type": "send.email", "config": {"subject": "x", "text": f"{long} https://shop.example/"}},
        sms(long),
        entry=[{"type": "event", "event": "Cart Updated"}],
    )
    found = codes(row)
    assert {"no_goal", "no_holdout", "many_parts", "over_limit", "same_text", "example_link", "never_happened"} <= set(
        found
    )
    assert not any(found.values())
    assert ada.post(office.at(row, "publish/")).status_code == 302


def test_people_shared_with_another_campaign_are_said_on_the_page(ada: Client) -> None:
    crowd = cast.people(10)
    cast.allow(crowd, "email")
    other = cast.publish(cast.wait(), name="Black Friday", priority=90)
    for contact in crowd[:4]:
        cast.enter(other, contact)
    entry = [{"type": "segment", "segment": publicids.encode("seg", cast.segment(crowd).pk), "mode": "current"}]
    row = office.draft(cast.mail(), entry=entry, budget=1, **GOOD)
    Account.objects.update_or_create(channel="email", is_default=True, defaults={"carrier": "sandbox", "cost": "1"})
    answer = ada.get(office.at(row, "review/outlook/"))
    page = answer.content.decode()
    assert "4 people are also in Black Friday" in page
    assert "It goes first when the limit is reached." in page
    assert "It will cost more than its budget" in page
    assert answer.context["coming"].messages == {"email": pytest.approx(9)}


# --- publishing ------------------------------------------------------------------------------------------


def test_published_and_taken_back(ada: Client) -> None:
    row = office.draft(cast.mail(), **GOOD)
    page = ada.post(office.at(row, "publish/"), {"revision": 1}, follow=True).content.decode()
    assert "Version 1 is live." in page
    assert office.at(row, "publish/1/undo/") in page
    row.refresh_from_db()
    assert row.state == "live"
    ada.post(office.at(row, "publish/1/undo/"))
    row.refresh_from_db()
    assert (row.state, row.version_id, row.published_at) == ("draft", None, None)
    ada.post(office.at(row, "publish/"))
    row.refresh_from_db()
    assert (row.state, row.version.number) == ("live", 2)


def test_the_version_before_counts_again(ada: Client) -> None:
    live = cast.publish(cast.mail(), **GOOD)
    drafts.apply(live, {"do": "set", "path": "name", "value": "New"}, revision=None, actor=cast.ADA, now=clock.now())
    ada.post(office.at(live, "publish/"))
    ada.post(office.at(live, "publish/2/undo/"))
    live.refresh_from_db()
    assert (live.version.number, live.state, live.document["name"]) == (1, "live", "New")
    assert ada.post(office.at(live, "publish/1/undo/"), follow=True).status_code == 200
    live.refresh_from_db()
    assert live.version is None or live.version.number == 1


def test_it_is_not_taken_back_once_somebody_has_come_in(ada: Client) -> None:
    live = cast.publish(cast.mail(), **GOOD)
    cast.enter(live, cast.person())
    page = ada.post(office.at(live, "publish/1/undo/"), follow=True).content.decode()
    assert "People have come in already" in page
    live.refresh_from_db()
    assert live.state == "live"
    assert Enrolment.objects.exists()


def test_a_date_that_was_taken_back_does_not_fire(ada: Client) -> None:
    members = cast.segment(cast.people(2))
    dated = {"type": "schedule", "segment": publicids.encode("seg", members.pk), "at": "2026-06-12T10:00"}
    live = cast.publish(cast.mail(), entry=[dated])
    assert Occurrence.objects.count() == 1
    ada.post(office.at(live, "publish/1/undo/"))
    assert not Occurrence.objects.exists()
    cast.later(days=3)
    cast.work()
    assert not Message.objects.exists()


def test_who_may_not_publish_is_told_whom_to_ask() -> None:
    office.somebody("approver", "Elena")
    row = office.draft(cast.mail(), **GOOD)
    developer = office.at_work("developer", "Dario")
    page = developer.get(office.at(row, "review/")).content.decode()
    assert "Ask somebody who may:" in page
    assert "elena@approver.example" in page
    assert developer.post(office.at(row, "publish/")).status_code == 403
    assert developer.post(office.at(row, "publish/1/undo/")).status_code == 403
    assert not Version.objects.exists()


def test_what_somebody_changed_meanwhile_is_looked_at_again(ada: Client) -> None:
    row = office.draft(cast.mail(), **GOOD)
    drafts.apply(row, {"do": "set", "path": "name", "value": "x"}, revision=1, actor=cast.ADA, now=clock.now())
    assert ada.post(office.at(row, "publish/"), {"revision": 1}).status_code == 409
    assert not Version.objects.exists()


def test_what_changes_and_who_is_inside(ada: Client) -> None:
    live = cast.publish(cast.mail(), cast.wait(), **GOOD)
    cast.enter(live, cast.person())
    document = deepcopy(live.document)
    document["steps"][0]["config"]["subject"] = "Another"
    document["steps"].append(cast.leave("out"))
    drafts.replace(live, document, revision=None, actor=cast.ADA, now=clock.now())
    page = ada.get(office.at(live, "review/")).content.decode()
    assert "E-mail changed" in page
    assert "(Subject)" in page
    assert "added" in page
    assert "People already inside: 1" in page
    assert "They stay in the version they came in by" in page


def test_the_same_is_not_published_twice(ada: Client) -> None:
    live = cast.publish(cast.mail(), **GOOD)
    assert "there is nothing to publish" in ada.get(office.at(live, "review/")).content.decode()


# --- versions --------------------------------------------------------------------------------------------


def three_versions(ada: Client) -> Campaign:
    live = office.draft(cast.mail(), **GOOD)
    for subject in ("One", "Two", "Three"):
        document = deepcopy(live.document)
        document["steps"][0]["config"]["subject"] = subject
        drafts.replace(live, document, revision=None, actor=cast.ADA, now=clock.now())
        ada.post(office.at(live, "publish/"))
        live.refresh_from_db()
    return live


def test_versions_are_listed_with_author_and_date(ada: Client) -> None:
    live = three_versions(ada)
    answer = ada.get(office.at(live, "versions/"))
    assert [row["version"].number for row in answer.context["rows"]] == [3, 2, 1]
    assert {row["who"] for row in answer.context["rows"]} == {"Ada"}
    assert answer.context["rows"][0]["version"].published_at


def test_two_versions_side_by_side(ada: Client) -> None:
    live = three_versions(ada)
    answer = ada.get(office.at(live, "versions/?one=1&other=3"))
    assert answer["Location"] == office.at(live, "versions/1/compare/3/")
    page = ada.get(answer["Location"]).content.decode()
    assert "<del>One</del>" in page
    assert "<ins>Three</ins>" in page
    assert ada.get(office.at(live, "versions/3/compare/0/")).status_code == 200
    assert ada.get(office.at(live, "versions/3/compare/9/")).status_code == 404
    assert ada.get(office.at(live, "versions/?one=x&other=y")).status_code == 302


def test_an_earlier_one_is_the_draft_again_in_two_clicks(ada: Client) -> None:
    live = three_versions(ada)
    page = ada.post(office.at(live, "versions/1/restore/"), follow=True).content.decode()
    assert "The draft is version 1 now." in page
    live.refresh_from_db()
    assert live.document["steps"][0]["config"]["subject"] == "One"
    assert live.version is not None
    assert live.version.number == 3
    ada.post(office.at(live, f"restored/{live.revision}/undo/"))
    live.refresh_from_db()
    assert live.document["steps"][0]["config"]["subject"] == "Three"


def test_the_pages_ask_a_fixed_number_of_questions(ada: Client) -> None:
    live = three_versions(ada)

    def queries(rest: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert ada.get(office.at(live, rest)).status_code == 200
        return len(seen)

    few = [queries(rest) for rest in ("review/", "versions/", "review/outlook/")]
    document = deepcopy(live.document)
    document["steps"] += [cast.mail(f"x{number}") for number in range(30)]
    drafts.replace(live, document, revision=None, actor=cast.ADA, now=clock.now())
    lifecycle.publish(live, cast.ADA, clock.now())
    for contact in cast.people(20):
        cast.enter(live, contact)
    assert [queries(rest) for rest in ("review/", "versions/", "review/outlook/")] <= [each + 1 for each in few]
    assert max(few) < 30
