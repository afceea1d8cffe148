"""The text part that goes with an HTML one, made once when the message is published. Pure."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_LIQUID: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_HELD: Final = re.compile("\ue010(\\d+)\ue011")
_BLOCKS: Final = frozenset(
    {
        "p", "div", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header",
        "footer", "blockquote", "pre", "form", "center",
    }
)  # fmt: skip
_SILENT: Final = frozenset({"head", "style", "script", "title"})
_BLANKS: Final = re.compile(r"[ \t\r\f\v]+")


def from_html(html: str) -> str:
    """Readable text with its links; Liquid stands where it stood."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"\ue010{len(held) - 1}\ue011"

    reader = _Reader()
    reader.feed(_LIQUID.sub(hold, html))
    reader.close()
    return _HELD.sub(lambda found: held[int(found[1])], reader.text())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in _SILENT:
            self._silent += 1
        elif tag == "a":
            self._links.append((known.get("href") or "", len(self._parts)))
        elif tag == "img" and known.get("alt"):
            self._parts.append(str(known["alt"]))
        elif tag == "br":
            self._parts.append("\n")
        elif tag == "li":
            self._parts.append("\n- ")
        elif tag in {"td", "th"}:
            self._parts.append(" ")
        elif tag in _BLOCKS:
            self._parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._links:
            url, start = self._links.pop()
            label = "".join(self._parts[start:]).strip()
            if url and not url.startswith("#") and url != label:
                self._parts.append(f": {url}" if label else url)
        elif tag in _BLOCKS:
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(_BLANKS.sub(" ", data.replace("\n", " ")))

    def text(self) -> str:
        lines = [_BLANKS.sub(" ", line).strip() for line in "".join(self._parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
