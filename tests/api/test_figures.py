"""Figures over REST say what the pages say: definitions, targets, and the report of a campaign."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html import escape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics import kpis, reports, rollup
from analytics.models import Kpi
from campaigns import cohorts
from campaigns.models import Campaign
from crm import apikeys, clock, orders, publicids, workspace
from crm.models import Contact, Membership, User
from crm.orders import NewOrder
from tests.analytics import returning
from tests.api.conftest import Speaker
from tests.campaigns import cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    workspace.forget()
    cast.at_noon()
    yield
    workspace.forget()


@pytest.fixture
def campaign() -> Campaign:
    return returning.twice()


@pytest.fixture
def ada(client: Client) -> Client:
    user = User.objects.create_user("ada@example.com", "-", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    client.force_login(user)
    return client


def buy(contact: Contact, name: str, amount: str, ago: int = 0) -> None:
    at = clock.now() - timedelta(days=ago)
    orders.record([NewOrder(contact.pk, name, at, Decimal(amount), "EUR")], now=clock.now())


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", html)


# --- definitions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_page_and_api_say_the_same_of_each_figure(
    analyst: Speaker, ada: Client, campaign: Campaign, language: str
) -> None:
    said = analyst.get("metrics/", Accept_Language=language).json()["data"]
    ada.cookies["cauce_language"] = language
    report = words_of(_page(ada, f"/campaigns/{publicids.encode('cmp', campaign.pk)}/report/", language))
    for metric in said:
        page = report if metric["kind"] == "cohort" else words_of(_page(ada, _address(metric), language))
        for words in (metric["name"], metric["means"]):
            assert escape(words) in page, (metric["key"], words)
    assert {metric["key"] for metric in said} >= {"sales", "stage.lead", "reached.loyal", "campaign.extra"}
    assert len({metric["key"] for metric in said}) == len(said)
    assert ("Sales" in {metric["name"] for metric in said}) == (language == "en")


def _address(metric: dict[str, Any]) -> str:
    return f"/analytics/metrics/{metric['key']}/"


def _page(ada: Client, address: str, language: str) -> str:
    answer = ada.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def test_a_definition_has_its_unit_and_kind(analyst: Speaker) -> None:
    said = {metric["key"]: metric for metric in analyst.get("metrics/").json()["data"]}
    assert (said["sales"]["unit"], said["sales"]["kind"]) == ("money", "flow")
    assert (said["repeat_rate"]["unit"], said["repeat_rate"]["kind"]) == ("share", "level")
    assert (said["campaign.cost"]["unit"], said["campaign.cost"]["kind"]) == ("money", "cohort")
    assert all(metric["means"] for metric in said.values())


# --- targets --------------------------------------------------------------------------------------------


def test_a_target_says_how_it_stands_and_has_a_figure_a_day(analyst: Speaker, ada: Client) -> None:
    elena, dario = cast.people(2)
    buy(elena, "A-1", "30.00")
    buy(dario, "A-2", "20.00", ago=3)
    buy(dario, "A-3", "500.00", ago=20)  # last month
    rollup.bring_up(clock.now())
    owner = User.objects.get(email="ada@example.com")
    values = {"name": "", "metric": "sales", "target": Decimal(200), "period": "month", "owner_id": owner.pk}
    Kpi.objects.all().delete()
    made = kpis.make(values, "test")
    kpis.make({"name": "", "metric": "opt_outs", "target": Decimal("0.01"), "period": "month"}, "test")
    answer = analyst.get("kpis/?from=2026-06-06&until=2026-06-10").json()
    sales, opt_outs = answer["data"]
    assert answer["next"] is None
    assert sales["id"] == publicids.encode("kpi", made.pk)
    assert (sales["name"], sales["metric"]["key"], sales["owner"], sales["period"]) == (
        "Sales",
        "sales",
        "Ada",
        "month",
    )
    assert sales["since"] == "2026-06-01"
    assert sales["value"] == {"amount": "50.00", "currency": "EUR"}
    assert sales["target"] == {"amount": "200.00", "currency": "EUR"}
    assert (sales["progress"], sales["reached"]) == (0.25, False)
    # The same words as on Home.
    assert escape(sales["standing"]) in words_of(ada.get("/").content.decode())
    assert [day["value"]["amount"] for day in sales["days"]] == ["0.00", "20.00", "0.00", "0.00", "30.00"]
    assert [day["day"] for day in sales["days"]][::4] == ["2026-06-06", "2026-06-10"]
    # A limit of which nothing was said is kept.
    assert (opt_outs["good"], opt_outs["value"], opt_outs["reached"]) == ("down", None, True)


def test_days_are_thirty_by_default_and_a_year_at_most(analyst: Speaker) -> None:
    kpis.ensure()
    (first, *_rest) = analyst.get("kpis/").json()["data"]
    assert len(first["days"]) == 30
    assert first["days"][-1]["day"] == "2026-06-10"
    assert first["target"] is first["progress"] is first["reached"] is None
    for wrong, code in (
        ("from=2025-01-01", "too_many_days"), ("from=2026-06-02&until=2026-06-01", "before_from"), ("until=x", "date"),
    ):  # fmt: skip
        refused = analyst.get(f"kpis/?{wrong}")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)


def test_more_targets_are_no_more_queries(analyst: Speaker) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert analyst.get("kpis/").status_code == 200
        return len(made)

    Kpi.objects.all().delete()
    kpis.make({"metric": "sales", "period": "month"}, "test")
    analyst.get("kpis/")
    one = queries()
    for period in ("day", "week", "quarter", "year"):
        kpis.make({"metric": "sales", "period": period, "target": Decimal(1)}, "test")
    assert queries() == one


# --- the report -----------------------------------------------------------------------------------------

FILTERS = [
    "",
    "?period=7",
    "?version=1",
    "?from=2026-06-10&until=2026-06-16&version=1",
    "?from=2026-06-18&until=2026-06-19",
]


@pytest.mark.parametrize("query", FILTERS)
def test_the_report_has_the_numbers_of_its_page(analyst: Speaker, ada: Client, campaign: Campaign, query: str) -> None:
    public = publicids.encode("cmp", campaign.pk)
    said = analyst.get(f"campaigns/{public}/report/{query}").json()
    page = ada.get(f"/campaigns/{public}/report/{query}")
    shown: reports.Report = page.context["report"]
    assert said["waterfall"] == shown.waterfall
    assert said["waterfall"]["difference"] == 0
    assert said["goal"]["reached"] == shown.reached
    assert said["lift"]["treated"]["people"] == shown.treated.n
    assert said["lift"]["held_out"]["people"] == shown.holdout.n
    assert said["lift"]["verdict"] == shown.lift.verdict
    assert (said["lift"]["interval"] is None) == (not shown.treated.n)
    assert said["cost"]["total"]["amount"] == f"{shown.money.cost:.2f}"
    mail = said["steps"][0]
    assert (mail["arrived"], mail["sent"], mail["not_sent"]) == (
        shown.steps[0].arrived, shown.steps[0].sent, shown.steps[0].not_sent,
    )  # fmt: skip
    assert {each["code"]: each["people"] for each in mail["reasons"]} == dict(shown.steps[0].reasons)
    html = words_of(page.content.decode())
    assert all(escape(text) in html for text in (said["cohort"]["means"], said["lift"]["words"]))


def test_the_waterfall_and_its_people_follow_the_same_filter(analyst: Speaker, campaign: Campaign) -> None:
    public, narrowed = publicids.encode("cmp", campaign.pk), "from=2026-06-30&version=2"
    said = analyst.get(f"campaigns/{public}/waterfall/?{narrowed}").json()
    assert said["entered"] == 14
    assert analyst.get(f"campaigns/{public}/report/?{narrowed}").json()["waterfall"] == said
    for number, count in (("entered", 14), ("not_entered.eligibility", 3), ("audience", 17)):
        people = analyst.get(f"campaigns/{public}/waterfall/people/?number={number}&{narrowed}").json()["data"]
        assert len(people) == count, number


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("version=9", "unknown"), ("from=x", "date"), ("period=3", "invalid_choice"),
     ("from=2026-06-02&until=2026-06-01", "before_from")],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_refused(analyst: Speaker, campaign: Campaign, wrong: str, code: str) -> None:
    public = publicids.encode("cmp", campaign.pk)
    for address in ("report/", "waterfall/"):
        refused = analyst.get(f"campaigns/{public}/{address}?{wrong}")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)


def test_a_draft_has_a_report_of_nobody(shop: Speaker) -> None:
    made = shop.post("campaigns/", cast.document(cast.mail())).json()["id"]
    said = shop.get(f"campaigns/{made}/report/").json()
    assert said["lift"]["interval"] is None
    assert said["waterfall"]["audience"] == 0
    assert shop.get("campaigns/cmp_zzz/report/").status_code == 404


def test_scopes_narrow_who_may_read_figures(analyst: Speaker, till: Speaker, campaign: Campaign) -> None:
    public = publicids.encode("cmp", campaign.pk)
    narrow = Speaker(apikeys.create("analyst", "figures alone", scopes=["office.read"]))
    for address, may in (("metrics/", True), ("kpis/", True), (f"campaigns/{public}/report/", False)):
        assert analyst.get(address).status_code == 200
        assert narrow.get(address).status_code == (200 if may else 403)
        assert till.get(address).status_code == 403


def test_the_document_names_the_words_that_may_be_asked(client: Client) -> None:
    document = json.loads(client.get("/api/schema/", headers={"Accept": "application/json"}).content)
    operation = document["paths"]["/api/v1/campaigns/{public_id}/report/"]["get"]
    known = {each["name"]: each for each in operation["parameters"]}
    assert set(known) == {"public_id", "period", "from", "until", "version"}
    assert known["period"]["schema"]["enum"] == sorted(cohorts.PERIODS)
    for path in ("metrics", "kpis"):
        assert f"/api/v1/{path}/" in document["paths"]
