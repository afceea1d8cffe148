"""A made-up segment goes, if nothing that stays asks about it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from crm.models import Segment, SegmentChange, SegmentMember
from crm.segments import upkeep


def remove(segments: Sequence[int]) -> list[int]:
    """Answers those that went. The caller is in a transaction."""
    upkeep.lock_all()
    free = [number for number in segments if not _asked_about(number, segments)]
    SegmentMember.objects.filter(segment_id__in=free).delete()
    SegmentChange.objects.filter(segment_id__in=free).delete()
    Segment.objects.filter(pk__in=free).delete()
    return free


def recount() -> None:
    """How many are in each segment, after people have gone without having left one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_segment s SET count = m.n
               FROM (SELECT s.id, (SELECT count(*) FROM crm_segmentmember m WHERE m.segment_id = s.id) AS n
                     FROM crm_segment s WHERE s.archived_at IS NULL) AS m
               WHERE m.id = s.id AND s.count <> m.n"""
        )


def _asked_about(number: int, going: Sequence[int]) -> bool:
    others = Segment.objects.filter(mentions__contains=[f"segment:{number}"]).exclude(pk__in=going)
    return others.exists()
