"""What a kind of channel is: its content form, its limits, the names its words may use. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from channels import liquid
from crm.errors import Problem

# Root name → its known fields; None: any field (events carry what the shop sent).
NAMES: Final[dict[str, frozenset[str] | None]] = {
    "contact": frozenset(
        {
            "given_name", "family_name", "name", "language", "country", "region", "city", "postal_code",
            "birth_date", "zone", "fields",
        }
    ),
    "entry": None,
    "event": None,
    "products": frozenset({"size", "first", "last"}),
    "viewed": frozenset({"size", "first", "last"}),
    "store": frozenset({"code", "name", "zone", "country", "address", "hours"}),
    "campaign": frozenset({"id", "name"}),
    # The last four are for messages of our own (`channels.confirming`, `channels.copies`), and are in no picker.
    "links": frozenset({"unsubscribe", "preferences", "confirm", "code", "code_page", "copy"}),
}  # fmt: skip

# What people read below a message, in their language (templates are theirs, these lines are ours).
FOOTER_WORDS: Final = {
    "en": ("Unsubscribe", "Preferences", "Stop:"),
    "es": ("Darse de baja", "Preferencias", "Baja:"),
    "ru": ("Отписаться", "Настройки", "Отписаться:"),
}


@dataclass(frozen=True)
class Addressed:
    """Whom a rendering is for. `click(number)` makes a click link, None where the person does not
    allow tracking; `links` are the person's own public addresses (unsubscribe, preferences, open)."""

    key: str
    recipient: str
    links: Mapping[str, str]
    click: Callable[[int], str] | None
    opt_out: bool


class Written(Protocol):
    """Content of one channel, parsed, with its links numbered; `follows`: it links to addresses of data."""

    urls: Sequence[str]
    paths: tuple[str, ...]
    follows: bool

    def render(self, values: Mapping[str, Any], to: Addressed) -> dict[str, Any]: ...


class Kind(Protocol):
    """A file of this package has one, as `KIND`. `fields`: those that are templates → is it HTML."""

    name: str
    medium: str
    names: Mapping[str, frozenset[str] | None]
    fields: Mapping[str, bool]

    def problems(self, body: Mapping[str, Any]) -> list[Problem]: ...
    def prepare(self, body: Mapping[str, Any]) -> dict[str, Any]: ...
    def compile(self, body: Mapping[str, Any]) -> Written: ...


def form_problems(body: Mapping[str, Any], texts: Sequence[str], flags: Sequence[str]) -> list[Problem]:
    """Unknown keys and wrong types, the same for every channel."""
    found: list[Problem] = []
    for name, value in body.items():
        if name in flags:
            if not isinstance(value, bool):
                found.append(Problem(f"/{name}", "type", "It is true or false."))
        elif name not in texts:
            found.append(
                Problem(
                    f"/{name}", "unknown_key", f"There is no {name!r} here; there are {', '.join([*texts, *flags])}."
                )
            )
        elif not isinstance(value, str):
            found.append(Problem(f"/{name}", "type", "It must be text."))
    return found


def template_problems(
    body: Mapping[str, Any], fields: Mapping[str, bool], names: Mapping[str, frozenset[str] | None]
) -> list[Problem]:
    """What Liquid says about each field; `fields`: name → is it HTML."""
    return [
        problem
        for name, html in fields.items()
        if isinstance(body.get(name), str)
        for problem in liquid.problems(body[name], f"/{name}", html=html, names=names)
    ]


def footer_words(values: Mapping[str, Any]) -> tuple[str, str, str]:
    language = str(values.get("_", {}).get("language") or "en")[:2]
    return FOOTER_WORDS.get(language, FOOTER_WORDS["en"])
