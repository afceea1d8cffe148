"""One step of a draft as its panel sees it: where it stands, whether it was changed, what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from campaigns import commands, drafts, journey, palette, remedies
from campaigns.models import Campaign
from campaigns.palette import Tile, tiles
from campaigns.reading import below
from crm import digest
from crm.errors import Problem

# What a draft may lack. Every other mistake that an edit would make is refused.
INCOMPLETE: Final = frozenset(
    {"required", "bad_count", "no_weight", "unknown_step", "unreachable_step", "endless", "no_exit_on_goal"}
)


@dataclass(frozen=True)
class OneStep:
    """`number` counts from the top; `pointer` is its place in the document."""

    step: Mapping[str, Any]
    number: int
    pointer: str
    title: str
    detail: str
    tile: Tile | None
    is_changed: bool
    is_live: bool
    seen: str

    @property
    def kind(self) -> str:
        return str(self.step.get("type"))

    @property
    def sends(self) -> bool:
        return self.kind.startswith("send.")

    @property
    def channel(self) -> str:
        return self.kind.removeprefix("send.") if self.sends else ""


def find(campaign: Campaign, name: str) -> OneStep | None:
    """The step of that id; None when it is not there (any more)."""
    document = campaign.document if isinstance(campaign.document, dict) else {}
    for number, (path, step) in enumerate(commands.walk(document), 1):
        if step.get("id") != name:
            continue
        pointer = ""
        for key in path:
            pointer = below(pointer, key)
        called = palette.names(document) if step.get("type") == "goto" else {}
        live = commands.find(campaign.version.document, name) if campaign.version else None
        return OneStep(
            step, number, pointer, palette.title(step, called), palette.summary(step, called),
            tiles.get(str(step.get("type"))), campaign.version is not None and _own(live or {}) != _own(step),
            live is not None, _seen(step),
        )  # fmt: skip
    return None


def _seen(step: Mapping[str, Any]) -> str:
    """What an editor has seen of a step, without the steps in its lanes."""
    return digest.of(_own(step))


def _own(step: Mapping[str, Any]) -> dict[str, Any]:
    lanes = [{key: value for key, value in lane.items() if key != "steps"} for lane in commands.lanes_of(step)]
    return {key: value for key, value in step.items() if key != "lanes"} | {"lanes": lanes, "id": ""}


def edits(step: Mapping[str, Any], made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The commands that turn one step into the other."""
    name, found = step.get("id"), []
    before, after = step.get("config") or {}, made.get("config") or {}
    if before != after:
        found.append({"do": "configure", "step": name, "config": after})
    if _own({"lanes": step.get("lanes")}) != _own({"lanes": made.get("lanes")}):
        keys = commands.LANE_KEYS
        lanes = [{key: lane[key] for key in lane if key in keys} for lane in commands.lanes_of(made)]
        found.append({"do": "lanes", "step": name, "lanes": lanes})
    texts = {
        key: str(made.get(key) or "") for key in ("label", "note") if (step.get(key) or "") != (made.get(key) or "")
    }
    return [*found, *({"do": key, "step": name, key: text} for key, text in texts.items())]


def refused(document: Mapping[str, Any], after: Mapping[str, Any], one: OneStep) -> list[Problem]:
    """Mistakes that an edit would bring into its step, other than that something is still missing."""
    old = {(each.pointer, each.code) for each in journey.check(dict(document))[0]}
    return [
        each
        for each in journey.check(dict(after))[0]
        if each.code not in INCOMPLETE
        and (each.pointer, each.code) not in old
        and drafts.place(after, each.pointer) == one.step.get("id")
    ]


def said(found: Sequence[Problem], document: Mapping[str, Any], one: OneStep) -> dict[str, list[str]]:
    """Place below the step → what is wrong there, in words; '' is the step as a whole."""
    table: dict[str, list[str]] = {}
    for problem in found:
        if drafts.place(document, problem.pointer) != one.step.get("id"):
            continue
        place = problem.pointer.removeprefix(one.pointer).lstrip("/")
        words = remedies.title(problem)
        if words not in table.setdefault(place, []):
            table[place].append(words)
    return table
