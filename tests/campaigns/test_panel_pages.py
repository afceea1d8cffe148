"""The panel of a step, as its pages answer."""

from __future__ import annotations

import json
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import commands, drafts, one_step
from campaigns.forms.steps import sheets
from campaigns.models import Campaign, Edit
from campaigns.steps import kinds
from crm import clock, publicids
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
DEEP = {"any": [{"all": [{"f": "contact.city", "op": "is", "v": "Lyon"}]}, {"none": [{"tag": "vip"}]}]}
STEPS: list[dict[str, Any]] = [
    cast.mail("mail"),
    {"id": "text", "type": "send.sms", "config": {"text": "Come", "send_expiry": {"value": 2, "unit": "hours"}}},
    cast.wait("pause"),
    {"id": "until", "type": "wait.until_time", "config": {"at": "10:00", "weekdays": ["mon", "tue"]}},
    {
        "id": "heard", "type": "wait.event",
        "config": {
            "branches": [
                {"label": "bought", "event": "Order Completed"},
                {"label": "came", "event": "Product Viewed",
                 "where": [{"f": "properties.category", "op": "is", "v": "running"}]},
            ],
            "timeout": {"value": 2, "unit": "days"},
        },
        "lanes": [{"label": "bought", "steps": [cast.leave("done")]}, {"label": "timeout", "steps": []}],
    },
    {
        "id": "fork", "type": "split.rule",
        "lanes": [
            {"label": "vip", "when": {"all": [{"f": "fields.spent", "op": ">", "v": 500}]},
             "steps": [cast.wait("in_vip", 1)]},
            {"label": "deep", "when": DEEP, "steps": []},
            {"label": "else", "steps": []},
        ],
    },
    {
        "id": "dice", "type": "split.random",
        "lanes": [{"label": "A", "weight": 3, "steps": []}, {"label": "B", "weight": 1, "steps": []}],
    },
    {"id": "apart", "type": "holdout", "config": {"pct": 10}},
    {"id": "change", "type": "contact.update", "config": {"set": {"fields.size": 39}, "unset": ["fields.old"]}},
    {"id": "stage", "type": "contact.stage", "config": {"stage": "loyal"}},
    {"id": "goal", "type": "goal", "config": {}},
    {"id": "again", "type": "goto", "config": {"step": "pause", "max_visits": 2}},
    {"id": "end", "type": "exit", "config": {"outcome": "completed"}},
]  # fmt: skip


@pytest.fixture
def ada() -> Client:
    return office.at_work()


@pytest.fixture
def draft() -> Campaign:
    office.house()
    return office.draft(*deepcopy(STEPS))


def url(campaign: Campaign, step: str, rest: str = "panel/") -> str:
    return office.at(campaign, f"journey/steps/{step}/{rest}")


