"""People are tagged, put on lists, and put away, and rules and listeners hear of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from crm import acts, consent, identity, lists, registry, tags
from crm.errors import Problem, Problems
from crm.models import AuditEntry, ContactTag, ListMember, Segment, SegmentMember
from crm.normalise import Trace
from crm.segments import audience, chores, edit, parse, upkeep
from crm.segments.upkeep import MembershipChange
from tests.crm.people import come, email, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard() -> Iterator[list[MembershipChange]]:
    told: list[MembershipChange] = []
    registry.membership_listeners.add("test", told.extend)
    yield told
    registry.membership_listeners._items.pop("test")


def members(segment: Segment) -> set[int]:
    return set(audience.members(segment.pk).values_list("contact_id", flat=True))


def test_a_list_is_a_segment_whose_members_are_put_there(now: datetime, heard: list[MembershipChange]) -> None:
    elena, dario = come(now, email("elena@mail.example")), come(now, email("dario@mail.example"))
    fair = lists.create("Fair", [elena], actor="user:1", now=now)
    assert (members(fair), fair.count) == ({elena}, 1)
    assert lists.add(fair.pk, [elena, dario], actor="user:1", now=now) == [dario]
    assert [(each.contact_id, each.joined, each.why) for each in heard] == [
        (elena, True, "by hand"),
        (dario, True, "by hand"),
    ]
    assert lists.remove(fair.pk, [dario], actor="user:1", now=now) == [dario]
    assert members(fair) == {elena}
    assert upkeep.drift(fair, now) == []
    assert [each.pk for each in lists.of(elena)] == [fair.pk]
    assert AuditEntry.objects.filter(action__in=("list.add", "list.remove")).count() == 3


def test_who_comes_by_a_rule_is_not_put_there_by_hand(now: datetime) -> None:
    everybody = edit.create("All", {"all": []}, actor="test", now=now)
    with pytest.raises(Problem, match="by a rule"):
        lists.add(everybody.pk, [come(now, email("a@mail.example"))], actor="test", now=now)


def test_a_list_without_a_name_is_refused_and_nothing_is_left(now: datetime) -> None:
    with pytest.raises(Problems):
        lists.create(" ", [], actor="test", now=now)
    assert Segment.objects.count() == 0


def test_other_segments_ask_about_a_list(now: datetime) -> None:
    elena = come(now, email("elena@mail.example"))
    fair = lists.create("Fair", actor="test", now=now)
    asking = edit.create("Fair too", {"segment": fair.pk, "member": True}, actor="test", now=now)
    lists.add(fair.pk, [elena], actor="test", now=now)
    assert members(asking) == {elena}


def test_a_tag_is_one_whatever_its_case(now: datetime) -> None:
    elena = come(now, email("elena@mail.example"))
    vip, changed = tags.put([elena], "  V.I.P.  Club ", actor="test", now=now)
    again, none = tags.put([elena], "v.i.p. club", actor="test", now=now)
    assert (vip.name, vip.pk, changed, none) == ("V.I.P. Club", again.pk, [elena], [])
    assert tags.take([elena], vip, actor="test") == [elena]
    assert ContactTag.objects.count() == 0
    with pytest.raises(Problem):
        tags.put([elena], "x" * 61, actor="test", now=now)


def test_segments_follow_tags(now: datetime) -> None:
    elena = come(now, email("elena@mail.example"))
    segment = edit.create("VIPs", {"tag": ["VIP", "press"]}, actor="test", now=now)
    tag, _ = tags.put([elena], "vip", actor="test", now=now)
    chores.drain(now)
    assert members(segment) == {elena}
    told = audience.explain(parse.parse(segment.rule), elena, now)
    assert (told.matches, told.clauses[0].seen) == (True, ["vip"])
    assert told.clauses[0].sentence == "has one of the tags VIP, press"
    tags.take([elena], tag, actor="test")
    chores.drain(now)
    assert members(segment) == set()


@pytest.mark.parametrize(
    "rule", [{"tag": ""}, {"tag": []}, {"tag": 7}, {"tag": "a\0b"}, {"tag": "x", "y": 1}, {"list": "7"}, {"list": 0}]
)
def test_what_is_no_tag_or_list_is_refused(rule: Any) -> None:
    assert parse.problems(rule)


def test_who_is_archived_leaves_and_comes_back_where_they_were(now: datetime) -> None:
    elena = come(now, email("elena@mail.example"))
    say(now, elena, "granted", channel="email")
    fair = lists.create("Fair", [elena], actor="test", now=now)
    assert identity.archive([elena], actor="test", now=now) == [elena]
    assert identity.archive([elena], actor="test", now=now) == []
    chores.drain(now)
    assert members(fair) == set()
    assert consent.allowed(elena, "offers", "email", now) == consent.Deny("contact_removed")
    assert ListMember.objects.count() == 1
    assert identity.restore([elena], actor="test", now=now) == [elena]
    chores.drain(now)
    assert members(fair) == {elena}
    assert isinstance(consent.allowed(elena, "offers", "email", now), consent.Allow)


def test_tags_and_lists_go_with_somebody_who_is_joined(now: datetime) -> None:
    visitor = come(now, Trace("anonymous_id", "b1"))
    known = come(now, email("elena@mail.example"))
    fair = lists.create("Fair", [visitor, known], actor="test", now=now)
    tags.put([visitor], "vip", actor="test", now=now)
    tags.put([visitor, known], "press", actor="test", now=now)
    identity.merge(known, visitor, now=now)
    assert [tag.key for tag in tags.of([known])[known]] == ["press", "vip"]
    assert list(ListMember.objects.values_list("contact_id", flat=True)) == [known]
    assert set(SegmentMember.objects.filter(segment=fair).values_list("contact_id", flat=True)) == {known}


def test_an_identifier_is_taken_off_but_not_the_last(now: datetime) -> None:
    from crm.models import Identifier

    elena = come(now, email("elena@mail.example"), email("old@mail.example"))
    old = Identifier.objects.get(value="old@mail.example")
    assert identity.remove_identifiers(elena, [old.pk], actor="user:1", now=now) == [old.pk]
    last = Identifier.objects.get(contact=elena)
    with pytest.raises(Problem, match="last thing"):
        identity.remove_identifiers(elena, [last.pk], actor="user:1", now=now)
    assert Identifier.objects.filter(contact=elena).count() == 1
    other = come(now, email("other@mail.example"), email("other2@mail.example"))
    assert identity.remove_identifiers(other, [last.pk], actor="user:1", now=now) == []


@pytest.mark.parametrize("do", ["tag", "enlist", "archive"])
def test_every_act_can_be_taken_back(now: datetime, do: str) -> None:
    elena, dario = come(now, email("elena@mail.example")), come(now, email("dario@mail.example"))
    done = acts.carry_out(acts.Act(do, [elena, dario], "Fair"), actor="user:1", now=now)
    assert done.undo
    asked, back = acts.unseal(acts.seal(done.undo, "/contacts/?q=x"))
    assert back == "/contacts/?q=x"
    again = acts.carry_out(asked, actor="user:1", now=now)
    assert (ContactTag.objects.count(), ListMember.objects.count()) == (0, 0)
    assert again.undo
    assert acts.carry_out(asked, actor="user:1", now=now).undo is None


def test_an_undo_touches_only_whom_the_act_changed(now: datetime) -> None:
    elena, dario = come(now, email("elena@mail.example")), come(now, email("dario@mail.example"))
    tags.put([elena], "vip", actor="test", now=now)
    done = acts.carry_out(acts.Act("tag", [elena, dario], "vip"), actor="user:1", now=now)
    assert done.undo
    assert done.undo["ids"] == [dario]
