"""SMS: short text, counted in parts the way networks bill them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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
FIELDS: Final = {"text": False}


@dataclass(frozen=True)
class Size:
    """`encoding` gsm7 or ucs2; `units` septets or 16-bit units; `parts` what is billed."""

    encoding: str
    units: int
    parts: int


def measure(text: str) -> Size:
    """How an SMS is cut. A character is never split over two parts."""
    if all(letter in _BASIC or letter in _EXTENDED for letter in text):
        return _cut("gsm7", [2 if letter in _EXTENDED else 1 for letter in text], 160, 153)
    return _cut("ucs2", [2 if ord(letter) > 0xFFFF else 1 for letter in text], 70, 67)


def _cut(encoding: str, sizes: list[int], alone: int, each: int) -> Size:
    units = sum(sizes)
    if units <= alone:
        return Size(encoding, units, 1)
    parts, room = 1, each
    for size in sizes:
        if size > room:
            parts, room = parts + 1, each
        room -= size
    return Size(encoding, units, parts)


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
        return {"text": text, "sender": self._sender, "encoding": size.encoding, "parts": size.parts}


class Sms:
    name = "sms"
    medium = "phone"
    names = base.NAMES

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
