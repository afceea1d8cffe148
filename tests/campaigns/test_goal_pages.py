"""Ada says who comes in, what for, and when it ends; the page says who that is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.forms import DateTimeInput
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import drafts, gallery, lifecycle
from campaigns.forms import saving, settings
from campaigns.forms.goal import GoalForm
from campaigns.models import Campaign, Edit
from crm import clock, publicids
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house()


@pytest.fixture
def ada() -> Client:
    return office.at_work()


def fields(campaign: Campaign, **changes: Any) -> dict[str, Any]:
    """What a browser sends for the page as it is, with some fields changed."""
    form = GoalForm(base=campaign.document, segments=[(changes.get("entry_segment", ""), "x")])
    sent: dict[str, Any] = {"seen": saving.seen(campaign.document)}
    for name, field in form.fields.items():
        value = form[name].value()
        if value is None or value is False or value == "":
            continue
        said = field.widget.format_value(value) if isinstance(field.widget, DateTimeInput) else value
        sent[name] = "on" if value is True else said
    sent |= changes
    return {name: value for name, value in sent.items() if value is not None}


def touch(ada: Client, campaign: Campaign, *names: str, **changes: Any) -> Any:
    """What the page sends by itself after Ada changed some of its fields."""
    sent = fields(campaign, **changes)
    mine = {"touched": list(names) or [name for name in changes if name in GoalForm(base={}, segments=[]).fields]}
    answer = ada.post(office.at(campaign, "save/"), {**mine, **sent}, headers={"HX-Request": "true"})
    campaign.refresh_from_db()
    return answer


def save(ada: Client, campaign: Campaign, **changes: Any) -> Any:
    answer = ada.post(office.at(campaign, "save/"), fields(campaign, **changes))
    campaign.refresh_from_db()
    return answer


@pytest.mark.parametrize("slug", ["abandoned_cart", "welcome", "win_back", "thank_you"])
def test_opening_and_saving_changes_nothing(ada: Client, slug: str) -> None:
    made = gallery.start(slug, "en", cast.ADA, clock.now())
    before = made.document
    form = GoalForm(fields(made), base=before, segments=[(made.document["entry"][0].get("segment", ""), "x")])
    changes = (
        {"holdout_reason": "All get it"} if before.get("holdout_pct") == 0 and before["class"] == "marketing" else {}
    )
    assert save(ada, made, **changes).status_code == 302, form.errors
    assert made.document == before
    assert made.revision == 1


def test_what_was_said_stands_in_the_document(ada: Client) -> None:
    row = office.draft(cast.mail())
    members = publicids.encode("seg", cast.segment(name="Runners").pk)
    answer = save(
        ada, row, name="Carts", objective="cart", entry_type="event", entry_event="Cart Updated",
        entry_key="properties.cart_id", debounce_value="1", debounce_unit="hours", reentry="every_key",
        where_f_0="total.amount", where_op_0=">", where_v_0="20", who_segment=members, who_member="no",
        goal_event="Order Completed", goal_days="14", goal_value="properties.total.amount", goal_target="50",
        exit_goal="on", exit_events="Cart Emptied", holdout_pct="5", priority="70", budget="300",
        expiry_value="12", expiry_unit="hours",
    )  # fmt: skip
    assert answer["Location"] == office.at(row)
    document = row.document
    assert document["entry"][0] == {
        "type": "event", "event": "Cart Updated", "where": [{"f": "properties.total.amount", "op": ">", "v": 20}],
        "key": "properties.cart_id", "debounce": {"value": 1, "unit": "hours"}, "reentry": "every_key",
    }  # fmt: skip
    assert document["eligibility"] == {"all": [{"segment": members, "member": False}]}
    assert document["goal"] == {
        "event": "Order Completed", "window_days": 14, "value": "properties.total.amount", "target": 50,
    }  # fmt: skip
    assert document["exit"] == [{"event": "Order Completed"}, {"event": "Cart Emptied"}]
    assert (document["holdout_pct"], document["priority"], document["budget"]) == (5, 70, 300)
    assert document["send_expiry"] == {"value": 12, "unit": "hours"}
    assert (row.name, row.objective, row.priority) == ("Carts", "cart", 70)
    assert drafts.problems(row)[0] == []
    assert Edit.objects.count() == 1  # one way back for the page


def test_a_date_and_a_segment(ada: Client) -> None:
    row = office.draft(cast.mail(), holdout_pct=10)
    members = publicids.encode("seg", cast.segment(name="Runners").pk)
    save(ada, row, entry_type="schedule", entry_segment=members, at="2026-07-01T10:00", zone="contact", reentry="never")
    assert row.document["entry"] == [
        {"type": "schedule", "segment": members, "at": "2026-07-01T10:00", "zone": "contact", "reentry": "never"}
    ]
    save(ada, row, entry_type="segment", entry_segment=members, entry_mode="current", leave_exits="on")
    assert row.document["entry"][0] == {
        "type": "segment", "segment": members, "mode": "current", "leave_exits": True, "reentry": "never",
    }  # fmt: skip


def test_what_the_form_cannot_show_is_kept(ada: Client) -> None:
    list_of = {"f": "properties.category", "op": "in", "v": ["a", "b"]}
    own = {"all": [{"f": "contact.country", "op": "is", "v": "ES"}, {"f": "contact.city", "op": "is", "v": "Madrid"}]}
    row = office.draft(
        cast.mail(),
        entry=[{"type": "event", "event": "Product Viewed", "where": [list_of]}, {"type": "manual"}],
        eligibility=own,
        goal={"event": "Order Completed", "match": ["any"]},
        exit=[{"event": "Order Completed", "where": [list_of]}],
    )
    save(ada, row, name="Other")
    assert row.document["entry"] == [
        {"type": "event", "event": "Product Viewed", "where": [list_of]},
        {"type": "manual"},
    ]
    assert row.document["eligibility"] == own
    assert row.document["goal"]["match"] == ["any"]
    assert row.document["exit"] == [{"event": "Order Completed", "where": [list_of]}]


def test_mistakes_stand_at_their_fields_and_nothing_is_saved(ada: Client) -> None:
    row = office.draft(cast.mail(), **cast.CART, holdout_reason="Too few")
    answer = save(ada, row, holdout_pct="60", name="", entry_key="not a path", reentry="every_key")
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert {"holdout_pct", "name"} <= set(errors)
    answer = save(ada, row, entry_key="not a path")
    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"entry_key"})
    assert row.revision == 1


def test_without_a_control_group_there_is_a_reason(ada: Client) -> None:
    row = office.draft(cast.mail(), holdout_pct=10)
    assert "holdout_reason" in save(ada, row, holdout_pct="0").context["form"].errors
    assert save(ada, row, holdout_pct="0", holdout_reason="Too few people").status_code == 302
    assert (row.document["holdout_pct"], row.document["holdout_reason"]) == (0, "Too few people")


def test_nobodys_work_is_lost_unseen(ada: Client) -> None:
    row = office.draft(cast.mail(), holdout_pct=10)
    stale = fields(row, name="Mine")
    bruno = office.somebody("admin", "Bruno")
    drafts.apply(
        row, {"do": "set", "path": "name", "value": "His"}, revision=1, actor=f"user:{bruno.pk}", now=clock.now()
    )
    answer = ada.post(office.at(row, "save/"), stale)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Bruno changed this" in page
    assert 'value="Mine"' in page
    row.refresh_from_db()
    assert row.name == "His"


# --- the page saves itself -----------------------------------------------------------------------------


def test_what_ada_touches_is_saved_and_can_be_taken_back(ada: Client) -> None:
    row = office.draft(cast.mail(), **cast.CART, holdout_pct=10)
    before = row.document
    answer = touch(ada, row, name="Carts of autumn", holdout_pct="5")
    assert answer.status_code == 200
    assert answer.json() == {
        "seen": saving.seen(row.document), "name": "Carts of autumn", "errors": {}, "left": [], "told": "",
    }  # fmt: skip
    assert row.document == {**before, "name": "Carts of autumn", "holdout_pct": 5}
    assert [edit.command["path"] for edit in drafts.history(row)] == ["name", "holdout_pct"]
    for _ in range(2):
        drafts.undo(row, revision=None, actor="user:1", now=clock.now())
    row.refresh_from_db()
    assert row.document == before


def test_what_does_not_hold_waits_at_its_field_and_the_rest_is_saved(ada: Client) -> None:
    row = office.draft(cast.mail(), **cast.CART, holdout_pct=10)
    answer = touch(ada, row, name="Carts", holdout_pct="60", entry_key="not a path")
    said = answer.json()
    assert (answer.status_code, said["left"]) == (422, ["entry_key", "holdout_pct"])
    assert set(said["errors"]) == {"holdout_pct", "entry_key"}
    assert said["told"].startswith("Not saved: Control group, %: ")
    assert row.document["name"] == "Carts"
    assert (row.document["holdout_pct"], row.document["entry"][0]["key"]) == (10, "properties.cart_id")


def test_no_control_group_is_saved_together_with_its_reason(ada: Client) -> None:
    row = office.draft(cast.mail(), holdout_pct=10)
    said = touch(ada, row, holdout_pct="0").json()
    assert (list(said["errors"]), said["left"]) == (["holdout_reason"], ["holdout_pct"])
    assert row.document["holdout_pct"] == 10
    assert touch(ada, row, holdout_pct="0", holdout_reason="Too few").status_code == 200
    assert (row.document["holdout_pct"], row.document["holdout_reason"]) == (0, "Too few")


def test_a_mistake_of_two_settings_leaves_the_one_that_was_touched(ada: Client) -> None:
    """Quiet hours are off for messages that people wait for; Ada makes an advertisement of it."""
    row = office.draft(cast.mail(), **{"class": "transactional"}, quiet="off")
    said = touch(ada, row, message_class="marketing").json()
    assert (list(said["errors"]), said["left"]) == (["quiet"], ["message_class"])
    assert row.document["class"] == "transactional"
    assert touch(ada, row, message_class="marketing", quiet="inherit").status_code == 200
    assert "class" not in row.document  # an advertisement, as ever


def test_a_choice_that_is_taken_back_brings_its_fields_with_it(ada: Client) -> None:
    row = office.draft(cast.mail(), **cast.CART, holdout_pct=10)
    before, page = row.document, fields(row)
    touch(ada, row, entry_type="manual")
    assert row.document["entry"][0]["type"] == "manual"
    again = {name: value for name, value in page.items() if name != "seen"}
    assert touch(ada, row, "entry_type", **again).status_code == 200
    assert row.document["entry"] == before["entry"]


def test_an_edit_of_a_step_meanwhile_is_no_conflict_and_one_of_the_settings_is(ada: Client) -> None:
    row = office.draft(cast.mail(), holdout_pct=10)
    mine, bruno = fields(row, name="Mine", touched="name"), office.somebody("admin", "Bruno")
    step = row.document["steps"][0]["id"]
    for number, command in enumerate(
        ({"do": "note", "step": step, "note": "Ask Bruno"}, {"do": "set", "path": "priority", "value": 80})
    ):
        drafts.apply(row, command, revision=None, actor=f"user:{bruno.pk}", now=clock.now())
        answer = ada.post(office.at(row, "save/"), mine, headers={"HX-Request": "true"})
        row.refresh_from_db()
        assert answer.status_code == (200, 409)[number]
        mine = fields(row, name="Mine again", touched="name")
    page = answer.content.decode()
    assert "Bruno changed this" in page
    assert f'data-seen="{saving.seen(row.document)}"' in page
    assert (row.name, row.priority) == ("Mine", 80)
    assert touch(ada, row, name="Mine again").status_code == 200  # on top of his
    assert (row.name, row.priority) == ("Mine again", 80)


def test_an_edit_whose_answer_was_lost_is_no_conflict_with_oneself(ada: Client) -> None:
    row = office.draft(cast.mail(), holdout_pct=10)
    page = fields(row)
    touch(ada, row, "name", name="First", key="k1")
    more = {**page, "name": "First and second", "touched": "name", "key": "k2"}
    assert ada.post(office.at(row, "save/"), more, headers={"HX-Request": "true"}).status_code == 409
    answer = ada.post(office.at(row, "save/"), {**more, "unanswered": "k1"}, headers={"HX-Request": "true"})
    row.refresh_from_db()
    assert (answer.status_code, row.name) == (200, "First and second")


def test_the_page_says_how_it_stands_and_only_to_who_may_change_it(ada: Client) -> None:
    row = office.draft(cast.mail())
    page = ada.get(office.at(row)).content.decode()
    assert 'id="saved"' in page
    assert "data-kept=" in page
    reader = office.at_work("analyst", "Chiara").get(office.at(row)).content.decode()
    assert 'id="saved"' not in reader
    assert "data-kept=" not in reader


def test_details_of_events_are_read_and_written_in_plain_words(ada: Client) -> None:
    row = office.draft(cast.mail(), **cast.CART, holdout_pct=10)
    form = GoalForm(base=row.document, segments=[])
    assert form.initial["entry_key"] == "cart_id"
    words = " ".join(str(each.label) for each in form.fields.values())
    assert "Key" not in words
    assert "Property" not in words
    touch(ada, row, goal_event="Order Completed", goal_value="total.amount", entry_key="order_id")
    assert row.document["goal"]["value"] == "properties.total.amount"
    assert row.document["entry"][0]["key"] == "properties.order_id"


def test_an_incomplete_draft_is_saved(ada: Client) -> None:
    row = gallery.start_empty(cast.ADA, clock.now())
    assert save(ada, row, name="Something", entry_type="segment").status_code == 302
    assert row.document["entry"][0]["segment"] == ""
    assert drafts.problems(row)[0]


def test_the_way_on_leads_to_the_journey(ada: Client) -> None:
    row = office.draft(cast.mail(), holdout_pct=10)
    assert save(ada, row, next="journey")["Location"] == office.at(row, "journey/")


def test_readers_see_it_and_change_nothing() -> None:
    row = office.draft(cast.mail())
    reader = office.at_work("analyst", "Chiara")
    page = reader.get(office.at(row)).content.decode()
    assert "disabled" in page
    assert reader.post(office.at(row, "save/"), fields(row, name="Other")).status_code == 403
    row.refresh_from_db()
    assert row.name == "Test"


def test_every_place_of_the_document_has_its_field() -> None:
    form = GoalForm(base=cast.document(cast.mail()), segments=[])
    assert set(settings.FIELDS.values()) <= set(form.fields)
    assert settings.field_of("/entry/0/where/1/op") == "where_f_0"
    assert settings.field_of("/steps/0/config") == ""


# --- the column beside the form ------------------------------------------------------------------------


def seen(ada: Client, campaign: Campaign, **changes: Any) -> Any:
    answer = ada.post(office.at(campaign, "prospects/"), fields(campaign, **changes))
    assert answer.status_code == 200, answer.content
    return answer.context["seen"]


def test_who_would_come_by_an_event(ada: Client) -> None:
    crowd = cast.people(10)
    cast.allow(crowd[:6], "email")
    for number, contact in enumerate(crowd[:8]):
        at = clock.now() - timedelta(days=40 if number == 7 else 3)
        cast.happen(contact, "Cart Updated", occurred_at=at, historic=True, cart_id=str(number))
    row = office.draft(cast.mail(), **cast.CART, holdout_pct=10)
    found = seen(ada, row, name="Test", holdout_pct="10")
    assert (found.at_once, found.month, found.people) == (0, 7, 7)
    assert found.reach == {"email": 6}
    assert (found.unreachable, found.held_out) == (1, 1)
    row.refresh_from_db()
    assert row.revision == 1


def test_who_would_come_of_a_segment_and_why_others_not(ada: Client) -> None:
    crowd = cast.people(12)
    cast.allow(crowd[:9], "email")
    members = cast.segment(crowd)
    spanish = cast.segment(crowd[:10], name="Only these")
    entry = [{"type": "segment", "segment": publicids.encode("seg", members.pk), "mode": "current"}]
    own = {"all": [{"segment": publicids.encode("seg", spanish.pk), "member": True}]}
    row = office.draft(cast.mail(), entry=entry, eligibility=own, holdout_pct=10)
    found = seen(ada, row)
    assert (found.at_once, found.people, found.ineligible) == (12, 12, 2)
    assert (found.reach, found.unreachable) == ({"email": 9}, 1)


def test_nobody_can_know_who_is_added_by_hand(ada: Client) -> None:
    row = office.draft(cast.mail())
    answer = ada.post(office.at(row, "prospects/"), fields(row))
    assert "Nobody can know" in answer.content.decode()


def test_broken_input_breaks_nothing(ada: Client) -> None:
    row = office.draft(cast.mail(), **cast.CART)
    for changes in (
        {"holdout_pct": "x"},
        {"where_f_0": "..", "where_v_0": "1"},
        {"entry_segment": "seg_zz"},
        {"name": ""},
    ):
        assert ada.post(office.at(row, "prospects/"), fields(row, **changes)).status_code == 200


def test_the_queries_do_not_grow_with_people(ada: Client) -> None:
    crowd = cast.people(3)
    members = cast.segment(crowd)
    row = office.draft(cast.mail(), entry=[{"type": "segment", "segment": str(members.pk), "mode": "current"}])

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            seen(ada, row)
        return len(found)

    queries()
    few = queries()
    for contact in cast.people(50):
        members.segmentmember_set.create(contact=contact, since=clock.now())
    assert queries() == few
    with CaptureQueriesContext(connection) as found:
        ada.get(office.at(row))
    assert len(found) < 14


def test_a_live_campaign_goes_on_while_its_draft_changes(ada: Client) -> None:
    live = cast.publish(cast.mail(), name="Spring")
    save(ada, live, name="Summer")
    assert live.version is not None
    assert live.version.document["name"] == "Spring"
    assert lifecycle.publish(live, cast.ADA, clock.now()).number == 2
