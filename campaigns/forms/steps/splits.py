"""Splits: by rule, at random, and those who are kept apart."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _

from campaigns.forms.steps import rules
from campaigns.forms.steps.base import (
    Doc,
    Field,
    Part,
    Room,
    Row,
    Typed,
    config,
    lanes,
    order_deeds,
    plain,
    sheet,
    text_of,
)
from campaigns.forms.steps.deeds import ELSE

MOST: Final = 20


def show_rule(step: Doc, room: Room) -> list[Part]:
    known = lanes(step)
    ruled = [each for each in known if each.get("label") != ELSE]
    said = room.say([each.get("when") for each in known])
    shown = [
        _ruled(lane, number, len(ruled), said[number], room)
        for number, lane in enumerate(known)
        if lane.get("label") != ELSE
    ]
    return [
        Part(
            rows=shown,
            title=_("Lanes"),
            told=_("The first lane that fits is taken, from left to right. All others go on below."),
            deeds=[("add:lanes", "plus", _("Add a lane"))] if len(ruled) < MOST else [],
        )
    ]


def _ruled(lane: Doc, number: int, count: int, said: str, room: Room) -> Row:
    own, place = f"lanes-{number}", f"lanes/{number}"
    told = said or (_("Nothing is chosen yet.") if lane.get("when") is None else "")
    inner = rules.rows(lane.get("when"), f"{own}-if", f"{place}/when", room)
    if not inner and not said:
        told = " ".join([_("This rule cannot be read."), _("It is kept as it is.")])
    label = Field(f"{own}-label", _("Name of the lane"), text_of(lane, "label"), place=f"{place}/label", longest=64)
    return Row(
        text_of(lane, "label"),
        [label],
        order_deeds("lanes", number, count),
        told=told,
        inner=inner,
        place=f"{place}/when",
        lane=number,
    )


def read_rule(step: Doc, typed: Typed, room: Room) -> Doc:
    made = []
    for number, lane in enumerate(lanes(step)):
        own = f"lanes-{number}"
        if lane.get("label") == ELSE or not typed.has(f"{own}-label"):
            made.append(lane)
            continue
        changed = _named(lane, own, typed)
        rule = rules.read(lane.get("when"), f"{own}-if", typed)
        changed.pop("when", None)
        made.append({**changed, "when": rule} if rule is not None else changed)
    return {**step, "lanes": made}


def _named(lane: Doc, own: str, typed: Typed) -> Doc:
    label = typed.text(f"{own}-label")
    if not label:
        typed.refuse(f"{own}-label", _("Give it a name."))
    return {**lane, "label": label}


def show_random(step: Doc, room: Room) -> list[Part]:
    known = lanes(step)
    weights = [each.get("weight") for each in known]
    whole = sum(each for each in weights if type(each) is int and each > 0)
    rows = []
    for number, lane in enumerate(known):
        own, place, weight = f"lanes-{number}", f"lanes/{number}", lane.get("weight")
        part = f"{round(100 * weight / whole)} %" if type(weight) is int and weight >= 0 and whole else ""
        rows.append(
            Row(
                text_of(lane, "label"),
                [
                    Field(
                        f"{own}-label",
                        _("Name of the lane"),
                        text_of(lane, "label"),
                        place=f"{place}/label",
                        longest=64,
                        short=True,
                    ),
                    Field(
                        f"{own}-weight",
                        _("Share"),
                        plain(weight),
                        "number",
                        place=f"{place}/weight",
                        low=0,
                        high=1_000,
                        tail=part,
                        short=True,
                    ),
                ],
                order_deeds("lanes", number, len(known))
                if len(known) > 2
                else order_deeds("lanes", number, len(known))[:-1],
            )
        )
    return [
        Part(
            rows=rows,
            title=_("Lanes"),
            told=_("Who was dealt a lane keeps it, also when the shares change."),
            deeds=[("add:lanes", "plus", _("Add a lane"))] if len(known) < MOST else [],
            place="config",
        )
    ]


def read_random(step: Doc, typed: Typed, room: Room) -> Doc:
    made = []
    for number, lane in enumerate(lanes(step)):
        own = f"lanes-{number}"
        if not typed.has(f"{own}-label"):
            made.append(lane)
            continue
        changed = _named(lane, own, typed)
        weight = typed.number(f"{own}-weight")
        if weight is None:
            typed.refuse(f"{own}-weight", _("Type a number."))
            weight = lane.get("weight")
        made.append({**changed, "weight": weight})
    return {**step, "lanes": made}


def show_holdout(step: Doc, room: Room) -> list[Part]:
    return [
        Part(
            [
                Field(
                    "pct",
                    _("How many per cent"),
                    plain(config(step).get("pct")),
                    "number",
                    place="config/pct",
                    low=0,
                    high=50,
                    help=_("They go on without what comes next, so that one can see what it brings."),
                    tail="%",
                )
            ]
        )
    ]


def read_holdout(step: Doc, typed: Typed, room: Room) -> Doc:
    pct = typed.number("pct", decimals=True)
    if pct is None:
        typed.refuse("pct", _("Type a number."))
        return step
    return {**step, "config": {**config(step), "pct": pct}}


sheet("split.rule", show_rule, read_rule)
sheet("split.random", show_random, read_random)
sheet("holdout", show_holdout, read_holdout)
