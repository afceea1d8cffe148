"""The working draft of a campaign: edited command by command, with a way back.

A draft may be incomplete; `lifecycle.publish` refuses what is not ready. Each edit names the revision
its editor has seen: an older one is refused (`stale`), so that nobody's work is lost unseen.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from campaigns import checks, commands, edits, journey, lifecycle, patch
from campaigns.models import Campaign, Edit
from crm.errors import Problem, Problems

ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"


def apply(
    campaign: Campaign, command: Mapping[str, Any], *, revision: int | None, actor: str, now: datetime
) -> Campaign:
    """Carry a command out. Raises `Problem` (`stale`) or `Problems` (a command that makes no sense).

    A command may carry a `key`, the sender's own: one that has been carried out already, because its
    answer was lost on the way, is not carried out again.
    """
    with transaction.atomic():
        held = lifecycle.hold(campaign)
        if _is_known(held, command, actor):
            return held
        held = lifecycle.hold(campaign, revision)
        after = commands.carry_out(held.document, command, mint)
        change = patch.diff(held.document, after)
        if change:
            lifecycle.revise(held, after)
            edits.add(held, held.revision, command, change, actor, now)
    return held


def replace(
    campaign: Campaign, document: Mapping[str, Any], *, revision: int | None, actor: str, now: datetime
) -> Campaign:
    """Another document at once: a page of settings, or an earlier version. One edit, so one way back."""
    trouble = checks.measure(document)
    if trouble:
        raise Problems([trouble])
    with transaction.atomic():
        held = lifecycle.hold(campaign, revision)
        after = journey.fill(document)
        change = patch.diff(held.document, after)
        if change:
            lifecycle.revise(held, after)
            edits.add(held, held.revision, {"do": "replace"}, change, actor, now)
    return held


def undo(campaign: Campaign, *, revision: int | None, actor: str, now: datetime) -> Campaign:
    """Take the last edit back. Nothing to take back: nothing happens."""
    del actor, now
    with transaction.atomic():
        held = lifecycle.hold(campaign, revision)
        edit = edits.last_done(held)
        return _turn(held, edit, patch.invert(edit.patch)) if edit else held


def redo(campaign: Campaign, *, revision: int | None, actor: str, now: datetime) -> Campaign:
    """Do again what was taken back last."""
    del actor, now
    with transaction.atomic():
        held = lifecycle.hold(campaign, revision)
        edit = edits.next_undone(held)
        return _turn(held, edit, edit.patch) if edit else held


def history(campaign: Campaign) -> Sequence[Edit]:
    """The edits that can be taken back or done again, newest first."""
    return list(Edit.objects.filter(campaign=campaign).order_by("-number"))


def reach(campaign: Campaign) -> tuple[int, int]:
    """(how many edits can be taken back, how many done again)."""
    undone = list(Edit.objects.filter(campaign=campaign).values_list("undone", flat=True))
    return undone.count(False), undone.count(True)


def problems(campaign: Campaign) -> tuple[list[Problem], list[Problem]]:
    """(problems, warnings): all that stands between this draft and its publication, and what is doubtful."""
    return lifecycle.inspect(campaign.document)


def place(document: Mapping[str, Any], pointer: str) -> str:
    """The id of the innermost step that a pointer leads into; '' for the campaign's own settings."""
    found: str = ""
    here: Any = document
    for word in pointer.split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isdigit() and int(key) < len(here):
            here = here[int(key)]
            if isinstance(here, dict) and isinstance(here.get("id"), str) and "type" in here:
                found = here["id"]
        else:
            break
    return found


def by_step(document: Mapping[str, Any], found: Sequence[Problem]) -> dict[str, list[Problem]]:
    """Problems by the step they belong to; those of the campaign as a whole under ''."""
    table: dict[str, list[Problem]] = {}
    for problem in found:
        table.setdefault(place(document, problem.pointer), []).append(problem)
    return table


def mint() -> str:
    """A new id for a step. Chance, not a count: the id of a step that was removed must never come back,
    for people may still stand in it in an earlier version."""
    return "s" + "".join(secrets.choice(ALPHABET) for _ in range(7))


def _is_known(held: Campaign, command: Mapping[str, Any], actor: str) -> bool:
    key = command.get("key")
    return isinstance(key, str) and Edit.objects.filter(campaign=held, actor=actor[:160], command__key=key).exists()


def _turn(held: Campaign, edit: Edit, change: patch.Patch) -> Campaign:
    try:
        document = patch.apply(change, held.document)
    except patch.Misfit as error:
        raise Problem("/revision", "stale", "This draft was replaced; its way back ends here.") from error
    lifecycle.revise(held, document)
    edits.turn(edit, held.revision)
    return held
