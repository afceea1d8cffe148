"""A tile of the palette: the words of a kind of step, and what a new one starts with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from channels.liquid import plain

# The groups in which tiles are offered, in order.
FAMILIES: dict[str, Promise] = {
    "send": _("Send"),
    "wait": _("Wait"),
    "split": _("Split"),
    "change": _("Change"),
    "flow": _("Flow"),
}


@dataclass(frozen=True)
class Said:
    """A step as its words see it. It may be incomplete, and of any shape. `names`: step id → its title."""

    config: Mapping[str, Any]
    lanes: Sequence[Mapping[str, Any]] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """A text of the config on one line, without its Liquid; '' if it is none."""
        value = self.config.get(key)
        return " ".join(plain(value).split())[:160] if isinstance(value, str) else ""

    def span(self, key: str) -> str:
        return span(self.config.get(key))


# (title, the rest in a line)
Telling = Callable[[Said], tuple[str, str]]


@dataclass(frozen=True)
class Tile:
    """`kind` is the step's type; `icon` the name of a Tabler outline icon; `ports` names the ways on.

    `tell` says a configured step in words; `fresh` is what a new one starts with (config, lanes);
    `words` are more words under which the picker finds it; `colour` the class of its channel.
    """

    kind: str
    family: str
    label: Promise
    help: Promise
    icon: str
    ports: dict[str, Promise]
    tell: Telling
    fresh: Callable[[], dict[str, Any]]
    words: Promise | str
    colour: str

    def summary(self, step: Mapping[str, Any], names: Mapping[str, str] | None = None) -> tuple[str, str]:
        """(title, the rest in a line) of a step as its settings have it."""
        config, lanes = step.get("config"), step.get("lanes")
        said = Said(
            config if isinstance(config, dict) else {},
            [lane for lane in lanes if isinstance(lane, dict)] if isinstance(lanes, list) else (),
            names or {},
        )
        return self.tell(said)


tiles: dict[str, Tile] = {}


def tile(
    kind: str,
    *,
    family: str,
    label: Promise,
    help_text: Promise,
    icon: str,
    ports: dict[str, Promise] | None = None,
    tell: Telling | None = None,
    fresh: Callable[[], dict[str, Any]] = dict,
    words: Promise | str = "",
    colour: str = "",
) -> Tile:
    """Add a tile; a kind has one."""
    if kind in tiles or family not in FAMILIES:
        raise ValueError(f"{kind!r} has a tile already, or {family!r} is no family")
    said = tell or (lambda _said: (str(label), ""))
    tiles[kind] = Tile(kind, family, label, help_text, icon, ports or {}, said, fresh, words, colour)
    return tiles[kind]


def span(value: Any) -> str:
    """A duration in words: "2 days"; "…" where it is not there yet."""
    number = value.get("value") if isinstance(value, Mapping) else None
    unit = value.get("unit") if isinstance(value, Mapping) else None
    if type(number) is not int:
        return "…"
    words = {
        "minutes": lambda: ngettext("%(n)d minute", "%(n)d minutes", number),
        "hours": lambda: ngettext("%(n)d hour", "%(n)d hours", number),
        "days": lambda: ngettext("%(n)d day", "%(n)d days", number),
        "weeks": lambda: ngettext("%(n)d week", "%(n)d weeks", number),
    }
    return words[unit]() % {"n": number} if isinstance(unit, str) and unit in words else "…"


def joined(*parts: str) -> str:
    """The parts that say something, with dots between."""
    return " · ".join(part for part in parts if part)


def listed(value: Any) -> str:
    """The names in an object, for "what changes"."""
    return ", ".join(str(key).partition(".")[2] or str(key) for key in value) if isinstance(value, (dict, list)) else ""


def any_of(words: Sequence[str]) -> str:
    return f" {gettext('or')} ".join(words)
