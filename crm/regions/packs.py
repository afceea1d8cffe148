"""The rules of each place as they stand in `data/<pack>.toml`, read once. Pure but for that reading.

A pack is data: what is in it, where it comes from and from when it holds is changed in its file
(`docs/how-to/change-a-region-pack.md`); a mistake in a file names the file, the rule and the key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from crm import words
from crm.regions import holidays

DATA: Final = Path(__file__).parent / "data"
EVERYWHERE: Final = "*"
# block: it stops or puts off a message. advice: it is said at publication and shown. default: what the
# workspace's own setting stands for; shown beside it.
SEVERITIES: Final = ("block", "advice", "default")
REQUIREMENTS: Final = (
    "basis", "methods", "confirmed", "unexpired", "session_hours", "complaints_below", "domain",
)  # fmt: skip
KEYS: Final = frozenset(
    {
        "id", "says", "applies", "requires", "window", "closed_on", "lapse", "content", "severity", "source",
        "effective_from", "until",
    }
)  # fmt: skip
APPLIES: Final = frozenset({"countries", "regions", "channels", "classes", "purposes"})


class Unreadable(Exception):
    """A pack's file that cannot be used: which file, which rule, which key."""


@dataclass(frozen=True)
class Span:
    """From `opens` to `closes` by the wall clock, on these ISO weekdays (none: all)."""

    opens: time
    closes: time
    days: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Lapse:
    """For how many months a purchase or an inquiry is ground enough; 0: it is none."""

    purchase: int = 0
    inquiry: int = 0


@dataclass(frozen=True)
class Rule:
    """`key` names it for ever ("ca:implied"); `source` is where it can be read, `says` what it asks, in a line.
    `closed_on`: countries on whose public holidays its window stays closed."""

    key: str
    pack: str
    says: str
    source: str
    effective_from: date
    until: date | None = None
    severity: str = "block"
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ("marketing",)
    purposes: tuple[str, ...] = ()
    requires: tuple[tuple[str, Any], ...] = ()
    window: tuple[Span, ...] = ()
    closed_on: tuple[str, ...] = ()
    lapse: Lapse | None = None
    content: tuple[str, ...] = ()

    def in_force(self, day: date) -> bool:
        return self.effective_from <= day and (self.until is None or day < self.until)


@dataclass(frozen=True)
class Pack:
    """`countries` ("*",): everywhere, also where a country has packs of its own."""

    id: str
    title: str
    author: str
    countries: tuple[str, ...]
    rules: tuple[Rule, ...] = field(default_factory=tuple)

    def names(self, country: str) -> bool:
        return country in self.countries

    @property
    def is_everywhere(self) -> bool:
        return self.countries == (EVERYWHERE,)


@lru_cache(maxsize=1)
def packs() -> Mapping[str, Pack]:
    """All packs by their id."""
    return {pack.id: pack for pack in (read(path.name, path.read_text()) for path in sorted(DATA.glob("*.toml")))}


def rule(key: str) -> Rule | None:
    """A rule by its name, whether it is in force or not."""
    return _by_key().get(key)


@lru_cache(maxsize=1)
def _by_key() -> Mapping[str, Rule]:
    return {each.key: each for pack in packs().values() for each in pack.rules}


def read(name: str, text: str) -> Pack:
    """A pack from the text of its file. Raises Unreadable."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"{name}: {error}") from error
    own = {key: data.pop(key, None) for key in ("id", "title", "author", "countries", "rules")}
    if data:
        raise Unreadable(f"{name}: unknown key {min(data)!r}")
    for key in ("id", "title", "author", "countries", "rules"):
        if not own[key]:
            raise Unreadable(f"{name}: {key!r} is missing")
    rules = tuple(_rule(name, own["id"], tuple(own["countries"]), each) for each in own["rules"])
    doubled = sorted({one.key for one in rules if [each.key for each in rules].count(one.key) > 1})
    if doubled:
        raise Unreadable(f"{name}: two rules are called {doubled[0]!r}")
    return Pack(own["id"], own["title"], own["author"], tuple(own["countries"]), rules)


def _rule(name: str, pack: str, countries: tuple[str, ...], data: Mapping[str, Any]) -> Rule:
    where = f"{name}: rule {data.get('id')!r}"
    _known(where, data, KEYS)
    for key in ("id", "says", "applies", "source", "effective_from"):
        if not data.get(key):
            raise Unreadable(f"{where}: {key!r} is missing")
    applies, requires = data["applies"], data.get("requires", {})
    _known(f"{where}: applies", applies, APPLIES)
    _known(f"{where}: requires", requires, frozenset(REQUIREMENTS))
    _words(f"{where}: channels", applies.get("channels", ()), words.CHANNELS)
    _words(f"{where}: classes", applies.get("classes", ()), words.MESSAGE_CLASSES)
    _words(f"{where}: purposes", applies.get("purposes", ()), words.PURPOSES)
    _words(f"{where}: basis", requires.get("basis", ()), words.BASES)
    _words(f"{where}: methods", requires.get("methods", ()), words.METHODS)
    _words(f"{where}: closed_on", data.get("closed_on", ()), sorted(holidays.calendars()))
    _words(f"{where}: severity", [data.get("severity", "block")], SEVERITIES)
    return Rule(
        key=f"{pack}:{data['id']}", pack=pack, says=data["says"], source=data["source"],
        effective_from=data["effective_from"], until=data.get("until"), severity=data.get("severity", "block"),
        countries=tuple(applies.get("countries", countries)), regions=tuple(applies.get("regions", ())),
        channels=tuple(applies.get("channels", ())), classes=tuple(applies.get("classes", ("marketing",))),
        purposes=tuple(applies.get("purposes", ())),
        requires=tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in requires.items()),
        window=tuple(_span(where, each) for each in data.get("window", ())),
        closed_on=tuple(data.get("closed_on", ())),
        lapse=_lapse(where, data["lapse"]) if "lapse" in data else None,
        content=tuple(data.get("content", ())),
    )  # fmt: skip


def _known(where: str, data: Mapping[str, Any], known: frozenset[str]) -> None:
    strange = sorted(set(data) - known)
    if strange:
        raise Unreadable(f"{where}: unknown key {strange[0]!r}")


def _words(where: str, given: Sequence[str], known: Sequence[str]) -> None:
    strange = sorted(set(given) - set(known))
    if strange:
        raise Unreadable(f"{where}: {strange[0]!r} is none of {', '.join(known)}")


def _lapse(where: str, data: Mapping[str, Any]) -> Lapse:
    _known(f"{where}: lapse", data, frozenset({"purchase", "inquiry"}))
    return Lapse(int(data.get("purchase", 0)), int(data.get("inquiry", 0)))


def _span(where: str, data: Mapping[str, Any]) -> Span:
    _known(f"{where}: window", data, frozenset({"opens", "closes", "days"}))
    try:
        opens, closes = (time.fromisoformat(data[key]) for key in ("opens", "closes"))
    except (KeyError, ValueError, TypeError) as error:
        raise Unreadable(f"{where}: a window needs opens and closes like '09:00'") from error
    days = frozenset(data.get("days", ()))
    if opens >= closes or not days <= set(range(1, 8)):
        raise Unreadable(f"{where}: a window opens before it closes, on weekdays 1 (Monday) to 7")
    return Span(opens, closes, days)
