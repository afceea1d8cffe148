"""The stage of each contact, kept up: the one writer of ContactStage and StageChange."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from analytics import funnel
from analytics.funnel import Change, Happened, Ladder, Standing
from crm import arrays, profiling, timeline, workspace
from crm.consent import Withdrawal
from crm.errors import Problems
from crm.timeline import Fact, NewFact

log = logging.getLogger(__name__)

BATCH = 2_000
# The stage of whoever said no to being profiled: a row, so that whatever reads stages needs to know no more.
NONE = ""
IDENTIFIED = "EXISTS (SELECT FROM crm_identifier i WHERE i.contact_id = {} AND i.kind <> 'anonymous_id')"
# Whose silence counts: nothing is worked out about whoever is restricted.
LAPSING = f"""stage = ANY(%s) AND quiet_at <= %s
  AND NOT {profiling.RESTRICTED.format("analytics_contactstage.contact_id")}"""
_held: tuple[str, Ladder] | None = None


def ladder() -> Ladder:
    """The workspace's ladder; the default one while it is empty or cannot be read."""
    global _held
    written = workspace.current().stages
    key = json.dumps(written, sort_keys=True, default=str)
    if _held is None or _held[0] != key:
        try:
            _held = (key, funnel.ladder(written))
        except Problems as problems:
            log.warning("stages cannot be read", extra={"event": "stages_unreadable", "error": str(problems)})
            _held = (key, funnel.ladder())
    return _held[1]


def of(contact_ids: Sequence[int]) -> dict[int, str]:
    """The stage of each contact, as it stands; none of those who are not profiled. One query."""
    steps = ladder()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT c.id, coalesce(s.stage, %s), {IDENTIFIED.format("c.id")}
                FROM unnest(%s::bigint[]) AS c(id) LEFT JOIN analytics_contactstage s ON s.contact_id = c.id""",  # noqa: S608
            [steps.start, list(contact_ids)],
        )
        return {
            contact: steps.known if stage == steps.start and known else stage
            for contact, stage, known in cursor.fetchall()
            if stage != NONE
        }


def follow(facts: Sequence[Fact], now: datetime) -> None:
    """Fold these facts. The number of queries does not depend on how many they are."""
    steps = ladder()
    mine: dict[int, list[Fact]] = {}
    for fact in facts:
        if fact.name in steps.events or fact.name == "Contact Created":
            mine.setdefault(fact.contact_id, []).append(fact)
    obey([fact.contact_id for fact in facts if _is_about_profiling(fact)])
    if not mine:
        return
    standings, known = _standings(sorted(mine)), _identified(sorted(mine))
    mine = {
        contact: told
        for contact, told in mine.items()
        if contact in known and (contact not in standings or standings[contact].stage != NONE)
    }
    after: dict[int, Standing] = {}
    changes: list[tuple[int, Change, bool]] = []
    for contact, told in mine.items():
        happened = [Happened(fact.id, fact.name, fact.properties, fact.occurred_at) for fact in told]
        standing = standings.get(contact, Standing())
        after[contact], found = funnel.fold(steps, standing, happened, identified=known[contact])
        historic = {fact.id: fact.historic for fact in told}
        changes += [(contact, change, historic[change.event or 0]) for change in found]
    _write({contact: standing for contact, standing in after.items() if standing.stage})
    _tell(changes, now)


def fall_silent(now: datetime) -> int:
    """One batch of contacts whose silence ends their stage."""
    moved: list[tuple[int, Change, bool]] = []
    with transaction.atomic():
        for name, quiet in ladder().quiets.items():
            with connection.cursor() as cursor:
                cursor.execute(
                    f"""WITH due AS (
                         SELECT contact_id, stage, quiet_at + make_interval(secs => %s) AS at
                         FROM analytics_contactstage WHERE {LAPSING}
                         ORDER BY quiet_at LIMIT %s FOR UPDATE SKIP LOCKED)
                       UPDATE analytics_contactstage s SET stage = %s, since = due.at FROM due
                       WHERE s.contact_id = due.contact_id RETURNING s.contact_id, due.stage, due.at""",  # noqa: S608 - our own words
                    [quiet.span.total_seconds(), list(quiet.stages), now - quiet.span, BATCH, name],
                )
                moved += [
                    (contact, Change(stage, name, at, "time", None), False) for contact, stage, at in cursor.fetchall()
                ]
        _tell(moved, now)
    return len(moved)


def silent(now: datetime) -> int:
    """How many wait for that."""
    total = 0
    for quiet in ladder().quiets.values():
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM analytics_contactstage WHERE {LAPSING}",  # noqa: S608 - our own words
                [list(quiet.stages), now - quiet.span],
            )
            total += int(cursor.fetchone()[0])
    return total


def obey(contact_ids: Sequence[int]) -> None:
    """Whoever said no to being profiled has no stage from now on; whoever said yes again begins anew."""
    if not contact_ids:
        return
    ids = sorted(set(contact_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO analytics_contactstage (contact_id, stage, since, tally, quiet_at)
                SELECT c.id, %s, clock_timestamp(), '{{}}', NULL FROM unnest(%s::bigint[]) AS c(id)
                WHERE {profiling.REFUSED.format("c.id")} ORDER BY c.id
                ON CONFLICT (contact_id) DO UPDATE SET stage = excluded.stage, since = excluded.since,
                  tally = excluded.tally, quiet_at = NULL WHERE analytics_contactstage.stage <> excluded.stage
                RETURNING contact_id""",  # noqa: S608 - our own words
            [NONE, ids],
        )
        moved = cursor.fetchall()
        cursor.execute(
            f"""DELETE FROM analytics_contactstage WHERE contact_id = ANY(%s) AND stage = %s
                AND NOT {profiling.REFUSED.format("contact_id")} RETURNING contact_id""",  # noqa: S608
            [ids, NONE],
        )
        moved += cursor.fetchall()
    _mark([contact for (contact,) in moved])


