"""A whole rule in plain words, with the names of segments and campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from crm.errors import Problems
from crm.segments import names, parse
from crm.segments.grammar import Group, Placed, Rule


def say(rule: Rule) -> str:
    """`bought at least 2 times in the last year, and city is Lyon. But not: is in campaign “Win back”`"""
    return names.put_in([whole(rule)])[0]


def say_many(documents: Sequence[Any]) -> list[str]:
    """The same for rules as they are stored; "" for one that cannot be read (any more)."""
    return names.put_in([_stored(document) for document in documents])


def whole(rule: Rule) -> str:
    """The sentence with ids in it."""
    root = rule.root
    if isinstance(root, Group) and root.word == "all" and root.parts:
        *first, last = root.parts
        if isinstance(last, Group) and last.word == "none":
            body = _group("all", first) if first else _("everybody")
            return _("%(rule)s. But not: %(exceptions)s") % {"rule": body, "exceptions": _group("any", last.parts)}
    return _node(root)


def _stored(document: Any) -> str:
    try:
        return whole(parse.parse(document))
    except Problems:
        return ""


def _node(node: Group | Placed) -> str:
    if isinstance(node, Placed):
        return node.leaf.sentence()
    if not node.parts:
        return _("everybody")
    if node.word == "none":
        return _("none of: %(parts)s") % {"parts": _group("any", node.parts)}
    return _group(node.word, node.parts)


def _group(word: str, parts: Sequence[Group | Placed]) -> str:
    """The parts of a group; groups inside stand in brackets."""
    said = [f"({_node(part)})" if len(parts) > 1 and _many(part) else _node(part) for part in parts]
    join = _("%(before)s, and %(after)s") if word == "all" else _("%(before)s, or %(after)s")
    sentence = said[0]
    for part in said[1:]:
        sentence = join % {"before": sentence, "after": part}
    return sentence


def _many(node: Group | Placed) -> bool:
    """Whether its sentence joins several and needs brackets among others."""
    if isinstance(node, Placed):
        return False
    return node.word == "none" or len(node.parts) > 1 or any(_many(part) for part in node.parts)
