"""The settings in a campaign's document as plain values of a form, and back.

What the form has no field for stays as it is: further ways in, conditions with lists, an eligibility
rule of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from campaigns import terms
from campaigns.forms import details
from campaigns.reading import SECONDS
from crm import publicids
from crm.errors import Problem

Document = dict[str, Any]
# Conditions on the event that the form has rows for, and the comparisons of a row.
ROWS: Final = 3
OPERATORS: Final = ("is", "is_not", "contains", ">", ">=", "<", "<=", "is_set")
# Stands for an eligibility that is more than one segment.
OWN: Final = "own"
# Where a mistake stands in the document -> the field to mend it in. The longest that fits counts.
FIELDS: Final = {
    "/name": "name",
    "/description": "description",
    "/objective": "objective",
    "/class": "message_class",
    "/purpose": "purpose",
    "/entry": "entry_type",
    "/entry/0/event": "entry_event",
    "/entry/0/where": "where_f_0",
    "/entry/0/key": "entry_key",
    "/entry/0/debounce": "debounce_value",
    "/entry/0/segment": "entry_segment",
    "/entry/0/at": "at",
    "/entry/0/reentry": "reentry",
    "/eligibility": "who_segment",
    "/goal": "goal_event",
    "/goal/window_days": "goal_days",
    "/goal/value": "goal_value",
    "/goal/target": "goal_target",
    "/exit": "exit_events",
    "/holdout_pct": "holdout_pct",
    "/holdout_reason": "holdout_reason",
    "/priority": "priority",
    "/group": "group",
    "/topic": "topic",
    "/caps": "obey_caps",
    "/quiet": "quiet",
    "/send_expiry": "expiry_value",
    "/budget": "budget",
    "/concurrency": "entry_key",
}


def field_of(pointer: str) -> str:
    """The field a mistake is mended in; '' where there is none (a step, say)."""
    fitting = [place for place in FIELDS if pointer == place or pointer.startswith(f"{place}/")]
    return FIELDS[max(fitting, key=len)] if fitting else ""


# --- from the document ---------------------------------------------------------------------------------


def filled(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows for a document, complete or not."""
    entry = _first(document.get("entry"))
    goal = _dict(document.get("goal"))
    caps = _dict(document.get("caps"))
    who, member = _who(document.get("eligibility"))
    expiry = _dict(document.get("send_expiry"))
    exits = [each for each in _list(document.get("exit")) if isinstance(each, dict)]
    leaving = next((each for each in exits if "segment" in each), {})
    events = [str(each["event"]) for each in exits if "event" in each]
    message_class = document.get("class", "marketing")
    objective = document.get("objective", "")
    return {
        "name": document.get("name", ""),
        "objective": objective,
        "description": document.get("description", ""),
        "message_class": message_class,
        "purpose": document.get("purpose", "offers" if message_class == "marketing" else "service"),
        **_of_entry(entry),
        "who_segment": who,
        "who_member": member,
        "goal_event": goal.get("event", ""),
        "goal_days": goal.get("window_days", 7),
        "goal_value": details.bare(goal.get("value", "")),
        "goal_target": goal.get("target"),
        "exit_goal": bool(goal.get("event")) and goal.get("event") in events,
        "exit_events": ", ".join(name for name in events if name != goal.get("event")),
        "exit_segment": _public(leaving.get("segment", "")),
        "exit_when": leaving.get("when", "left"),
        "holdout_pct": document.get("holdout_pct", 10),
        "holdout_reason": document.get("holdout_reason", ""),
        "priority": document.get("priority", _usual_priority(message_class, objective)),
        "group": document.get("group", ""),
        "topic": document.get("topic", ""),
        "obey_caps": caps.get("obey", True),
        "counts_caps": caps.get("counts_toward", True),
        "quiet": document.get("quiet", "inherit"),
        "expiry_value": expiry.get("value", 24),
        "expiry_unit": expiry.get("unit", "hours"),
        "budget": document.get("budget"),
    }


def _of_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    debounce, reentry = _dict(entry.get("debounce")), entry.get("reentry", "never")
    after = _dict(_dict(reentry).get("after"))
    rows = [each for each in _list(entry.get("where")) if is_simple(each)][:ROWS]
    found: dict[str, Any] = {
        "entry_type": entry.get("type", "event"),
        "entry_event": entry.get("event", ""),
        "entry_key": details.bare(entry.get("key", "")),
        "debounce_value": debounce.get("value"),
        "debounce_unit": debounce.get("unit", "hours"),
        "entry_segment": _public(entry.get("segment", "")),
        "entry_mode": entry.get("mode", "joins"),
        "leave_exits": bool(entry.get("leave_exits", False)),
        "at": _wall(entry.get("at", "")),
        "zone": entry.get("zone", "workspace"),
        "if_past": entry.get("if_past", "skip"),
        "reentry": "after" if isinstance(reentry, dict) else {"always": "after_exit"}.get(reentry, reentry),
        "reentry_value": after.get("value"),
        "reentry_unit": after.get("unit", "days"),
        "reentry_times": _dict(reentry).get("times"),
    }
    for place in range(ROWS):
        row = rows[place] if place < len(rows) else {}
        found[f"where_f_{place}"] = details.bare(row.get("f", ""))
        found[f"where_op_{place}"] = row.get("op", "is")
        found[f"where_v_{place}"] = _shown(row.get("v", ""))
    return found


