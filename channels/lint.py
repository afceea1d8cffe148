"""Names in a message that may have no value for somebody, and what to write instead. Pure.

problems(channel, body, sure) → what would end a message or leave a hole in its words: it blocks publishing
warnings(channel, body)       → what the catalogue may not know of a product: advice

A name is safe when it always has a value (`ALWAYS`, `OF_PRODUCTS`, `sure`), when `| default: "…"` stands
behind it, or inside an `{% if %}` that asks for it. What is not there raises when it is printed
(`entry.colour`), so there the `default` must be the first filter; a name of ours that is empty
(`contact.given_name`) may also pass through others before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from liquid.ast import Node
from liquid.builtin.expressions import Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import LiquidError
from liquid.expression import Expression

from channels import kinds, liquid
from crm.errors import Problem

# Names that have a value for everybody.
ALWAYS: Final = frozenset(
    {
        "contact.zone", "entry.event", "entry.occurred_at", "event.event", "event.occurred_at", "campaign.id",
        "campaign.name", "links.unsubscribe", "links.preferences", "products.size", "viewed.size",
    }
)  # fmt: skip
# Of each product; the rest the catalogue may not know.
OF_PRODUCTS: Final = frozenset({"sku", "name", "currency", "quantity", "active", "sold_out", "categories"})
LISTS: Final = frozenset({"products", "viewed"})
# Their names are always there, at worst as an empty text.
NEVER_RAISES: Final = (
    frozenset({"contact", "store"}),
    frozenset({"contact.fields", "store.address", "store.hours"}),
)
_CONDITIONS: Final = (IfNode, UnlessNode, CaseNode)
_SAFE: Final = ""
# What the ready pieces of the editor are filled with.
_UNWRITTEN: Final = (">…<", '"https://…"')
# An item of a list, met in a loop.
_ITEM: Final = "[]"


def problems(channel: str, body: Mapping[str, Any], sure: Iterable[str] = ()) -> list[Problem]:
    """What must be mended before this may be published. `sure`: paths that the asker knows to have a
    value, such as the key of a campaign's entry (`entry.cart_id`)."""
    known = ALWAYS | frozenset(sure)
    unwritten = isinstance(body.get("html"), str) and any(mark in body["html"] for mark in _UNWRITTEN)
    said = "A ready piece still says “…”; write its words, or take it out."
    return [
        *([Problem("/html", "unwritten", said)] if unwritten else []),
        *(
            Problem(pointer, "no_fallback", _advice(path))
            for pointer, path in _unsure(channel, body, known)
            if not _of_a_product(path)
        ),
    ]


def warnings(channel: str, body: Mapping[str, Any]) -> list[Problem]:
    """What may be left empty because the catalogue does not know it."""
    return [
        Problem(pointer, "may_be_empty", _advice(path))
        for pointer, path in _unsure(channel, body, ALWAYS)
        if _of_a_product(path)
    ]


def shown(path: str) -> str:
    """A path as people wrote it: an item of a list is called `product`."""
    return path.replace(f"products{_ITEM}", "product").replace(f"viewed{_ITEM}", "product")


def _advice(path: str) -> str:
    name = shown(path)
    return (
        f'{{{{ {name} }}}} may have no value; write {{{{ {name} | default: "…" }}}} '
        f"or ask for it with {{% if {name} %}}."
    )


def _unsure(channel: str, body: Mapping[str, Any], sure: frozenset[str]) -> Iterator[tuple[str, str]]:
    kind = kinds.get(channel)
    for field, html in kind.fields.items() if kind else ():
        source = body.get(field)
        if not isinstance(source, str) or "{" not in source:
            continue
        try:
            template = liquid.parse(source, html=html)
        except LiquidError:
            continue  # `content.problems` says so
        reading = _Reading(template, sure)
        reading.nodes(template.nodes, frozenset())
        for path in reading.found:
            yield f"/{field}", path


def _of_a_product(path: str) -> bool:
    return any(path.startswith(f"{name}{_ITEM}") for name in LISTS)


