"""Outputs and loops of templates: python-liquid's own answers with less work for each message. Pure.

Most of the time of a template goes into these two. They take the common case (a text, a list that
is walked from its beginning) on a short way and leave every other one to the library; all its
limits stand as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.for_tag import ForLoop, ForNode, ForTag
from liquid.exceptions import BreakLoop, ContinueLoop
from liquid.stringify import to_liquid_string
from liquid.token import Token
from markupsafe import escape

if TYPE_CHECKING:
    from liquid.context import RenderContext


class _Output(OutputNode):
    """`{{ … }}`: a plain text needs no look at what else it could be."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        if type(value) is str:
            return buffer.write(escape(value) if context.autoescape else value)
        return buffer.write(to_liquid_string(value, context.autoescape))


class _For(ForNode):
    """`{% for %}`: the name of the loop is made once, not for each message."""

    __slots__ = ("_name", "_plain")

    def __init__(
        self, token: Token, expression: LoopExpression, block: BlockNode, default: BlockNode | None = None
    ) -> None:
        super().__init__(token, expression, block, default)
        self._name = f"{expression.identifier}-{expression.iterable}"
        self._plain = expression.limit is None and expression.offset is None and not expression.reversed

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        # A blank block is rendered into nothing, by the library.
        if not self._plain or self.block.blank or context.disabled_tags:
            return super().render_to_output(context, buffer)
        found = self.expression.iterable.evaluate(context)
        if type(found) is not list or not found:
            return super().render_to_output(context, buffer)
        # Where a later loop with `offset: continue` begins.
        context.stopindex(key=self._name, index=len(found))
        return self._walk(found, context, buffer)

    def _walk(self, found: list[object], context: RenderContext, buffer: TextIO) -> int:
        name, nodes, written = self.expression.identifier, self.block.nodes, 0
        loop = ForLoop(name=self._name, it=iter(found), length=len(found), parentloop=context.parentloop())
        namespace: dict[str, object] = {"forloop": loop, name: None}
        with context.loop(namespace, loop):
            for item in loop:
                namespace[name] = item
                try:
                    written += _written(nodes, context, buffer)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break
        return written


class OutputTag(Output):
    node_class = _Output


class LoopTag(ForTag):
    node_class = _For


def _written(nodes: list[Node], context: RenderContext, buffer: TextIO) -> int:
    written = 0
    for node in nodes:
        written += node.render_to_output(context, buffer)
    return written
