"""Random edits, as an editor in a hurry would make them."""

from __future__ import annotations

from random import Random
from typing import Any

from campaigns import commands

START: dict[str, Any] = {
    "name": "Hurry",
    "purpose": "offers",
    "entry": [{"type": "manual"}],
    "steps": [
        {"id": "mail", "type": "send.email", "config": {"subject": "Hello", "text": "Hello"}},
        {
            "id": "fork",
            "type": "split.random",
            "lanes": [
                {"label": "A", "weight": 1, "steps": [{"id": "w1", "type": "wait.duration", "config": {}}]},
                {"label": "B", "weight": 1, "steps": []},
            ],
        },
        {"id": "end", "type": "exit", "config": {}},
    ],
}

KINDS = (
    {"type": "wait.duration", "config": {"value": 2, "unit": "days"}},
    {"type": "send.sms", "config": {"text": "Hello"}},
    {"type": "send.sms", "config": {}},
    {"type": "exit"},
    {"type": "split.random", "lanes": [{"label": "A", "weight": 1}, {"label": "B", "weight": 1}]},
    {"type": "split.rule", "lanes": [{"label": "yes"}, {"label": "else"}]},
)


def place(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """Somewhere to put a step: at the top, after a step, or at the head of a lane."""
    places: list[dict[str, Any]] = [{"after": ""}]
    for _, step in commands.walk(document):
        places.append({"after": step["id"]})
        places.extend({"lane": [step["id"], index]} for index in range(len(commands.lanes_of(step))))
    return rng.choice(places)


def command(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """One that the document has room for."""
    steps = [step for _, step in commands.walk(document)]
    verb = rng.choice(("insert", "insert", "insert", "move", "remove", "configure", "label", "note", "paste", "set"))
    if verb == "insert" or not steps:
        return {"do": "insert", **place(document, rng), "step": dict(rng.choice(KINDS))}
    step = rng.choice(steps)
    if verb == "paste":
        return {"do": "paste", **place(document, rng), "steps": [step]}
    if verb == "set":
        return {
            "do": "set",
            "path": rng.choice(("holdout_pct", "goal")),
            "value": rng.choice((None, 5, {"event": "X"})),
        }
    if verb == "move":
        inner = commands.ids({"steps": [step]})
        for _ in range(20):
            target = place(document, rng)
            if (target["lane"][0] if "lane" in target else target["after"]) not in inner:
                return {"do": "move", "step": step["id"], **target}
        return {"do": "move", "step": step["id"], "by": rng.choice((-1, 1))}
    more: dict[str, Any] = {
        "remove": {"keep_lane": rng.choice([None, *range(len(commands.lanes_of(step)))])},
        "configure": {"config": {"value": rng.randrange(1, 9), "unit": "hours"}},
        "label": {"label": f"Step {rng.randrange(99)}"},
        "note": {"note": rng.choice(("", "Ask Ana"))},
    }[verb]
    return {"do": verb, "step": step["id"], **more}
