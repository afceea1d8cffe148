"""How an event finds a run: by its key, by a product they share, or any (decision A3). Pure.

Stopping too much is safer than sending: an event without a key that shares no product with
any run of the contact finds all of them; one that has another key never touches a run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from campaigns.terms import ExitRule, Terms, Watch, is_about_goal
from crm.segments import where

LISTS: Final = ("products", "lines", "items")
NAMES: Final = ("sku", "product_id")
MOST_LINES: Final = 1_000


@dataclass(frozen=True)
class Candidate:
    """An active run of the contact in the campaign. `skus`: `skus_of_entry(run.entry)`, or its cart's now."""

    run_id: int
    key: str
    skus: frozenset[str] = frozenset()


def happened(watch: Watch, name: str, properties: Mapping[str, Any]) -> bool:
    """Whether this is the event that is looked out for."""
    return watch.event == name and where.matches(watch.where, properties)


def find(watch: Watch, properties: Mapping[str, Any], runs: Collection[Candidate]) -> frozenset[int]:
    """Ids of the runs that an event (for which `happened`) finds. `runs`: all active runs of the
    contact in this campaign, or a product shared with one of them cannot spare the others."""
    if not watch.key_path:
        return frozenset(run.run_id for run in runs)
    value = value_at(properties, watch.key_path)
    if value is not None and "key" in watch.match:
        return frozenset(run.run_id for run in runs if run.key in ("", value))
    mine = skus(properties)
    sharing = frozenset(run.run_id for run in runs if run.skus & mine)
    if sharing and "shares_product" in watch.match:
        return sharing
    return frozenset(run.run_id for run in runs) if "any" in watch.match else frozenset()


def heard(
    watch: Watch, name: str, properties: Mapping[str, Any], run: Candidate, siblings: Sequence[frozenset[str]] = ()
) -> bool:
    """Whether an event counts for one run, given the skus of the contact's other active runs."""
    if not happened(watch, name, properties):
        return False
    others = [Candidate(-1 - number, "\x00", theirs) for number, theirs in enumerate(siblings)]
    return run.run_id in find(watch, properties, [run, *others])


def exit_outcome(terms: Terms, rule: ExitRule, properties: Mapping[str, Any]) -> str:
    """`converted` if what ends the run is the goal itself, else `exited`."""
    about = is_about_goal(terms, rule) and terms.goal is not None
    return "converted" if about and where.matches(terms.goal.watch.where, properties) else "exited"  # type: ignore[union-attr]


def value_at(properties: Mapping[str, Any], path: str) -> str | None:
    """The text at a path, as PostgreSQL's `#>>` gives it; None where there is none."""
    value: Any = properties
    for name in path.split("."):
        if isinstance(value, list) and name.lstrip("-").isdigit():
            place = int(name)
            value = value[place] if -len(value) <= place < len(value) else None
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def skus(properties: Mapping[str, Any]) -> frozenset[str]:
    """The products an event is about: its lines, or itself."""
    lines: list[Any] = [properties]
    for name in LISTS:
        inner = properties.get(name)
        lines += inner[:MOST_LINES] if isinstance(inner, list) else []
    found = [line.get(name) for line in lines if isinstance(line, Mapping) for name in NAMES]
    return frozenset(str(sku) for sku in found if isinstance(sku, (str, int)) and sku != "")


def skus_of_entry(entry: Mapping[str, Any]) -> frozenset[str]:
    """The products a run is about: of the event and of the cart that it came in with."""
    parts = [entry.get("properties"), entry.get("cart")]
    return frozenset().union(*(skus(part) for part in parts if isinstance(part, Mapping)))
