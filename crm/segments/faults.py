"""Mistakes of a rule, at the row of the builder they are about and in the reader's words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.errors import Problem
from crm.segments import builder, parse
from crm.segments.builder import State

ROOT: Final = "/rule"
FILL_IN: Final = gettext_lazy("Fill in what is empty.")
CHOOSE: Final = gettext_lazy("Choose one.")
WORDS: Final[dict[str, Any]] = {
    "empty": FILL_IN,
    "missing_key": FILL_IN,
    "bad_path": gettext_lazy("This name cannot be read; use letters, digits and points."),
    "not_an_id": CHOOSE,
    "unknown_stage": CHOOSE,
    "unknown_channel": CHOOSE,
    "unknown_segment": gettext_lazy("This segment is not there any more; choose another."),
    "circle": gettext_lazy("That segment asks about this one; it cannot ask back."),
    "not_a_number": gettext_lazy("A whole number from 1 is needed."),
    "not_a_date": gettext_lazy("A date is needed."),
    "not_an_instant": gettext_lazy("A date and time are needed."),
    "empty_range": gettext_lazy("The first is above the second: nobody could match. Swap them."),
    "too_long": gettext_lazy("That is too long."),
    "too_deep": gettext_lazy("Too many groups in groups; make a segment of the inner part."),
    "too_large": gettext_lazy("Too many rules; make a segment of a part of them."),
    "too_slow": gettext_lazy("That took too long; save it as a live segment instead."),
    "wrong_type": gettext_lazy("A value is missing or does not fit."),
}
NAME: Final = gettext_lazy("Give the segment a name.")


def said(problem: Problem) -> str:
    if problem.pointer == "/name" and problem.code == "empty":
        return str(NAME)
    return str(WORDS.get(problem.code, problem.detail))


def by_path(state: State, problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Path of a row -> what is wrong with it, each thing once."""
    known = builder.paths(state)
    found: dict[str, list[str]] = {}
    for problem in problems:
        if problem.pointer == ROOT or problem.pointer.startswith(f"{ROOT}/"):
            mine = found.setdefault(builder.place(known, problem.pointer.removeprefix(ROOT)), [])
            words = said(problem)
            if words not in mine:
                mine.append(words)
    return found


def of(state: State) -> dict[str, list[str]]:
    """What is not finished yet, by path."""
    return by_path(state, parse.problems(builder.rule(state), ROOT))


def summary(problems: list[Problem]) -> str:
    """A line above the page; "" when nothing is wrong."""
    if not problems:
        return ""
    alone = [each for each in problems if each.pointer != "/name" and not each.pointer.startswith(ROOT)]
    return said(alone[0]) if alone else _("Not saved yet: look at what is marked.")
