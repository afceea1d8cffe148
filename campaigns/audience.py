"""Who may enter: everybody a campaign considers is written down, then let in or refused with a reason.

The one writer of Candidate, Refusal and RefusalCount. One call is one campaign; the number of
queries does not depend on how many people come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from campaigns import chance, runs, traces
from campaigns.plans import Door
from campaigns.terms import Entry
from campaigns.types import Trace
from crm import arrays, bell, moments, partitions, workspace
from crm.segments import audience as people

# Refusals are listed for this long, then only counted (decision A23).
KEPT = timedelta(days=90)
WORKSPACE_SALT = "workspace"

_ENTERED = (Trace("", 1, "", traces.ENTERED),)
_HELD_OUT = (Trace("", 1, "", traces.ENTERED, {"held_out": True}),)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may enter. `refusal` is a reason the asker already knows; `facts` is what the run
    will know of its entry ({"event", "id", "occurred_at", "properties", …})."""

    contact_id: int
    entry: Entry
    occurred_at: datetime
    key: str = ""
    event: int | None = None
    facts: Mapping[str, Any] | None = None
    refusal: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a candidate: a run, or the reason why not."""

    run_id: int | None
    reason: str = ""


@dataclass
class History:
    """What a contact has been through in this campaign, by key."""

    last_seq: dict[str, int] = field(default_factory=dict)
    inside: set[str] = field(default_factory=set)
    starts: int = 0
    last_start: datetime | None = None

    def enter(self, key: str, now: datetime) -> int:
        """Note one more start; its number among those of the key."""
        self.last_seq[key] = self.last_seq.get(key, 0) + 1
        self.inside.add(key)
        self.starts += 1
        self.last_start = now
        return self.last_seq[key]


@dataclass(frozen=True)
class Person:
    draw: str
    zone: str
    gone: str  # "merged", "erased", "restricted", or ""


def enter(door: Door, candidates: Sequence[Candidate], now: datetime) -> list[Verdict]:
    """Let candidates in, set-based, in one transaction. Answers in their order."""
    verdicts: list[Verdict] = []
    for start in range(0, len(candidates), arrays.BATCH):
        with transaction.atomic():
            verdicts += _enter(door, candidates[start : start + arrays.BATCH], now)
    return verdicts


def _enter(door: Door, candidates: Sequence[Candidate], now: datetime) -> list[Verdict]:
    closed = _closed(lock_open(door.campaign_id))
    _consider(door.campaign_id, candidates, now)
    reasons = [closed or each.refusal for each in candidates]
    ids = sorted({each.contact_id for each, reason in zip(candidates, reasons, strict=True) if not reason})
    known = _people(ids)
    for place, each in enumerate(candidates):
        reasons[place] = reasons[place] or _kept_out(door, known.get(each.contact_id))
    _ask_eligibility(door, candidates, reasons, now)
    entering = _sift(door, candidates, reasons, known, now)
    made = runs.insert([each for each in entering if each], now)
    verdicts = []
    for starting, reason in zip(entering, reasons, strict=True):
        run = made.get((starting.contact_id, starting.key)) if starting else None
        verdicts.append(Verdict(run, "" if run else reason or "already_inside"))
    _remember(door, candidates, entering, verdicts, now)
    return verdicts


def lock_open(campaign_id: int) -> str:
    """The state of a campaign, which cannot be paused or stopped before this transaction ends."""
    return lock_all_open([campaign_id]).get(campaign_id, "")


def lock_all_open(campaign_ids: Sequence[int]) -> dict[int, str]:
    """The same of several campaigns; in id order. Two statements: what is read must be newer than the lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_advisory_xact_lock_shared(%s + id)) FROM unnest(%s::bigint[]) AS id",
            [partitions.LOCK_CAMPAIGN, sorted(campaign_ids)],
        )
        cursor.execute("SELECT id, state FROM campaigns_campaign WHERE id = ANY(%s)", [list(campaign_ids)])
        return dict(cursor.fetchall())


