"""What a journey as a whole may not be: too large, endless, with steps nobody reaches. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from campaigns.plan import Plan
from campaigns.reading import Notes, below
from campaigns.rings import rings
from campaigns.terms import Watch, is_about_goal
from campaigns.types import END
from crm.errors import Problem

LARGEST: Final = 1_000_000
DEEPEST_JSON: Final = 64
MOST_VALUES: Final = 100_000
KEEPS_WRITING: Final = ("cart", "win-back")

_MESSAGE: Final = frozenset({"message_id", "run_id", "campaign_id", "step", "channel", "reason", "url", "machine"})
# First words of the properties of events whose shape is ours or a standard's; others may carry anything.
CARRIED: Final[Mapping[str, frozenset[str]]] = {
    **{
        f"Message {word}": _MESSAGE
        for word in (
            "Sent",
            "Delivered",
            "Opened",
            "Clicked",
            "Replied",
            "Bounced",
            "Complained",
            "Unsubscribed",
            "Skipped",
        )
    },
    "Contact Created": frozenset({"source"}),
    "Card Linked": frozenset({"card", "store"}),
    "Consent Requested": frozenset({"purpose", "channel", "action", "method", "source"}),
    "Consent Changed": frozenset({"purpose", "channel", "action", "method", "source", "state"}),
    "Stage Requested": frozenset({"stage", "forward_only"}),
    "Stage Changed": frozenset({"stage", "from", "to", "cause"}),
    "Store Visited": frozenset({"store"}),
    "Card Scanned": frozenset({"card", "store"}),
    "Product Viewed": frozenset(
        {
            "product_id",
            "sku",
            "category",
            "name",
            "brand",
            "variant",
            "price",
            "quantity",
            "coupon",
            "currency",
            "position",
            "value",
            "url",
            "image_url",
        }
    ),
    "Products Searched": frozenset({"query"}),
}


def measure(document: Any) -> Problem | None:
    """The first reason not even to read a document: its size, its depth, or what JSON cannot hold."""
    size, values, stack = 0, 0, [(document, "", 0)]
    while stack:
        value, pointer, depth = stack.pop()
        values += 1
        trouble = _unreadable(value)
        if trouble:
            return Problem(pointer, "bad_value", trouble)
        if depth > DEEPEST_JSON:
            deep = f"The document is more than {DEEPEST_JSON} levels deep; flatten it."
            return Problem(pointer[:200], "too_deep", deep)
        size += len(value) + 2 if isinstance(value, str) else 4
        if isinstance(value, dict):
            size += sum(len(key) + 4 for key in value if isinstance(key, str))
            stack.extend((inner, below(pointer, key), depth + 1) for key, inner in value.items())
        elif isinstance(value, list):
            stack.extend((inner, below(pointer, index), depth + 1) for index, inner in enumerate(value))
        if size > LARGEST or values > MOST_VALUES or len(stack) > MOST_VALUES:
            return Problem("", "too_large", "The document is larger than 1 MB of JSON; shorten or split it.")
    return None


def _unreadable(value: Any) -> str:
    if isinstance(value, dict):
        bad = [key for key in value if not isinstance(key, str) or _unstorable(key)]
        return "Every key must be plain text." if bad else ""
    if isinstance(value, str):
        bad_text = "A text holds a character that cannot be stored (NUL or half a pair); remove it."
        return bad_text if _unstorable(value) else ""
    if isinstance(value, float) and not math.isfinite(value):
        return "Numbers must be finite."
    if isinstance(value, int) and abs(value) > 10**15:
        return "This number is too large."
    return "" if value is None or isinstance(value, (bool, int, float, list)) else "This is no JSON value."


def _unstorable(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text)


def examine(plan: Plan, notes: Notes) -> Plan:
    """The plan with its cycles marked, after noting what is wrong with the whole of it."""
    _goto_nowhere(plan, notes)
    plan = _settle_cycles(plan)
    _unreachable(plan, notes)
    _endless(plan, notes)
    _goal(plan, notes)
    _keys(plan, notes)
    if not plan.terms.holdout_pct:
        notes.warn("/holdout_pct", "no_holdout", "Nobody is held out: what the campaign brings cannot be measured.")
    return plan


def _goto_nowhere(plan: Plan, notes: Notes) -> None:
    for one in plan.instructions.values():
        for target in one.step.jumps().values():
            if target and target not in plan.instructions:
                notes.refuse(
                    f"{one.pointer}/config/step",
                    "unknown_step",
                    f"Step {one.id}: no step is called {target!r}; name one of this journey.",
                )


def _settle_cycles(plan: Plan) -> Plan:
    """Mark the steps of cycles. A goto that closes none always jumps: its `next` leads nowhere."""
    table = dict(plan.instructions)
    while True:
        ring = rings(table, lambda name: table[name].next.values())
        straight = [
            one
            for one in table.values()
            if "next" in one.next
            and (jump := one.step.jumps().get("jump")) is not None
            and (ring.get(jump) is None or ring.get(jump) != ring.get(one.id))
        ]
        if not straight:
            break
        for one in straight:
            table[one.id] = replace(one, next={"jump": one.next["jump"]})
    return replace(
        plan, instructions={name: replace(one, counted=ring.get(name) is not None) for name, one in table.items()}
    )


def _unreachable(plan: Plan, notes: Notes) -> None:
    seen, todo = {END}, [plan.start]
    while todo:
        name = todo.pop()
        if name in seen or name not in plan.instructions:
            continue
        seen.add(name)
        todo.extend(plan.instructions[name].next.values())
    for one in plan.instructions.values():
        if one.id not in seen:
            notes.refuse(
                one.pointer,
                "unreachable_step",
                f"Step {one.id}: nobody can reach it, all ways above end or jump; remove it or move it up.",
            )


def _endless(plan: Plan, notes: Notes) -> None:
    """Every cycle needs a port that is only left a positive time after arrival."""
    table = plan.instructions
    ring = rings(
        table,
        lambda name: (target for port, target in table[name].next.items() if port not in table[name].step.timed()),
    )
    told = set()
    for one in table.values():
        number = ring.get(one.id)
        if number is None or number in told or not one.step.jumps():
            continue
        told.add(number)
        members = [name for name in table if ring.get(name) == number]
        notes.refuse(
            one.pointer,
            "endless",
            f"Step {one.id}: the cycle {' → '.join(members[:8])} takes no time; put a wait.duration into it.",
        )


def _goal(plan: Plan, notes: Notes) -> None:
    settings = plan.terms
    if settings.goal is None:
        notes.warn("/goal", "no_goal", "The campaign has no goal: its report cannot count conversions.")
    elif settings.objective in KEEPS_WRITING and not any(is_about_goal(settings, one) for one in plan.exits):
        notes.refuse(
            "/exit",
            "no_exit_on_goal",
            f"Campaign: with objective {settings.objective}, people who did {settings.goal.watch.event} would go on "
            f'being written to; add {{"event": "{settings.goal.watch.event}"}} to exit.',
        )


def _keys(plan: Plan, notes: Notes) -> None:
    """Warn of events that can never carry the key by which they should find a run."""
    watches = [one.watch for one in plan.exits if one.watch]
    watches += [plan.goal.watch] if plan.goal else []
    for one in plan.instructions.values():
        watches += getattr(one.step, "watches", ())
    for watch in watches:
        _key(watch, notes)


def _key(watch: Watch, notes: Notes) -> None:
    carried = CARRIED.get(watch.event)
    if not watch.key_path or "key" not in watch.match or carried is None:
        return
    if watch.key_path.split(".")[0] in carried:
        return
    others = [word.replace("_", " ") for word in watch.match if word != "key"]
    then = f"runs will be found by {', then '.join(others)}" if others else "it will find no run"
    notes.warn(
        watch.pointer,
        "key_never_carried",
        f"{watch.event} never carries properties.{watch.key_path}: {then}.",
    )
