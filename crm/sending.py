"""The sending rules of the workspace: limits, quiet hours by country, packs, exclusion groups.

`parse` reads a document into `Rules` (pure); `current` reads the one that holds, in one query, so that a
change holds from the next hand-off on; `change` is its only writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final, TypeVar

from django.db import connection, transaction

from crm import audit, clock, regions, words, workspace
from crm.errors import Problem, Problems
from crm.models import SendingRules, Workspace

LONGEST_NAME: Final = 40
MOST_DAYS: Final = 90
MOST_MESSAGES: Final = 100
MOST_ROWS: Final = 50

CURRENT: Final = """
SELECT w.quiet_from, w.quiet_until, w.cap_messages, w.cap_days, s.document
FROM (SELECT true AS only) one
LEFT JOIN crm_workspace w ON w.only = one.only LEFT JOIN crm_sendingrules s ON s.only = one.only"""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Limit:
    """At most `messages` in `days`, rolling or (`calendar`) of the calendar; channel, purpose '': of all."""

    messages: int
    days: int
    calendar: bool = False
    channel: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Rules:
    """`messages` None: no limit over all. `quiet`: country → its own quiet hours. `groups`: name → days."""

    quiet_from: time
    quiet_until: time
    messages: int | None
    days: int
    limits: tuple[Limit, ...] = ()
    quiet: Mapping[str, tuple[time, time]] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    packs_off: frozenset[str] = frozenset()
    unknown: str = ""

    def switches(self) -> regions.Switches:
        return regions.Switches(self.packs_off, self.unknown)


def current() -> Rules:
    """The rules that hold now. One query."""
    with connection.cursor() as cursor:
        cursor.execute(CURRENT)
        begins, ends, messages, days, document = cursor.fetchone()
    if begins is None:
        fresh = Workspace()
        begins, ends = (time.fromisoformat(str(each)) for each in (fresh.quiet_from, fresh.quiet_until))
        messages, days = fresh.cap_messages, fresh.cap_days
    extra = json.loads(document) if isinstance(document, str) else document or {}
    return parse({**extra, "quiet_from": f"{begins:%H:%M}", "quiet_until": f"{ends:%H:%M}", "days": days,
                  "messages": None if extra.get("no_limit") else messages})  # fmt: skip


def document(rules: Rules) -> dict[str, Any]:
    """Rules as plain data; what `parse` reads."""
    return {
        "quiet_from": f"{rules.quiet_from:%H:%M}", "quiet_until": f"{rules.quiet_until:%H:%M}",
        "messages": rules.messages, "days": rules.days,
        "limits": [
            {"messages": each.messages, "days": each.days, "calendar": each.calendar, "channel": each.channel,
             "purpose": each.purpose}
            for each in rules.limits
        ],
        "quiet": {country: [f"{each:%H:%M}" for each in hours] for country, hours in sorted(rules.quiet.items())},
        "groups": dict(sorted(rules.groups.items())),
        "packs_off": sorted(rules.packs_off),
        "unknown": rules.unknown,
    }  # fmt: skip


def parse(data: Mapping[str, Any]) -> Rules:
    """Rules from plain data. Raises Problems; a limit of 0 is one: it would stop everything."""
    notes: list[Problem] = []
    rules = Rules(
        quiet_from=_try(notes, "/quiet_from", lambda: time.fromisoformat(data["quiet_from"]), time(21)),
        quiet_until=_try(notes, "/quiet_until", lambda: time.fromisoformat(data["quiet_until"]), time(9)),
        messages=None if data.get("messages") is None
        else _number(notes, "/messages", data["messages"], MOST_MESSAGES),
        days=_number(notes, "/days", data.get("days", 7), MOST_DAYS),
        limits=tuple(
            _limit(notes, f"/limits/{place}", each)
            for place, each in enumerate(_rows(notes, "/limits", data.get("limits", ())))
        ),
        quiet={
            str(country): _hours(notes, f"/quiet/{country}", str(country), hours)
            for country, hours in dict(data.get("quiet", {})).items()
        },
        groups={
            _name(notes, name): _number(notes, f"/groups/{name}", days, MOST_DAYS)
            for name, days in dict(data.get("groups", {})).items()
        },
        packs_off=frozenset(_packs(notes, data.get("packs_off", ()))),
        unknown=_country(notes, "/unknown", str(data.get("unknown", ""))),
    )  # fmt: skip
    if notes:
        raise Problems(notes)
    return rules


def change(rules: Rules, actor: str) -> None:
    """Save them, with what they were before; they hold from the next hand-off on."""
    after = document(rules)
    parse(after)
    with transaction.atomic():
        SendingRules.objects.get_or_create(only=True)
        row = SendingRules.objects.select_for_update().get(only=True)
        before = document(current())
        if before == after:
            return
        general = {"quiet_from": rules.quiet_from, "quiet_until": rules.quiet_until, "cap_days": rules.days}
        workspace.change({**general, **({"cap_messages": rules.messages} if rules.messages else {})}, actor)
        kept = ("limits", "quiet", "groups", "packs_off", "unknown")
        row.document = {**{key: after[key] for key in kept}, "no_limit": rules.messages is None}
        row.revision += 1
        row.changed_at, row.changed_by = clock.now(), actor
        row.save()
        audit.record(actor, "sending.change", "sending rules", before, after)


# --- reading ------------------------------------------------------------------------------------------


def _try(notes: list[Problem], pointer: str, make: Callable[[], Made], instead: Made) -> Made:
    try:
        return make()
    except (KeyError, TypeError, ValueError):
        notes.append(Problem(pointer, "bad_value", f"{pointer} cannot be read."))
        return instead


def _number(notes: list[Problem], pointer: str, value: Any, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        notes.append(Problem(pointer, "not_in_range", f"It must be a whole number from 1 to {most}."))
        return 1
    return value


def _rows(notes: list[Problem], pointer: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > MOST_ROWS:
        notes.append(Problem(pointer, "bad_value", f"A list of at most {MOST_ROWS}."))
        return []
    return list(value)


def _limit(notes: list[Problem], pointer: str, data: Any) -> Limit:
    data = data if isinstance(data, Mapping) else {}
    channel, purpose = str(data.get("channel", "")), str(data.get("purpose", ""))
    for name, value, known in (("channel", channel, words.CHANNELS), ("purpose", purpose, words.PURPOSES)):
        if value and value not in known:
            notes.append(Problem(f"{pointer}/{name}", "not_a_choice", f"{value!r} is none of {', '.join(known)}."))
    return Limit(
        _number(notes, f"{pointer}/messages", data.get("messages"), MOST_MESSAGES),
        _number(notes, f"{pointer}/days", data.get("days"), MOST_DAYS),
        bool(data.get("calendar", False)), channel, purpose,
    )  # fmt: skip


def _hours(notes: list[Problem], pointer: str, country: str, value: Any) -> tuple[time, time]:
    _country(notes, pointer, country or "?")

    def made() -> tuple[time, time]:
        begins, ends = value
        return time.fromisoformat(begins), time.fromisoformat(ends)

    return _try(notes, pointer, made, (time(21), time(9)))


def _country(notes: list[Problem], pointer: str, value: str) -> str:
    if value and not (len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()):
        notes.append(Problem(pointer, "not_a_choice", "A country has two capital letters."))
    return value


def _name(notes: list[Problem], name: Any) -> str:
    plain = " ".join(str(name).split())
    if not plain or len(plain) > LONGEST_NAME:
        notes.append(Problem("/groups", "bad_value", f"A group has a name of at most {LONGEST_NAME} letters."))
    return plain


def _packs(notes: list[Problem], given: Any) -> list[str]:
    """Packs this release does not know any more are passed over."""
    return [str(each) for each in _rows(notes, "/packs_off", given) if str(each) in regions.packs()]
