"""Differences between two documents, with the words that people read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import differences
from campaigns.palette import tiles

SETTINGS: Final[Mapping[str, Promise]] = {
    "name": gettext_lazy("Name"),
    "description": gettext_lazy("Notes for colleagues"),
    "objective": gettext_lazy("What it is for"),
    "class": gettext_lazy("Kind of message"),
    "purpose": gettext_lazy("Purpose"),
    "entry": gettext_lazy("Who comes in"),
    "eligibility": gettext_lazy("Only who"),
    "concurrency": gettext_lazy("How often at once"),
    "exit": gettext_lazy("When it ends early"),
    "goal": gettext_lazy("Goal"),
    "holdout_pct": gettext_lazy("Control group"),
    "holdout_reason": gettext_lazy("Why nobody is held out"),
    "budget": gettext_lazy("Budget"),
    "respect_global_holdout": gettext_lazy("Control group of the whole house"),
    "priority": gettext_lazy("Priority"),
    "group": gettext_lazy("Group"),
    "topic": gettext_lazy("Topic"),
    "caps": gettext_lazy("Limit of messages"),
    "quiet": gettext_lazy("Quiet hours"),
    "send_expiry": gettext_lazy("When a message is dropped"),
}
FIELDS: Final[Mapping[str, Promise]] = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("Preview line"),
    "html": gettext_lazy("HTML"),
    "text": gettext_lazy("Text"),
    "label": gettext_lazy("Name"),
    "note": gettext_lazy("Note"),
    "lanes": gettext_lazy("Lanes"),
    "value": gettext_lazy("How long"),
    "unit": gettext_lazy("Unit"),
    "branches": gettext_lazy("What is waited for"),
    "timeout": gettext_lazy("How long"),
    "send_expiry": gettext_lazy("When it is dropped"),
    "when_quiet": gettext_lazy("In quiet hours"),
    "type": gettext_lazy("Kind"),
}
ICONS: Final = {"added": "plus", "removed": "trash", "moved": "arrows-move", "changed": "edit"}


@dataclass(frozen=True)
class Line:
    """One change as it is read: `fields` are (name, before, after) with long values cut."""

    what: str
    icon: str
    title: str
    step: str
    fields: tuple[tuple[str, str, str], ...]


def listed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Line]:
    """Nothing for a campaign that was never published: all of it is new."""
    return [_line(change) for change in differences.between(before, after)] if before is not None else []


def _line(change: differences.Change) -> Line:
    fields = tuple((_name(each.name), _short(each.before), _short(each.after)) for each in change.fields)
    return Line(change.what, ICONS[change.what], _title(change), change.step, fields)


def _title(change: differences.Change) -> str:
    if change.setting:
        return _("%(what)s changed") % {"what": SETTINGS.get(change.setting, change.setting)}
    tile = tiles.get(change.kind)
    kind = str(tile.label) if tile else change.kind
    name = f"{kind}: {change.label}" if change.label else kind
    words = {
        "added": _("%(step)s added"),
        "removed": _("%(step)s removed"),
        "moved": _("%(step)s moved"),
        "changed": _("%(step)s changed"),
    }
    return words[change.what] % {"step": name}


def _name(field: str) -> str:
    return str(FIELDS.get(field, SETTINGS.get(field, field)))


def _short(value: Any) -> str:
    if value in (None, ""):
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else text[:399] + "…"
