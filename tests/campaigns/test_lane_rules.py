"""Rules of lanes and of the audience in the editor of the segments: kept by its pages, answered in a run."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import commands, drafts, lifecycle
from campaigns.models import Campaign
from crm import clock, lists, publicids, tags
from crm.errors import Problems
from crm.models import Contact, Segment
from crm.segments import builder, describe, edit, outline, parse
from crm.segments.question import answers, query
from tests.campaigns import cast, office, test_goal_pages

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
YEARS = {"value": 730, "unit": "days"}
SHOES_TWICE = {
    "event": "Order Completed", "did": True, "where": [{"f": "properties.category", "op": "in", "v": ["shoes"]}],
    "count": {"op": ">=", "v": 2}, "in_last": YEARS,
}  # fmt: skip
OPENED = {"message": {}, "did": "opened", "in_last": {"value": 90, "unit": "days"}}
LYON = {"f": "contact.city", "op": "is", "v": "Lyon"}
VIP = {"tag": "vip"}
# Bought shoes twice in 24 months, and opened nothing for 90 days unless they live in Lyon and never returned any.
SLEEPING = {
    "all": [SHOES_TWICE, {"any": [{"none": [OPENED]}, {"all": [LYON, {"event": "Order Returned", "did": False}]}]}]
}
FORK: dict[str, Any] = {
    "id": "fork", "type": "split.rule",
    "lanes": [
        {"label": "shoes", "when": {"all": [LYON]}, "steps": [cast.wait("in_shoes", 1)]},
        {"label": "else", "steps": [cast.leave("others")]},
    ],
}  # fmt: skip


@pytest.fixture
def ada() -> Client:
    return office.at_work()


@pytest.fixture
def draft() -> Campaign:
    office.house()
    return office.draft(deepcopy(FORK))


def url(campaign: Campaign, rest: str = "", lane: int = 0) -> str:
    return office.at(campaign, f"journey/steps/fork/lanes/{lane}/rule/{rest}")


def state(rule: Any) -> str:
    return json.dumps(builder.opened(rule))


def seen(client: Client, address: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', client.get(address, headers=HTMX).content.decode())
    assert found
    return found[1]


def lanes(campaign: Campaign) -> list[dict[str, Any]]:
    found = commands.find(Campaign.objects.get(pk=campaign.pk).document, "fork")
    assert found is not None
    return commands.lanes_of(found)


def keep(client: Client, campaign: Campaign, rule: Any, **more: Any) -> Any:
    sent = {"state": state(rule), "seen": seen(client, url(campaign)), **more}
    return client.post(url(campaign, "save/"), sent, headers=HTMX)


# --- the pages -----------------------------------------------------------------------------------


def test_ada_keeps_a_nested_rule_for_a_lane_and_takes_it_back(ada: Client, draft: Campaign) -> None:
    answer = keep(ada, draft, SLEEPING)
    assert answer.status_code == 204
    told = json.loads(answer.headers["HX-Trigger"])
    assert told["draft-changed"]["revision"] == Campaign.objects.get(pk=draft.pk).revision
    assert "rule-kept" in told
    assert lanes(draft)[0]["when"] == SLEEPING
    assert lanes(draft)[0]["steps"][0]["id"] == "in_shoes", "the steps of the lane stay in it"
    drafts.undo(Campaign.objects.get(pk=draft.pk), revision=None, actor="ada", now=clock.now())
    assert lanes(draft)[0]["when"] == {"all": [LYON]}


def test_the_panel_says_a_nested_rule_in_words_and_leads_to_its_editor(ada: Client, draft: Campaign) -> None:
    keep(ada, draft, SLEEPING)
    panel = ada.get(office.at(draft, "journey/steps/fork/panel/"), headers=HTMX).content.decode()
    assert "bought with category is one of shoes at least 2 times in the last 2 years" in panel
    assert "It is kept as it is." not in panel
    assert f'href="{url(draft)}"' in panel
    assert url(draft, lane=1) not in panel, "all others have no rule"
    editor = ada.get(url(draft)).content.decode()
    assert 'id="at-main-1-0-0"' in editor, "three groups deep there are rows"
    assert "Made elsewhere" not in editor
    assert f'href="/campaigns/{publicids.encode("cmp", draft.pk)}/journey/?step=fork"' in editor, "a way back"


def test_every_entry_of_the_segments_menu_is_offered_for_a_lane_too(ada: Client, draft: Campaign) -> None:
    html = ada.get(url(draft), headers=HTMX).content.decode()
    for _group, entries in outline.menu():
        for name, _words, _icon in entries:
            assert f'value="add main {name}"' in html
    assert "<html" not in html, "a fragment for the dialog"


def test_its_buttons_post_to_the_journey_and_work_without_scripts(ada: Client, draft: Campaign) -> None:
    added = {"state": state({"all": [LYON]}), "seen": "abc", "do": "add main event.0"}
    html = ada.post(url(draft, "change/"), added, headers=HTMX).content.decode()
    assert 'data-focus="at-main-1"' in html
    assert f'hx-post="{url(draft, "change/")}"' in html
    assert "/segments/rule/" not in html
    whole = ada.post(url(draft, "change/"), added).content.decode()
    assert "<html" in whole
    assert 'id="at-main-1"' in whole
    assert 'name="seen" value="abc"' in whole, "what was seen at first travels along"
    assert lanes(draft)[0]["when"] == {"all": [LYON]}, "a button keeps nothing yet"
    sent = {"state": state(SLEEPING), "seen": seen(ada, url(draft))}
    answer = ada.post(url(draft, "save/"), sent)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{office.at(draft, 'journey/')}?step=fork")
    assert lanes(draft)[0]["when"] == SLEEPING


def test_a_mistake_is_told_at_its_condition_and_nothing_is_kept(ada: Client, draft: Campaign) -> None:
    answer = keep(ada, draft, {"all": [LYON, {"any": [{"event": "", "did": True}]}]})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="p-at-main-1-0"' in html
    assert "Fill in what is empty." in html
    assert lanes(draft)[0]["when"] == {"all": [LYON]}


def test_a_segment_that_is_not_there_is_told_at_its_condition(ada: Client, draft: Campaign) -> None:
    gone = publicids.encode("seg", 4711)
    answer = keep(ada, draft, {"all": [LYON, {"segment": gone, "member": True}]})
    assert answer.status_code == 422
    assert "This segment is not there any more; choose another." in answer.content.decode()
    assert lanes(draft)[0]["when"] == {"all": [LYON]}


def test_luis_was_faster_and_ada_decides_whose_rule_stays(ada: Client, draft: Campaign) -> None:
    before = seen(ada, url(draft))
    luis = office.at_work(name="Luis")
    assert keep(luis, draft, {"all": [VIP]}).status_code == 204
    answer = ada.post(url(draft, "save/"), {"state": state(SLEEPING), "seen": before}, headers=HTMX)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Luis changed this" in html
    assert "It says now: has the tag" in html
    assert "shoes" in html, "and hers is not lost"
    assert lanes(draft)[0]["when"] == {"all": [VIP]}
    now_seen = re.search(r'name="seen" value="(\w+)"', html)
    assert now_seen
    sent = {"state": state(SLEEPING), "seen": now_seen[1]}
    assert ada.post(url(draft, "save/"), sent, headers=HTMX).status_code == 204
    assert lanes(draft)[0]["when"] == SLEEPING


def test_what_others_change_elsewhere_in_the_journey_is_no_conflict(ada: Client, draft: Campaign) -> None:
    before = seen(ada, url(draft))
    renamed = [{**lane, "label": "Shoes!"} if lane["label"] == "shoes" else lane for lane in lanes(draft)]
    bare = [{key: lane[key] for key in lane if key != "steps"} for lane in renamed]
    drafts.apply(
        draft, {"do": "lanes", "step": "fork", "lanes": bare}, revision=None, actor="user:9", now=clock.now()
    )  # fmt: skip
    answer = ada.post(url(draft, "save/"), {"state": state(SLEEPING), "seen": before}, headers=HTMX)
    assert answer.status_code == 204
    assert (lanes(draft)[0]["label"], lanes(draft)[0]["when"]) == ("Shoes!", SLEEPING)


def test_a_rule_that_was_only_opened_is_not_rewritten(ada: Client, draft: Campaign) -> None:
    bare = office.draft({**deepcopy(FORK), "lanes": [{"label": "shoes", "when": LYON, "steps": []}, FORK["lanes"][1]]})
    assert keep(ada, bare, LYON).status_code == 204
    assert lanes(bare)[0]["when"] == LYON
    assert not drafts.history(bare)


def test_a_rule_deeper_than_the_editor_shows_is_told_in_words_and_kept(ada: Client, draft: Campaign) -> None:
    inside = {"all": [LYON, {"none": [VIP, OPENED]}]}
    deep = {"all": [SHOES_TWICE, {"any": [inside, {"none": [OPENED]}]}]}
    keep(ada, draft, deep)
    html = ada.get(url(draft)).content.decode()
    assert "none of: has the tag vip, or a message: opened in the last 90 days" in html
    answer = keep(ada, draft, deep, **{"main.1.0.0:leaf": "1", "main.1.0.0:v": "Nice"})
    assert answer.status_code == 204
    kept = lanes(draft)[0]["when"]["all"][1]["any"][0]["all"]
    assert kept == [{**LYON, "v": "Nice"}, inside["all"][1]]


def test_a_rule_without_conditions_is_none(ada: Client, draft: Campaign) -> None:
    assert keep(ada, draft, {"all": []}).status_code == 204
    assert "when" not in lanes(draft)[0]
    assert {each.code for each in drafts.problems(Campaign.objects.get(pk=draft.pk))[0]} >= {"required"}


def test_who_may_only_read_has_no_editor(draft: Campaign) -> None:
    marta = office.at_work("analyst", "Marta")
    panel = marta.get(office.at(draft, "journey/steps/fork/panel/"), headers=HTMX).content.decode()
    assert "Edit rule" not in panel
    assert marta.get(url(draft)).status_code == 403
    assert marta.post(url(draft, "save/"), {"state": state(SLEEPING)}).status_code == 403


@pytest.mark.parametrize("lane", [1, 7])
def test_where_no_rule_can_be_there_is_no_editor(ada: Client, draft: Campaign, lane: int) -> None:
    assert ada.get(url(draft, lane=lane)).status_code == 404
    assert ada.post(url(draft, "save/", lane), {"state": state(SLEEPING)}).status_code == 404
    assert ada.get(office.at(draft, "journey/steps/others/lanes/0/rule/")).status_code == 404


@pytest.mark.parametrize("sent", ["", "[]", '{"main": 3, "not": []}'])
def test_what_is_no_rule_is_refused(ada: Client, draft: Campaign, sent: str) -> None:
    for rest in ("change/", "save/"):
        assert ada.post(url(draft, rest), {"state": sent}, headers=HTMX).status_code == 422
    assert lanes(draft)[0]["when"] == {"all": [LYON]}


def test_ada_writes_a_rule_for_the_audience(ada: Client, draft: Campaign) -> None:
    place = office.at(draft, "audience/rule/")
    sent = {"state": state(SLEEPING), "seen": seen(ada, place)}
    answer = ada.post(f"{place}save/", sent)
    assert (answer.status_code, answer.headers["Location"]) == (302, office.at(draft))
    assert Campaign.objects.get(pk=draft.pk).document["eligibility"] == SLEEPING
    goal = ada.get(office.at(draft)).content.decode()
    assert "Only people for whom it holds at the entry: bought with category" in goal
    stale = ada.post(f"{place}save/", {"state": state({"all": [VIP]}), "seen": sent["seen"]}, headers=HTMX)
    assert stale.status_code == 409


def test_a_longer_rule_asks_the_database_no_more_often(ada: Client, draft: Campaign) -> None:
    def asked() -> int:
        ada.get(url(draft), headers=HTMX)
        with CaptureQueriesContext(connection) as found:
            ada.get(url(draft), headers=HTMX)
        return len(found)

    few = asked()
    keep(ada, draft, {"all": [LYON] * 30})
    assert asked() == few


def test_the_goal_page_keeps_what_was_typed_and_leads_to_the_rule(ada: Client, draft: Campaign) -> None:
    answer = ada.post(
        office.at(draft, "save/"), test_goal_pages.fields(draft, name="Sleepers", holdout_reason="Few", next="rule")
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, office.at(draft, "audience/rule/"))
    assert Campaign.objects.get(pk=draft.pk).name == "Sleepers"
    assert 'name="next" value="rule"' in ada.get(office.at(draft)).content.decode()


def test_a_lane_whose_segment_was_put_away_is_not_published(ada: Client, draft: Campaign) -> None:
    ordinary = edit.create("In Lyon", {"all": [LYON]}, actor=cast.ADA, now=clock.now())
    leaf = {"segment": publicids.encode("seg", ordinary.pk), "member": True}
    assert keep(ada, draft, {"any": [VIP, leaf]}).status_code == 204
    assert drafts.problems(Campaign.objects.get(pk=draft.pk))[0] == []
    with pytest.raises(Problems):
        edit.archive(ordinary, actor=cast.ADA, now=clock.now())
    Segment.objects.filter(pk=ordinary.pk).update(archived_at=clock.now())
    found = drafts.problems(Campaign.objects.get(pk=draft.pk))[0]
    assert [(each.pointer, each.code) for each in found] == [
        ("/steps/0/lanes/0/when/any/1/segment", "unknown_segment")
    ]  # fmt: skip


# --- in a run ------------------------------------------------------------------------------------


def test_people_take_the_lane_by_its_nested_rule(ada: Client, draft: Campaign) -> None:
    cast.at_noon()
    keep(ada, draft, SLEEPING)
    lifecycle.publish(Campaign.objects.get(pk=draft.pk), actor=cast.ADA, now=clock.now())
    now = clock.now()
    who = {name: cast.person(name) for name in ("Elena", "Dario", "Marta", "Chiara", "Luca")}
    Contact.objects.filter(pk__in=[who["Marta"].pk, who["Chiara"].pk]).update(city="Lyon")
    for name, times in (("Elena", 2), ("Dario", 2), ("Marta", 2), ("Chiara", 2), ("Luca", 1)):
        for number in range(times):
            cast.happen(who[name], "Order Completed", occurred_at=now - timedelta(days=200 + number), category="shoes")
    cast.happen(who["Elena"], "Message Opened", occurred_at=now - timedelta(days=120))
    for name in ("Dario", "Marta", "Chiara"):
        cast.happen(who[name], "Message Opened", occurred_at=now - timedelta(days=3))
    cast.happen(who["Chiara"], "Order Returned", occurred_at=now - timedelta(days=190))
    runs = {name: cast.enter(draft, contact) for name, contact in who.items()}
    cast.work()
    ways = {name: [port for step, port, _reason in cast.way(run) if step == "fork"] for name, run in runs.items()}
    assert ways == {
        "Elena": ["shoes"],  # opened nothing for 90 days
        "Dario": ["else"],  # opened three days ago
        "Marta": ["shoes"],  # opened, but lives in Lyon
        "Chiara": ["else"],  # lives in Lyon, but returned a pair
        "Luca": ["else"],  # bought once
    }


def of_elena(elena: Contact) -> dict[str, Any]:
    """For every leaf of the editor a condition that Elena meets, once this is told of her."""
    earlier = cast.publish(cast.wait())
    cast.enter(earlier, elena)
    now = clock.now()
    Contact.objects.filter(pk=elena.pk).update(city="Lyon", fields={"size": 39})
    tags.put([elena.pk], "vip", actor=cast.ADA, now=now)
    guests = lists.create("Guests", [elena.pk], actor=cast.ADA, now=now)
    ordinary = edit.create("In Lyon", {"all": [LYON]}, actor=cast.ADA, now=now)
    cast.happen(elena, "Product Viewed", occurred_at=now - timedelta(days=2))
    cast.happen(elena, "Order Completed", occurred_at=now - timedelta(days=1), category="shoes")
    cast.happen(elena, "Message Opened", channel="email")
    cast.work()
    return {
        "event": {"event": "Order Completed", "in_last": YEARS},
        "sequence": {
            "sequence": [{"event": "Product Viewed"}, {"event": "Order Completed"}],
            "within": {"value": 3, "unit": "days"},
        },
        "f.contact": LYON,
        "f.fields": {"f": "fields.size", "op": ">=", "v": 39},
        "f.identifier": {"f": "identifier.email", "op": "is_set"},
        "f.consent": {"f": "consent.offers.email", "op": "is", "v": "granted"},
        "f.reachable": {"f": "reachable.email", "op": "is", "v": True},
        "segment": {"segment": publicids.encode("seg", ordinary.pk), "member": True},
        "list": guests.rule,
        "tag": VIP,
        "campaign": {"campaign": publicids.encode("cmp", earlier.pk), "state": "in"},
        "message": {"message": {"channel": "email"}, "did": "opened"},
        "stage": {"stage": "first_purchase"},
        "random": {"random": {"from": 0, "to": 99, "salt": "a"}},
    }  # fmt: skip


def test_every_leaf_of_the_editor_decides_in_a_run_as_it_does_in_a_segment() -> None:
    cast.at_noon()
    office.house()
    elena, dario = cast.person("Elena"), cast.people(1, addresses=False)[0]
    leaves = of_elena(elena)
    assert set(leaves) == set(describe.descriptions.names()), "a new leaf is tried here, too"
    forks = [
        {
            "id": f"fork{number}", "type": "split.rule",
            "lanes": [{"label": "yes", "when": leaf, "steps": []}, {"label": "else", "steps": []}],
        }
        for number, leaf in enumerate(leaves.values())
    ]  # fmt: skip
    campaign = cast.publish(*forks)
    runs = [cast.enter(campaign, each) for each in (elena, dario)]
    cast.work()
    ways = [
        dict(zip(leaves, (port for step, port, _ in cast.way(run) if step.startswith("fork")), strict=True))
        for run in runs
    ]
    assert ways[0] == dict.fromkeys(leaves, "yes")
    assert ways[1] == dict.fromkeys(leaves, "else") | {"random": "yes"}, "the draw is of all hundred"
    now, rules = clock.now(), [parse.parse(leaf) for leaf in leaves.values()]
    few = answers(rules, [elena.pk, dario.pk], now)
    for place, rule in enumerate(rules):
        asked = query(rule, now)
        with connection.cursor() as cursor:
            cursor.execute(asked.text, asked.params)
            whole = {number for (number,) in cursor.fetchall()}
        assert [elena.pk in whole, dario.pk in whole] == [few[elena.pk][place], few[dario.pk][place]]
