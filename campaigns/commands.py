"""What an editor may do to the draft of a campaign, one command at a time. Pure.

`carry_out(document, command)` answers the new document and leaves the given one alone. A command
that makes no sense raises `errors.Problems`; whether the journey is complete is nobody's
business here: a draft may have an SMS without words. No command loses a step that was not to be
removed, and ids stay unique.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, NoReturn

from campaigns import checks, journey, patch
from campaigns.steps import kinds
from crm.errors import Problem, Problems

Document = dict[str, Any]
Path = tuple[str | int, ...]
Mint = Callable[[], str]

# Keys at the top that `set` may change.
TOP: Final = frozenset(
    {
        "name",
        "description",
        "objective",
        "class",
        "purpose",
        "entry",
        "eligibility",
        "concurrency",
        "exit",
        "goal",
        "holdout_pct",
        "holdout_reason",
        "budget",
        "respect_global_holdout",
        "priority",
        "group",
        "topic",
        "caps",
        "quiet",
        "send_expiry",
    }
)
LANE_KEYS: Final = frozenset({"id", "label", "when", "weight"})
LONGEST_NOTE: Final = 500
ENDS: Final = ("exit",)


def carry_out(document: Document, command: Mapping[str, Any], mint: Mint | None = None) -> Document:
    """The document after the command. `mint` makes ids for steps that come without a free one."""
    verb = command.get("do") if isinstance(command, Mapping) else None
    if not isinstance(verb, str) or verb not in VERBS:
        _refuse("/do", "unknown_command", f"There is no such command; use one of {', '.join(VERBS)}.")
    trouble = checks.measure(dict(command))
    if trouble:
        raise Problems([trouble])
    document = document if isinstance(document.get("steps"), list) else {**document, "steps": []}
    after = VERBS[verb](document, command, mint or _counting(document))
    trouble = checks.measure(after)
    if trouble:
        raise Problems([trouble])
    if not all("id" in lane for _, step in walk(after) for lane in lanes_of(step)):
        after = journey.fill(after)
    _fits(after)
    return dict(after)


def walk(document: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every step with its path, from top to bottom, lanes where they stand."""
    steps = document.get("steps")
    yield from _walk(steps if isinstance(steps, list) else [], ("steps",))


