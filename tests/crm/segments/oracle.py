"""What a rule answers, written from docs/rules.md in plain Python.

It shares no code with the product: a mistake would have to be made twice, in two
languages, from the same page.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

KNOWN_ZONES = {"UTC", "Europe/Madrid", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati"}


@dataclass
class Said:
    purpose: str
    channel: str
    state: str
    basis: str = ""
    expires_at: datetime | None = None
    paused_until: datetime | None = None
    address: int | None = None  # index into `Person.addresses`


@dataclass
class Address:
    medium: str
    value: str
    health: str = "valid"
    suppressed: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)  # channel, since, until
    stopped: list[tuple[str, str]] = field(default_factory=list)  # purpose, channel


@dataclass
class Told:
    name: str
    at: datetime
    properties: Any
    channel: str = ""
    campaign: int | None = None
    recorded_at: datetime | None = None


@dataclass
class Person:
    columns: dict[str, Any]
    fields: dict[str, Any]
    draw: str
    zone: str = "UTC"
    store: str = ""
    birth_date: date | None = None
    created_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    there: bool = True
    addresses: list[Address] = field(default_factory=list)
    identifiers: list[tuple[str, str]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    segments: set[int] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    lists: set[int] = field(default_factory=set)
    stage: str | None = None
    runs: list[tuple[int, bool, str]] = field(default_factory=list)  # campaign, under way, step
    converted: set[int] = field(default_factory=set)


def matches(rule: Any, person: Person, now: datetime) -> bool:
    return person.there and _node(rule, person, now)


def _node(rule: Any, person: Person, now: datetime) -> bool:
    if "all" in rule:
        return all(_node(part, person, now) for part in rule["all"])
    if "any" in rule:
        return any(_node(part, person, now) for part in rule["any"])
    if "none" in rule:
        return not any(_node(part, person, now) for part in rule["none"])
    return leaf(rule, person, now)


def leaf(rule: Any, person: Person, now: datetime) -> bool:  # noqa: C901 - one line for each
    if "f" in rule:
        return _field(rule, person, now)
    if "event" in rule:
        return _event(rule, person, now)
    if "sequence" in rule:
        return _sequence(rule, person, now)
    if "segment" in rule:
        return (int(rule["segment"]) in person.segments) is rule.get("member", True)
    if "tag" in rule or "list" in rule:
        return _by_hand(rule, person)
    if "stage" in rule:
        return _stage(rule, person)
    if "campaign" in rule:
        return _campaign(rule, person)
    if "message" in rule:
        return _message(rule, person, now)
    bucket = int(hashlib.md5(f"{rule['random']['salt']}:{person.draw}".encode()).hexdigest()[:8], 16) % 100
    return rule["random"]["from"] <= bucket <= rule["random"]["to"]


# --- values ----------------------------------------------------------------------------------


def as_text(value: Any) -> Any:
    return value if type(value) is str and value != "" else None


def as_number(value: Any) -> Any:
    if type(value) in (int, float, Decimal):
        return Decimal(str(value))
    if type(value) is str and re.match(r"^-?\d{1,30}(\.\d{1,30})?\Z", value, re.ASCII):
        return Decimal(value)
    return None


def as_instant(value: Any) -> Any:
    if type(value) is datetime:
        return value
    if type(value) is not str:
        return None
    found = re.match(
        r"^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d))?\Z", value, re.ASCII
    )
    if not found or not 1600 <= int(found[1]) <= 2999:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    hour, minute, second = int(found[4] or 0), int(found[5] or 0), int(found[6] or 0)
    offset = timedelta(0)
    if found[8] and found[8] != "Z":
        hours, minutes = int(found[8][1:3]), int(found[8][4:])
        if hours > 14 or minutes > 59:
            return None
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if found[8][0] == "-" else 1)
    try:
        local = datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(6, "0")), tzinfo=UTC)
    except ValueError:
        return None
    return local - offset


def as_day(value: Any, zone: str) -> Any:
    if type(value) is date:
        return value
    instant = as_instant(value)
    if instant is None:
        return None
    if type(value) is str and len(value) == 10:
        return instant.date()
    return local(instant, zone)


def local(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone if zone in KNOWN_ZONES else "UTC")).date()


def something(value: Any) -> bool:
    return not (value is None or value == "" or (type(value) in (list, dict) and len(value) == 0))


# --- conditions ------------------------------------------------------------------------------

TWINS = {
    "is_not": "is",
    "!=": "is",
    "not_in": "in",
    "not_contains": "contains",
    "has_none": "has_any",
    "not_in_last": "in_last",
}


def condition(rule: Any, found: list[Any], zone: str, now: datetime) -> bool:
    op = rule["op"]
    if op == "is_set":
        return any(something(value) for value in found)
    if op == "is_empty":
        return not any(something(value) for value in found)
    negated = op in TWINS
    op = TWINS.get(op, "is" if op == "=" else op)
    read = [got for got in (_read(op, rule.get("v"), value, zone) for value in found) if got is not None]
    if not read:
        return rule.get("missing", "no") == "yes"
    return any(_compare(op, got, rule.get("v"), zone, now) for got in read) != negated


def _read(op: str, v: Any, value: Any, zone: str) -> Any:
    if op in ("is_today", "days", "anniversary"):
        return as_day(value, zone)
    if op in ("in_last", "in_next"):
        return as_instant(value)
    if op in ("has_any", "has_all"):
        return value if type(value) is list and value else None
    if op in ("before", "after", "on", "between"):
        sample = v[0] if op == "between" else v
        if type(sample) is str:
            return as_day(value, zone) if len(sample) == 10 else as_instant(value)
        return as_number(value)
    sample = v[0] if op == "in" else v
    if type(sample) is bool:
        return value if type(value) is bool else None
    return as_text(value) if type(sample) is str else as_number(value)


def _wanted(v: Any, zone: str) -> Any:
    if type(v) is str:
        return as_day(v, zone) if len(v) == 10 else as_instant(v)
    return as_number(v)


def _compare(op: str, got: Any, v: Any, zone: str, now: datetime) -> bool:  # noqa: C901 - a page, read from above
    today = local(now, zone)
    if op == "is":
        return got == (as_number(v) if type(got) is Decimal else v)
    if op == "in":
        return got in [as_number(each) if type(got) is Decimal else each for each in v]
    if op in ("contains", "starts", "ends"):
        return {"contains": v in got, "starts": got.startswith(v), "ends": got.endswith(v)}[op]
    if op in ("<", "<=", ">", ">="):
        other = as_number(v) if type(got) is Decimal else v
        return {"<": got < other, "<=": got <= other, ">": got > other, ">=": got >= other}[op]
    if op == "before":
        return got < _wanted(v, zone)
    if op == "after":
        return got > _wanted(v, zone)
    if op == "on":
        return got == _wanted(v, zone)
    if op == "between":
        return _wanted(v[0], zone) <= got <= _wanted(v[1], zone)
    if op == "in_last":
        return now - span(v) < got <= now
    if op == "in_next":
        return now < got <= now + span(v)
    if op == "is_today":
        return got == today
    if op == "days":
        return today + timedelta(days=v["from"]) <= got <= today + timedelta(days=v["to"])
    if op == "anniversary":
        days = [today + timedelta(days=n) for n in range(v["from"], v["to"] + 1)]
        return any(_kept(got, day.year) == day for day in days)
    texts = [each for each in got if type(each) is str]
    return any(each in texts for each in v) if op == "has_any" else all(each in texts for each in v)


def _kept(birth: date, year: int) -> date:
    try:
        return birth.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def span(v: Any) -> timedelta:
    return timedelta(**{v["unit"]: v["value"]})


# --- leaves ----------------------------------------------------------------------------------


def _field(rule: Any, person: Person, now: datetime) -> bool:  # noqa: C901
    first, rest = rule["f"].split(".", 1)
    if first == "fields":
        return condition(rule, [person.fields.get(rest)], person.zone, now)
    if first == "identifier":
        return condition(rule, [value for kind, value in person.identifiers if kind == rest], person.zone, now)
    if first == "consent":
        return _consent(rule, person, now, *rest.split("."))
    if first == "reachable":
        wanted = rule["v"] if rule["op"] in ("is", "=") else not rule["v"]
        return reachable(person, rest, rule.get("purpose", "offers"), now) is wanted
    value: Any = person.columns.get(rest)
    if rest == "home_store":
        value = person.store
    elif rest == "zone":
        value = person.zone
    elif rest == "birth_date":
        value = person.birth_date
    elif rest == "created_at":
        value = person.created_at
    elif rest == "age":
        value = None
        if person.birth_date:
            today = local(now, person.zone)
            value = today.year - person.birth_date.year - (1 if _kept(person.birth_date, today.year) > today else 0)
    return condition(rule, [value], person.zone, now)


def standing(said: Said, now: datetime) -> str:
    yes = said.state
    if said.state == "paused":
        if said.paused_until is None or said.paused_until > now:
            return "paused"
        yes = "soft" if said.basis in ("soft_opt_in", "legitimate_interest") else "granted"
    if yes in ("granted", "soft") and said.expires_at is not None and said.expires_at <= now:
        return "expired"
    return yes


def _consent(rule: Any, person: Person, now: datetime, purpose: str, channel: str) -> bool:
    states = [standing(said, now) for said in person.said if (said.purpose, said.channel) == (purpose, channel)]
    wanted = rule["v"] if type(rule["v"]) is list else [rule["v"]]
    found = any(state in wanted for state in states or ["unknown"])
    return found if rule["op"] in ("is", "=", "in") else not found


def reachable(person: Person, channel: str, purpose: str, now: datetime) -> bool:
    """A marketing message: a healthy address that is not suppressed nor stopped, and a yes in force for it."""
    return person.there and _reached(person, channel, purpose, now)


def _reached(person: Person, channel: str, purpose: str, now: datetime) -> bool:
    medium = {"email": "email", "sms": "phone", "whatsapp": "phone", "call": "phone", "push": "push", "post": "post"}
    if channel not in medium:
        return any(
            standing(said, now) in ("granted", "soft") and said.address is None
            for said in person.said
            if (said.purpose, said.channel) == (purpose, channel)
        )
    for place, address in enumerate(person.addresses):
        if address.medium != medium[channel] or address.health not in ("valid", "risky"):
            continue
        if any(
            where in ("", channel) and since <= now and (until is None or until > now)
            for where, since, until in address.suppressed
        ):
            continue
        if (purpose, channel) in address.stopped:
            continue
        for said in person.said:
            if (said.purpose, said.channel, said.address) == (purpose, channel, place) and standing(said, now) in (
                "granted",
                "soft",
            ):
                return True
    return False


def walk(value: Any, path: str) -> list[Any]:
    here = [value]
    for part in path.split("."):
        name, each = part.removesuffix("[]"), part.endswith("[]")
        here = [value[name] for value in here if type(value) is dict and name in value]
        if each:
            here = [item for value in here if type(value) is list for item in value]
    return here


def _fits(rule: Any, told: Told, now: datetime) -> bool:
    if told.name != rule["event"] or told.at > now:
        return False
    if "in_last" in rule and told.at <= now - span(rule["in_last"]):
        return False
    if "after" in rule and told.at <= as_instant(rule["after"]):
        return False
    if "before" in rule and told.at >= as_instant(rule["before"]):
        return False
    if "channel" in rule:
        asked = rule["channel"] if type(rule["channel"]) is list else [rule["channel"]]
        if told.channel not in asked:
            return False
    return all(
        condition(each, walk(told.properties, each["f"].removeprefix("properties.")), "UTC", now)
        for each in rule.get("where", [])
    )


def _number(rule: Any, number: Decimal) -> bool:
    op, v = rule["op"], Decimal(str(rule["v"]))
    return {
        "is": number == v,
        "=": number == v,
        "is_not": number != v,
        "!=": number != v,
        "<": number < v,
        "<=": number <= v,
        ">": number > v,
        ">=": number >= v,
    }[op]


def _event(rule: Any, person: Person, now: datetime) -> bool:
    fitting = [told for told in person.told if _fits(rule, told, now)]
    did = len(fitting) > 0
    if did and "count" in rule:
        did = _number(rule["count"], Decimal(len(fitting)))
    if did and "sum" in rule:
        path = rule["sum"]["of"].removeprefix("properties.")
        numbers = [as_number(value) for told in fitting for value in walk(told.properties, path)]
        did = _number(rule["sum"], sum((each for each in numbers if each is not None), Decimal(0)))
    return did is rule.get("did", True)


def _sequence(rule: Any, person: Person, now: datetime) -> bool:
    first, second = rule["sequence"]
    negated = "not" in second
    second = second["not"] if negated else second
    within = span(rule["within"]) if "within" in rule else None
    opening = {**first, **({"in_last": rule["in_last"]} if "in_last" in rule else {})}
    for one in person.told:
        if not _fits(opening, one, now):
            continue
        if negated and one.at + within > now:
            continue
        key = walk(one.properties, rule["same"].removeprefix("properties.")) if "same" in rule else []
        if "same" in rule and (not key or key[0] is None):
            continue
        followed = any(
            _fits(second, two, now)
            and two.at > one.at
            and (within is None or two.at <= one.at + within)
            and ("same" not in rule or _same(walk(two.properties, rule["same"].removeprefix("properties.")), key))
            for two in person.told
        )
        if followed is not negated:
            return True
    return False


def _same(one: list[Any], other: list[Any]) -> bool:
    return bool(one) and type(one[0]) is type(other[0]) and one[0] == other[0]


def _by_hand(rule: Any, person: Person) -> bool:
    if "list" in rule:
        return rule["list"] in person.lists
    wanted = rule["tag"] if type(rule["tag"]) is list else [rule["tag"]]
    return any(name.strip().lower() in person.tags for name in wanted)


def _stage(rule: Any, person: Person) -> bool:
    wanted = rule["stage"] if type(rule["stage"]) is list else [rule["stage"]]
    stage = person.stage or "visitor"
    if stage == "visitor" and (person.addresses or any(kind != "anonymous_id" for kind, _ in person.identifiers)):
        stage = "lead"
    return stage in wanted


def _campaign(rule: Any, person: Person) -> bool:
    mine = [run for run in person.runs if run[0] == int(rule["campaign"])]
    state = rule.get("state", "in")
    if state == "converted":
        return int(rule["campaign"]) in person.converted
    if state == "was_in":
        return bool(mine)
    return any(way and (state == "in" or step == rule["step"]) for _, way, step in mine)


def _message(rule: Any, person: Person, now: datetime) -> bool:
    about = rule["message"]
    event = {key: rule[key] for key in ("in_last", "before", "after") if key in rule}
    fitting = [
        told
        for told in person.told
        if _fits({"event": "Message " + rule.get("did", "sent").capitalize(), **event}, told, now)
        and ("campaign" not in about or told.campaign == int(about["campaign"]))
        and ("channel" not in about or walk(told.properties, "channel") == [about["channel"]])
    ]
    return bool(fitting) and ("count" not in rule or _number(rule["count"], Decimal(len(fitting))))
