"""What arrives, read and checked before anything is written. Pure but for the words it is given.

Every mistake of an arrival is found at once and names its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from crm import commerce, normalise, permission, publicids, typed, words
from crm.columns import COLUMNS, UNSTORABLE, column, free_fields
from crm.errors import Problem, Problems
from crm.moments import FUTURE, OLDEST
from crm.normalise import Trace

MOST_DEPTH: Final = 20
EVENT: Final = {
    "name",
    "properties",
    "occurred_at",
    "event_id",
    "channel",
    "source",
    "session",
    "context",
    "historic",
}
CONSENT: Final = {
    "purpose",
    "channel",
    "channels",
    "action",
    "basis",
    "method",
    "source",
    "wording",
    "occurred_at",
    "until",
    "expires_at",
    "evidence",
    "address",
    "confirm",
}
# The texts of a consent, and how long they may be.
SAID: Final = {"purpose": 16, "action": 12, "basis": 24, "method": 24, "source": 400, "wording": 120}
# Marks of an event that are cut, not refused: SDKs write what they like into them.
MARKS: Final = {"source": 120, "session": 80}
LONGEST_EVENT_ID: Final = 200
ONE_LINE: Final = ("Product Added", "Product Removed")


@dataclass
class Reading:
    """An arrival in our shape. `home_store` is still a code; `address` of a consent still a text."""

    traces: list[Trace] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    home_store: str | None = None
    consents: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Frame:
    """What reading needs to know of the world."""

    now: datetime
    country: str
    currency: str
    # The shop's own fields that have a kind.
    fields: typed.Known = field(default_factory=dict)


class _Reader:
    """Collects problems, so that one mistake does not hide the next."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def take(self, pointer: str, read: Any, *args: Any) -> Any:
        try:
            return read(*args)
        except Problem as problem:
            self.problems.append(problem.under(pointer))
        except Problems as problems:
            self.problems.extend(problem.under(pointer) for problem in problems.problems)
        return None


def read(
    traces: Any, fields: Mapping[str, Any], consents: Sequence[Any], events: Sequence[Any], frame: Frame
) -> tuple[Reading, list[Problem]]:
    """Read one arrival; the problems are all that is wrong with it."""
    reader, reading = _Reader(), Reading()
    country = str(fields.get("country") or frame.country) if isinstance(fields, dict) else frame.country
    reading.traces = _traces(traces, country, reader)
    _fields(fields, reading, reader, frame)
    for place, given in enumerate(consents):
        found = reader.take(f"/consents/{place}", consent, given, frame)
        reading.consents.extend(found or [])
        for told in found or []:
            if told["address"] and told["address"] not in reading.traces:
                reading.traces.append(told["address"])  # an address somebody speaks for is theirs
    for place, given in enumerate(events):
        found = reader.take(f"/events/{place}", event, given, frame)
        reading.events.append(found or {})
    return reading, reader.problems


def _traces(given: Any, country: str, reader: _Reader) -> list[Trace]:
    """Traces, `{"kind", "value"}` objects, or one reference such as `{"email": …}`."""
    if isinstance(given, dict):
        given = [{"kind": kind, "value": value} for kind, value in given.items()]
    found = []
    for place, each in enumerate(given):
        trace = reader.take(f"/identifiers/{place}", _trace, each, country)
        if trace is not None and trace not in found:
            found.append(trace)
    return found


def _trace(given: Any, country: str) -> Trace:
    if isinstance(given, Trace):
        given = {"kind": given.kind, "value": given.value, "identifying": given.identifying}
    if isinstance(given, dict):
        kind, value = str(given.get("kind")), given.get("value")
        identifying = given.get("identifying", True) is not False
    else:
        raise Problem("", "not_an_object", 'An identifier reads {"kind": "email", "value": "ada@example.com"}.')
    if kind == "id":
        number = str(value)
        return Trace("id", number if number.isdigit() else str(publicids.decode("ctc", value, "/value")))
    try:
        found = normalise.trace(kind, value, country)
    except Problem as problem:
        raise problem if problem.pointer else problem.under("/value") from None
    return Trace(found.kind, found.value, identifying)


