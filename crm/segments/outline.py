"""What the builder shows of a working copy: groups, rows of inputs, and words for what it cannot edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.segments import builder, describe, sentence
from crm.segments.builder import State
from crm.segments.describe import Doc, Input, Offers


@dataclass
class Node:
    """A group, a row of inputs (`lines`), or `words` for what is only shown."""

    path: str
    shape: str
    depth: int = 0
    word: str = ""
    parts: list[Node] = field(default_factory=list)
    label: Any = ""
    icon: str = ""
    lines: list[list[Input]] = field(default_factory=list)
    words: str = ""
    problems: list[str] = field(default_factory=list)
    doc: Doc = field(default_factory=dict)
    roomy: bool = False  # another group fits in

    @property
    def id(self) -> str:
        """As an id of HTML."""
        return f"at-{self.path.replace('.', '-')}"


def nodes(state: State, offers: Offers, problems: Mapping[str, list[str]] | None = None) -> tuple[Node, Node]:
    """The rule and its exceptions."""
    told = problems or {}
    exceptions = {"none": state[builder.EXCEPT]}
    found = _node(state[builder.MAIN], builder.MAIN, 1, offers), _node(exceptions, builder.EXCEPT, 1, offers)
    plain = [node for root in found for node in _walk(root)]
    unread = [node for node in plain if node.shape == "words"]
    for node, said in zip(unread, sentence.say_many([describe.cleaned(node.doc) for node in unread]), strict=True):
        node.words = said
    for node in plain:
        node.problems = list(told.get(node.path, ()))
    return found


def _node(doc: Any, path: str, depth: int, offers: Offers) -> Node:
    word = builder.word_of(doc)
    if not word:
        return _row(doc, path, depth, offers)
    if depth > builder.SHOWN_DEPTH:
        return Node(path, "words", depth, doc=doc)
    parts = [_node(part, f"{path}.{place}", depth + 1, offers) for place, part in enumerate(doc[word])]
    return Node(path, "group", depth, word, parts, doc=doc, roomy=depth < builder.SHOWN_DEPTH)


def _row(doc: Any, path: str, depth: int, offers: Offers) -> Node:
    description = describe.of(doc)
    if description is None or not describe.editable(doc, offers):
        return Node(path, "words", depth, doc=doc)
    lines: list[list[Input]] = [[]]
    for each in description.inputs(doc, offers):
        if each.kind == "break":
            lines.append([])
        else:
            lines[-1].append(each)
    return Node(path, "row", depth, label=description.label, icon=description.icon, lines=lines, doc=doc)


def _walk(node: Node) -> list[Node]:
    return [node, *(inner for part in node.parts for inner in _walk(part))]


def menu() -> list[tuple[Any, list[tuple[str, Any, str]]]]:
    """The entries of "Rule", by group: (name of the starter, words, icon)."""
    found: dict[str, tuple[Any, list[tuple[str, Any, str]]]] = {}
    for key, description in describe.descriptions.items():
        for number, each in enumerate(description.starters):
            head = found.setdefault(str(description.group), (description.group, []))
            head[1].append((f"{key}.{number}", each.label, each.icon or description.icon))
    return list(found.values())
