"""A wait for something to happen: its branches, and when it is given up."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from campaigns.forms.steps import filters
from campaigns.forms.steps.base import (
    Doc,
    Field,
    Part,
    Room,
    Row,
    Typed,
    config,
    lanes,
    objects,
    order_deeds,
    sheet,
    span_field,
    text_of,
    with_text,
)
from campaigns.reading import MATCH, PREFIX

MOST: Final = 9
MATCHES: Final = {
    "key,shares_product,any": ("key", "shares_product", "any"),
    "key,shares_product": ("key", "shares_product"),
    "key": ("key",),
    "any": ("any",),
}


def show(step: Doc, room: Room) -> list[Part]:
    known = config(step)
    branches = objects(known.get("branches"))
    return [
        Part(
            rows=[_branch(each, number, len(branches), room) for number, each in enumerate(branches)],
            title=_("What it waits for"),
            place="config/branches",
            deeds=[("add:branches", "plus", _("Something else too"))] if len(branches) < MOST else [],
        ),
        Part(
            [
                span_field("timeout", _("Give up after"), known.get("timeout"), "config/timeout"),
                Field(
                    "lookback",
                    _("What happened before"),
                    text_of(known, "lookback") or "since_rest",
                    "choice",
                    place="config/lookback",
                    choices=[
                        ("since_rest", _("counts, since the last wait")),
                        ("none", _("does not count")),
                    ],
                ),
            ]
        ),
    ]


def _branch(branch: Doc, number: int, count: int, room: Room) -> Row:
    own, place = f"branches-{number}", f"config/branches/{number}"
    return Row(
        text_of(branch, "label") or _("Lane"),
        [
            Field(f"{own}-label", _("Name of the lane"), text_of(branch, "label"), place=f"{place}/label", longest=64),
            Field(
                f"{own}-event",
                _("Event"),
                text_of(branch, "event"),
                place=f"{place}/event",
                offers="events",
                longest=80,
            ),
            *(_finding(branch, own, place) if room.keyed or "key" in branch or "match" in branch else ()),
        ],
        order_deeds("branches", number, count) if count > 1 else (),
        inner=filters.rows(branch.get("where"), f"{own}-where", f"{place}/where"),
        place=place,
    )


def _finding(branch: Doc, own: str, place: str) -> list[Field]:
    """How the event finds the run, in campaigns with a key."""
    match = branch.get("match", list(MATCH))
    said = ",".join(match) if isinstance(match, list) and all(isinstance(each, str) for each in match) else ""
    words = {
        "key,shares_product,any": _("of the same cart, else with a product of it, else any"),
        "key,shares_product": _("of the same cart, else with a product of it"),
        "key": _("of the same cart only"),
        "any": _("any"),
    }
    choices = [(key, words[key]) for key in MATCHES]
    if said not in MATCHES:
        choices.append((said, said))
    return [
        Field(
            f"{own}-match",
            _("Which of their events"),
            said,
            "choice",
            choices=choices,
            place=f"{place}/match",
            help=_("Where each cart or order has its own journey."),
            folded=True,
        ),
        Field(
            f"{own}-key",
            _("What tells one cart or order from another"),
            text_of(branch, "key").removeprefix(PREFIX),
            place=f"{place}/key",
            help=_("A detail of the event, such as cart_id. Empty: as at the entry."),
            folded=True,
        ),
    ]


def read(step: Doc, typed: Typed, room: Room) -> Doc:
    known = config(step)
    before = objects(known.get("branches"))
    made, renamed = [], {}
    for number in typed.rows("branches"):
        own = f"branches-{number}"
        old = before[number] if number < len(before) else {}
        branch = _read_branch(old, own, typed)
        if not branch["label"]:
            typed.refuse(f"{own}-label", _("Give it a name."))
        renamed[old.get("label")] = branch["label"]
        made.append(branch)
    known["branches"] = made
    timeout = typed.span("timeout")
    if timeout is None:
        typed.refuse("timeout", _("Say how long."))
    else:
        known["timeout"] = timeout
    if typed.text("lookback") == "none":
        known["lookback"] = "none"
    else:
        known.pop("lookback", None)
    # A lane is found by the name of its branch: it goes along when that is renamed.
    own_lanes = [_follow(each, renamed) for each in lanes(step)]
    return {**step, "config": known, **({"lanes": own_lanes} if own_lanes else {})}


def _read_branch(old: Doc, own: str, typed: Typed) -> Doc:
    branch: Doc = {**old, "label": typed.text(f"{own}-label"), "event": typed.text(f"{own}-event")}
    where = filters.read(old.get("where"), f"{own}-where", typed)
    if where or "where" in old:
        branch["where"] = where
    if typed.has(f"{own}-key"):
        key = typed.text(f"{own}-key").removeprefix(PREFIX)
        with_text(branch, "key", PREFIX + key if key else "")
    match = MATCHES.get(typed.text(f"{own}-match"))
    if match == MATCH:
        branch.pop("match", None)
    elif match:
        branch["match"] = list(match)
    return branch


def _follow(lane: Doc, renamed: dict[Any, str]) -> Doc:
    label = lane.get("label")
    if label not in renamed or renamed[label] == label:
        return lane
    return {**lane, "label": renamed[label], "id": renamed[label]}


sheet("wait.event", show, read)