def _closed(state: str) -> str:
    return {"live": "", "paused": "paused", "draft": "not_started", "": "not_started"}.get(state, "ended")


def _consider(campaign_id: int, candidates: Sequence[Candidate], now: datetime) -> None:
    rows = [(campaign_id, contact, now) for contact in sorted({each.contact_id for each in candidates})]
    arrays.insert(
        "campaigns_candidate",
        {"campaign_id": "bigint", "contact_id": "bigint", "at": "timestamptz"},
        rows,
        conflict="DO NOTHING",
    )


def _people(contact_ids: Sequence[int]) -> dict[int, Person]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, draw::text, zone, CASE WHEN merged_into_id IS NOT NULL THEN 'merged'
                      WHEN archived_at IS NOT NULL OR erased_at IS NOT NULL THEN 'erased'
                      WHEN restricted THEN 'restricted' ELSE '' END
               FROM crm_contact WHERE id = ANY(%s)""",
            [list(contact_ids)],
        )
        return {row[0]: Person(*row[1:]) for row in cursor.fetchall()}


def _kept_out(door: Door, person: Person | None) -> str:
    if person is None:
        return "erased"
    if person.gone:
        return person.gone
    pct = workspace.current().global_holdout_pct
    if pct and door.version.plan.terms.respect_global_holdout and chance.held_out(WORKSPACE_SALT, person.draw, pct):
        return "global_holdout"
    return ""


def _ask_eligibility(door: Door, candidates: Sequence[Candidate], reasons: list[str], now: datetime) -> None:
    if door.version.eligibility is None:
        return
    asked = [place for place, reason in enumerate(reasons) if not reason]
    if not asked:
        return
    ids = sorted({candidates[place].contact_id for place in asked})
    answers = people.answers([door.version.eligibility], ids, now)
    for place in asked:
        if not answers.get(candidates[place].contact_id, (False,))[0]:
            reasons[place] = "eligibility"


def _sift(
    door: Door,
    candidates: Sequence[Candidate],
    reasons: list[str],
    known: Mapping[int, Person],
    now: datetime,
) -> list[runs.Entering | None]:
    """Decide on re-entry, one after the other: the second of two in a batch sees the first."""
    terms = door.version.plan.terms
    ids = sorted({each.contact_id for each, reason in zip(candidates, reasons, strict=True) if not reason})
    histories = _histories(door.campaign_id, ids)
    entering: list[runs.Entering | None] = []
    for place, each in enumerate(candidates):
        if not reasons[place]:
            person, history = known[each.contact_id], histories.setdefault(each.contact_id, History())
            reasons[place] = refused(history, each.entry, each.key, terms.concurrency, person.zone, now)
        if reasons[place]:
            entering.append(None)
            continue
        entering.append(
            runs.Entering(
                campaign_id=door.campaign_id,
                version_id=door.version.id,
                contact_id=each.contact_id,
                key=each.key,
                entry_seq=history.enter(each.key, now),
                lane=each.key if terms.concurrency == "one_per_key" else "",
                entry_index=each.entry.index,
                edition=each.entry.is_edition,
                held_out=chance.held_out(door.salt, person.draw, terms.holdout_pct),
                entry=each.facts,
                entry_occurred_at=each.occurred_at,
            )
        )
    return entering


def refused(history: History, entry: Entry, key: str, concurrency: str, zone: str, now: datetime) -> str:
    """Why somebody with this history may not start again; '' if they may."""
    if key in history.inside if concurrency == "one_per_key" else history.inside:
        return "already_inside"
    rule = entry.reentry
    if rule.kind == "never":
        return "reentry_never" if history.starts else ""
    if rule.kind == "every_key":
        return "key_seen" if key in history.last_seq else ""
    if rule.kind == "after" and history.last_start and rule.after:
        if now < moments.add(history.last_start, rule.after.value, rule.after.unit, zone):
            return "reentry_too_soon"
        if rule.times and history.starts >= rule.times:
            return "entry_cap"
    return ""


def _histories(campaign_id: int, contact_ids: Sequence[int]) -> dict[int, History]:
    found: dict[int, History] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT contact_id, key, max(entry_seq), count(*), max(entered_at), bool_or(state <> 'done')
               FROM campaigns_enrolment WHERE campaign_id = %s AND contact_id = ANY(%s)
               GROUP BY contact_id, key""",
            [campaign_id, list(contact_ids)],
        )
        for contact, key, seq, starts, last, inside in cursor.fetchall():
            history = found.setdefault(contact, History())
            history.last_seq[key] = seq
            history.starts += starts
            history.last_start = max(last, history.last_start or last)
            if inside:
                history.inside.add(key)
    return found


