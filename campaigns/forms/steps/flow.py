"""Goals, ends and jumps."""

from __future__ import annotations

from django.utils.translation import gettext as _

from campaigns.forms.steps.base import Doc, Field, Part, Room, Typed, config, plain, sheet, text_of, with_text
from campaigns.palette.exit_ import OUTCOMES


def show_goal(step: Doc, room: Room) -> list[Part]:
    flag = Field(
        "exit", _("The journey ends here"), config(step).get("exit") is True, "flag", place="config/exit",
        help=_("Else it counts as converted and goes on."),
    )  # fmt: skip
    return [Part([flag])]


def read_goal(step: Doc, typed: Typed, room: Room) -> Doc:
    return {**step, "config": {"exit": True} if typed.flag("exit") else {}}


def show_exit(step: Doc, room: Room) -> list[Part]:
    known = config(step)
    return [Part([
        Field(
            "outcome", _("How it ends"), text_of(known, "outcome") or "completed", "choice", place="config/outcome",
            choices=[(key, str(words)) for key, words in OUTCOMES.items()],
        ),
        Field("why", _("Why"), text_of(known, "note"), "area", place="config/note", longest=500),
    ])]  # fmt: skip


def read_exit(step: Doc, typed: Typed, room: Room) -> Doc:
    known = config(step)
    known["outcome"] = typed.text("outcome") or "completed"
    with_text(known, "note", typed.words("why").strip())
    return {**step, "config": known}


def show_goto(step: Doc, room: Room) -> list[Part]:
    known = config(step)
    target = text_of(known, "step")
    own = str(step.get("id"))
    choices = [("", _("choose…")), *((key, words) for key, words in room.steps if key != own)]
    if target and target not in {key for key, _words in choices}:
        choices.append((target, target))
    return [Part([
        Field("step", _("Go to"), target, "choice", choices=choices, place="config/step"),
        Field(
            "max_visits", _("At most so many times"), plain(known.get("max_visits", 3)), "number",
            place="config/max_visits", low=1, high=100, help=_("Then it goes on below."),
        ),
    ])]  # fmt: skip


def read_goto(step: Doc, typed: Typed, room: Room) -> Doc:
    made: Doc = {"step": typed.text("step")}
    times = typed.number("max_visits")
    if times is not None:
        made["max_visits"] = times
    return {**step, "config": made}


sheet("goal", show_goal, read_goal)
sheet("exit", show_exit, read_exit)
sheet("goto", show_goto, read_goto)