# --- fields --------------------------------------------------------------------------------


def _fields(given: Mapping[str, Any], reading: Reading, reader: _Reader, frame: Frame) -> None:
    if not isinstance(given, dict):
        reader.problems.append(Problem("", "not_an_object", "The fields of a contact are an object."))
        return
    for name, value in given.items():
        if name == "fields":
            free = reader.take("/fields", free_fields, value) or {}
            reading.fields = reader.take("/fields", typed.checked, free, frame.fields) or {}
        elif name == "home_store":
            reading.home_store = "" if value is None else str(value)
        elif name in COLUMNS:
            reading.changes[name] = reader.take(f"/{name}", column, name, value)
        else:
            reader.problems.append(
                Problem(
                    f"/{name}", "unknown_field", f'{name!r} is no field of a contact; put your own ones under "fields".'
                )
            )


# --- consents and events -------------------------------------------------------------------


def consent(given: Any, frame: Frame) -> list[dict[str, Any]]:
    """One consent object; `channels` makes one statement each."""
    if not isinstance(given, dict):
        raise Problem("", "not_an_object", "A consent is an object.")
    reader = _Reader()
    reader.problems += [
        Problem(f"/{name}", "unknown_field", f"{name!r} is no part of a consent.")
        for name in sorted(set(given) - CONSENT)
    ]
    shared: dict[str, Any] = {
        name: reader.take(f"/{name}", _text, given.get(name), most) or "" for name, most in SAID.items()
    }
    for name in ("occurred_at", "until", "expires_at"):
        shared[name] = reader.take("", instant, given.get(name), f"/{name}")
    shared["evidence"] = reader.take("/evidence", evidence, given.get("evidence")) or {}
    shared["confirm"] = given.get("confirm") is True
    channels = given.get("channels") or [given.get("channel")]
    statements = []
    for channel in channels if isinstance(channels, list | tuple) else [channels]:
        address = reader.take("/address", _address, given.get("address"), channel, frame)
        told = {**shared, "channel": str(channel or ""), "address": address}
        wrong = permission.problems(statement(0, told), frame.now + FUTURE)
        reader.problems += [problem for problem in wrong if problem not in reader.problems]
        statements.append(told)
    if reader.problems:
        raise Problems(reader.problems)
    return statements


def _text(given: Any, most: int) -> str:
    text = "" if given is None else str(given)
    if UNSTORABLE.search(text):
        raise Problem("", "control_character", "Texts may not contain NUL or half of a character.")
    if len(text) > most:
        raise Problem("", "too_long", f"This has at most {most} characters.")
    return text


def evidence(given: Any) -> dict[str, Any]:
    """What somebody says proves a statement: an object that can be stored."""
    if not isinstance(given or {}, dict):
        raise Problem("", "not_an_object", "The evidence is an object.")
    if given and not _is_plain(given):
        _storable(given, "", 0)
    return dict(given or {})


def _address(given: Any, channel: Any, frame: Frame) -> Trace | None:
    medium = words.MEDIUM.get(str(channel))
    if given is None or medium not in normalise.MEDIUM:
        return None
    return normalise.trace(medium, given, frame.country)


def statement(contact_id: int, told: Mapping[str, Any], address_id: int | None = None) -> permission.Statement:
    return permission.Statement(
        contact_id,
        told["purpose"],
        told["channel"],
        told["action"],
        told["basis"],
        told["method"],
        told["source"],
        told["wording"],
        told["occurred_at"],
        address_id,
        told["until"],
        told["expires_at"],
        told["evidence"],
    )


