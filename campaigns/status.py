"""How a campaign stands, in one word; and what a list wants to know of many, in a fixed number of queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign

# What the list can be asked for, in the order offered.
STATES: Final[dict[str, Promise]] = {
    "draft": gettext_lazy("Draft"),
    "live": gettext_lazy("Live"),
    "paused": gettext_lazy("Paused"),
    "ended": gettext_lazy("Finished or stopped"),
    "archived": gettext_lazy("Archived"),
}
# So many messages that failed for good within a day want somebody's attention.
FAILURES: Final = 3
DAY: Final = timedelta(days=1)

# One row a campaign. A document is looked into by the database: it may be a megabyte.
FACTS = """
SELECT c.id, v.number, c.document IS DISTINCT FROM v.document,
  jsonb_path_query_array(coalesce(v.document, c.document), '$.**.type ? (@ like_regex "^send[.]")'),
  jsonb_path_query_array(coalesce(v.document, c.document), '$.entry[*].type'),
  (SELECT min(o.due_at) FROM campaigns_occurrence o WHERE o.campaign_id = c.id AND o.done_at IS NULL),
  EXISTS (SELECT FROM campaigns_occurrence o WHERE o.campaign_id = c.id AND (o.cursor > 0 OR o.done_at IS NOT NULL)),
  greatest(c.created_at, c.published_at, c.paused_at, c.resumed_at, c.ended_at,
           (SELECT max(e.at) FROM campaigns_edit e WHERE e.campaign_id = c.id)),
  (v.document -> 'goal' ->> 'target')::bigint,
  (SELECT count(*) FROM channels_message m WHERE m.campaign_id = c.id AND m.state = 'failed' AND m.settled_at > %s),
  c.document -> 'entry' -> 0 ->> 'at'
FROM campaigns_campaign c LEFT JOIN campaigns_version v ON v.id = c.version_id
WHERE c.id = ANY(%s)
"""
INSIDE = """
SELECT campaign_id, count(*) FROM campaigns_enrolment WHERE state <> 'done' GROUP BY campaign_id
HAVING campaign_id = ANY(%s)
"""
CONVERTED = "SELECT campaign_id, count(*) FROM campaigns_conversion WHERE campaign_id = ANY(%s) GROUP BY campaign_id"


@dataclass(frozen=True)
class Facts:
    """What is known of a campaign beside its row."""

    number: int | None = None
    has_draft: bool = False
    channels: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    next_run: datetime | None = None
    begun: bool = False
    updated_at: datetime | None = None
    target: int | None = None
    failed: int = 0
    planned_at: str = ""


@dataclass(frozen=True)
class Status:
    """`tone` is a chip's class."""

    code: str
    words: str
    tone: str = ""


@dataclass
class Figures:
    """What takes counting: shown a moment after the list."""

    inside: dict[int, int] = field(default_factory=dict)
    converted: dict[int, int] = field(default_factory=dict)


def facts(campaign_ids: Sequence[int], now: datetime) -> dict[int, Facts]:
    """One query for all of them."""
    with connection.cursor() as cursor:
        cursor.execute(FACTS, [now - DAY, list(campaign_ids)])
        return {row[0]: _facts(row) for row in cursor.fetchall()}


def _facts(row: tuple[Any, ...]) -> Facts:
    _id, number, differs, sends, entries, due, begun, updated, target, failed, planned = row
    return Facts(
        number,
        number is not None and differs,
        tuple(dict.fromkeys(str(kind).removeprefix("send.") for kind in _list(sends))),
        tuple(str(kind) for kind in _list(entries)),
        due,
        begun,
        updated,
        target,
        failed,
        planned or "",
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else list(json.loads(value or "[]"))


def of(campaign: Campaign, known: Facts, inside: int | None = None) -> Status:
    """`inside`: how many are in the journey, where somebody has counted; a finished one is over without."""
    state = campaign.state
    if state == Campaign.State.DRAFT:
        return Status("draft", _("Draft"), "warn")
    if state == Campaign.State.PAUSED:
        return Status("paused", _("Paused"), "warn")
    if state == Campaign.State.STOPPED:
        return Status("stopping", _("Stopping"), "") if campaign.sweep else Status("ended", _("Ended"), "")
    if state == Campaign.State.FINISHED:
        return Status("ended", _("Ended"), "") if inside == 0 else Status("finishing", _("Finishing"), "info")
    if known.failed >= FAILURES:
        return Status("attention", _("Needs attention"), "bad")
    if is_scheduled(known):
        return Status("scheduled", _("Scheduled"), "info")
    if known.has_draft:
        return Status("live_draft", _("Live + draft"), "ok")
    return Status("live", _("Live v%(number)s") % {"number": known.number}, "ok")


def is_scheduled(known: Facts) -> bool:
    """Nobody comes in before a date that has not come."""
    return bool(known.entries) and set(known.entries) == {"schedule"} and known.next_run is not None and not known.begun


def figures(campaign_ids: Sequence[int]) -> Figures:
    """How many are in the journey, and how many have reached the goal. Two queries."""
    found = Figures()
    with connection.cursor() as cursor:
        for sql, table in ((INSIDE, found.inside), (CONVERTED, found.converted)):
            cursor.execute(sql, [list(campaign_ids)])
            table.update(cursor.fetchall())
    return found


def chosen(state: str, text: str, owner: int | None) -> QuerySet[Campaign]:
    """The campaigns a list shows for these filters; what is archived only when asked for."""
    rows = Campaign.objects.defer("document").select_related("owner")
    rows = rows.filter(archived_at__isnull=False) if state == "archived" else rows.filter(archived_at=None)
    if state == "ended":
        rows = rows.filter(state__in=(Campaign.State.FINISHED, Campaign.State.STOPPED))
    elif state in ("draft", "live", "paused"):
        rows = rows.filter(state=state)
    if text:
        rows = rows.filter(name__icontains=text)
    if owner is not None:
        rows = rows.filter(owner_id=owner)
    return rows


def named(text: str, limit: int) -> Iterable[Campaign]:
    """For the search of the top bar: part of a name, those that begin so first."""
    rows = Campaign.objects.defer("document").filter(Q(name__icontains=text), archived_at=None).order_by("-id")[:limit]
    return sorted(rows, key=lambda each: not each.name.casefold().startswith(text.casefold()))
