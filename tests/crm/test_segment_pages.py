"""The segment pages without a browser: the list, the builder as a form, the panel, who is in."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm import clock, finding, publicids
from crm.models import Membership, Segment, SegmentMember, User
from crm.segments import builder, edit, fixed, live, upkeep, uses
from tests.crm.segments.test_upkeep import somebody, tell

pytestmark = pytest.mark.django_db
SPAIN = {"f": "contact.country", "op": "is", "v": "ES"}
BOUGHT = {"event": "Order Completed", "count": {"op": ">=", "v": 2}, "in_last": {"value": 730, "unit": "days"}}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    live.forget()


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada@example.com", "x", name="Ada"))
    return client


def made(rule: Any = SPAIN, name: str = "Some") -> Segment:
    return edit.create(name, rule, actor="user:1", now=clock.now())


def form(state: Any, **more: Any) -> dict[str, Any]:
    return {"state": json.dumps(state), **more}


def with_parts(*parts: Any, exceptions: Any = ()) -> Any:
    return {"main": {"all": list(parts)}, "not": list(exceptions)}


def queries(client: Client, url: str) -> int:
    client.get(url)  # what a process remembers is remembered then
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


# --- the list -----------------------------------------------------------------------------------


def test_ada_sees_segments_with_their_words_people_and_uses(ada: Client) -> None:
    somebody("Chiara", country="ES")
    one = made(name="Spain")
    made({"all": [{"segment": publicids.encode("seg", one.pk)}, BOUGHT]}, "Buyers")
    html = ada.get(reverse("crm:segments")).content.decode()
    assert "country is ES" in html
    assert "is in segment “Spain”" in html
    assert "(segment)" in html  # used in
    assert ada.get(reverse("crm:segments"), {"q": "spa"}).content.decode().count("<tr>") == 2


def test_the_list_asks_the_same_questions_for_any_number_of_rows(ada: Client) -> None:
    made(name="One")
    few = queries(ada, reverse("crm:segments"))
    for number in range(12):
        made({"all": [SPAIN, BOUGHT]}, f"More {number}")
    assert queries(ada, reverse("crm:segments")) == few


def test_the_reach_of_the_list_is_what_the_consents_say(ada: Client) -> None:
    contact = somebody("Chiara", country="ES")
    segment = made(name="Spain")
    html = ada.get(reverse("crm:segments-reach"), {"ids": f"{segment.pk},7,x"}).content.decode()
    assert re.search(rf'id="reach-email-{segment.pk}"[^>]*>\s*0', html)
    assert contact


def test_a_used_segment_is_not_put_away_and_ada_reads_where_it_is_used(ada: Client) -> None:
    one = made(name="Spain")
    made({"segment": publicids.encode("seg", one.pk)}, "Buyers")
    answer = ada.post(reverse("crm:segment-archive", args=[one.pk]), follow=True)
    assert "used by segment “Buyers”" in answer.content.decode()
    one.refresh_from_db()
    assert one.archived_at is None


def test_a_segment_of_a_campaign_is_not_put_away(ada: Client) -> None:
    from campaigns.models import Campaign

    one = made(name="Spain")
    entry = {"entry": [{"type": "segment", "segment": publicids.encode("seg", one.pk)}]}
    campaign = Campaign.objects.create(name="Win back", document=entry)
    assert [(use.name, use.kind) for use in uses.of([one.pk])[one.pk]] == [("Win back", "campaign")]
    ada.post(reverse("crm:segment-archive", args=[one.pk]))
    one.refresh_from_db()
    assert one.archived_at is None
    campaign.state = "finished"
    campaign.save()
    ada.post(reverse("crm:segment-archive", args=[one.pk]))
    one.refresh_from_db()
    assert one.archived_at is not None


def test_putting_away_can_be_taken_back(ada: Client) -> None:
    somebody("Chiara", country="ES")
    one = made(name="Spain")
    page = ada.post(reverse("crm:segment-archive", args=[one.pk]), follow=True)
    assert reverse("crm:segment-restore", args=[one.pk]) in page.content.decode()
    assert ada.get(reverse("crm:segment", args=[one.pk])).status_code == 404
    ada.post(reverse("crm:segment-restore", args=[one.pk]))
    live.forget()
    upkeep.refresh_full(one.pk, clock.now())
    one.refresh_from_db()
    assert (one.archived_at, one.count) == (None, 1)


def test_an_analyst_reads_and_changes_nothing(client: Client) -> None:
    user = User.objects.create_user("nina@example.com", "x", name="Nina")
    Membership.objects.create(user=user, role="analyst")
    client.force_login(user)
    one = made(name="Spain")
    html = client.get(reverse("crm:segment", args=[one.pk])).content.decode()
    assert "country is ES" in html
    assert "Save segment" not in html
    for route in ("crm:segment-save", "crm:segment-archive", "crm:segment-restore"):
        assert client.post(reverse(route, args=[one.pk]), form(with_parts())).status_code == 403
    assert client.post(reverse("crm:segment-create"), form(with_parts(), name="X")).status_code == 403
    assert client.get(reverse("crm:segment-new")).status_code == 403


# --- the builder as a form ----------------------------------------------------------------------


def test_ada_builds_and_saves_without_scripts(ada: Client) -> None:
    chiara = somebody("Chiara", country="ES")
    state = with_parts()
    page = ada.post(reverse("crm:segment-rule"), form(state, do="add main f.contact.0", name="Spain"))
    assert 'value="Spain"' in page.content.decode()
    state = builder.carried_out(state, "add", "main", "f.contact.0")[0]
    typed = {"main.0:leaf": "1", "main.0:name": "country", "main.0:op": "is:text", "main.0:v": "ES"}
    answer = ada.post(reverse("crm:segment-create"), form(state, name="Spain", description="All of it", **typed))
    kept = Segment.objects.get(name="Spain")
    assert answer.headers["Location"] == reverse("crm:segment", args=[kept.pk])
    assert kept.rule == {"all": [SPAIN]}
    assert (kept.description, kept.count) == ("All of it", 1)
    assert SegmentMember.objects.get(segment=kept).contact_id == chiara


def test_a_mistake_comes_back_at_its_row_and_nothing_typed_is_lost(ada: Client) -> None:
    state = with_parts(SPAIN, {"f": "contact.city", "op": "is", "v": "", "as": "text"})
    typed = {"main.0:leaf": "1", "main.0:name": "country", "main.0:op": "is:text", "main.0:v": "FR"}
    answer = ada.post(reverse("crm:segment-create"), form(state, name="", **typed))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Give the segment a name." in html
    assert re.search(r'id="p-at-main-1">\s*Fill in what is empty', html)
    assert 'id="p-at-main-0"' not in html
    assert 'value="FR"' in html
    assert not Segment.objects.exists()


def test_a_version_somebody_else_has_saved_is_not_written_over(ada: Client) -> None:
    one = made(name="Spain")
    ada.post(reverse("crm:segment-save", args=[one.pk]), form(with_parts(SPAIN), name="Mine", edition="1"))
    answer = ada.post(reverse("crm:segment-save", args=[one.pk]), form(with_parts(BOUGHT), name="Other", edition="1"))
    one.refresh_from_db()
    assert answer.status_code == 409
    assert "Ada changed this" in answer.content.decode()
    assert (one.name, one.rule, one.edition) == ("Mine", SPAIN, 2)
    ada.post(
        reverse("crm:segment-save", args=[one.pk]),
        form(with_parts(BOUGHT), name="Other", edition="1", **{"as": "copy"}),
    )
    assert Segment.objects.get(name="Other").rule == {"all": [BOUGHT]}


def test_ada_keeps_hers_in_the_place_of_what_she_was_shown_and_of_nothing_newer(ada: Client) -> None:
    one = made(name="Spain")
    save = reverse("crm:segment-save", args=[one.pk])
    ada.post(save, form(with_parts(SPAIN), name="Theirs", edition="1"))
    asked = ada.post(save, form(with_parts(BOUGHT), name="Mine", edition="1")).content.decode()
    assert "Keep mine" in asked
    assert re.search(r'name="theirs"\s+value="2"', asked)
    ada.post(save, form(with_parts(SPAIN), name="A third", edition="2"))
    mine = form(with_parts(BOUGHT), name="Mine", edition="1", **{"as": "mine"})
    assert ada.post(save, {**mine, "theirs": "2"}).status_code == 409
    assert ada.post(save, {**mine, "theirs": "3"}).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.rule) == ("Mine", {"all": [BOUGHT]})


def test_the_browser_is_told_what_it_need_not_keep_any_longer(ada: Client) -> None:
    page = ada.get(reverse("crm:segment-new") + "?start=event.0").content.decode()
    user = User.objects.get()
    assert f'data-kept="{user.pk}.segment.new.event.0"' in page
    one = made(name="Spain")
    save, here = reverse("crm:segment-save", args=[one.pk]), reverse("crm:segment", args=[one.pk])
    sent = form(with_parts(SPAIN), name="Spain", edition="1", draft="abcdef0123456789")
    assert ada.post(save, sent).headers["Location"] == f"{here}?kept=abcdef0123456789"
    sent = form(with_parts(SPAIN), name="Spain", edition="1", draft="//evil.example/?x=")
    assert ada.post(save, sent).headers["Location"] == here
    refused = ada.post(save, form(with_parts(SPAIN), name="", edition="1")).content.decode()
    assert "data-posted" in refused
    assert "data-posted" not in ada.get(here).content.decode()


def test_opening_and_saving_rewrites_no_rule(ada: Client) -> None:
    one = made({"none": [SPAIN, {"any": [BOUGHT]}]})
    page = ada.get(reverse("crm:segment", args=[one.pk])).content.decode()
    state = re.search(r'name="state" value="([^"]*)"', page)
    assert state
    import html

    posted = {"state": html.unescape(state[1]), "name": "Some", "edition": "1", "description": "New"}
    ada.post(reverse("crm:segment-save", args=[one.pk]), posted)
    one.refresh_from_db()
    assert (one.description, one.revision) == ("New", 1)
    assert one.rule == {"none": [SPAIN, {"any": [BOUGHT]}]}


def test_a_fixed_list_keeps_who_matched_when_it_was_saved(ada: Client) -> None:
    chiara = somebody("Chiara", country="ES")
    ada.post(reverse("crm:segment-create"), form(with_parts(SPAIN), name="As of today", kind="fixed"))
    kept = Segment.objects.get(name="As of today")
    somebody("Later", country="ES")
    live.forget()
    upkeep.refresh_full(kept.pk, clock.now())
    kept.refresh_from_db()
    assert (kept.count, kept.taken_from, fixed.is_fixed(kept)) == (1, {"all": [SPAIN]}, True)
    assert [each.contact_id for each in SegmentMember.objects.filter(segment=kept)] == [chiara]
    html = ada.get(reverse("crm:segment", args=[kept.pk])).content.decode()
    assert "country is ES" in html
    ada.post(reverse("crm:segment-save", args=[kept.pk]), form(with_parts(SPAIN), name="Renamed", edition="1"))
    kept.refresh_from_db()
    assert (kept.name, "list" in kept.rule) == ("Renamed", True)


def test_a_list_is_made_of_people_somebody_picked(ada: Client) -> None:
    one, two = somebody("Chiara", country="ES"), somebody("Dino")
    kept = fixed.fixed("Skipped", [one, two, 999_999], actor="user:1", now=clock.now())
    assert kept.count == 2
    assert set(SegmentMember.objects.filter(segment=kept).values_list("contact_id", flat=True)) == {one, two}


@pytest.mark.parametrize(
    "state", ["", "[]", "{", '{"main": {}, "not": []}', '{"main": {"all": [1]}, "not": []}', "9" * 9]
)
def test_a_page_that_sends_nonsense_is_told_so(ada: Client, state: str) -> None:
    assert ada.post(reverse("crm:segment-rule"), {"state": state}).status_code == 422
    assert ada.post(reverse("crm:segment-create"), {"state": state}).status_code == 302
    assert "Finish the rule" in ada.post(reverse("crm:segment-count"), {"state": state}).content.decode()


# --- the panel ----------------------------------------------------------------------------------


def test_the_panel_counts_the_rule_and_each_condition(ada: Client) -> None:
    for name, country in (("Chiara", "ES"), ("Dino", "IT"), ("Eva", "ES")):
        contact = somebody(name, country=country)
        if name != "Eva":
            tell(contact)
            tell(contact)
    state = with_parts(SPAIN, BOUGHT, exceptions=[{"f": "contact.country", "op": "is", "v": "IT"}])
    html = ada.post(reverse("crm:segment-count"), form(state)).content.decode()
    assert 'data-total="1"' in html
    assert "exact, counted in" in html
    for spot, number in (("main-0", 2), ("main-1", 2), ("not-0", 1)):
        assert re.search(rf'id="n-at-{spot}"[^>]*>\s*{number}\s*<', html)
    assert "country is ES, and bought at least 2 times in the last 2 years. But not: country is IT" in html


def test_rules_that_are_not_finished_are_left_out_and_named(ada: Client) -> None:
    somebody("Chiara", country="ES")
    state = with_parts(SPAIN, {"any": [{"f": "contact.city", "op": "is", "v": "", "as": "text"}]})
    html = ada.post(reverse("crm:segment-count"), form(state)).content.decode()
    assert 'data-total="1"' in html
    assert "Without 1 rule that is not finished." in html
    assert "Fill in what is empty." in html


def test_a_count_that_takes_too_long_is_an_estimate(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm.segments import counting

    somebody("Chiara", country="ES")
    real = counting._rows
    monkeypatch.setattr(counting, "_exactly", lambda *_: None)
    html = ada.post(reverse("crm:segment-count"), form(with_parts(SPAIN))).content.decode()
    assert "about 1" in html
    assert "Count exactly" in html
    monkeypatch.undo()
    assert counting._rows is real


def test_a_statement_is_ended_by_the_database_in_time() -> None:
    from crm.segments import counting
    from crm.segments.sql import Sql

    assert counting._rows(Sql("SELECT pg_sleep(5)"), 50) is None
    assert counting._rows(Sql("SELECT current_setting('statement_timeout')"), 5_000) is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone()[0] in ("0", "0ms")


def test_the_sample_says_why_they_match(ada: Client) -> None:
    chiara = somebody("Chiara", country="ES")
    tell(chiara)
    tell(chiara)
    html = ada.post(reverse("crm:segment-sample"), form(with_parts(BOUGHT))).content.decode()
    assert "Chiara" in html
    assert "2 times, last on" in html
    assert "Can be reached by" in html


def test_does_this_contact_match_ticks_each_rule(ada: Client) -> None:
    somebody("Chiara", country="ES")
    state = with_parts(SPAIN, BOUGHT, exceptions=[{"f": "contact.country", "op": "is", "v": "IT"}])
    html = ada.post(reverse("crm:segment-match"), form(state, q="Chiara")).content.decode()
    assert "does not match" in html
    assert html.count("Yes:") == 1
    assert html.count("No:") == 2
    assert "But not" in html


# --- who is in ----------------------------------------------------------------------------------


def test_the_number_the_pages_and_the_file_are_the_same_people(ada: Client) -> None:
    people = {somebody(f"Person {number}", country="ES") for number in range(60)}
    segment = made(name="Spain")
    url = reverse("crm:segment-people", args=[segment.pk])
    seen: list[str] = []
    address = url
    while address:
        html = ada.get(address).content.decode()
        seen += re.findall(r'<th scope="row"><a href="/contacts/(ctc_\w+)/', html)
        following = re.search(r'rel="next" href="([^"]*)"', html)
        address = url + following[1].replace("&amp;", "&") if following else ""
    body = b"".join(ada.get(url, {"format": "csv"}).streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(body)))[1:]
    ids = {publicids.encode("ctc", each) for each in people}
    assert segment.count == len(seen) == len(rows) == 60
    assert set(seen) == {row[0] for row in rows} == ids


def test_the_page_of_people_asks_the_same_questions_for_any_number_of_rows(ada: Client) -> None:
    somebody("Chiara", country="ES")
    url = reverse("crm:segment-people", args=[made(name="One").pk])
    few = queries(ada, url)
    for number in range(20):
        somebody(f"More {number}", country="ES")
    url = reverse("crm:segment-people", args=[made(name="Two").pk])
    assert queries(ada, url) == few


def test_the_builder_asks_the_same_questions_for_any_number_of_rules(ada: Client) -> None:
    one = made({"all": [SPAIN, BOUGHT]}, "One")
    many = made({"all": [SPAIN, BOUGHT, *([{"any": [SPAIN, BOUGHT]}] * 6)]}, "Two")
    assert queries(ada, reverse("crm:segment", args=[one.pk])) == queries(ada, reverse("crm:segment", args=[many.pk]))


def test_the_search_of_the_top_bar_finds_segments_by_part_of_their_name() -> None:
    made(name="Runners who stopped")
    hits = finding.find("who st", frozenset({"segments.read"}))
    assert [hit.title for hit in hits] == ["Runners who stopped"]
    assert finding.find("who st", frozenset()) == []
