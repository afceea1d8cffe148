"""What an e-mail is made of, for those who write it: weight, links, pictures, and what will go wrong. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

# Gmail cuts off what lies beyond, with the way out in it.
CLIPPED_AT: Final = 102_000
# Longer subjects are cut off in most lists of mails, on telephones first.
SUBJECT_ROOM: Final = 60
_LIQUID: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_WEB: Final = re.compile(r"https?://[^\s/?#.]+\.[^\s/?#]+", re.IGNORECASE)
_LOCAL: Final = re.compile(r"https?://(?:localhost|127\.)", re.IGNORECASE)
_OTHER: Final = re.compile(r"(?:mailto|tel|sms):\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """`fault`: "" or why nobody gets anywhere by it: empty, anchor, relative, blank. `label`: its words."""

    url: str
    label: str
    fault: str


@dataclass(frozen=True)
class Picture:
    """`fault`: "" or empty, relative, data. `alt` None: it has no alternative text at all."""

    src: str
    alt: str | None
    fault: str


@dataclass(frozen=True)
class Anatomy:
    bytes: int
    links: tuple[Link, ...]
    pictures: tuple[Picture, ...]

    @property
    def kilobytes(self) -> float:
        return round(self.bytes / 1000, 1)

    @property
    def is_clipped(self) -> bool:
        return self.bytes > CLIPPED_AT

    @property
    def faulty_links(self) -> list[Link]:
        return [each for each in self.links if each.fault or not each.label]

    @property
    def faulty_pictures(self) -> list[Picture]:
        return [each for each in self.pictures if each.fault or not (each.alt or "").strip()]


def examine(html: str) -> Anatomy:
    """Look at the source as it is written; what Liquid will put there is taken on trust."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Anatomy(len(html.encode("utf-8", "surrogatepass")), tuple(reader.links), tuple(reader.pictures))


def fault_of(url: str) -> str:
    url = url.strip()
    if not url:
        return "empty"
    if _LIQUID.search(url) or _WEB.match(url) or _LOCAL.match(url) or _OTHER.fullmatch(url):
        return "blank" if " " in _LIQUID.sub("", url) else ""
    return "anchor" if url.startswith("#") else "data" if url.lower().startswith("data:") else "relative"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self.pictures: list[Picture] = []
        self._href: str | None = None
        self._label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "a" and "href" in known:
            self._close()
            self._href, self._label = known["href"] or "", ""
        elif tag == "img":
            src, alt = known.get("src") or "", known.get("alt")
            # `alt=""` says on purpose that it is only decoration.
            decorative = "alt" in known and (alt or "") == "" and known.get("role") == "presentation"
            self.pictures.append(Picture(src, "decoration" if decorative else alt, fault_of(src)))
            if self._href is not None:
                self._label += alt or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._close()

    def handle_data(self, data: str) -> None:
        if self._href is not None:
            self._label += data

    def close(self) -> None:
        super().close()
        self._close()

    def _close(self) -> None:
        if self._href is not None:
            self.links.append(Link(self._href, " ".join(self._label.split()), fault_of(self._href)))
        self._href = None
