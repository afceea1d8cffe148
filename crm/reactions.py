"""What this floor does about events: segments that mention them, for the people they happened to."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from crm import clock, registry
from crm.segments import upkeep
from crm.segments.upkeep import Touched
from crm.timeline import Fact


def keep_segments_up(facts: list[Fact]) -> None:
    """Ask only the rules that mention these events, only about these contacts."""
    touched = Touched(historic=_historic(facts))
    for fact in facts:
        touched.add(f"event:{fact.name}", fact.contact_id)
    upkeep.follow(touched, clock.now())


def join_memberships(pairs: list[tuple[int, int]]) -> None:
    """Before a contact is joined into another: where both are members, one membership goes."""
    upkeep.lock({contact for pair in pairs for contact in pair})
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH gone AS (
                 DELETE FROM crm_segmentmember l USING unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner)
                 WHERE l.contact_id = p.loser AND EXISTS (
                   SELECT FROM crm_segmentmember w WHERE w.segment_id = l.segment_id AND w.contact_id = p.winner)
                 RETURNING l.segment_id)
               UPDATE crm_segment s SET count = s.count - g.n
               FROM (SELECT segment_id, count(*) AS n FROM gone GROUP BY segment_id) g WHERE s.id = g.segment_id""",
            [[loser for loser, _ in pairs], [winner for _, winner in pairs]],
        )


def _historic(facts: Sequence[Fact]) -> frozenset[int]:
    """Contacts about whom we only heard old news: membership follows, nothing starts from it."""
    fresh = {fact.contact_id for fact in facts if not fact.historic}
    return frozenset(fact.contact_id for fact in facts) - fresh


registry.reactors.add("crm.segments", keep_segments_up, order=10)
registry.contact_joins.add("crm.segments", join_memberships, order=10)
