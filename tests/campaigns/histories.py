"""Golden histories: runs as they once went, replayed on every commit.

Each file in `golden/` is a story: a document, a person, and the pages of their run with what was
known then. `python -m tests.campaigns.histories` writes anew what the engine answers (`expect`);
look at the difference before you keep it.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from campaigns import engine, journey
from campaigns.types import Advance, Again, Facts, Traveller, Wait

FOLDER = Path(__file__).parent / "golden"


def plain(value: Any) -> Any:
    """Anything the engine answers, as JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        inner = {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        return inner if isinstance(value, Advance) else {"is": type(value).__name__, **inner}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def facts_of(page: dict[str, Any]) -> Facts:
    return Facts(
        rules=page.get("rules", {}),
        arms=page.get("arms", {}),
        events=tuple(
            (datetime.fromisoformat(at), name, carried, number) for at, name, carried, number in page.get("events", [])
        ),
        workspace_zone=page.get("workspace_zone", "UTC"),
        siblings=tuple(frozenset(one) for one in page.get("siblings", [])),
    )


def play(story: dict[str, Any]) -> list[dict[str, Any]]:
    """What the engine answers to each page of a story."""
    plan = journey.compile(story["document"], salt="golden")
    person = dict(story["traveller"])
    for name in ("entry_occurred_at", "entered_at"):
        person[name] = datetime.fromisoformat(person[name])
    person.update(step="", port="", rested_at=None, loops={})
    answers = []
    for page in story["pages"]:
        person["port"] = page.get("port", person["port"])
        left = page.get("left_at")
        traveller = Traveller(**person, left_at=datetime.fromisoformat(left) if left else None)
        result = engine.advance(plan, traveller, facts_of(page), datetime.fromisoformat(page["now"]))
        answers.append(plain(result))
        rest = result.rest
        person.update(
            step=getattr(rest, "step", ""),
            loops=result.loops,
            rested_at=result.since,
            port=rest.port if isinstance(rest, (Again, Wait)) else "",
        )
    return answers


def stories() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def record() -> None:
    for path in stories():
        story = json.loads(path.read_text())
        for page, answer in zip(story["pages"], play(story), strict=True):
            page["expect"] = answer
        path.write_text(json.dumps(story, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    record()
