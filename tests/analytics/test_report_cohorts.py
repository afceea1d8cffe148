"""The report of a period or a version: all its numbers follow, add up, and lead to exactly these people."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics import reports
from campaigns import audience, cohorts, counted, lifecycle
from campaigns.models import Campaign, Enrolment
from crm import clock, publicids, workspace
from crm.errors import Problem
from crm.models import Membership, Segment, SegmentMember, User
from tests.analytics import returning
from tests.campaigns import cast

pytestmark = pytest.mark.django_db

JUNE = {"period": "dates", "from": "2026-06-10", "until": "2026-06-16"}
# What is asked for -> how many runs began.
FILTERS: dict[str, tuple[dict[str, str], int]] = {
    "everything": ({}, 34),
    "the last 7 days": ({"period": "7"}, 14),
    "the last 30 days": ({"period": "30"}, 34),
    "the last 90 days": ({"period": "90"}, 34),
    "a week in June": (JUNE, 20),
    "until the day before the second version": ({"until": "2026-06-29"}, 20),
    "from the day of the second version": ({"from": "2026-06-30"}, 14),
    "the first version": ({"version": "1"}, 20),
    "the second version": ({"version": "2"}, 14),
    "the first version in June": ({**JUNE, "version": "1"}, 20),
    "the first version in the last week": ({"period": "7", "version": "1"}, 0),
    "a week in which nobody came": ({"from": "2026-06-18", "until": "2026-06-24"}, 0),
}


@pytest.fixture
def campaign() -> Campaign:
    workspace.forget()
    return returning.twice()


@pytest.fixture
def ada(client: Client) -> Client:
    user = User.objects.create_user("ada@example.com", "-", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    client.force_login(user)
    return client


def asked(campaign: Campaign, query: dict[str, str]) -> cohorts.Cohort:
    return cohorts.asked(campaign, query, clock.now())


def report_of(campaign: Campaign, query: dict[str, str]) -> reports.Report:
    return reports.of(campaign, clock.now(), asked(campaign, query))


def address(campaign: Campaign, rest: str) -> str:
    return f"/campaigns/{publicids.encode('cmp', campaign.pk)}/{rest}"


@pytest.mark.parametrize("name", FILTERS)
def test_under_each_filter_the_numbers_add_up_and_are_their_lists(campaign: Campaign, name: str) -> None:
    query, runs = FILTERS[name]
    cohort = asked(campaign, query)
    report = reports.of(campaign, clock.now(), cohort)
    assert report.waterfall["differences"] == {"candidates": 0, "messages": 0, "runs": 0}
    assert report.waterfall["runs"]["entered"] == runs
    assert report.treated.n + report.holdout.n == report.waterfall["entered"]
    for line in (line for group in report.falls for line in group):
        behind = counted.read(campaign, {"number": line.number, **cohort.query})
        people = counted.people(behind, after=0, limit=None)
        assert sum(times for _contact, times in people) == line.count, line.number
        assert counted.count(behind) == len(people)
    for step in report.steps:
        for what in ("entered", "sent", "not_sent", "opened", "clicked"):
            behind = counted.read(campaign, {"what": what, "step": step.step, **cohort.query})
            shown = step.arrived if what == "entered" else getattr(step, what)
            assert len(counted.people(behind, after=0, limit=None)) == shown, (step.step, what)
        for code, n in step.reasons:
            given = {"what": "not_sent", "step": step.step, "reason": code, **cohort.query}
            assert counted.count(counted.read(campaign, given)) == n, code


def test_people_belong_to_the_day_and_the_version_they_entered_in(campaign: Campaign) -> None:
    june, now = report_of(campaign, JUNE), report_of(campaign, {"period": "7"})
    first, second = report_of(campaign, {"version": "1"}), report_of(campaign, {"version": "2"})
    everything = report_of(campaign, {})
    assert june.waterfall == first.waterfall
    assert now.waterfall == second.waterfall
    # Two came twice: once in each, once in all.
    assert (june.waterfall["entered"], now.waterfall["entered"], everything.waterfall["entered"]) == (20, 14, 32)
    # A refusal counts on the day it was given; the third one of June came again and was refused again.
    assert (june.waterfall["not_entered"], now.waterfall["not_entered"]) == ({"eligibility": 2}, {"eligibility": 3})
    assert everything.waterfall["not_entered"] == {"eligibility": 5}
    assert everything.waterfall["audience"] == 37


def test_what_came_later_counts_for_those_who_had_entered(campaign: Campaign) -> None:
    """The third of June bought five days later: not a day of the period, but a person of it."""
    one_day = report_of(campaign, {"from": "2026-06-10", "until": "2026-06-10"})
    assert one_day.reached == 3
    assert report_of(campaign, {"from": "2026-06-15", "until": "2026-06-15"}).reached == 0
    assert report_of(campaign, {"version": "2"}).reached == 2


def test_cost_and_verdict_follow_the_filter(campaign: Campaign) -> None:
    first, second, both = (report_of(campaign, query) for query in ({"version": "1"}, {"version": "2"}, {}))
    assert first.money.cost == Decimal("0.01") * first.sent > 0
    assert second.money.cost == Decimal("0.01") * second.sent > 0
    assert first.money.cost + second.money.cost == both.money.cost
    assert first.sent + second.sent == both.sent
    held = Enrolment.objects.filter(campaign=campaign, held_out=True, version__number=1).count()
    assert (first.holdout.n, first.treated.n) == (held, 20 - held)
    # Nobody more enters on days with an end, or in a version that is over: no day on which they would be enough.
    assert report_of(campaign, JUNE).days is None
    assert first.days is None
    assert second.days is not None


def test_whoever_was_held_out_once_and_written_to_later_is_not_held_out_at_all() -> None:
    cast.at_noon()
    made = cast.publish(
        cast.wait(), entry=[{"type": "manual", "reentry": "after_exit"}], holdout_pct=50, **cast.BOUGHT_IS_THE_END
    )
    for contact in cast.people(20):
        cast.enter(made, contact)
    cast.work()
    cast.later(days=3)
    cast.work()
    made = Campaign.objects.get(pk=made.pk)
    lifecycle.update(made, made.document | {"holdout_pct": 0}, cast.ADA, clock.now())
    lifecycle.publish(Campaign.objects.get(pk=made.pk), cast.ADA, clock.now())
    held = list(Enrolment.objects.filter(campaign=made, held_out=True).order_by("pk"))
    assert len(held) > 1
    cast.enter(made, held[0].contact)
    for query, people in (({}, len(held) - 1), ({"version": "1"}, len(held)), ({"version": "2"}, 0)):
        cohort = asked(made, query)
        assert reports.of(made, clock.now(), cohort).holdout.n == people
        assert counted.count(counted.read(made, {"number": "held_out", **cohort.query})) == people


NEWEST = "(SELECT max(id) FROM campaigns_enrolment)"
LOSSES = {
    "a run": f"DELETE FROM campaigns_enrolment WHERE id = {NEWEST}",
    "a message": """DELETE FROM channels_message WHERE id =
                    (SELECT max(id) FROM channels_message WHERE state = 'blocked')""",
    "a refusal": "DELETE FROM campaigns_refusal WHERE id = (SELECT max(id) FROM campaigns_refusal WHERE contact_id = "
    "(SELECT max(contact_id) FROM campaigns_refusal))",
    "a candidate": f"""DELETE FROM campaigns_candidate WHERE contact_id =
                       (SELECT contact_id FROM campaigns_enrolment WHERE id = {NEWEST})""",
    "a planned visit": """DELETE FROM campaigns_visit WHERE id =
                          (SELECT max(id) FROM campaigns_visit WHERE reason = 'planned')""",
    "a beginning": f"DELETE FROM campaigns_visit WHERE reason = 'entered' AND run_id = {NEWEST}",
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["everything", "the last 7 days", "the second version"])
def test_one_row_that_is_lost_shows_under_the_filter(campaign: Campaign, name: str, loss: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOSSES[loss])
        assert cursor.rowcount == 1
    assert report_of(campaign, FILTERS[name][0]).waterfall["difference"] != 0


def test_refusals_that_are_only_numbers_are_in_nothing_narrowed(campaign: Campaign) -> None:
    clock.advance(audience.KEPT + timedelta(days=1))
    audience.fold(clock.now())
    assert report_of(campaign, {}).waterfall["not_entered"] == {"eligibility": 5}
    narrowed = report_of(campaign, {"version": "1"})
    assert narrowed.waterfall["not_entered"] == {}
    assert narrowed.waterfall["difference"] == report_of(campaign, {}).waterfall["difference"] == 0
    assert "90 days ago" in reports.means(asked(campaign, {"version": "1"}), clock.now())
    assert "90 days ago" not in reports.means(asked(campaign, {"period": "30"}), clock.now())


def test_a_day_is_the_workspaces_own(campaign: Campaign) -> None:
    late = datetime(2026, 7, 3, 22, 30, tzinfo=UTC)  # half past midnight in Madrid
    clock.set_to(late)
    elena = cast.person("Elena")
    cast.enter(campaign, elena)
    behind = counted.read(campaign, {"number": "entered", "from": "2026-07-04", "until": "2026-07-04"})
    assert counted.people(behind, after=0, limit=None) == [(elena.pk, 1)]
    assert asked(campaign, {"period": "7"}).last == date(2026, 7, 4)


# --- the page ----------------------------------------------------------------------------------------


def test_ada_narrows_the_report_and_each_link_leads_to_as_many_people(campaign: Campaign, ada: Client) -> None:
    page = ada.get(address(campaign, "report/?period=7&version=2"))
    text = page.content.decode()
    assert '<option value="7" selected>' in text
    assert "27 June 2026 – 3 July 2026, version 2" in text
    assert "People belong to the day on which they entered" in text
    assert "Adds up" in text
    found = re.findall(r'<a [^>]*href="([^"]+/people/[^"]*)">\s*([0-9]+)\s*</a>', text)
    assert len(found) > 15
    for link, number in found:
        query = dict(parse_qsl(urlsplit(unescape(link)).query))
        assert (query["from"], query["until"], query["in_version"]) == ("2026-06-27", "2026-07-03", "2"), link
        listed = counted.people(counted.read(campaign, query), after=0, limit=None)
        times = sum(n for _contact, n in listed)
        assert int(number) in (len(listed), times), link


def test_a_link_leads_to_the_same_people_tomorrow_and_says_who_they_are(campaign: Campaign, ada: Client) -> None:
    text = ada.get(address(campaign, "report/?period=7")).content.decode()
    link = unescape(next(re.finditer(r'href="([^"]+number=entered&amp;from[^"]*)"', text)).group(1))
    clock.advance(timedelta(days=6))
    page = ada.get(link).content.decode()
    assert "14 people" in page
    assert "27 June 2026 – 3 July 2026" in page
    # Another number of the same people, and a segment of exactly them.
    assert '<input type="hidden" name="from" value="2026-06-27">' in page
    sent = dict(parse_qsl(urlsplit(link).query))
    assert ada.post(address(campaign, "people/segment/"), sent).status_code == 302
    assert SegmentMember.objects.filter(segment=Segment.objects.latest("pk")).count() == 14


def test_the_file_is_narrowed_like_the_page_and_says_so(campaign: Campaign, ada: Client) -> None:
    answer = ada.get(address(campaign, "report/?period=7&version=2&format=csv"))
    lines = b"".join(answer).decode().splitlines()
    for line in ("Entered from,2026-06-27", "Entered until,2026-07-03", "Version,2", "Entered,14", "Did not enter: "):
        assert any(each.startswith(line) for each in lines), line
    assert (
        'href="?period=7&amp;version=2&amp;format=csv"'
        in ada.get(address(campaign, "report/?period=7&version=2")).content.decode()
    )


@pytest.mark.parametrize(
    "wrong",
    ["from=2026-07-01&until=2026-06-01", "from=tomorrow", "version=9", "version=x", "period=5", "from=0001-01-01"],
)
def test_a_question_that_makes_no_sense_is_told_and_nothing_is_narrowed(
    campaign: Campaign, ada: Client, wrong: str
) -> None:
    page = ada.get(address(campaign, f"report/?{wrong}"))
    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()
    assert page.context["report"].cohort.is_everything


def test_a_link_that_names_no_day_or_version_leads_nowhere(campaign: Campaign, ada: Client) -> None:
    for wrong in ("from=yesterday", "in_version=9", "from=2026-07-01&until=2026-06-01"):
        assert ada.get(address(campaign, f"people/?number=entered&{wrong}")).status_code == 404
    with pytest.raises(Problem):
        cohorts.linked(campaign, {"in_version": "²"})


def test_a_filter_costs_no_more_queries(campaign: Campaign, ada: Client) -> None:
    def queries(rest: str) -> int:
        with CaptureQueriesContext(connection) as made:
            assert ada.get(address(campaign, rest)).status_code == 200
        return len(made)

    ada.get(address(campaign, "report/"))
    plain: Any = queries("report/")
    assert queries("report/?period=7") == plain
    assert queries("report/?period=7&version=2") == plain + 2  # which version it is, and its steps
