"""The links of a message: found when it is published, led through us when it is sent. Pure.

At publish time each absolute link of the HTML or text becomes a marker of two
control characters around a number. At send time a marker becomes either the
address itself or, for a person who allows tracking, a click link of this one message.
Addresses that hold Liquid (`{{ product.url }}`) are left as they are: where they
lead is known only per person, and redirects go to stored links alone.
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
_BODY_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)


def strip(source: str) -> str:
    """A template without the characters that markers are made of."""
    return source.replace(OPEN, "").replace(CLOSE, "")


def mark_html(source: str, urls: list[str]) -> str:
    """The source with its absolute links marked; `urls` gains those that it lacked."""

    def replace(found: re.Match[str]) -> str:
        raw = found[2] if found[2] is not None else found[3]
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
            parts.append(tag[0])
            start = tag.end()
    return "".join(parts)


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
