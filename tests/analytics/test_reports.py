"""The report of a campaign: every number has its people, the sums come out, the verdict follows the interval."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics import lift, reports
from campaigns import counted
from campaigns.models import Campaign
from crm import clock, publicids
from crm.models import Identifier, Membership, Segment, SegmentMember, User
from tests.analytics import spring
from tests.campaigns import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return spring.sent()


@pytest.fixture
def ada(client: Client) -> Client:
    user = User.objects.create_user("ada@example.com", "-", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    client.force_login(user)
    return client


def address(campaign: Campaign, rest: str) -> str:
    return f"/campaigns/{publicids.encode('cmp', campaign.pk)}/{rest}"


def test_people_are_treated_or_held_out_and_counted_once(campaign: Campaign) -> None:
    found = reports.of(campaign, clock.now())
    assert found.treated.n + found.holdout.n == found.waterfall["entered"] == 36
    assert found.reached == found.waterfall["converted"] == 3
    assert found.lift == lift.compare(found.treated, found.holdout)
    assert found.lift.verdict == "too_early"
    assert found.money.cost == Decimal("0.01") * found.sent


def test_every_line_of_the_waterfall_leads_to_as_many_people(campaign: Campaign) -> None:
    lines = [line for group in reports.of(campaign, clock.now()).falls for line in group]
    assert any(line.number.startswith("not_entered.") for line in lines)
    for line in lines:
        asked = counted.read(campaign, {"number": line.number})
        behind = counted.people(asked, after=0, limit=None)
        assert sum(times for _contact, times in behind) == line.count, line.number
        assert len(behind) == counted.count(asked)


def test_every_number_of_a_step_leads_to_its_people(campaign: Campaign) -> None:
    (mail, *_others) = reports.steps(campaign)
    assert mail.channel == "email"
    assert mail.arrived == 36
    assert mail.sent > 10
    for what, number in (("entered", mail.arrived), ("sent", mail.sent), ("not_sent", mail.not_sent)):
        asked = counted.read(campaign, {"what": what, "step": mail.step})
        assert sum(n for _c, n in counted.people(asked, after=0, limit=None)) == number, what
    assert sum(n for _code, n in mail.reasons) == mail.not_sent
    for code, number in mail.reasons:
        asked = counted.read(campaign, {"what": "not_sent", "step": mail.step, "reason": code})
        assert sum(n for _c, n in counted.people(asked, after=0, limit=None)) == number, code


def test_ada_reads_the_report_in_as_many_queries_whoever_many_there_are(campaign: Campaign, ada: Client) -> None:
    with CaptureQueriesContext(connection) as few:
        page = ada.get(address(campaign, "report/"))
    assert page.status_code == 200
    text = page.content.decode()
    assert "Does it work?" in text
    assert "Adds up" in text
    cast.people(50)
    with CaptureQueriesContext(connection) as many:
        ada.get(address(campaign, "report/"))
    assert len(many) <= len(few)


def test_the_file_holds_the_same_numbers(campaign: Campaign, ada: Client) -> None:
    answer = ada.get(address(campaign, "report/?format=csv"))
    text = b"".join(answer).decode()  # type: ignore[arg-type]
    assert "Entered,36" in text
    assert "Reached the goal,3" in text


def test_ada_makes_a_segment_of_those_without_an_address(campaign: Campaign, ada: Client) -> None:
    (mail, *_others) = reports.steps(campaign)
    missed = dict(mail.reasons)["no_address"]
    page = ada.get(address(campaign, "people/?what=not_sent&reason=no_address"))
    assert page.status_code == 200
    assert f"{missed} people" in page.content.decode()
    answer = ada.post(address(campaign, "people/segment/"), {"what": "not_sent", "reason": "no_address"})
    assert answer.status_code == 302
    made = Segment.objects.latest("pk")
    assert SegmentMember.objects.filter(segment=made).count() == missed
    assert answer.headers["Location"].startswith("/segments/seg_")


def test_a_number_that_is_none_is_not_found(campaign: Campaign, ada: Client) -> None:
    assert ada.get(address(campaign, "people/?number=nonsense")).status_code == 404
    assert ada.get(address(campaign, "people/?what=nonsense")).status_code == 404


def test_an_analyst_sees_people_without_their_addresses(campaign: Campaign, client: Client) -> None:
    user = User.objects.create_user("anna@example.com", "-", name="Anna")
    Membership.objects.create(user=user, role="analyst")
    client.force_login(user)
    page = client.get(address(campaign, "people/?number=entered")).content.decode()
    known = Identifier.objects.filter(kind="email", value__contains="@").values_list("value", flat=True)
    assert known
    assert not [value for value in known if value in page]


@pytest.mark.parametrize("odd", ["²", "9" * 30, "-1", "x"])
def test_what_is_no_number_in_an_address_is_passed_over(campaign: Campaign, ada: Client, odd: str) -> None:
    for rest in (
        f"people/?after={odd}", f"people/?what=sent&version={odd}", f"journey/?version={odd}",
        f"versions/?one={odd}&other=1",
    ):  # fmt: skip
        assert ada.get(address(campaign, rest)).status_code in (200, 302), rest
    assert ada.get(f"/campaigns/?owner={odd}").status_code == 200
    assert ada.get(f"/campaigns/figures/?ids={odd}").status_code == 200


def test_an_interval_is_drawn_with_its_zero_where_it_belongs() -> None:
    found = reports.scale(lift.compare(lift.Group(1000, 200), lift.Group(1000, 100)))
    assert found is not None
    assert 0 < found.zero < found.low < found.middle < found.high < 100
    assert reports.scale(lift.compare(lift.Group(10, 1), lift.Group(0, 0))) is None
