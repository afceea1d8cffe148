"""The settings of a campaign: how people come in, what ends a run, what counts. Pure.

`read()` turns the top of a document into `Terms`; `docs/journey.md` says what each key means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from campaigns.reading import MATCH, Duration, Notes, Reader
from crm import words

OBJECTIVES: Final = (
    "welcome",
    "activation",
    "sale",
    "cart",
    "cross-sell",
    "loyalty",
    "win-back",
    "service",
    "info",
)
CONCURRENCY: Final = ("one_per_contact", "one_per_key")
ENTRY_TYPES: Final = ("event", "manual", "schedule", "segment")
MODES: Final = ("joins", "current", "current_and_joins")
REENTRY: Final = ("never", "after_exit", "always", "every_key")
PRIORITY: Final = {"cart": 60, "sale": 30, "cross-sell": 30, "info": 20}
PRIORITY_OF_CLASS: Final = {"transactional": 90, "service": 70}
DAY: Final = Duration(24, "hours")
ELIGIBILITY: Final = "eligibility"  # the id of that rule in `Plan.rules`


@dataclass(frozen=True)
class Watch:
    """An event to look out for, and how it finds the run (`matching.find`).

    `key_path` goes inwards from the event's properties ("cart_id"); '' in a campaign without keys.
    """

    event: str
    where: tuple[Mapping[str, Any], ...] = ()
    key_path: str = ""
    match: tuple[str, ...] = MATCH
    pointer: str = ""


@dataclass(frozen=True)
class Reentry:
    """`kind`: never, after_exit, every_key, or after (that long since the last start; `times` in all)."""

    kind: str = "never"
    after: Duration | None = None
    times: int | None = None


@dataclass(frozen=True)
class Entry:
    """One way in. Fields that its type does not have keep their defaults.

    `at` is a wall time without zone, in `zone` ("workspace", or each "contact"'s own).
    """

    type: str
    index: int
    reentry: Reentry = Reentry()
    event: str = ""
    where: tuple[Mapping[str, Any], ...] = ()
    key_path: str = ""
    debounce: Duration | None = None
    max_age: Duration = DAY
    segment: str = ""
    mode: str = "joins"
    leave_exits: bool = False
    at: datetime | None = None
    zone: str = "workspace"
    if_past: str = "skip"

    @property
    def is_edition(self) -> bool:
        """Runs of one firing share their addresses (decision A2)."""
        return self.type in ("segment", "schedule")


@dataclass(frozen=True)
class ExitRule:
    """What ends a run at once: an event (`watch`), or membership of a segment (`when`: left, joined)."""

    index: int
    watch: Watch | None = None
    segment: str = ""
    when: str = ""


@dataclass(frozen=True)
class Goal:
    """`value_path` goes inwards from the event's properties; '' without a value. `target`: how many
    conversions are hoped for; nothing depends on it."""

    watch: Watch
    window_days: int = 7
    value_path: str = ""
    target: int | None = None


@dataclass(frozen=True)
class Terms:
    """All settings with their defaults filled in."""

    name: str
    description: str
    objective: str
    message_class: str
    purpose: str
    entries: tuple[Entry, ...]
    eligibility: Any
    concurrency: str
    exits: tuple[ExitRule, ...]
    goal: Goal | None
    holdout_pct: float
    holdout_reason: str
    budget: float | None
    respect_global_holdout: bool
    priority: int
    obeys_caps: bool
    counts_toward_caps: bool
    quiet: str
    send_expiry: Duration
    key_path: str
    group: str = ""
    topic: str = ""


def read(top: Reader) -> Terms:
    """Everything at the top of a document but its steps."""
    message_class = top.choice("class", words.MESSAGE_CLASSES, default="marketing")
    objective = top.choice("objective", ("", *OBJECTIVES), default="")
    entries = tuple(
        _entry(Reader(item, pointer, top.notes, f"Entry {index + 1}"), index)
        for index, (pointer, item) in enumerate(top.items("entry", low=1, high=5, of="entries"))
    )
    key_path = _key_path(top, entries)
    default_concurrency = "one_per_key" if key_path else "one_per_contact"
    default_priority = PRIORITY_OF_CLASS.get(message_class, PRIORITY.get(objective, 50))
    obeys_caps, counts_toward_caps = _caps(top, message_class)
    return Terms(
        name=top.text("name"),
        description=top.text("description", longest=2_000, one_line=False),
        objective=objective,
        message_class=message_class,
        purpose=_purpose(top, message_class),
        entries=entries,
        eligibility=top.rule("eligibility"),
        concurrency=top.choice("concurrency", CONCURRENCY, default=default_concurrency),
        exits=tuple(
            _exit(Reader(item, pointer, top.notes, f"Exit {index + 1}"), index, key_path)
            for index, (pointer, item) in enumerate(top.items("exit", low=0, high=10, of="exits"))
        ),
        goal=_goal(top, key_path),
        holdout_pct=top.percent("holdout_pct", default=10, high=50),
        holdout_reason=top.text("holdout_reason"),
        budget=_budget(top),
        respect_global_holdout=top.flag("respect_global_holdout", default=True),
        priority=top.integer("priority", default=default_priority, low=0, high=100),
        obeys_caps=obeys_caps,
        counts_toward_caps=counts_toward_caps,
        quiet=_quiet(top, message_class),
        send_expiry=top.duration("send_expiry", default=DAY) or DAY,
        key_path=key_path,
        group=top.text("group", longest=40),
        topic=top.text("topic", longest=40),
    )


def watch(reader: Reader, key_path: str) -> Watch:
    """The keys by which an exit, a goal or a branch names an event."""
    event = reader.text("event", required=True, longest=80)
    own = reader.path("key")
    if own and not key_path:
        reader.refuse("key", "no_key", "this campaign has no key; give the entry a key, or remove this one.")
    match = reader.match()
    return Watch(event, reader.where(), own or key_path, match, reader.pointer)


def _purpose(top: Reader, message_class: str) -> str:
    if message_class != "marketing":
        return top.choice("purpose", words.PURPOSES, default="service")
    if not top.has("purpose"):
        top.refuse(
            "purpose",
            "required",
            f"a marketing campaign needs a purpose that people consented to: one of {', '.join(words.PURPOSES)}.",
        )
        return words.PURPOSES[0]
    return top.choice("purpose", words.PURPOSES, default=None)


def _key_path(top: Reader, entries: tuple[Entry, ...]) -> str:
    paths = sorted({entry.key_path for entry in entries if entry.key_path})
    if len(paths) > 1:
        top.refuse("entry", "two_keys", f"all entries must use one key path, not {' and '.join(paths)}.")
    return paths[0] if paths else ""


def _caps(top: Reader, message_class: str) -> tuple[bool, bool]:
    inner = Reader(top.raw("caps", {}), top.at("caps"), top.notes, top.subject)
    obey = inner.flag("obey", default=True)
    counts = inner.flag("counts_toward", default=True)
    if not obey and message_class == "marketing":
        inner.refuse("obey", "not_allowed", "marketing obeys the caps; set obey to true or change the class.")
    inner.close()
    return obey, counts


def _quiet(top: Reader, message_class: str) -> str:
    quiet = top.choice("quiet", ("inherit", "off"), default="inherit")
    if quiet == "off" and message_class != "transactional":
        top.refuse("quiet", "not_allowed", "quiet hours can be off only in class transactional; use inherit.")
    return quiet


def _entry(reader: Reader, index: int) -> Entry:
    kind = reader.choice("type", ENTRY_TYPES, default=None)
    entry = Entry(kind, index, reentry=_reentry(reader, keyed=kind == "manual" or reader.has("key")))
    entry = _READ[kind](reader, entry)
    if reader.data.get("type") in ENTRY_TYPES:
        reader.close()
    return entry


def _event_entry(reader: Reader, entry: Entry) -> Entry:
    return replace(
        entry,
        event=reader.text("event", required=True, longest=80),
        where=reader.where(),
        key_path=reader.path("key"),
        debounce=reader.duration("debounce"),
        max_age=reader.duration("max_age", default=DAY) or DAY,
    )


def _segment_entry(reader: Reader, entry: Entry) -> Entry:
    return replace(
        entry,
        segment=reader.text("segment", required=True, longest=80),
        mode=reader.choice("mode", MODES, default="joins"),
        leave_exits=reader.flag("leave_exits", default=False),
    )


def _schedule_entry(reader: Reader, entry: Entry) -> Entry:
    return replace(
        entry,
        segment=reader.text("segment", required=True, longest=80),
        at=_wall_time(reader),
        zone=reader.choice("zone", ("workspace", "contact"), default="workspace"),
        if_past=reader.choice("if_past", ("skip", "now"), default="skip"),
    )


def _manual_entry(reader: Reader, entry: Entry) -> Entry:
    return entry


_READ: Final = {
    "event": _event_entry,
    "segment": _segment_entry,
    "schedule": _schedule_entry,
    "manual": _manual_entry,
}


def _wall_time(reader: Reader) -> datetime | None:
    text = reader.text("at", required=True, longest=40)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if text and (at is None or at.tzinfo is not None or not 1990 <= at.year <= 2200):
        reader.refuse("at", "not_a_wall_time", 'at must be a date and time without zone: "2026-03-28T10:00".')
        return None
    return at


def _reentry(reader: Reader, *, keyed: bool) -> Reentry:
    value = reader.raw("reentry", "never")
    if isinstance(value, dict):
        inner = Reader(value, reader.at("reentry"), reader.notes, reader.subject)
        after = inner.duration("after", required=True)
        times = inner.integer("times", default=1, low=1, high=1_000) if inner.has("times") else None
        inner.close()
        return Reentry("after", after, times)
    kind = reader.choice("reentry", REENTRY, default="never")
    if kind == "every_key" and not keyed:
        reader.refuse("reentry", "no_key", "every_key needs a key; give the entry a key, or use after_exit.")
    return Reentry("after_exit" if kind == "always" else kind)


def _exit(reader: Reader, index: int, key_path: str) -> ExitRule:
    if not reader.has("segment"):
        found = ExitRule(index, watch(reader, key_path))
    else:
        segment = reader.text("segment", required=True, longest=80)
        found = ExitRule(index, None, segment, reader.choice("when", ("left", "joined"), default=None))
    reader.close()
    return found


def _goal(top: Reader, key_path: str) -> Goal | None:
    if not top.has("goal"):
        return None
    inner = Reader(top.data["goal"], top.at("goal"), top.notes, "Goal")
    goal = Goal(
        watch(inner, key_path),
        inner.integer("window_days", default=7, low=1, high=365),
        inner.path("value"),
        inner.integer("target", default=None, low=1, high=1_000_000_000) if inner.has("target") else None,
    )
    inner.close()
    return goal


def _budget(top: Reader) -> float | None:
    """What it may cost, in the workspace's currency: held against the forecast, nothing is stopped by it."""
    value = top.raw("budget") if top.has("budget") else None
    if "budget" not in top.data:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1_000_000_000:
        top.refuse("budget", "not_in_range", "budget must be a number above 0.")
        return None
    return float(value)


def is_about_goal(terms: Terms, rule: ExitRule) -> bool:
    """Whether an exit looks out for the event of the goal."""
    return bool(terms.goal and rule.watch and rule.watch.event == terms.goal.watch.event)


def reader_of(document: Any, notes: Notes) -> Reader:
    return Reader(document, "", notes, "Campaign")
