"""The rule editor on a page: what its buttons do with what was posted, and what its templates show.

One editor for every place that keeps a rule: segments, the lanes of a journey, the audience of a campaign.
A place says where the buttons post to (`change_url`, a view that answers with `changed`), and what keeps
the rule; `templates/crm/segments/_rule.html` and what it includes are the same everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.errors import Problem
from crm.segments import builder, edit, faults, outline, parse, pickers, sentence
from crm.segments.builder import State
from crm.segments.describe import Offers

STARTING: Final = ("event.0", "event.1", "f.contact.1")


@dataclass(frozen=True)
class Changed:
    """The working copy after a button; where the focus goes, what can be brought back, what is told."""

    state: State
    focus: str = ""
    gone: str = ""
    told: str = ""


def changed(posted: Mapping[str, str]) -> Changed:
    """After a button, or after a choice that changes what can be chosen next; raises `Problem`."""
    before = builder.posted(posted)
    do, at, what = [*posted.get("do", "").split(" ", 2), "", "", ""][:3]
    if do == "undo":
        state, focus = _brought_back(before, posted), builder.MAIN
    else:
        state, focus = builder.carried_out(before, do, at, what)
    gone = json.dumps(before) if do == "remove" and state != before else ""
    return Changed(state, f"at-{focus.replace('.', '-')}" if do else "", gone, _told(do))


def problems(rule: Any) -> list[Problem]:
    """All that is wrong with a rule, segments included that are not there (any more)."""
    found = parse.problems(rule)
    return found or edit.unknown(parse.parse(rule))


def shown(state: State, change_url: str, wrong: Sequence[Problem] = ()) -> dict[str, Any]:
    """What `_rule.html` shows."""
    offers = Offers()
    main, exceptions = outline.nodes(state, offers, faults.by_path(state, wrong))
    sources = sorted({each.source for root in (main, exceptions) for each in _inputs(root) if each.source})
    return {
        "state": json.dumps(state),
        "change_url": change_url,
        "main": main,
        "exceptions": exceptions,
        "menu": outline.menu(),
        "starting": [starter(name) for name in STARTING],
        "lists": {source: f"known-{place}" for place, source in enumerate(sources)},
        "known": [(f"known-{place}", pickers.known(source, offers)) for place, source in enumerate(sources)],
    }


def after(made: Changed, change_url: str) -> dict[str, Any]:
    """The same after a button."""
    return {**shown(made.state, change_url), "focus": made.focus, "gone": made.gone, "told": made.told}


def starter(name: str) -> tuple[str, Any, str]:
    """An entry of the menu by its name: (name, words, icon)."""
    return next(entry for _group, entries in outline.menu() for entry in entries if entry[0] == name)


def words(document: Any) -> str:
    """A rule in a sentence; "" while there is none or it has mistakes."""
    if document is None or parse.problems(document):
        return ""
    return sentence.say(parse.parse(document))


def _brought_back(state: State, posted: Mapping[str, str]) -> State:
    try:
        return builder.read(posted.get("gone", ""))
    except Problem:
        return state


def _inputs(node: outline.Node) -> list[Any]:
    mine = [each for line in node.lines for each in line]
    return [*mine, *(each for part in node.parts for each in _inputs(part))]


def _told(do: str) -> str:
    """For those who do not see what a button did."""
    return {
        "add": _("Rule added."),
        "group": _("Group added."),
        "remove": _("Rule removed."),
        "duplicate": _("Rule duplicated."),
        "undo": _("The rule is back."),
    }.get(do, "")
