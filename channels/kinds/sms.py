"""SMS: short text, counted in parts the way networks bill them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from channels import links, liquid
from channels.kinds import base
from crm.errors import Problem

# GSM 03.38: one septet each; those of the extension table take two.
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
_SENDER: Final = re.compile(r"\+?[0-9]{3,15}|[A-Za-z0-9 .&_-]{1,11}")
MOST_PARTS: Final = 10
# What says the same inside the alphabet; accents that it lacks are taken off by `_replacement`.
_INSTEAD: Final = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"',
    "\u00bb": '"', "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2026": "...", "\u00a0": " ", "\u202f": " ",
    "\u2009": " ", "\u2022": "-", "\u2116": "No", "\u00b7": "-", "\u00ba": "o", "\u00aa": "a", "\u00b4": "'",
    "`": "'", "\u00d7": "x", "\u2122": "TM", "\u00ae": "(R)", "\u00a9": "(C)", "\u00e7": "c", "\u0131": "i",
    "\u0142": "l", "\u0141": "L", "\t": " ",
}  # fmt: skip
FIELDS: Final = {"text": False}


@dataclass(frozen=True)
class Size:
    """`encoding` gsm7 or ucs2; `units` septets or 16-bit units; `parts` what is billed; `left` still fit
    into the last part."""

    encoding: str
    units: int
    parts: int
    left: int = field(default=0, compare=False)


def measure(text: str) -> Size:
    """How an SMS is cut. A character is never split over two parts."""
    if all(letter in _BASIC or letter in _EXTENDED for letter in text):
        return _cut("gsm7", [2 if letter in _EXTENDED else 1 for letter in text], 160, 153)
    return _cut("ucs2", [2 if ord(letter) > 0xFFFF else 1 for letter in text], 70, 67)


@dataclass(frozen=True)
class Culprit:
    """A letter that makes the whole SMS Unicode. `instead`: what says the same, "" to leave it out,
    None where nothing in the alphabet does (Cyrillic)."""

    letter: str
    count: int
    instead: str | None


def culprits(text: str) -> tuple[Culprit, ...]:
    """The letters outside the GSM alphabet, in the order in which they appear."""
    outside = Counter(letter for letter in text if letter not in _BASIC and letter not in _EXTENDED)
    return tuple(Culprit(letter, count, _replacement(letter)) for letter, count in outside.items())


def plain(text: str) -> str:
    """The text with every letter replaced that has a replacement."""
    return text.translate({ord(each.letter): each.instead for each in culprits(text) if each.instead is not None})


def _replacement(letter: str) -> str | None:
    if letter in _INSTEAD:
        return _INSTEAD[letter]
    if unicodedata.category(letter) in {"So", "Sk", "Cf", "Mn", "Me"}:
        return ""  # emoji, what joins them, accents on their own
    bare = "".join(each for each in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(each))
    return bare if bare and all(each in _BASIC or each in _EXTENDED for each in bare) else None


def _cut(encoding: str, sizes: list[int], alone: int, each: int) -> Size:
    units = sum(sizes)
    if units <= alone:
        return Size(encoding, units, 1, alone - units)
    parts, room = 1, each
    for size in sizes:
        if size > room:
            parts, room = parts + 1, each
        room -= size
    return Size(encoding, units, parts, room)


class Text:
    """An SMS parsed once."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.urls: list[str] = []
        self._text = liquid.parse(links.mark_text(links.strip(body["text"]), self.urls), html=False)
        self._sender = str(body.get("sender", ""))
        self.paths = self._text.paths
        self.follows = "click" in self._text.filters
        self._has_way_out = "links.unsubscribe" in self.paths or "links.preferences" in self.paths

    def render(self, values: Mapping[str, Any], to: base.Addressed) -> dict[str, Any]:
        text = links.put(self._text.render(values), self.urls, to.click, html=False)
        text = text.translate(_UNSEEN)
        if to.opt_out and not self._has_way_out:
            text = f"{text}\n{base.footer_words(values)[2]} {to.links['unsubscribe']}"
        if not text.strip():
            raise liquid.RenderError("text", "The SMS would be empty.")
        size = measure(text)
        if size.parts > MOST_PARTS:
            raise liquid.RenderError("text", f"The SMS would take {size.parts} parts; the limit is {MOST_PARTS}.")
        sender = self._sender or str(values.get("_", {}).get("sms_sender", ""))
        return {"text": text, "sender": sender, "encoding": size.encoding, "parts": size.parts}


class Sms:
    name = "sms"
    medium = "phone"
    names = base.NAMES
    fields = FIELDS

    def problems(self, body: Mapping[str, Any]) -> list[Problem]:
        found = base.form_problems(body, ["text", "sender"], ["require_stock"])
        if not str(body.get("text") or "").strip():
            found.append(Problem("/text", "required", "An SMS needs its text."))
        sender = body.get("sender")
        if isinstance(sender, str) and sender and not _SENDER.fullmatch(sender):
            found.append(Problem("/sender", "sender", "A number with + or up to 11 Latin letters and digits."))
        found += base.template_problems(body, FIELDS, self.names)
        if (
            not found
            and measure(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", body["text"], flags=re.DOTALL)).parts > MOST_PARTS
        ):
            found.append(Problem("/text", "too_long", f"It takes more than {MOST_PARTS} parts."))
        return found

    def prepare(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if value not in ("", False)}

    def compile(self, body: Mapping[str, Any]) -> Text:
        return Text(body)


# Zero-width and control characters cost a whole change of encoding and show nothing.
_UNSEEN: Final = dict.fromkeys((*range(10), 11, 12, *range(14, 32), 8203, 8206, 8207, 65279))
KIND: Final = Sms()
