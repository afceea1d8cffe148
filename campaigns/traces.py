"""The way runs came, the lanes they were dealt, the goals they reached.

The one writer of Visit, Arm and Conversion. Visits are append-only, in month partitions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from campaigns import runs
from campaigns.types import Trace
from crm import arrays, partitions

# The visit that says how a run began; it stands before every step.
ENTERED = "entered"

WALK = """
INSERT INTO campaigns_visit (run_id, campaign_id, contact_id, step, visit, at, port, reason, detail)
SELECT new.run, new.campaign, new.contact, way.step, way.visit, %s, way.port, way.reason, way.detail
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[]) WITH ORDINALITY
     AS new(run, campaign, contact, way, place)
JOIN unnest(%s::int[], %s::text[], %s::int[], %s::text[], %s::text[], %s::jsonb[]) WITH ORDINALITY
     AS way(way, step, visit, port, reason, detail, place) ON way.way = new.way
ORDER BY new.place, way.place
"""


class Walker(NamedTuple):
    run_id: int
    campaign_id: int
    contact_id: int


@dataclass(frozen=True, slots=True)
class Reached:
    """A row of Conversion, before it exists."""

    run_id: int
    campaign_id: int
    contact_id: int
    event: int | None
    at: datetime
    value: Decimal | None
    currency: str
    held_out: bool


def walk(ways: Sequence[tuple[Walker, tuple[Trace, ...]]], now: datetime) -> None:
    """Keep the way each run came. The same way is sent once, however many came by it."""
    numbers: dict[int, int] = {}
    lines: list[tuple[Any, ...]] = []
    walkers: list[Walker] = []
    taken: list[int] = []
    for walker, way in ways:
        if not way:
            continue
        number = numbers.get(id(way))
        if number is None:
            number = numbers[id(way)] = len(numbers) + 1
            lines.extend(
                (number, line.step, line.visit, line.port, line.reason[:40], _json(line.detail)) for line in way
            )
        walkers.append(walker)
        taken.append(number)
    if not walkers:
        return
    partitions.ensure_months("campaigns_visit", [now])
    with connection.cursor() as cursor:
        cursor.execute(
            WALK,
            [
                now,
                runs.literal(w.run_id for w in walkers),
                runs.literal(w.campaign_id for w in walkers),
                runs.literal(w.contact_id for w in walkers),
                runs.literal(taken),
                *arrays.parameters(lines, 6),
            ],
        )


def _json(detail: Mapping[str, Any] | None) -> str | None:
    return None if detail is None else json.dumps(detail, default=str, ensure_ascii=False)


def dealt(campaign_id: int, contact_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The lanes these contacts have in the random splits of a campaign: contact -> step -> lane."""
    found: dict[int, dict[str, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contact_id, step, lane FROM campaigns_arm WHERE campaign_id = %s AND contact_id = ANY(%s)",
            [campaign_id, list(contact_ids)],
        )
        for contact, step, lane in cursor.fetchall():
            found.setdefault(contact, {})[step] = lane
    return found


class Redealt(Exception):
    """Another run of the same contact was dealt another lane a moment ago; that one stays."""


def deal(arms: Sequence[tuple[int, str, int, str]]) -> None:
    """(campaign, step, contact, lane): remembered for ever; the first deal stays.

    Raises Redealt where another lane is remembered than the one dealt here: two runs of one
    contact met in a split, on versions with different weights, and the page took the wrong way.
    """
    if not arms:
        return
    kept = arrays.insert(
        "campaigns_arm",
        {"campaign_id": "bigint", "step": "text", "contact_id": "bigint", "lane": "text"},
        arms,
        conflict="DO NOTHING",
        returning="campaign_id, step, contact_id, lane",
    )
    known = {row[:3]: row[3] for row in kept}
    missing = [arm for arm in arms if known.get(arm[:3]) != arm[3]]
    if not missing:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT a.campaign_id, a.step, a.contact_id, a.lane
               FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS m(campaign, step, contact)
               JOIN campaigns_arm a ON a.campaign_id = m.campaign AND a.step = m.step AND a.contact_id = m.contact""",
            [[arm[place] for arm in missing] for place in range(3)],
        )
        known |= {row[:3]: row[3] for row in cursor.fetchall()}
    if any(known.get(arm[:3]) != arm[3] for arm in missing):
        raise Redealt


CONVERT = {
    "run_id": "bigint",
    "campaign_id": "bigint",
    "contact_id": "bigint",
    "event": "bigint",
    "at": "timestamptz",
    "value": "numeric",
    "currency": "text",
    "held_out": "boolean",
}


def convert(reached: Sequence[Reached]) -> list[int]:
    """Note goals, once a run. Answers the runs for which it is new."""
    rows = [(r.run_id, r.campaign_id, r.contact_id, r.event, r.at, r.value, r.currency, r.held_out) for r in reached]
    new = arrays.insert("campaigns_conversion", CONVERT, rows, conflict="DO NOTHING", returning="run_id")
    return [run for (run,) in new]
