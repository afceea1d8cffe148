"""Steps back and forth in a draft. The one writer of `campaigns_edit`.

The edits of a campaign are a list; the first of those that are taken back is where the draft
stands. Doing something new cuts off what lies beyond. Called by `lifecycle` and `drafts` with the
campaign's row locked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Max

from campaigns import patch
from campaigns.models import Campaign, Edit

KEPT: Final = 100


def add(
    campaign: Campaign, revision: int, command: Mapping[str, Any], change: patch.Patch, actor: str, now: datetime
) -> None:
    """Note an edit that has just been done."""
    edits = Edit.objects.filter(campaign=campaign)
    edits.filter(undone=True).delete()
    number = (edits.aggregate(last=Max("number"))["last"] or 0) + 1
    Edit.objects.create(
        campaign=campaign, number=number, revision=revision, command=dict(command), patch=change,
        actor=actor[:160], at=now,
    )  # fmt: skip
    edits.filter(number__lte=number - KEPT).delete()


def last_done(campaign: Campaign) -> Edit | None:
    """What undo would take back."""
    return Edit.objects.filter(campaign=campaign, undone=False).order_by("-number").first()


def next_undone(campaign: Campaign) -> Edit | None:
    """What redo would do again."""
    return Edit.objects.filter(campaign=campaign, undone=True).order_by("number").first()


def turn(edit: Edit, revision: int) -> None:
    """An edit that was done is now taken back, or the other way round."""
    edit.undone = not edit.undone
    edit.revision = revision
    edit.save(update_fields=["undone", "revision"])