def _walk(steps: Sequence[Any], path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for index, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        here = (*path, index)
        yield here, step
        for number, lane in enumerate(lanes_of(step)):
            yield from _walk(inside(lane), (*here, "lanes", number, "steps"))


def lanes_of(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    lanes = step.get("lanes")
    return lanes if isinstance(lanes, list) and all(isinstance(lane, dict) for lane in lanes) else []


def inside(lane: Mapping[str, Any]) -> list[Any]:
    """The steps of a lane."""
    steps = lane.get("steps")
    return steps if isinstance(steps, list) else []


def find(document: Mapping[str, Any], step: str) -> dict[str, Any] | None:
    return next((one for _, one in walk(document) if one.get("id") == step), None)


def ids(document: Mapping[str, Any]) -> set[str]:
    return {str(step["id"]) for _, step in walk(document) if "id" in step}


# --- the verbs ------------------------------------------------------------------------------------


def _insert(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    step = command.get("step")
    if not isinstance(step, dict) or step.get("type") not in kinds:
        _refuse("/step/type", "unknown_step", f"There is no such step; use one of {', '.join(sorted(kinds))}.")
    return _put(document, command, [step], mint)


def _paste(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    """Copies get ids of their own, and jumps among them lead to the copies."""
    steps = command.get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        _refuse("/steps", "not_a_list", "Give a list of steps to paste.")
    unknown = [each for _, each in walk({"steps": steps}) if each.get("type") not in kinds]
    if unknown:
        _refuse("/steps", "unknown_step", "One of these steps is of a kind that is not known here.")
    return _put(document, command, steps, mint)


def _put(document: Document, command: Mapping[str, Any], steps: list[dict[str, Any]], mint: Mint) -> Document:
    document, path, index = _place(document, command)
    fresh = _renamed(deepcopy(steps), ids(document), mint)
    return _into(document, path, index, fresh)


def _remove(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    """Take a step out; of a split, the steps of the lane to keep move up into its place."""
    del mint
    path, step = _the_step(document, command)
    kept: list[Any] = []
    if command.get("keep_lane") is not None:
        kept = inside(lanes_of(step)[_lane_index(step, command["keep_lane"], "/keep_lane")])
    return _splice(document, path[:-1], int(path[-1]), 1, kept)


def _move(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    """A step, with all its lanes, to another place; or `by` -1 or 1: past its neighbour."""
    del mint
    path, step = _the_step(document, command)
    if "by" in command:
        return _shift(document, path, step, command["by"])
    target = _target(command)
    if target in ids({"steps": [step]}):
        _refuse("/step", "inside_itself", "A step cannot be moved into itself.")
    without = _splice(document, path[:-1], int(path[-1]), 1, [])
    without, where, index = _place(without, command)
    return _into(without, where, index, [step])


def _shift(document: Document, path: Path, step: dict[str, Any], by: Any) -> Document:
    if by not in (-1, 1) or isinstance(by, bool):
        _refuse("/by", "invalid", "by is -1 or 1.")
    within, index = path[:-1], int(path[-1])
    siblings = _at(document, within)
    beyond = index + by
    if 0 <= beyond < len(siblings):
        other = siblings[beyond]
        if by == 1 and isinstance(other, dict) and other.get("type") in ENDS:
            return document
        pair = [step, other] if by == -1 else [other, step]
        return _splice(document, within, min(index, beyond), 2, pair)
    if len(within) == 1:
        return document
    # The end of a lane: out of it, above or below the split.
    out = _splice(document, within, index, 1, [])
    split = within[:-3]
    return _splice(out, split[:-1], int(split[-1]) + (1 if by == 1 else 0), 0, [step])


def _configure(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    del mint
    path, step = _the_step(document, command)
    config = command.get("config")
    if not isinstance(config, dict):
        _refuse("/config", "not_an_object", "Give the whole config of the step as an object.")
    made = {**step, "config": config}
    if step.get("type") == "wait.event" and lanes_of(step):
        made["lanes"] = _follow(step, config)
    return dict(patch.rewrite(document, path, lambda _: made))


def _follow(step: Mapping[str, Any], config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lanes of a wait are found by the labels of its branches: they go along when those are renamed,
    and go when their branch has gone, unless there are steps in them."""
    before, after = _branches(step.get("config") or {}), _branches(config)
    renamed: dict[str, str] = {}
    if len(before) == len(after):
        renamed = {old: new for old, new in zip(before, after, strict=True) if old not in after and new not in before}
    lanes = []
    for lane in lanes_of(step):
        label = lane.get("label")
        if label in renamed:
            lanes.append({**lane, "label": renamed[label], "id": renamed[label]})
        elif label not in before or label in after or inside(lane):
            lanes.append(lane)
    return lanes


def _branches(config: Mapping[str, Any]) -> list[str]:
    branches = config.get("branches") if isinstance(config, Mapping) else None
    found = branches if isinstance(branches, list) else []
    return [str(each.get("label", "")) for each in found if isinstance(each, dict)]


def _label(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    del mint
    return _text_of_step(document, command, "label", 80)


def _note(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    del mint
    return _text_of_step(document, command, "note", LONGEST_NOTE)


def _text_of_step(document: Document, command: Mapping[str, Any], key: str, longest: int) -> Document:
    path, _ = _the_step(document, command)
    text = command.get(key)
    if not isinstance(text, str) or len(text) > longest:
        _refuse(f"/{key}", "not_a_text", f"{key} must be a text of at most {longest} characters.")
    return dict(patch.rewrite(document, (*path, key), lambda _: text.strip() or patch.ABSENT))


def _lanes(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    """The lanes as they shall be, in order; those that are there are found by id and keep their steps."""
    del mint
    path, step = _the_step(journey.fill(document), command)
    wanted = command.get("lanes")
    if not isinstance(wanted, list) or not all(isinstance(each, dict) for each in wanted):
        _refuse("/lanes", "not_a_list", "Give a list of lanes.")
    own = {lane.get("id"): lane for lane in lanes_of(step)}
    lanes = []
    for index, each in enumerate(wanted):
        odd = each.keys() - LANE_KEYS
        if odd or not isinstance(each.get("label"), str):
            _refuse(f"/lanes/{index}", "invalid", f"A lane has {', '.join(sorted(LANE_KEYS))}, and a label always.")
        old = own.pop(each["id"], {}) if isinstance(each.get("id"), str) else {}
        kept = {key: value for key, value in old.items() if key not in ("when", "weight")}
        said = {key: value for key, value in each.items() if value is not None}
        lanes.append({**kept, **said, "steps": inside(old)})
    return dict(patch.rewrite(journey.fill(document), (*path, "lanes"), lambda _: lanes or patch.ABSENT))


def _set(document: Document, command: Mapping[str, Any], mint: Mint) -> Document:
    del mint
    key = command.get("path")
    if not isinstance(key, str) or key not in TOP:
        _refuse("/path", "unknown_key", f"path is one of {', '.join(sorted(TOP))}.")
    value = command.get("value")
    if key == "name" and not (isinstance(value, str) and 0 < len(value.strip()) <= 200):
        _refuse("/value", "not_a_text", "A name has 1 to 200 characters.")
    return dict(patch.rewrite(document, (key,), lambda _: patch.ABSENT if value is None else value))


VERBS: Final[dict[str, Callable[[Document, Mapping[str, Any], Mint], Document]]] = {
    "insert": _insert,
    "remove": _remove,
    "move": _move,
    "paste": _paste,
    "configure": _configure,
    "label": _label,
    "lanes": _lanes,
    "note": _note,
    "set": _set,
}


# --- where things are -----------------------------------------------------------------------------


def _the_step(document: Mapping[str, Any], command: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    return _path_of(document, command.get("step"), "/step")


def _path_of(document: Mapping[str, Any], name: Any, pointer: str) -> tuple[Path, dict[str, Any]]:
    found = next((each for each in walk(document) if isinstance(name, str) and each[1].get("id") == name), None)
    if found is None:
        _refuse(pointer, "no_such_step", "This step is no longer there.")
    return found


def _target(command: Mapping[str, Any]) -> str:
    """The step whose place a command names."""
    lane = command.get("lane")
    if isinstance(lane, list) and lane:
        return str(lane[0])
    return str(command.get("after") or "")


def _place(document: Document, command: Mapping[str, Any]) -> tuple[Document, Path, int]:
    """(document, path of a list of steps, index in it). A lane that is not there yet is named by its
    port ("else", "timeout", "not_sent" …) and made."""
    lane = command.get("lane")
    if lane is None:
        after = command.get("after", "")
        if after == "":
            return document, ("steps",), 0
        path, _ = _path_of(document, after, "/after")
        return document, path[:-1], int(path[-1]) + 1
    if not isinstance(lane, list) or len(lane) != 2:
        _refuse("/lane", "not_a_lane", "lane is [step, number of the lane].")
    path, step = _path_of(document, lane[0], "/lane/0")
    if isinstance(lane[1], str) and lane[1] and len(lane[1]) <= 64:
        labels = [each.get("label") for each in lanes_of(step)]
        if lane[1] not in labels:
            made = [*lanes_of(step), {"label": lane[1], "steps": []}]
            document = patch.rewrite(document, (*path, "lanes"), lambda _: made)
            return document, (*path, "lanes", len(made) - 1, "steps"), 0
        index = labels.index(lane[1])
    else:
        index = _lane_index(step, lane[1], "/lane/1")
    return document, (*path, "lanes", index, "steps"), 0


def _lane_index(step: Mapping[str, Any], index: Any, pointer: str) -> int:
    if type(index) is not int or not 0 <= index < len(lanes_of(step)):
        _refuse(pointer, "no_such_lane", "This lane is no longer there.")
    return index


def _at(document: Any, path: Path) -> list[Any]:
    for key in path:
        document = document[key]
    return list(document)


def _into(document: Document, path: Path, index: int, steps: list[Any]) -> Document:
    return _splice(document, path, index, 0, steps)


def _splice(document: Document, path: Path, index: int, out: int, steps: list[Any]) -> Document:
    def change(old: Any) -> list[Any]:
        items = old if isinstance(old, list) else []
        return [*items[:index], *steps, *items[index + out :]]

    return dict(patch.rewrite(document, path, change))


# --- ids ------------------------------------------------------------------------------------------


def _renamed(steps: list[dict[str, Any]], taken: set[str], mint: Mint) -> list[dict[str, Any]]:
    """The steps with ids that nobody has. One that comes with a good free id keeps it."""
    given: dict[str, str] = {}
    for _, step in walk({"steps": steps}):
        name = step.get("id")
        good = isinstance(name, str) and bool(journey.STEP_ID.fullmatch(name)) and name not in taken
        made = str(name) if good else _free(taken, mint)
        if isinstance(name, str):
            given.setdefault(name, made)
        step["id"] = made
        taken.add(made)
    for _, step in walk({"steps": steps}):
        config = step.get("config")
        if step.get("type") == "goto" and isinstance(config, dict) and config.get("step") in given:
            config["step"] = given[config["step"]]
    return steps


def _free(taken: set[str], mint: Mint) -> str:
    while (name := mint()) in taken:
        pass
    return name


def _counting(document: Mapping[str, Any]) -> Mint:
    number = len(ids(document))

    def mint() -> str:
        nonlocal number
        number += 1
        return f"s{number}"

    return mint


def _fits(document: Document) -> None:
    count = 0
    for path, _ in walk(document):
        count += 1
        if len(path) // 4 + 1 > journey.DEEPEST:
            _refuse("/lane", "too_deep", f"Lanes are at most {journey.DEEPEST} deep.")
    if count > journey.MOST_STEPS:
        _refuse("", "too_many_steps", f"A journey has at most {journey.MOST_STEPS} steps.")


def _refuse(pointer: str, code: str, detail: str) -> NoReturn:
    raise Problems([Problem(pointer, code, detail)])
