"""The links of a message: found when it is published, led through us when it is sent. Pure.

At publish time each absolute link of the HTML or text becomes a marker of two
control characters around a number. At send time a marker becomes either the
address itself or, for a person who allows tracking, a click link of this one message.
Where an address is one Liquid output (`href="{{ product.url }}"`), the filter `click`
is added to it: at send time it leads through us if that product's address was stored as
a target. Addresses put together from Liquid and text are left as they are, because
redirects go to stored links alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape, unescape
from typing import Final

# STX and ETX: they mean nothing in text or HTML and are stripped from templates, and as ASCII they
# keep a Latin letter one byte a character in memory.
OPEN: Final = "\x02"
CLOSE: Final = "\x03"
PIXEL: Final = f"{OPEN}pixel{CLOSE}"
FOOTER: Final = f"{OPEN}footer{CLOSE}"
NOTHING: Final[Mapping[str, str]] = {}

_MARKER: Final = re.compile(f"{OPEN}([0-9]{{1,4}}|pixel|footer){CLOSE}")
_HREF: Final = re.compile(r"""(<a\b(?:[^>"']|"[^"]*"|'[^']*')*?\bhref\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_URL_IN_TEXT: Final = re.compile(r"https?://[^\s<>\"'{}|\\^`]+[^\s<>\"'{}|\\^`.,;:!?)\]]")
_LIQUID: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# One output that ends up as an address, by its `url`; trimmed outputs (`{{-`) may melt into their neighbours.
_ADDRESS: Final = re.compile(r"\s*\{\{(?!-)(?=[^{}]*\burl\b)([^{}]*)(?<!-)\}\}\s*")
_TARGET: Final = re.compile(r"https?://[^\s\x00-\x20\x7f]{1,1990}", re.IGNORECASE)
_BODY_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)


def strip(source: str) -> str:
    """A template without the characters that markers are made of."""
    return source.replace(OPEN, "").replace(CLOSE, "")


def mark_html(source: str, urls: list[str]) -> str:
    """The source with its absolute links marked; `urls` gains those that it lacked."""

    def replace(found: re.Match[str]) -> str:
        raw, quote = (found[2], '"') if found[2] is not None else (found[3], "'")
        address = _ADDRESS.fullmatch(raw)
        if address:
            return f"{found[1]}{quote}{_followed(address)}{quote}"
        url = unescape(raw).strip()
        if not _may_be_tracked(url):
            return found[0]
        return f'{found[1]}"{_marker(url, urls)}"'

    marked = _HREF.sub(replace, source)
    ends = [match.start() for match in _BODY_END.finditer(marked)]
    at = ends[-1] if ends else len(marked)
    return f"{marked[:at]}{FOOTER}{PIXEL}{marked[at:]}"


def mark_text(source: str, urls: list[str]) -> str:
    """The same for plain text; a URL that touches Liquid is left alone."""
    parts, start = [], 0
    for tag in [*_LIQUID.finditer(source), None]:
        end = tag.start() if tag else len(source)
        parts.append(_mark_plain(source[start:end], urls, touches=bool(tag), follows=start > 0))
        if tag:
            parts.append(_mark_address(source, tag))
            start = tag.end()
    return "".join(parts)


def may_lead(url: str) -> bool:
    """Whether a click link may lead there: the web, nothing else."""
    return _TARGET.fullmatch(url) is not None


def _mark_address(source: str, tag: re.Match[str]) -> str:
    """An output that is an address by itself; beside other letters it is only a part of one."""
    address = _ADDRESS.fullmatch(tag[0])
    if address is None:
        return tag[0]
    before, after = _before(source, tag.start()), _after(source, tag.end())
    begins = not before or before.isspace() or before in "<>()[]\"':"
    ends = not after or after[0].isspace() or after[0] in "<>()[]\"'"
    ends = ends or (after[0] in ".,;:!?" and not after[1:].strip())
    return _followed(address) if begins and ends else tag[0]


def _followed(address: re.Match[str]) -> str:
    return f"{{{{ {address[1].strip()} | click }}}}"


def _before(source: str, at: int) -> str:
    """The letter before this place, tags such as `{% for %}` not counted."""
    while source.endswith("%}", 0, at) and (start := source.rfind("{%", 0, at)) >= 0:
        at = start
    return source[max(at - 1, 0) : at]


def _after(source: str, at: int) -> str:
    """The two letters after it."""
    while source.startswith("{%", at) and (end := source.find("%}", at)) >= 0:
        at = end + 2
    return source[at : at + 2]


def _mark_plain(text: str, urls: list[str], *, touches: bool, follows: bool) -> str:
    def replace(found: re.Match[str]) -> str:
        if (touches and found.end() == len(text)) or (follows and found.start() == 0):
            return found[0]
        return _marker(found[0], urls) if _may_be_tracked(found[0]) else found[0]

    return _URL_IN_TEXT.sub(replace, text)


def put(
    rendered: str,
    urls: Sequence[str],
    click: Callable[[int], str] | None,
    *,
    html: bool,
    extra: Mapping[str, str] = NOTHING,
) -> str:
    """Markers become click links (`click(number)`), or the addresses themselves without it.

    `extra`: what stands for the markers `pixel` and `footer`; nothing by default.
    """
    if OPEN not in rendered:
        return rendered

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if not name.isdigit():
            return extra.get(name, "")
        number = int(name)
        if number >= len(urls):
            return ""
        url = urls[number] if click is None else click(number)
        return escape(url) if html else url

    return _MARKER.sub(replace, rendered)


def _may_be_tracked(url: str) -> bool:
    return url.lower().startswith(("http://", "https://")) and "{{" not in url and "{%" not in url and len(url) <= 2000


def _marker(url: str, urls: list[str]) -> str:
    if url not in urls:
        urls.append(url)
    return f"{OPEN}{urls.index(url)}{CLOSE}"
