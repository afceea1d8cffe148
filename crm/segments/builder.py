"""The builder's working copy of a rule, and what its buttons do to it.

The working copy is `{"main": {"all": [ … ]}, "not": [ … ]}`: the rule and, apart from it, its
exceptions. It may hold conditions that are not finished. A node is found by a dotted path of
places: `main.1.0` is the first part of the second part of the rule, `not.0` the first exception.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from crm.errors import Problem
from crm.segments import describe
from crm.segments.describe import Doc
from crm.segments.grammar import GROUPS, MAX_DEPTH, MAX_NODES

State = dict[str, Any]
MAIN, EXCEPT = "main", "not"
# Groups inside groups that the builder shows; deeper ones are shown in words.
SHOWN_DEPTH: Final = 3
MAX_STATE: Final = 400_000


# --- between rules and working copies -----------------------------------------------------------


def empty() -> State:
    return {MAIN: {"all": []}, EXCEPT: []}


def opened(rule: Any) -> State:
    """The working copy of a rule."""
    rule = copy.deepcopy(rule)
    word = word_of(rule)
    if not word:
        return {MAIN: {"all": [rule]}, EXCEPT: []}
    if word == "none":
        return {MAIN: {"all": []}, EXCEPT: rule["none"]}
    parts = rule[word]
    if word == "all" and parts and word_of(parts[-1]) == "none":
        first, exceptions = parts[:-1], parts[-1]["none"]
        if len(first) == 1 and word_of(first[0]) == "any":
            return {MAIN: first[0], EXCEPT: exceptions}
        return {MAIN: {"all": first}, EXCEPT: exceptions}
    return {MAIN: rule, EXCEPT: []}


def rule(state: State) -> Any:
    """The rule of a working copy, as the grammar has it."""
    return describe.cleaned(_built(state))


def _built(state: State) -> Any:
    main, exceptions = state[MAIN], state[EXCEPT]
    word = word_of(main)
    if not main[word]:
        main, word = {"all": []}, "all"
    if not exceptions:
        return main
    parts = main["all"] if word == "all" else [main]
    return {"all": [*parts, {"none": exceptions}]}


def paths(state: State) -> dict[str, str]:
    """Pointer into the rule -> path in the working copy, for every node."""
    main, exceptions = state[MAIN], state[EXCEPT]
    word = word_of(main)
    found = {"": MAIN}
    if word == "all" or not main[word]:
        found |= _below(main, "", MAIN)
        place = len(main[word])
    else:
        inside = "/all/0" if exceptions else ""
        found |= {inside: MAIN} | _below(main, inside, MAIN)
        place = 1
    if exceptions:
        found[f"/all/{place}"] = EXCEPT
        found |= _below({"none": exceptions}, f"/all/{place}", EXCEPT)
    return found


def _below(node: Any, pointer: str, path: str) -> dict[str, str]:
    word, found = word_of(node), {}
    for place, part in enumerate(node[word] if word else []):
        inner, outer = f"{pointer}/{word}/{place}", f"{path}.{place}"
        found[inner] = outer
        found |= _below(part, inner, outer)
    return found


def place(known: Mapping[str, str], pointer: str) -> str:
    """The path of the node that a pointer leads into."""
    while pointer not in known:
        pointer = pointer.rpartition("/")[0]
    return known[pointer]


# --- what comes back from the page --------------------------------------------------------------


def read(text: str) -> State:
    """A working copy that was posted; raises `Problem` when it is none."""
    wrong = Problem("/state", "unreadable", "The page sent something that is no rule; load it again.")
    if len(text) > MAX_STATE:
        raise wrong
    try:
        state = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise wrong from error
    if not isinstance(state, dict) or set(state) != {MAIN, EXCEPT} or word_of(state[MAIN]) not in ("all", "any"):
        raise wrong
    if not isinstance(state[EXCEPT], list) or not _sound({"all": [state[MAIN], *state[EXCEPT]]}):
        raise wrong
    return state


def _sound(node: Any, depth: int = 0) -> bool:
    """Objects all the way down, not too deep and not too many."""
    if not isinstance(node, dict) or not node or depth > MAX_DEPTH + 2:
        return False
    word = word_of(node)
    if not word:
        return not set(GROUPS) & set(node)
    return len(node[word]) <= MAX_NODES and all(_sound(part, depth + 1) for part in node[word])


def posted(page: Mapping[str, str]) -> State:
    """The working copy of a page, with what stands in its inputs; raises `Problem`."""
    return overlaid(read(page.get("state", "")), page)


def overlaid(state: State, posted: Mapping[str, str]) -> State:
    """The working copy with what stands in the inputs. `posted` names them `path:input`."""
    found = copy.deepcopy(state)
    values: dict[str, dict[str, str]] = {}
    for name, value in posted.items():
        path, colon, inner = name.partition(":")
        if colon:
            values.setdefault(path, {})[inner] = value
    for path, mine in values.items():
        node = get(found, path)
        if node is None:
            continue
        word = word_of(node)
        if word:
            _reword(found, path, word, mine.get("word", word))
        elif "leaf" in mine and (description := describe.of(node)):
            put(found, path, description.written(node, mine))
    return found


def _reword(state: State, path: str, before: str, word: str) -> None:
    if word in (GROUPS if path != MAIN else ("all", "any")) and word != before:
        node = get(state, path)
        node[word] = node.pop(before)


# --- nodes --------------------------------------------------------------------------------------


def word_of(node: Any) -> str:
    """all, any or none for a group, "" for a condition."""
    if not isinstance(node, Mapping) or len(node) != 1:
        return ""
    return next((word for word in GROUPS if isinstance(node.get(word), list)), "")


def get(state: State, path: str) -> Any:
    """The node at a path, or None."""
    head, *places = path.split(".")
    node: Any = {"none": state[EXCEPT]} if head == EXCEPT else state[MAIN] if head == MAIN else None
    for each in places:
        word = word_of(node)
        parts = node[word] if word else []
        if not each.isdecimal() or int(each) >= len(parts):
            return None
        node = parts[int(each)]
    return node


def put(state: State, path: str, node: Doc) -> None:
    parts, index = _within(state, path)
    parts[index] = node


def leaves(state: State) -> Iterator[tuple[str, Doc]]:
    """Every condition with its path."""
    for path in paths(state).values():
        node = get(state, path)
        if path not in (MAIN, EXCEPT) and not word_of(node):
            yield path, node


def _within(state: State, path: str) -> tuple[list[Any], int]:
    outer, _dot, last = path.rpartition(".")
    node = get(state, outer)
    return node[word_of(node)], int(last)


def without(state: State, gone: Collection[str]) -> State:
    """The working copy without the conditions at these paths, and without groups that are empty then."""
    found = copy.deepcopy(state)
    head = {MAIN, EXCEPT}
    for path in sorted(set(gone) - head, key=_order, reverse=True):
        if get(found, path) is not None:
            _remove(found, path, "")
    for path in sorted(set(paths(found).values()) - head, key=_order, reverse=True):
        node = get(found, path)
        if word_of(node) and not node[word_of(node)]:
            _remove(found, path, "")
    return found


def _order(path: str) -> tuple[str, list[int]]:
    head, *places = path.split(".")
    return head, [int(each) for each in places]


# --- the buttons --------------------------------------------------------------------------------


def carried_out(state: State, do: str, at: str, what: str) -> tuple[State, str]:
    """The working copy after a button, and the path to put the focus on. Whatever makes no sense changes nothing."""
    command = _COMMANDS.get(do)
    found = copy.deepcopy(state)
    if command is None or get(found, at) is None:
        return found, at
    return found, command(found, at, what)


def starter(name: str) -> Doc | None:
    """What a condition begins with: `event.0` is the first starter of the event leaf."""
    key, _dot, number = name.rpartition(".")
    description = describe.descriptions.get(key)
    if description is None or not number.isdecimal() or int(number) >= len(description.starters):
        return None
    return copy.deepcopy(description.starters[int(number)].doc)


def _add(state: State, at: str, what: str) -> str:
    node, doc = get(state, at), starter(what)
    return _append(node, at, doc) if word_of(node) and doc is not None else at


def _group(state: State, at: str, what: str) -> str:
    node = get(state, at)
    inside = "all" if word_of(node) == "any" else "any"
    return _append(node, at, {inside: []}) if word_of(node) and at.count(".") + 1 < SHOWN_DEPTH else at


def _append(node: Any, at: str, part: Doc) -> str:
    parts = node[word_of(node)]
    parts.append(part)
    return f"{at}.{len(parts) - 1}"


def _remove(state: State, at: str, what: str) -> str:
    if at in (MAIN, EXCEPT):
        return at
    parts, index = _within(state, at)
    del parts[index]
    outer = at.rpartition(".")[0]
    return f"{outer}.{min(index, len(parts) - 1)}" if parts else outer


def _duplicate(state: State, at: str, what: str) -> str:
    if at in (MAIN, EXCEPT):
        return at
    parts, index = _within(state, at)
    parts.insert(index + 1, copy.deepcopy(parts[index]))
    return f"{at.rpartition('.')[0]}.{index + 1}"


def _part(state: State, at: str, what: str) -> str:
    description = describe.of(get(state, at))
    if description:
        put(state, at, description.add(get(state, at), what))
    return at


def _drop(state: State, at: str, what: str) -> str:
    description = describe.of(get(state, at))
    if description:
        put(state, at, description.drop(get(state, at), what))
    return at


_COMMANDS: Final[dict[str, Callable[[State, str, str], str]]] = {
    "add": _add,
    "group": _group,
    "remove": _remove,
    "duplicate": _duplicate,
    "part": _part,
    "drop": _drop,
}
