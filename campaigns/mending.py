"""A draft that is not complete, made into a plan that can be walked as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from campaigns import commands, drafts, journey
from campaigns.plan import Plan
from crm.errors import Problem, Problems
from crm.segments import parse

MOST_REPAIRS: Final = 30
# What a draft stands in with where its own settings cannot be read.
INSTEAD: Final = {"name": "-", "entry": [{"type": "manual"}], "purpose": "offers"}


def complete(
    document: Mapping[str, Any], salt: str = ""
) -> tuple[Plan | None, dict[str, list[Problem]], dict[str, Problem]]:
    """(plan, problems by step, the steps at which it must stop).

    A step that cannot be read becomes an end; what lies behind it in its lane can then not be reached
    and is left out. Settings that cannot be read are replaced by plain ones.
    """
    wanted: dict[str, list[Problem]] = {}
    broken: dict[str, Problem] = {}
    made = journey.fill(dict(document))
    for _ in range(MOST_REPAIRS):
        try:
            return journey.compile(made, salt=salt, rules=parse.problems), wanted, broken
        except Problems as error:
            mended = _mend(made, error.problems, wanted, broken)
        if mended == made:
            break
        made = mended
    return None, wanted, broken


def _mend(
    document: dict[str, Any],
    problems: Sequence[Problem],
    wanted: dict[str, list[Problem]],
    broken: dict[str, Problem],
) -> dict[str, Any]:
    bad: dict[str, Problem] = {}
    for problem in problems:
        step = drafts.place(document, problem.pointer)
        own = problem.code != "unreachable_step"
        if own or not broken:
            wanted.setdefault(step, []).append(problem)
        if step:
            bad.setdefault(step, problem)
        else:
            document = _settled(document, problem)
    steps = document.get("steps")
    kept = _cut(steps if isinstance(steps, list) else [], bad, broken)
    return {**document, "steps": kept}


def _settled(document: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """Without the setting that cannot be read, or with a plain one in its place."""
    key = problem.pointer.split("/")[1] if "/" in problem.pointer else ""
    if key == "steps" or not key:
        return document
    rest = {name: value for name, value in document.items() if name != key}
    if problem.code == "no_exit_on_goal":
        rest = {name: value for name, value in document.items() if name != "objective"}
    return {**rest, key: INSTEAD[key]} if key in INSTEAD else rest


def _cut(steps: Sequence[Any], bad: Mapping[str, Problem], broken: dict[str, Problem]) -> list[Any]:
    kept: list[Any] = []
    for step in steps:
        name = str(step.get("id")) if isinstance(step, dict) else ""
        if not isinstance(step, dict) or (name in bad and bad[name].code == "unreachable_step"):
            continue
        if name in bad:
            broken.setdefault(name, bad[name])
            return [*kept, {"id": name, "type": "exit", "config": {"outcome": "dropped"}}]
        if commands.lanes_of(step):
            lanes = [{**lane, "steps": _cut(commands.inside(lane), bad, broken)} for lane in commands.lanes_of(step)]
            kept.append({**step, "lanes": lanes})
        else:
            kept.append(step)
    return kept
