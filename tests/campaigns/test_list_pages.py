"""Ada looks through her campaigns: found, filtered, copied, put away."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import lifecycle
from campaigns.models import Campaign
from crm import clock
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house()


@pytest.fixture
def ada() -> Client:
    return office.at_work()


def text(client: Client, url: str = "/campaigns/") -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_an_empty_list_says_where_most_shops_start(ada: Client) -> None:
    page = text(ada)
    assert "No campaigns yet. Most shops start with Welcome to the card (8 minutes)." in page
    assert "/campaigns/new/" in page


def test_each_campaign_says_how_it_stands(ada: Client) -> None:
    now = clock.now()
    office.draft(cast.mail(), name="A draft")
    live = cast.publish(cast.mail(), name="A live one")
    changed = cast.publish(cast.mail(), name="A changed one")
    lifecycle.update(changed, cast.document(cast.mail(), cast.wait(), name="A changed one"), cast.ADA, now)
    paused = cast.publish(cast.mail(), name="A paused one")
    lifecycle.pause(paused, cast.ADA, now)
    stopped = cast.publish(cast.mail(), name="A stopped one")
    lifecycle.stop(stopped, cast.ADA, now)
    cast.work()
    members = cast.segment(cast.people(2))
    dated = {"type": "schedule", "segment": str(members.pk), "at": "2026-07-01T10:00"}
    cast.publish(cast.mail(), name="A dated one", entry=[dated])
    shown = {row["campaign"].name: row["status"].words for row in ada.get("/campaigns/").context["rows"]}
    assert shown == {
        "A draft": "Draft", "A live one": "Live v1", "A changed one": "Live + draft", "A paused one": "Paused",
        "A stopped one": "Ended", "A dated one": "Scheduled",
    }  # fmt: skip
    assert live.version_id


def test_what_takes_counting_comes_a_moment_later(ada: Client) -> None:
    live = cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END | {"goal": {"event": "Order Completed", "target": 4}})
    people = cast.people(3)
    for each in people:
        cast.enter(live, each)
    cast.work()
    cast.order(people[0])
    cast.work()
    page = text(ada, f"/campaigns/figures/?ids={live.pk}")
    assert f'id="inside-{live.pk}" hx-swap-oob="true">' in page
    row = ada.get(f"/campaigns/figures/?ids={live.pk}").context["rows"][0]
    assert (row["inside"], row["converted"], row["target"]) == (2, 1, 4)


def test_a_finished_one_is_over_once_nobody_is_inside(ada: Client) -> None:
    live = cast.publish(cast.wait())
    cast.enter(live, cast.person())
    cast.work()
    lifecycle.finish(live, cast.ADA, clock.now())
    assert ada.get(f"/campaigns/figures/?ids={live.pk}").context["rows"][0]["status"].words == "Finishing"
    cast.later(days=3)
    cast.work()
    assert ada.get(f"/campaigns/figures/?ids={live.pk}").context["rows"][0]["status"].words == "Ended"


def test_the_filters_are_in_the_address(ada: Client) -> None:
    office.draft(cast.mail(), name="Spring sale")
    cast.publish(cast.mail(), name="Winter sale")
    names = lambda query: [row["campaign"].name for row in ada.get(f"/campaigns/?{query}").context["rows"]]  # noqa: E731
    assert names("state=draft") == ["Spring sale"]
    assert names("q=wint") == ["Winter sale"]
    assert names("q=sale&state=live") == ["Winter sale"]
    assert "No campaign fits these filters." in text(ada, "/campaigns/?q=nothing")


def test_a_long_list_goes_on_by_its_cursor(ada: Client) -> None:
    for number in range(60):
        office.draft(cast.mail(), name=f"Campaign {number}")
    first = ada.get("/campaigns/")
    assert len(first.context["rows"]) == 50
    second = ada.get(f"/campaigns/?cursor={first.context['page'].next}")
    assert [row["campaign"].name for row in second.context["rows"]][-1] == "Campaign 0"


def test_the_number_of_queries_does_not_grow(ada: Client) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert ada.get(url).status_code == 200
        return len(seen)

    cast.publish(cast.mail())
    ids = lambda: ",".join(str(number) for number in Campaign.objects.values_list("pk", flat=True))  # noqa: E731
    queries("/campaigns/")
    few, few_figures = queries("/campaigns/"), queries(f"/campaigns/figures/?ids={ids()}")
    for number in range(20):
        cast.publish(cast.mail(), name=f"Campaign {number}")
    assert queries("/campaigns/") == few
    assert queries(f"/campaigns/figures/?ids={ids()}") == few_figures
    assert few < 14


def test_a_copy_is_a_draft_of_its_own(ada: Client) -> None:
    live = cast.publish(cast.mail(), name="Spring")
    answer = ada.post(office.at(live, "duplicate/"))
    copy = Campaign.objects.latest("pk")
    assert answer["Location"] == office.at(copy)
    assert (copy.name, copy.state, copy.version_id) == ("Spring (copy)", "draft", None)
    assert copy.owner is not None


def test_an_archived_one_can_be_brought_back(ada: Client) -> None:
    row = office.draft(cast.mail(), name="Spring")
    page = ada.post(office.at(row, "archive/"), follow=True).content.decode()
    assert "Spring was archived." in page
    assert office.at(row, "unarchive/") in page
    assert ada.get("/campaigns/").context["rows"] == []
    assert [each["campaign"] for each in ada.get("/campaigns/?state=archived").context["rows"]] == [row]
    ada.post(office.at(row, "unarchive/"))
    assert len(ada.get("/campaigns/").context["rows"]) == 1


def test_what_runs_is_not_archived(ada: Client) -> None:
    live = cast.publish(cast.mail())
    page = ada.post(office.at(live, "archive/"), follow=True).content.decode()
    assert "still runs" in page
    live.refresh_from_db()
    assert live.archived_at is None


def test_who_may_only_read_is_offered_nothing_else() -> None:
    office.draft(cast.mail(), name="Spring")
    row = Campaign.objects.get()
    reader = office.at_work("analyst", "Chiara")
    page = text(reader)
    assert "Duplicate" not in page
    assert "New campaign" not in page
    for rest in ("duplicate/", "archive/", "unarchive/"):
        assert reader.post(office.at(row, rest)).status_code == 403
        assert reader.get(office.at(row, rest)).status_code in (403, 405)
    assert Campaign.objects.count() == 1
    store: Any = office.at_work("call_agent", "Dario")
    assert store.get("/campaigns/").status_code == 403


def test_the_search_of_the_top_bar_finds_campaigns(ada: Client) -> None:
    office.draft(cast.mail(), name="Spring sale")
    page = ada.get("/search/?q=spri", headers={"HX-Request": "true"}).content.decode()
    assert "Spring sale" in page