def event(given: Any, frame: Frame) -> dict[str, Any]:
    """One event object in our shape, money and lines included."""
    if not isinstance(given, dict):
        raise Problem("", "not_an_object", "An event is an object.")
    found: list[Problem] = []
    strange = sorted(set(given) - EVENT)
    if strange:
        found.append(Problem(f"/{strange[0]}", "unknown_field", f"{strange[0]!r} is no part of an event."))
    name = given.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 80 or UNSTORABLE.search(name):
        found.append(Problem("/name", "required", "An event has a name of 1 to 80 characters."))
    channel = given.get("channel") or ""
    if channel and channel not in words.EVENT_CHANNELS:
        found.append(Problem("/channel", "not_a_choice", f"One of {', '.join(words.EVENT_CHANNELS)}."))
    reader = _Reader()
    at = reader.take("", instant, given.get("occurred_at"), "/occurred_at") or frame.now
    reader.take("", _credible, at, frame.now)
    properties = reader.take("", _properties, given, str(name), frame.currency) or {}
    texts = {
        name: reader.take(f"/{name}", _text, str(given.get(name) or "")[:most], most) for name, most in MARKS.items()
    }
    event_id = reader.take("/event_id", _event_id, given.get("event_id"))
    if found or reader.problems:
        raise Problems([*found, *reader.problems])
    return {
        "name": str(name).strip(),
        "properties": properties,
        "occurred_at": at,
        "event_id": event_id,
        "channel": channel,
        **texts,
        "context": dict(given.get("context") or {}),
        "historic": bool(given.get("historic", False)),
    }


def _event_id(given: Any) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_EVENT_ID or UNSTORABLE.search(given):
        raise Problem("", "too_long", f"An event_id is a text of 1 to {LONGEST_EVENT_ID} characters.")
    return given


def _properties(given: Mapping[str, Any], name: str, currency: str) -> dict[str, Any]:
    for part in ("properties", "context"):
        if not isinstance(given.get(part) or {}, dict):
            raise Problem(f"/{part}", "not_an_object", f"The {part} of an event are an object.")
    properties = given.get("properties") or {}
    for part, value in (("/properties", properties), ("/context", given.get("context"))):
        if value and not _is_plain(value):
            _storable(value, part, 0)
    name = name.strip()
    shaped = commerce.normalise(name, properties, currency, "/properties")
    if name in ONE_LINE and shaped.get("cart_id"):
        commerce.line(shaped, "/properties")
    return shaped


def _is_plain(value: Any) -> bool:
    """Quickly: is there surely nothing in it that `_storable` would refuse?"""
    return plain_text(value) is not None


def plain_text(value: Any) -> str | None:
    """The JSON of a value that can be stored; None where it is not sure that it can."""
    try:
        text = orjson.dumps(value).decode()
    except (TypeError, RecursionError):  # half a character, a number of more than 64 bits
        return None
    # NaN is written as null; a NUL as its escape.
    if "\\u0000" in text or "null" in text or text.count("{") + text.count("[") > MOST_DEPTH:
        try:
            _storable(value, "", 0)
        except Problem:
            return None
    return text


def _storable(value: Any, pointer: str, depth: int) -> None:
    """PostgreSQL keeps no NUL and no lone surrogate in JSON, and JSON has no NaN."""
    if depth > MOST_DEPTH:
        raise Problem(pointer, "too_deep", f"Nothing may be nested deeper than {MOST_DEPTH} levels.")
    if isinstance(value, dict):
        for key, inner in value.items():
            _storable(str(key), pointer, depth)
            _storable(inner, f"{pointer}/{key}", depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _storable(inner, f"{pointer}/{place}", depth + 1)
    elif isinstance(value, str) and UNSTORABLE.search(value):
        raise Problem(pointer, "control_character", "Texts may not contain NUL or half of a character.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise Problem(pointer, "not_a_number", "NaN and infinity are no values.")


def instant(value: Any, pointer: str) -> datetime | None:
    """An aware instant; None stays None."""
    if value is None or value == "":
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        if found.tzinfo is None:
            raise Problem(pointer, "no_zone", "Write the zone too, as in 2026-05-31T09:00:00Z.")
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(pointer, "not_an_instant", "Write the instant as in 2026-05-31T09:00:00Z.") from None


def _credible(at: datetime, now: datetime) -> None:
    if at < OLDEST or at > now + FUTURE:
        raise Problem(
            "/occurred_at",
            "not_credible",
            f"An event happened between 1990 and now ({now.isoformat(timespec='seconds')}).",
        )
