"""Liquid for marketers, fenced in: parsed once, plain data in, limited in every direction. Pure.

What a template cannot do here: reach an attribute or call anything (it sees dicts,
lists, texts and numbers), include another file, print a name that does not exist
(`| default` and `{% if %}` may ask for it), loop more than 50 times, nest deeper
than 8, write more than its limit, or run longer than a second. Data is never
parsed as a template, and in HTML every value is escaped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from io import StringIO
from typing import Any, Final, TextIO

import liquid
from liquid.ast import Node
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidSyntaxError, UndefinedError
from liquid.expression import Expression
from liquid.static_analysis import Variable
from liquid.token import Token
from liquid.undefined import UNDEFINED, StrictUndefined

from channels import filters, tags
from crm.errors import Problem

DEPTH: Final = 8
LOOPS: Final = 50
NODES: Final = 5_000
SECONDS: Final = 1.0
HTML_BYTES: Final = 1024 * 1024
TEXT_BYTES: Final = 100_000

_TAGS: Final = frozenset(
    {"if", "unless", "case", "for", "break", "continue", "assign", "capture", "comment", "cycle", "#"}
)
_PSEUDO_TAGS: Final = frozenset({"content", "output", "illegal"})
_NAME_OF_UNDEFINED: Final = re.compile(r"^'?([^'\s]+)'? is undefined")


class RenderError(Exception):
    """One message cannot be written. `variable` is the name that was missing or to blame."""

    def __init__(self, variable: str, detail: str) -> None:
        super().__init__(detail)
        self.variable = variable
        self.detail = detail


class _Missing(StrictUndefined):
    """A name that is not there: may be asked for by `if` and `default`, may not be printed."""

    force_liquid_default = True
    allowed_properties = StrictUndefined.allowed_properties | {"__bool__", "__eq__", "__liquid__", "__class__"}
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or other is False

    def __liquid__(self) -> object:
        return None


class _Environment(liquid.Environment):
    block_nesting_limit = DEPTH
    context_depth_limit = DEPTH * 2 + 4
    loop_iteration_limit = LOOPS
    local_namespace_limit = 200_000

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(undefined=_Missing, autoescape=autoescape)
        for name in set(self.tags) - _TAGS - _PSEUDO_TAGS:
            if not name.startswith("end"):
                del self.tags[name]
        self.add_tag(tags.OutputTag)
        self.add_tag(tags.LoopTag)
        allowed = {name: self.filters[name] for name in filters.ALLOWED}
        self.filters = {name: filters.guarded(name, made) for name, made in (allowed | filters.OWN).items()}


HTML: Final = _Environment(autoescape=True)
TEXT: Final = _Environment(autoescape=False)


_write: Final = StringIO.write


class _Buffer(StringIO):
    """Counts what is written and looks at the clock now and then."""

    def __init__(self, limit: int, deadline: float) -> None:
        super().__init__()
        self._left = limit
        self._deadline = deadline
        self._writes = 0

    def write(self, text: str, /) -> int:
        left = self._left = self._left - len(text)
        if left < 0:
            raise RenderError("", "The message is longer than its limit.")
        writes = self._writes = self._writes + 1
        if not writes & 0xFF and time.monotonic() > self._deadline:
            raise RenderError("", f"Rendering took longer than {SECONDS:g} s.")
        return _write(self, text)


class _Context(RenderContext):
    """A context whose inner buffers (`capture`) obey the same limits."""

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        """A name in plain dicts is found at once; whatever is not plain or not there is left to the library."""
        root = path[0]
        if type(root) is not str:
            return super().get(path, token=token, default=default)
        for names in self.scope._maps:
            if root in names:
                found: Any = names[root]
                break
        else:
            return super().get(path, token=token, default=default)
        for segment in path[1:]:
            if type(found) is not dict or type(segment) is not str or segment not in found:
                return super().get(path, token=token, default=default)
            found = found[segment]
        return found

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        if isinstance(buf, _Buffer):
            return _Buffer(buf._left, buf._deadline)
        return _Buffer(TEXT_BYTES, time.monotonic() + SECONDS)


class Template:
    """A parsed template. `render()` may be called from many messages; it keeps nothing."""

    __slots__ = ("_constant", "_limit", "_parsed", "filters", "paths", "roots", "source")

    def __init__(self, source: str, *, html: bool) -> None:
        self.source = source
        self._limit = HTML_BYTES if html else TEXT_BYTES
        self._constant = source if "{{" not in source and "{%" not in source else None
        self._parsed = (HTML if html else TEXT).from_string(source)
        _refuse_too_much(list(_walk(self._parsed.nodes, RenderContext(self._parsed))))
        analysis = self._parsed.analyze()
        self.filters = frozenset(analysis.filters)
        self.paths = _paths(analysis.globals)
        self.roots = frozenset(path.partition(".")[0] for path in self.paths)

    @property
    def nodes(self) -> list[Node]:
        """What it is made of, for those who look into it (`channels.lint`)."""
        return self._parsed.nodes

    def below(self, node: Node) -> Iterable[Node]:
        """The nodes inside a node."""
        return node.children(RenderContext(self._parsed))

    def render(self, values: Mapping[str, Any]) -> str:
        """The text for these values. Raises RenderError, never anything else."""
        if self._constant is not None:
            return self._constant
        buffer = _Buffer(self._limit, time.monotonic() + SECONDS)
        context = _Context(self._parsed, globals=values)
        try:
            for node in self._parsed.nodes:
                node.render(context, buffer)
        except UndefinedError as error:
            found = _NAME_OF_UNDEFINED.match(str(error.message))
            name = found[1] if found else "a value"
            raise RenderError(name, f"{name} has no value for this person; add `| default: …`.") from error
        except LiquidError as error:
            raise RenderError("", str(error.message)) from error
        except liquid.exceptions.LiquidInterrupt:
            pass  # a `break` outside a loop ends the message there
        except (ArithmeticError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            raise RenderError("", f"A filter was given something it cannot work with: {error}") from error
        return _plain_lines(buffer.getvalue())


@lru_cache(maxsize=500)
def parse(source: str, *, html: bool) -> Template:
    """Parse once per process and source. Raises LiquidError for what `problems()` reports."""
    return Template(source, html=html)


def problems(source: str, pointer: str, *, html: bool, names: Mapping[str, frozenset[str] | None]) -> list[Problem]:
    """All that is wrong with a template. `names`: root name → its known fields (None: any)."""
    if len(source.encode("utf-8", "surrogatepass")) > (HTML_BYTES if html else TEXT_BYTES):
        return [Problem(pointer, "too_long", f"The limit is {HTML_BYTES if html else TEXT_BYTES} bytes.")]
    try:
        template = parse(source, html=html)
    except LiquidError as error:
        return [Problem(pointer, "liquid_syntax", f"{error.message}{_place(error)}.")]
    return [
        *_unknown_names(template, pointer, names),
        *_unknown_filters(template, pointer),
    ]


def _unknown_names(template: Template, pointer: str, names: Mapping[str, frozenset[str] | None]) -> Iterator[Problem]:
    for path in template.paths:
        root, _, rest = path.partition(".")
        if root not in names:
            known = ", ".join(sorted(names))
            yield Problem(pointer, "unknown_name", f"{{{{ {path} }}}}: there is no `{root}` here; there are {known}.")
            continue
        fields, field = names[root], rest.partition(".")[0]
        if fields is not None and field and field not in fields:
            known = ", ".join(sorted(fields))
            yield Problem(pointer, "unknown_name", f"{{{{ {path} }}}}: `{root}` has {known}.")


def _unknown_filters(template: Template, pointer: str) -> Iterator[Problem]:
    for name in sorted(template.filters):
        if name not in TEXT.filters:
            yield Problem(
                pointer, "unknown_filter", f"There is no filter `{name}`; there are {', '.join(sorted(TEXT.filters))}."
            )


def _refuse_too_much(nodes: list[Node]) -> None:
    if len(nodes) > NODES:
        raise LiquidSyntaxError(f"it has {len(nodes)} parts of Liquid; the limit is {NODES}", token=None)
    for node in nodes:
        for expression in _expressions(node.expressions()):
            # `reversed` would write a range out in full before any limit is looked at.
            if isinstance(expression, RangeLiteral) and not _short(expression):
                raise LiquidSyntaxError(
                    f"a range needs two whole numbers at most {LOOPS} apart, not {expression}", token=node.token
                )


def _walk(nodes: Iterable[Node], context: RenderContext) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(node.children(context), context)


def _expressions(expressions: Iterable[Expression]) -> Iterator[Expression]:
    for expression in expressions:
        yield expression
        yield from _expressions(expression.children())


def _short(expression: RangeLiteral) -> bool:
    ends = [getattr(end, "value", None) for end in (expression.start, expression.stop)]
    return all(isinstance(end, int) for end in ends) and abs(ends[1] - ends[0]) <= LOOPS  # type: ignore[operator]


def _paths(read: Mapping[str, list[Variable]]) -> tuple[str, ...]:
    """The outer names a template reads, up to the first index: `contact.given_name`, `products`."""
    found: dict[str, None] = {}
    for variables in read.values():
        for variable in variables:
            parts: list[str] = []
            for segment in variable.segments:
                if not isinstance(segment, str) or segment in {"size", "first", "last"}:
                    break
                parts.append(segment)
            found[".".join(parts) or str(variable)] = None
    return tuple(sorted(found))


def _place(error: LiquidError) -> str:
    place = error.context() if error.token is not None else None
    return f" (line {place[0]}, column {place[1] + 1})" if place else ""


def _plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


_VALUE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TAG: Final = re.compile(r"\{%.*?%\}", re.DOTALL)
_FALLBACK: Final = re.compile(r"""\bdefault:\s*(?:'([^']*)'|"([^"]*)")""")


def plain(words: str) -> str:
    """A text without its Liquid: the fallback stands for a value, "…" for one that has none."""
    return _VALUE.sub(_stand_in, _TAG.sub("", words))


def _stand_in(value: re.Match[str]) -> str:
    found = _FALLBACK.search(value[1])
    return (found[1] or found[2] or "") if found else "…"