class _Reading:
    """Walks one template; `found` are the unsure paths in the order in which they are printed."""

    def __init__(self, template: liquid.Template, sure: frozenset[str]) -> None:
        self.template = template
        self.sure = sure
        self.names: dict[str, str] = {"forloop": _SAFE}
        self.found: dict[str, None] = {}

    def nodes(self, nodes: Iterable[Node], asked: frozenset[str]) -> None:
        for node in nodes:
            self.node(node, asked)

    def node(self, node: Node, asked: frozenset[str]) -> None:
        if isinstance(node, OutputNode):
            self.printed(node.expression, asked)
        elif isinstance(node, AssignNode):
            self.names[str(node.name)] = self.assigned(node.expression, asked)
        elif isinstance(node, CaptureNode):
            self.names[str(node.name)] = _SAFE
            self.nodes(self.template.below(node), asked)
        elif isinstance(node, ForNode):
            self.loop(node, asked)
        else:
            if isinstance(node, _CONDITIONS):
                asked |= self.paths_of(node)
            self.nodes(self.template.below(node), asked)

    def loop(self, node: ForNode, asked: frozenset[str]) -> None:
        name, before = str(node.expression.identifier), dict(self.names)
        iterable = node.expression.iterable
        path = self.path(iterable) if isinstance(iterable, Path) else _SAFE
        if path and path not in LISTS and _raises(path):
            self.note(path, asked)
        self.names[name] = f"{path}{_ITEM}" if path in LISTS else _SAFE
        self.nodes(self.template.below(node), asked)
        self.names = before

    def paths_of(self, node: Node) -> frozenset[str]:
        """The paths that a condition asks for, also those of its `elsif`s."""
        found = {self.path(each) for one in node.expressions() for each in _paths(one)}
        for inner in getattr(node, "alternatives", ()):
            found |= {self.path(each) for one in inner.expressions() for each in _paths(one)}
        return frozenset(found)

    def assigned(self, expression: Expression, asked: frozenset[str]) -> str:
        """What a name stands for from now on: the path itself where nothing is done to it."""
        left, filters = getattr(expression, "left", expression), getattr(expression, "filters", None)
        if isinstance(left, Path) and not filters:
            return self.path(left)
        self.printed(expression, asked)
        return _SAFE

    def printed(self, expression: Expression, asked: frozenset[str]) -> None:
        left = getattr(expression, "left", expression)
        filters = getattr(expression, "filters", None) or []
        for argument in (argument for each in filters for argument in each.children()):
            for path in _paths(argument):
                self.note(self.path(path), asked)
        if isinstance(left, Path) and not _is_saved([each.name for each in filters], self.path(left)):
            self.note(self.path(left), asked)

    def note(self, path: str, asked: frozenset[str]) -> None:
        if path and not _is_sure(path, self.sure) and not _is_asked(path, asked):
            self.found.setdefault(path)

    def path(self, path: Path) -> str:
        """A path as text, a loop's own name or an assigned one put back to where it came from."""
        head, *rest = path.path
        text = self.names.get(str(head), str(head)) if isinstance(head, str) else _SAFE
        if not text:
            return _SAFE
        for segment in rest:
            if isinstance(segment, str) and segment not in {"first", "last"}:
                text = f"{text}.{segment}"
            else:
                text = f"{text}[{0 if isinstance(segment, str) else segment}]"
        return text


def _is_saved(filters: list[str], path: str) -> bool:
    """Whether a `default` stands where it can still help."""
    first = filters[:1]
    return first in (["default"], ["size"]) or ("default" in filters and not _raises(path))


def _paths(expression: Expression) -> Iterator[Path]:
    if isinstance(expression, Path):
        yield expression
    for inner in expression.children():
        yield from _paths(inner)


def _is_sure(path: str, sure: frozenset[str]) -> bool:
    root = path.partition(".")[0].partition("[")[0]
    if path in sure or path.replace(".properties.", ".", 1) in sure:
        return True
    if _of_a_product(path):
        return path.partition("].")[2].partition(".")[0] in OF_PRODUCTS or path.endswith(_ITEM)
    if path.endswith(".size") or path in LISTS:
        return root in LISTS
    # What is no name of ours at all is said by `content.problems`.
    return root not in LISTS | {"contact", "entry", "event", "store"}


def _is_asked(path: str, asked: frozenset[str]) -> bool:
    """Whether a condition around it asks for it, or for something it is a part of."""
    # An empty list is true, and so are these always.
    for each in asked - LISTS - {_SAFE, "contact", "entry", "event", "store"}:
        if path == each or path.startswith((f"{each}.", f"{each}[")):
            return True
        root = each.partition(".")[0].partition("[")[0]
        if root in LISTS and path.startswith(f"{root}[") and not _of_a_product(path):
            return True
        if root == "store" and path.startswith("store.") and not _raises(path):
            return True
    return False


def _raises(path: str) -> bool:
    """Whether printing it ends the message when it is not there."""
    root = path.partition(".")[0].partition("[")[0]
    if _of_a_product(path):
        return ".attributes." in path
    deep = any(path.startswith(f"{each}.") for each in NEVER_RAISES[1])
    return deep or root not in NEVER_RAISES[0]