def _remember(
    door: Door,
    candidates: Sequence[Candidate],
    entering: Sequence[runs.Entering | None],
    verdicts: Sequence[Verdict],
    now: datetime,
) -> None:
    ways: list[tuple[traces.Walker, tuple[Trace, ...]]] = []
    refusals: list[tuple[Any, ...]] = []
    for each, run, verdict in zip(candidates, entering, verdicts, strict=True):
        if verdict.run_id and run:
            walker = traces.Walker(verdict.run_id, door.campaign_id, each.contact_id)
            ways.append((walker, _HELD_OUT if run.held_out else _ENTERED))
        else:
            detail = None if each.detail is None else dict(each.detail)
            refusals.append((door.campaign_id, each.contact_id, each.event, verdict.reason, detail, now))
    traces.walk(ways, now)
    refuse(refusals)
    if ways:
        bell.ring("campaigns.run")


REFUSE = {
    "campaign_id": "bigint",
    "contact_id": "bigint",
    "event": "bigint",
    "reason": "text",
    "detail": "jsonb",
    "at": "timestamptz",
}


def refuse(rows: Sequence[tuple[Any, ...]]) -> None:
    """(campaign, contact, event, reason, detail, at): once for the same event and reason, the last time it was."""
    once = {(row[0], row[1], row[2] or 0, row[3]): row for row in rows}
    arrays.insert(
        "campaigns_refusal",
        REFUSE,
        [once[place] for place in sorted(once)],
        conflict="(campaign_id, contact_id, reason, event) DO UPDATE SET at = excluded.at, detail = excluded.detail",
    )


# A person is counted once, by the reason that was last; somebody who entered is no refusal.
FOLD = """
WITH old AS (
  DELETE FROM campaigns_refusal WHERE id IN (
    SELECT id FROM campaigns_refusal WHERE at < %s ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED)
  RETURNING campaign_id, contact_id, reason, at, id
), last AS (
  SELECT DISTINCT ON (campaign_id, contact_id) campaign_id, contact_id, reason FROM old o
  WHERE NOT EXISTS (SELECT FROM campaigns_enrolment e
                    WHERE e.campaign_id = o.campaign_id AND e.contact_id = o.contact_id)
    AND NOT EXISTS (SELECT FROM campaigns_refusal n WHERE n.campaign_id = o.campaign_id
                    AND n.contact_id = o.contact_id AND NOT n.id IN (SELECT id FROM old))
  ORDER BY campaign_id, contact_id, at DESC, id DESC
), gone AS (
  DELETE FROM campaigns_candidate c USING last
  WHERE c.campaign_id = last.campaign_id AND c.contact_id = last.contact_id
), counted AS (
  INSERT INTO campaigns_refusalcount AS t (campaign_id, reason, n)
  SELECT campaign_id, reason, count(*) FROM last GROUP BY campaign_id, reason ORDER BY 1, 2
  ON CONFLICT (campaign_id, reason) DO UPDATE SET n = t.n + excluded.n
)
SELECT count(*) FROM old
"""


def fold(now: datetime) -> int:
    """Turn refusals older than their retention into numbers, a batch at a time."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FOLD, [now - KEPT, arrays.BATCH])
        return int(cursor.fetchone()[0])
