"""The draft somebody works on, and the way back."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from campaigns import commands, drafts, edits, lifecycle
from campaigns.models import Campaign, Edit
from crm.errors import Problem, Problems
from tests.campaigns import drafting

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def draft() -> Campaign:
    return lifecycle.begin(deepcopy(drafting.START), "ada", NOW)


def do(draft: Campaign, command: dict[str, Any], revision: int | None = None, actor: str = "ada") -> Campaign:
    return drafts.apply(draft, command, revision=revision, actor=actor, now=NOW)


def again(draft: Campaign) -> Campaign:
    """As another process sees it: nothing but the database."""
    return Campaign.objects.get(pk=draft.pk)


def undo(draft: Campaign) -> Campaign:
    return drafts.undo(again(draft), revision=None, actor="ada", now=NOW)


def redo(draft: Campaign) -> Campaign:
    return drafts.redo(again(draft), revision=None, actor="ada", now=NOW)


@pytest.mark.parametrize("seed", range(5))
def test_twenty_edits_and_twenty_undos_give_the_same_journey_and_redo_gives_it_back(draft: Campaign, seed: int) -> None:
    rng, start, states = Random(seed), again(draft).document, []
    done = 0
    while done < 20:
        held = do(again(draft), drafting.command(again(draft).document, rng))
        done = Edit.objects.filter(campaign=draft).count()
        states.append(held.document)
    end = again(draft).document
    for _ in range(20):
        undo(draft)
    assert again(draft).document == start
    assert drafts.reach(draft) == (0, 20)
    undo(draft)
    assert again(draft).document == start, "there is nothing more to take back"
    for _ in range(20):
        redo(draft)
    assert again(draft).document == end


def test_a_new_edit_after_an_undo_cuts_off_what_was_taken_back(draft: Campaign) -> None:
    do(draft, {"do": "label", "step": "mail", "label": "One"})
    do(draft, {"do": "label", "step": "mail", "label": "Two"})
    undo(draft)
    do(draft, {"do": "label", "step": "mail", "label": "Three"})
    assert drafts.reach(draft) == (2, 0)
    assert redo(draft).document["steps"][0]["label"] == "Three"
    assert undo(draft).document["steps"][0]["label"] == "One"


def test_a_hundred_steps_are_kept(draft: Campaign) -> None:
    for number in range(edits.KEPT + 5):
        do(draft, {"do": "label", "step": "mail", "label": f"Name {number}"})
    assert drafts.reach(draft) == (100, 0)
    for _ in range(edits.KEPT + 5):
        undo(draft)
    assert again(draft).document["steps"][0]["label"] == "Name 4"


def test_an_older_revision_is_refused_and_changes_nothing(draft: Campaign) -> None:
    seen = draft.revision
    do(draft, {"do": "label", "step": "mail", "label": "Luis"}, revision=seen)
    for late in (
        lambda: do(draft, {"do": "remove", "step": "mail"}, revision=seen),
        lambda: drafts.undo(draft, revision=seen, actor="ada", now=NOW),
        lambda: drafts.redo(draft, revision=seen, actor="ada", now=NOW),
    ):
        with pytest.raises(Problem) as refused:
            late()
        assert refused.value.code == "stale"
    assert again(draft).document["steps"][0]["label"] == "Luis"
    assert again(draft).revision == seen + 1


def test_an_edit_that_is_sent_again_because_its_answer_was_lost_happens_once(draft: Campaign) -> None:
    command = {"do": "insert", "after": "mail", "key": "tab-1-7", "step": {"type": "exit", "id": "x"}}
    first = do(draft, command, revision=draft.revision)
    second = do(draft, command, revision=draft.revision)
    assert second.revision == first.revision
    assert len(commands.ids(again(draft).document)) == 5


def test_what_changes_nothing_is_no_edit(draft: Campaign) -> None:
    do(draft, {"do": "note", "step": "mail", "note": ""})
    assert again(draft).revision == draft.revision
    assert drafts.reach(draft) == (0, 0)


def test_a_command_that_makes_no_sense_changes_nothing(draft: Campaign) -> None:
    with pytest.raises(Problems):
        do(draft, {"do": "remove", "step": "nowhere"})
    assert again(draft).revision == draft.revision


def test_what_the_api_replaced_can_be_taken_back_too(draft: Campaign) -> None:
    good = {**drafting.START, "steps": [{"id": "mail", "type": "send.sms", "config": {"text": "Hello"}}]}
    do(draft, {"do": "label", "step": "mail", "label": "One"})
    before = again(draft).document
    lifecycle.update(again(draft), good, "api", NOW)
    assert undo(draft).document == before


def test_lists_know_the_name_of_a_draft_that_is_not_complete(draft: Campaign) -> None:
    do(draft, {"do": "set", "path": "name", "value": "Spring"})
    do(draft, {"do": "set", "path": "purpose", "value": None})
    do(draft, {"do": "set", "path": "class", "value": {"odd": 1}})
    held = again(draft)
    assert (held.name, held.message_class) == ("Spring", "marketing")


def test_an_incomplete_draft_is_not_published_and_every_problem_has_its_step(draft: Campaign) -> None:
    do(draft, {"do": "insert", "lane": ["fork", 0], "step": {"id": "text", "type": "send.sms", "config": {}}})
    do(draft, {"do": "set", "path": "entry", "value": None})
    held = again(draft)
    problems, _ = drafts.problems(held)
    found = drafts.by_step(held.document, problems)
    assert set(found) >= {"text", "w1", ""}
    with pytest.raises(Problems) as refused:
        lifecycle.publish(held, "ada", NOW)
    assert {problem.pointer for problem in refused.value.problems} == {problem.pointer for problem in problems}
    with pytest.raises(Problems):
        lifecycle.update(held, held.document, "api", NOW)


def test_a_pointer_leads_to_its_innermost_step(draft: Campaign) -> None:
    assert drafts.place(draft.document, "/steps/1/lanes/0/steps/0/config/value") == "w1"
    assert drafts.place(draft.document, "/steps/1/lanes/9") == "fork"
    assert drafts.place(draft.document, "/goal/event") == ""
    assert drafts.place(draft.document, "") == ""


def test_ids_of_new_steps_never_come_back(draft: Campaign) -> None:
    made = [drafts.mint() for _ in range(500)]
    assert len(set(made)) == 500