def is_simple(row: Any) -> bool:
    """A condition that a row of the form can show whole."""
    if not isinstance(row, dict) or not row.keys() <= {"f", "op", "v"} or row.get("op") not in OPERATORS:
        return False
    return not isinstance(row.get("v"), list | dict)


def _who(rule: Any) -> tuple[str, str]:
    """(segment, is or is not in it) of an eligibility that asks about one segment only."""
    if rule is None:
        return "", "yes"
    inner = rule.get("all") if isinstance(rule, dict) and len(rule) == 1 else None
    leaf = inner[0] if isinstance(inner, list) and len(inner) == 1 else rule
    if isinstance(leaf, dict) and "segment" in leaf and leaf.keys() <= {"segment", "member"}:
        return _public(leaf["segment"]), "yes" if leaf.get("member", True) else "no"
    return OWN, "yes"


def _public(segment: Any) -> str:
    text = str(segment or "")
    return publicids.encode("seg", int(text)) if text.isdigit() else text


def _wall(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _usual_priority(message_class: Any, objective: Any) -> int:
    return terms.PRIORITY_OF_CLASS.get(message_class, terms.PRIORITY.get(objective, 50))


def _first(entries: Any) -> dict[str, Any]:
    return _dict(_list(entries)[0]) if _list(entries) else {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _shown(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


# --- into the document ---------------------------------------------------------------------------------


def put(document: Document, said: Mapping[str, Any]) -> Document:
    """The document with what was said in the form. A key that was not there stays away while it says
    what would hold without it, so that opening and saving changes nothing."""
    before = filled(document)
    for key, name, default in PLAIN:
        _keep(document, key, said[name], default, changed=said[name] != before[name])
    usual = _usual_priority(said["message_class"], said["objective"])
    if said["priority"] is None or said["priority"] == usual:
        document.pop("priority", None)
    else:
        document["priority"] = said["priority"]
    caps = {"obey": bool(said["obey_caps"]), "counts_toward": bool(said["counts_caps"])}
    _keep(document, "caps", caps, {"obey": True, "counts_toward": True}, changed=_differ(said, before, CAPS))
    expiry = _span(said["expiry_value"], said["expiry_unit"])
    _keep(document, "send_expiry", expiry, {"value": 24, "unit": "hours"}, changed=_differ(said, before, EXPIRY))
    _put_number(document, "holdout_pct", said["holdout_pct"], 10)
    _put_number(document, "budget", said["budget"], None)
    _put_entry(document, said)
    _put_who(document, said, before)
    _put_goal(document, said)
    _put_exits(document, said, before)
    return document


MISSING: Final = ("required", "bad_count", "no_exit_on_goal", "not_a_wall_time")
# (key of the document, field, what holds without it)
PLAIN: Final = (
    ("name", "name", None),
    ("objective", "objective", ""),
    ("description", "description", ""),
    ("class", "message_class", "marketing"),
    ("purpose", "purpose", None),
    ("holdout_reason", "holdout_reason", ""),
    ("quiet", "quiet", "inherit"),
    ("group", "group", ""),
    ("topic", "topic", ""),
)
CAPS: Final = ("obey_caps", "counts_caps")
EXPIRY: Final = ("expiry_value", "expiry_unit")


def _differ(said: Mapping[str, Any], before: Mapping[str, Any], names: Sequence[str]) -> bool:
    return any(said[name] != before[name] for name in names)


def _keep(document: Document, key: str, value: Any, default: Any, *, changed: bool) -> None:
    if key in document and not changed:
        return
    if value in (default, None):
        document.pop(key, None)
    else:
        document[key] = value


def _put_number(document: Document, key: str, value: Any, default: float | None) -> None:
    if value is None or (key not in document and default is not None and float(value) == default):
        if value is None:
            document.pop(key, None)
        return
    number = float(value)
    document[key] = int(number) if number.is_integer() else number


def _span(value: Any, unit: Any) -> dict[str, Any] | None:
    return {"value": int(value), "unit": unit if unit in SECONDS else "days"} if value else None


def _put_entry(document: Document, said: Mapping[str, Any]) -> None:
    entries = _list(document.get("entry"))
    old = _first(entries)
    kind = said["entry_type"] or "event"
    made: dict[str, Any] = {"type": kind}
    if kind == "event":
        made |= _event_entry(old if old.get("type") == kind else {}, said)
    elif kind in ("segment", "schedule"):
        made |= _segment_entry(kind, old if old.get("type") == kind else {}, said)
    reentry = _reentry(said)
    if reentry != "never" or "reentry" in old:
        made["reentry"] = reentry
    if old.get("reentry") == "always" and reentry == "after_exit":
        made["reentry"] = "always"
    empty = not old and kind == "event" and not said["entry_event"]
    document["entry"] = [] if empty else [made, *entries[1:]]


def _event_entry(old: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"event": (said["entry_event"] or "").strip()}
    where = _where(old, said)
    if where or "where" in old:
        made["where"] = where
    if said["entry_key"]:
        made["key"] = details.full(said["entry_key"])
    debounce = _span(said["debounce_value"], said["debounce_unit"])
    if debounce:
        made["debounce"] = debounce
    if "max_age" in old:
        made["max_age"] = old["max_age"]
    return made


def _where(old: Mapping[str, Any], said: Mapping[str, Any]) -> list[Any]:
    rows = _list(old.get("where"))
    simple = [each for each in rows if is_simple(each)][:ROWS]
    kept = [each for each in rows if each not in simple]
    made = []
    for place in range(ROWS):
        name = said[f"where_f_{place}"] or ""
        if name.strip():
            row: dict[str, Any] = {"f": details.full(name), "op": said[f"where_op_{place}"] or "is"}
            if row["op"] != "is_set":
                row["v"] = _typed(said[f"where_v_{place}"] or "", simple[place : place + 1])
            made.append(row)
    return [*made, *kept]


def _typed(text: str, old: Sequence[Mapping[str, Any]]) -> Any:
    """A value as JSON: what was a text stays one, "41" that is new is a number."""
    if old and _shown(old[0].get("v", "")) == text:
        return old[0]["v"]
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text) if "." in text and text.strip(".").replace(".", "", 1).lstrip("-").isdigit() else text
    except ValueError:
        return text


def _segment_entry(kind: str, old: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    segment = said["entry_segment"] or ""
    same = _public(old.get("segment", "")) == segment
    made: dict[str, Any] = {"segment": old["segment"] if same and "segment" in old else segment}
    if kind == "segment":
        made["mode"] = said["entry_mode"] or "joins"
        if said["leave_exits"] or "leave_exits" in old:
            made["leave_exits"] = bool(said["leave_exits"])
        return made
    made["at"] = said["at"].replace(tzinfo=None).isoformat(timespec="minutes") if said["at"] else ""
    for name, default in (("zone", "workspace"), ("if_past", "skip")):
        if said[name] != default or name in old:
            made[name] = said[name] or default
    return made


def _reentry(said: Mapping[str, Any]) -> Any:
    if said["reentry"] != "after":
        return said["reentry"] or "never"
    made: dict[str, Any] = {"after": _span(said["reentry_value"] or 30, said["reentry_unit"] or "days")}
    if said["reentry_times"]:
        made["times"] = said["reentry_times"]
    return made


def _put_who(document: Document, said: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    if said["who_segment"] == OWN or not _differ(said, before, ("who_segment", "who_member")):
        return
    if said["who_segment"]:
        leaf = {"segment": said["who_segment"], "member": said["who_member"] != "no"}
        document["eligibility"] = {"all": [leaf]}
    else:
        document.pop("eligibility", None)


def _put_goal(document: Document, said: Mapping[str, Any]) -> None:
    event = (said["goal_event"] or "").strip()
    if not event:
        document.pop("goal", None)
        return
    goal = {**_dict(document.get("goal")), "event": event}
    for key, name, default in OF_GOAL:
        value = details.full(said[name]) if key == "value" and said[name] else said[name]
        if value in ("", None) or (value == default and key not in goal):
            goal.pop(key, None)
        else:
            goal[key] = value
    document["goal"] = goal


OF_GOAL: Final = (("window_days", "goal_days", 7), ("value", "goal_value", ""), ("target", "goal_target", None))


def _put_exits(document: Document, said: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    wanted = [name.strip() for name in (said["exit_events"] or "").split(",") if name.strip()]
    goal = (said["goal_event"] or "").strip()
    if said["exit_goal"] and goal:
        wanted.insert(0, goal)
    old = [each for each in _list(document.get("exit")) if isinstance(each, dict)]
    exits: list[Any] = [each for each in old if each.get("event") in wanted]
    there = {each["event"] for each in exits}
    exits.extend({"event": name} for name in dict.fromkeys(wanted) if name not in there)
    segments = [each for each in old if "segment" in each]
    if _differ(said, before, ("exit_segment", "exit_when")):
        chosen = said["exit_segment"]
        segments = segments[1:] if segments else []
        segments = [{"segment": chosen, "when": said["exit_when"] or "left"}, *segments] if chosen else segments
    exits.extend(segments)
    if exits or "exit" in document:
        document["exit"] = exits


def malformed(problems: Sequence[Problem]) -> list[Problem]:
    """Those that a draft may not be saved with: wrong, not merely missing."""
    return [each for each in problems if each.code not in MISSING]