def follow_withdrawals(withdrawals: Sequence[Withdrawal]) -> None:
    """In the transaction in which somebody says no."""
    obey([each.contact_id for each in withdrawals if each.purpose == profiling.PURPOSE])


def unheard() -> list[tuple[Any, ...]]:
    """Who has a stage although they said no to being profiled (invariant F2)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT s.contact_id, s.stage FROM analytics_contactstage s
                WHERE s.stage <> %s AND {profiling.REFUSED.format("s.contact_id")} ORDER BY 1 LIMIT 1000""",  # noqa: S608
            [NONE],
        )
        return list(cursor.fetchall())


def join(pairs: Sequence[tuple[int, int]]) -> None:
    """Contacts that turned out to be one person: one standing out of two."""
    standings = _standings(sorted({contact for pair in pairs for contact in pair}))
    joined: dict[int, Standing] = {}
    for loser, winner in pairs:
        one, other = joined.get(winner, standings.get(winner)), standings.get(loser)
        silenced = next((each for each in (one, other) if each and each.stage == NONE), None)
        if silenced:  # the no of either is the no of both
            joined[winner] = silenced
        elif one and other:
            joined[winner] = funnel.join(ladder(), one, other)
        elif other:
            joined[winner] = other
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_contactstage WHERE contact_id = ANY(%s)", [[loser for loser, _ in pairs]])
    _write(joined, always=True)


def _is_about_profiling(fact: Fact) -> bool:
    return fact.name == "Consent Changed" and fact.properties.get("purpose") == profiling.PURPOSE


def _standings(contacts: Sequence[int]) -> dict[int, Standing]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT contact_id, stage, since, tally, quiet_at FROM analytics_contactstage
               WHERE contact_id = ANY(%s) ORDER BY contact_id FOR UPDATE""",
            [list(contacts)],
        )
        return {row[0]: Standing(row[1], row[2], _object(row[3]), row[4]) for row in cursor.fetchall()}


def _identified(contacts: Sequence[int]) -> dict[int, bool]:
    """Those of them about whom something may be worked out, and whether they are known by more than a browser."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT c.id, {IDENTIFIED.format("c.id")} FROM unnest(%s::bigint[]) AS c(id)
                WHERE NOT {profiling.RESTRICTED.format("c.id")}""",  # noqa: S608
            [list(contacts)],
        )
        return dict(cursor.fetchall())


def _object(value: Any) -> Mapping[str, int]:
    found: Mapping[str, int] = json.loads(value) if isinstance(value, str) else value
    return found


def _write(standings: Mapping[int, Standing], *, always: bool = False) -> None:
    """A no that was said meanwhile stands, unless two contacts become one (`always`)."""
    meanwhile = "" if always else f" WHERE analytics_contactstage.stage <> '{NONE}'"
    arrays.insert(
        "analytics_contactstage",
        {"contact_id": "bigint", "stage": "text", "since": "timestamptz", "tally": "jsonb", "quiet_at": "timestamptz"},
        [
            (contact, standing.stage, standing.since, dict(standing.tally), standing.quiet_at)
            for contact, standing in sorted(standings.items())
        ],
        conflict=f"""(contact_id) DO UPDATE SET stage = excluded.stage, since = excluded.since,
            tally = excluded.tally, quiet_at = excluded.quiet_at{meanwhile}""",
    )


def _tell(changes: Sequence[tuple[int, Change, bool]], now: datetime) -> None:
    """History, the segments that ask about stages, and the timeline (not of a first stage: that is no change)."""
    if not changes:
        return
    arrays.insert(
        "analytics_stagechange",
        {
            "contact_id": "bigint",
            "before": "text",
            "after": "text",
            "at": "timestamptz",
            "cause": "text",
            "event": "bigint",
        },
        [(contact, each.before, each.after, each.at, each.cause[:80], each.event) for contact, each, _ in changes],
        conflict="DO NOTHING",
    )
    _mark([contact for contact, _, _ in changes])
    timeline.record(
        [
            NewFact(
                contact,
                funnel.CHANGED,
                {"from": each.before, "to": each.after, "cause": each.cause},
                occurred_at=min(each.at, now),
                historic=historic,
            )
            for contact, each, historic in changes
            if each.before
        ],
        now=now,
    )


def _mark(contacts: Sequence[int]) -> None:
    """Segments that ask about stages look at these people again."""
    if not contacts:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_dirty (contact, mention)
               SELECT DISTINCT contact, 'stage' FROM unnest(%s::bigint[]) AS m(contact)
               WHERE EXISTS (SELECT FROM crm_segment WHERE archived_at IS NULL AND 'stage' = ANY(mentions))""",
            [list(contacts)],
        )