def page(client: Client, campaign: Campaign, step: str, **query: str) -> str:
    answer = client.get(url(campaign, step), query, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def now(campaign: Campaign, step: str) -> dict[str, Any]:
    found = commands.find(Campaign.objects.get(pk=campaign.pk).document, step)
    assert found is not None
    return found


class Reader(HTMLParser):
    """What the browser would send of a form."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Any] = {}
        self.name, self.area = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "input":
            self.input(given)
        elif tag in ("select", "textarea"):
            self.name, self.area = given.get("name", ""), tag == "textarea"
            self.found.setdefault(self.name, "")
        elif tag == "option" and "selected" in given:
            self.found[self.name] = given["value"]

    def input(self, given: dict[str, str]) -> None:
        name, ticked = given.get("name", ""), given.get("type") != "checkbox" or "checked" in given
        if ticked and name == "weekdays":
            self.found.setdefault(name, []).append(given["value"])
        elif ticked and name:
            self.found[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.area:
            self.found[self.name] += data

    def handle_endtag(self, tag: str) -> None:
        self.area = self.area and tag != "textarea"


def fields(client: Client, campaign: Campaign, step: str) -> dict[str, Any]:
    """What the browser would send if nothing were typed."""
    html = page(client, campaign, step)
    begins = html.index('<form id="panel-form"')
    reader = Reader()
    reader.feed(html[begins : html.index("</form>", begins)])
    reader.found.pop("csrfmiddlewaretoken", None)
    return reader.found


def save(client: Client, campaign: Campaign, step: str, **typed: Any) -> Any:
    given = fields(client, campaign, step)
    sent = {key: value for key, value in {**given, **typed}.items() if value is not None}
    return client.post(url(campaign, step, "panel/save/"), sent, headers=HTMX)


def test_every_kind_of_step_has_its_settings_here() -> None:
    assert set(sheets) == set(kinds)
    assert {step["type"] for step in STEPS} == set(kinds)


@pytest.mark.parametrize("step", [each["id"] for each in STEPS])
def test_a_form_that_nobody_touched_changes_nothing(ada: Client, draft: Campaign, step: str) -> None:
    before = Campaign.objects.get(pk=draft.pk).document
    answer = save(ada, draft, step)
    assert answer.status_code == 200, answer.content.decode()
    assert Campaign.objects.get(pk=draft.pk).document == before
    assert Edit.objects.filter(campaign=draft).count() == 0
    assert "HX-Trigger" not in answer.headers


@pytest.mark.parametrize("step", [each["id"] for each in STEPS])
@pytest.mark.parametrize("tab", ["message", "timing", "who", "results"])
def test_every_tab_of_every_step_can_be_opened(ada: Client, draft: Campaign, step: str, tab: str) -> None:
    html = page(ada, draft, step, tab=tab)
    assert f'data-panel-of="{step}"' in html
    assert f'data-tab="{tab}"' in html


@pytest.mark.parametrize(
    ("step", "typed", "config"),
    [
        ("mail", {"subject": "New words"}, {"subject": "New words", "text": cast.MAIL["text"]}),
        ("text", {"text": "Two\r\nlines", "send_expiry": ""}, {"text": "Two\nlines"}),
        ("text", {"require_stock": "1"},
         {"text": "Come", "send_expiry": {"value": 2, "unit": "hours"}, "require_stock": True}),
        ("pause", {"span": "3", "span-unit": "weeks"}, {"value": 3, "unit": "weeks"}),
        ("until", {"mode": "window", "zone": "workspace"},
         {"window": {"from": "09:00", "to": "12:00"}, "weekdays": ["mon", "tue"], "zone": "workspace"}),
        ("until", {"at": "11:30", "weekdays": []}, {"at": "11:30"}),
        ("until", {"mode": "weekdays"}, {"weekdays": ["mon", "tue"]}),
        ("apart", {"pct": "12.5"}, {"pct": 12.5}),
        ("change", {"changes-1-path": None, "changes-1-verb": None, "changes-2-path": "visits",
                    "changes-2-verb": "increment", "changes-2-value": "2"},
         {"set": {"fields.size": 39}, "increment": {"fields.visits": 2}}),
        ("change", {"changes-0-value": "40"}, {"set": {"fields.size": 40}, "unset": ["fields.old"]}),
        ("stage", {"stage": "lapsed", "forward_only": None}, {"stage": "lapsed", "forward_only": False}),
        ("goal", {"exit": "1"}, {"exit": True}),
        ("end", {"outcome": "converted", "why": "They came back"}, {"outcome": "converted", "note": "They came back"}),
        ("again", {"max_visits": "5"}, {"step": "pause", "max_visits": 5}),
    ],
)  # fmt: skip
def test_what_is_typed_is_in_the_draft(
    ada: Client, draft: Campaign, step: str, typed: dict[str, Any], config: dict[str, Any]
) -> None:
    answer = save(ada, draft, step, **typed)
    assert answer.status_code == 200, answer.content.decode()
    assert now(draft, step)["config"] == config
    revision = Campaign.objects.get(pk=draft.pk).revision
    assert json.loads(answer.headers["HX-Trigger"]) == {"draft-changed": {"revision": revision}}


def test_a_step_has_a_name_and_a_note(ada: Client, draft: Campaign) -> None:
    assert save(ada, draft, "pause", label=" Breathe ", note="Ask Ana").status_code == 200
    assert now(draft, "pause")["label"] == "Breathe"
    assert now(draft, "pause")["note"] == "Ask Ana"
    assert "Breathe" in page(ada, draft, "pause")
    save(ada, draft, "pause", label="", note="")
    assert "label" not in now(draft, "pause")


# --- lanes ----------------------------------------------------------------------------------------


def labels(campaign: Campaign, step: str) -> list[str]:
    return [lane["label"] for lane in now(campaign, step)["lanes"]]


def test_lanes_are_renamed_moved_added_and_removed_and_keep_their_steps(ada: Client, draft: Campaign) -> None:
    assert save(ada, draft, "fork", **{"lanes-0-label": "Best"}).status_code == 200
    assert labels(draft, "fork") == ["Best", "deep", "else"]
    assert now(draft, "fork")["lanes"][0]["id"] == "vip", "people who are there stay there"
    save(ada, draft, "fork", deed="down:lanes:0")
    assert labels(draft, "fork") == ["deep", "Best", "else"]
    assert now(draft, "fork")["lanes"][1]["steps"][0]["id"] == "in_vip"
    save(ada, draft, "fork", deed="add:lanes")
    assert labels(draft, "fork") == ["deep", "Best", "Lane 1", "else"]
    save(ada, draft, "fork", deed="remove:lanes:1")
    assert labels(draft, "fork") == ["deep", "Lane 1", "else"]
    drafts.undo(Campaign.objects.get(pk=draft.pk), revision=None, actor="ada", now=clock.now())
    assert now(draft, "fork")["lanes"][1]["steps"][0]["id"] == "in_vip", "and the way back"


def test_a_rule_is_always_said_in_words_and_a_deep_one_is_kept(ada: Client, draft: Campaign) -> None:
    html = page(ada, draft, "fork")
    assert "spent" in html
    assert "city is Lyon, or (none of: has the tag vip)" in html
    save(ada, draft, "fork", **{"lanes-0-if-0-v": "600"})
    assert now(draft, "fork")["lanes"][0]["when"] == {"all": [{"f": "fields.spent", "op": ">", "v": 600}]}
    assert now(draft, "fork")["lanes"][1]["when"] == DEEP


def test_a_lane_asks_about_people_in_words_that_ada_uses(ada: Client, draft: Campaign) -> None:
    html = page(ada, draft, "fork")
    assert "Can be reached by SMS</option>" in html
    assert ">City</option>" in html
    assert "Property" not in html
    save(ada, draft, "fork", **{"lanes-0-if-0-f": "reachable.sms"})
    rule = {"all": [{"f": "reachable.sms", "op": "is", "v": True}]}
    assert now(draft, "fork")["lanes"][0]["when"] == rule
    assert "lanes-0-if-0-op" not in fields(ada, draft, "fork")  # yes or no, nothing to compare
    save(ada, draft, "fork", **{"lanes-0-if-0-v": "false"})
    rule["all"][0]["v"] = False
    assert now(draft, "fork")["lanes"][0]["when"] == rule
    save(ada, draft, "fork")
    assert now(draft, "fork")["lanes"][0]["when"] == rule


def test_what_a_lane_asks_that_cannot_be_chosen_is_named_and_kept(ada: Client, draft: Campaign) -> None:
    rules = [
        {"f": "consent.offers.sms", "op": "is", "v": "granted"},
        {"f": "reachable.sms", "op": "is_not", "v": True},
        {"f": "identifier.card", "op": "is_set"},
    ]
    lanes = [
        {**lane, "when": {"all": rules}} if lane["label"] != "else" else lane for lane in now(draft, "fork")["lanes"]
    ]
    lanes = [{key: lane[key] for key in lane if key in ("id", "label", "when")} for lane in lanes]
    drafts.apply(draft, {"do": "lanes", "step": "fork", "lanes": lanes}, revision=None, actor="a", now=clock.now())
    html = page(ada, draft, "fork")
    assert "Consent: offers, SMS</option>" in html
    assert "Card number</option>" in html
    save(ada, draft, "fork", **{"lanes-0-label": "Other"})
    assert now(draft, "fork")["lanes"][0]["when"] == {"all": rules}


def test_a_lane_asks_for_a_segment_or_what_somebody_did(ada: Client, draft: Campaign) -> None:
    segment = publicids.encode("seg", cast.segment().pk)
    save(ada, draft, "fork", **{"lanes-0-if-1-kind": "in"})
    assert now(draft, "fork")["lanes"][0]["when"]["all"][1] == {"segment": "", "member": True}
    assert "No segment is chosen" in page(ada, draft, "fork")
    save(ada, draft, "fork", **{"lanes-0-if-1-segment": segment})
    assert "Chosen" in page(ada, draft, "fork")
    save(ada, draft, "fork", **{"lanes-0-if-2-kind": "not"})
    save(ada, draft, "fork", **{"lanes-0-if-2-event": "Order Completed", "lanes-0-if-2-days": "30"})
    last = now(draft, "fork")["lanes"][0]["when"]["all"][2]
    assert last == {"event": "Order Completed", "did": False, "in_last": {"value": 30, "unit": "days"}}
    save(ada, draft, "fork", **{"lanes-0-if-0-kind": "", "lanes-0-if-1-kind": "", "lanes-0-if-2-kind": ""})
    assert "when" not in now(draft, "fork")["lanes"][0]


def test_shares_are_shown_in_per_cent(ada: Client, draft: Campaign) -> None:
    html = page(ada, draft, "dice")
    assert "75 %" in html
    assert "25 %" in html
    save(ada, draft, "dice", **{"lanes-1-weight": "9"})
    assert [lane["weight"] for lane in now(draft, "dice")["lanes"]] == [3, 9]


def test_a_branch_takes_its_lane_along(ada: Client, draft: Campaign) -> None:
    more = {"branches-1-where-1-f": "price", "branches-1-where-1-op": ">", "branches-1-where-1-v": "20"}
    save(ada, draft, "heard", **{"branches-0-label": "purchase", **more})
    assert now(draft, "heard")["config"]["branches"][1]["where"] == [
        {"f": "properties.category", "op": "is", "v": "running"}, {"f": "properties.price", "op": ">", "v": 20},
    ]  # fmt: skip
    assert now(draft, "heard")["lanes"][0]["label"] == "purchase"
    assert now(draft, "heard")["lanes"][0]["steps"][0]["id"] == "done"
    save(ada, draft, "heard", deed="add:branches")
    assert [each["label"] for each in now(draft, "heard")["config"]["branches"]] == ["purchase", "came", "Lane 1"]
    assert labels(draft, "heard") == ["purchase", "Lane 1", "timeout"]
    save(ada, draft, "heard", deed="remove:branches:0")
    assert [each["label"] for each in now(draft, "heard")["config"]["branches"]] == ["came", "Lane 1"]
    assert labels(draft, "heard") == ["Lane 1", "timeout"]


def test_which_event_of_theirs_is_asked_where_each_cart_has_its_journey(ada: Client) -> None:
    office.house()
    campaign = office.draft(*deepcopy(STEPS), **cast.CART)
    save(ada, campaign, "heard", **{"branches-0-match": "key", "branches-0-key": "order.cart"})
    branch = now(campaign, "heard")["config"]["branches"][0]
    assert (branch["match"], branch["key"]) == (["key"], "properties.order.cart")
    assert save(ada, campaign, "heard", **{"branches-0-key": "not a path"}).status_code == 422
    save(ada, campaign, "heard", **{"branches-0-match": "key,shares_product,any", "branches-0-key": ""})
    assert set(now(campaign, "heard")["config"]["branches"][0]) == {"label", "event"}


# --- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "typed", "field"),
    [
        ("pause", {"span": "0"}, "span"),
        ("pause", {"span": "soon"}, "span"),
        ("pause", {"span": ""}, "span"),
        ("until", {"at": "25:99"}, "at"),
        ("apart", {"pct": "80"}, "pct"),
        ("dice", {"lanes-0-weight": "2000"}, "lanes-0-weight"),
        ("dice", {"lanes-1-label": "A"}, "lanes-1-label"),
        ("fork", {"lanes-0-label": ""}, "lanes-0-label"),
        ("heard", {"timeout": "-3"}, "timeout"),
        ("heard", {"branches-0-label": "timeout"}, "branches-0-label"),
        ("change", {"changes-0-path": "fields.a b"}, "changes-0-path"),
        ("again", {"max_visits": "999"}, "max_visits"),
        ("text", {"text": "x" * 1_601}, "text"),
    ],
)
def test_what_makes_no_sense_is_told_at_its_field_and_not_kept(
    ada: Client, draft: Campaign, step: str, typed: dict[str, Any], field: str
) -> None:
    before = Campaign.objects.get(pk=draft.pk).document
    answer = save(ada, draft, step, **typed)
    assert answer.status_code == 422
    html = answer.content.decode()
    said = html[html.index(f'data-errors="{field}"') :]
    assert "pn-error" in said[: said.index("</div>")], html
    assert Campaign.objects.get(pk=draft.pk).document == before


def test_a_draft_may_lack_something_and_the_field_says_so(ada: Client, draft: Campaign) -> None:
    answer = save(ada, draft, "text", text="")
    assert answer.status_code == 200
    assert "The SMS has no words" in answer.content.decode()
    assert "text" not in now(draft, "text")["config"]


def test_a_step_that_somebody_else_changed_is_not_overwritten(ada: Client, draft: Campaign) -> None:
    mine = fields(ada, draft, "pause")
    luis = office.at_work("marketer", "Luis")
    assert save(luis, draft, "pause", span="5").status_code == 200
    answer = ada.post(url(draft, "pause", "panel/save/"), {**mine, "span": "9"}, headers=HTMX)
    assert answer.status_code == 409
    assert "Luis changed this" in answer.content.decode()
    assert now(draft, "pause")["config"]["value"] == 5


def test_what_others_do_elsewhere_is_no_conflict(ada: Client, draft: Campaign) -> None:
    mine = fields(ada, draft, "pause")
    save(office.at_work("marketer", "Luis"), draft, "apart", pct="20")
    assert ada.post(url(draft, "pause", "panel/save/"), {**mine, "span": "9"}, headers=HTMX).status_code == 200


def test_an_edit_whose_answer_was_lost_can_be_followed_by_the_next(ada: Client, draft: Campaign) -> None:
    mine = fields(ada, draft, "pause")
    ada.post(url(draft, "pause", "panel/save/"), {**mine, "span": "8", "key": "k1"}, headers=HTMX)
    again = {**mine, "span": "9", "key": "k2", "unanswered": ["k1"]}
    assert ada.post(url(draft, "pause", "panel/save/"), again, headers=HTMX).status_code == 200
    assert now(draft, "pause")["config"]["value"] == 9


def test_who_may_only_read_sees_it_and_changes_nothing(draft: Campaign) -> None:
    analyst = office.at_work("analyst", "Ines")
    html = page(analyst, draft, "pause")
    assert "disabled" in html
    assert 'data-do="remove"' not in html
    assert save(analyst, draft, "pause", span="9").status_code == 403
    assert now(draft, "pause")["config"]["value"] == 2


def test_a_step_that_is_gone_is_not_found(ada: Client, draft: Campaign) -> None:
    assert ada.get(url(draft, "gone"), headers=HTMX).status_code == 404
    assert ada.post(url(draft, "gone", "panel/save/"), {}, headers=HTMX).status_code == 404
    assert ada.get(url(draft, "pause", "can-receive/"), headers=HTMX).status_code == 404


def test_the_address_of_a_panel_leads_to_the_builder(ada: Client, draft: Campaign) -> None:
    answer = ada.get(url(draft, "pause"), {"tab": "timing"})
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("journey/?step=pause&tab=timing")


@pytest.mark.parametrize(
    "step",
    [
        {"id": "x", "type": "wait.event", "config": {"branches": [3, {"label": 5}], "timeout": 7}, "lanes": 4},
        {"id": "x", "type": "split.rule", "lanes": [{"label": "a", "when": 5}, {"when": {"all": [7]}}, 9]},
        {"id": "x", "type": "split.random", "lanes": [{"label": "a", "weight": "x"}]},
        {"id": "x", "type": "contact.update", "config": {"set": [1], "unset": "x"}},
        {"id": "x", "type": "wait.until_time", "config": {"window": [], "weekdays": "mon", "at": 9}},
        {"id": "x", "type": "wait.duration", "config": {"value": [], "unit": {}}},
        {"id": "x", "type": "send.email", "config": {"subject": 5, "html": 7, "send_expiry": 3}},
        {"id": "x", "type": "nothing", "config": 7},
        {"id": "x", "type": "goto", "config": {"step": {}}},
        {"id": "x", "type": "exit", "config": {"outcome": []}},
    ],
)
def test_whatever_a_step_holds_its_panel_can_be_opened(ada: Client, draft: Campaign, step: dict[str, Any]) -> None:
    Campaign.objects.filter(pk=draft.pk).update(document={"name": "Odd", "steps": [step]})
    for tab in ("message", "timing", "who", "results"):
        page(ada, draft, "x", tab=tab)
    assert save(ada, draft, "x").status_code in (200, 422)


# --- the other tabs -------------------------------------------------------------------------------


def test_the_bar_links_every_number_to_its_people(ada: Client) -> None:
    from tests.campaigns.test_reachable import SMS_FOR_OTHERS, sixty_one

    campaign, _people = sixty_one(lanes=SMS_FOR_OTHERS)
    html = " ".join(ada.get(url(campaign, "e1", "can-receive/"), headers=HTMX).content.decode().split())
    for words in (
        "of 61 next in line",
        ">48<",
        ">7<",
        ">6<",
        "Over the limit of messages",
        "No consent, goes on to: SMS",
    ):
        assert words in html, words
    assert "?what=can_receive&amp;step=e1&amp;bucket=via.consent_missing" in html


def test_timing_gives_an_example_and_the_limits_that_hold(ada: Client, draft: Campaign) -> None:
    assert "Somebody who arrives now goes on" in page(ada, draft, "pause", tab="timing")
    html = page(ada, draft, "mail", tab="timing")
    for words in ("Quiet hours", "marketing messages", "within 1 day", "/settings/"):
        assert words in html or words.replace("1 day", "24 hours") in html, words


def test_who_names_what_it_needs_and_what_takes_people_out(ada: Client) -> None:
    office.house()
    campaign = office.draft(cast.mail("mail"), **cast.CART, holdout_pct=10)
    html = page(ada, campaign, "mail", tab="who")
    for words in ("said yes to “Offers”", "“Order Completed” takes people out", "10 % are held out"):
        assert words in html, words


def test_results_are_counted_with_reasons_and_lead_to_people(ada: Client) -> None:
    office.house()
    cast.at_noon()
    campaign = cast.publish(cast.mail("mail"))
    for person in (cast.person("Elena"), cast.person("Dora")):
        run = cast.run(cast.enter(campaign, person))
        cast.work()
        number = cast.run(run.pk).message_id or 0
        from channels.models import Message

        sent = person.given_name == "Elena"
        # Only the state matters here: how it comes about is tested with the outbox.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            Message.objects.filter(pk=number).update(
                state="accepted" if sent else "blocked", reason="" if sent else "consent_withdrawn"
            )
            cursor.execute("SET LOCAL session_replication_role = origin")
        cast.settle(number, sent=sent, reason="consent_withdrawn")
        cast.work()
    html = " ".join(page(ada, campaign, "mail", tab="results").split())
    assert "Message sent" in html
    assert "They said no" in html
    assert "what=not_sent&amp;reason=consent_withdrawn&amp;step=mail" in html
    assert "Elena" in html
    listed = ada.get(
        office.at(campaign, "people/"), {"what": "not_sent", "step": "mail", "reason": "consent_withdrawn"}
    )
    assert "Dora" in listed.content.decode()


def test_the_entry_has_a_panel_too(ada: Client, draft: Campaign) -> None:
    html = page(ada, draft, "entry")
    assert "By hand or by the API" in html
    assert "Goal" in html


@pytest.mark.parametrize("tab", ["message", "timing", "who", "results"])
def test_the_number_of_queries_does_not_grow_with_the_journey(ada: Client, draft: Campaign, tab: str) -> None:
    page(ada, draft, "mail", tab=tab)
    with CaptureQueriesContext(connection) as few:
        page(ada, draft, "mail", tab=tab)
    longer = Campaign.objects.get(pk=draft.pk).document
    more = [{**step, "id": f"more{number}"} for number, step in enumerate(STEPS[:4] * 10)]
    Campaign.objects.filter(pk=draft.pk).update(document={**longer, "steps": [*longer["steps"][:-1], *more]})
    with CaptureQueriesContext(connection) as many:
        page(ada, draft, "mail", tab=tab)
    assert len(many) == len(few)


def test_changed_in_the_draft_is_said(ada: Client) -> None:
    office.house()
    campaign = cast.publish(cast.mail("mail"), cast.wait("pause"))
    assert "as in the live version" in page(ada, campaign, "pause")
    save(ada, campaign, "pause", span="9")
    assert "changed in the draft" in page(ada, campaign, "pause")
    assert one_step.find(Campaign.objects.get(pk=campaign.pk), "gone") is None
