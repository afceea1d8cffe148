"""A made-up campaign goes, if nobody is left in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from campaigns import lifecycle, plans
from campaigns.models import Campaign

# Somebody real has been in it, or was written to by it: then it is no demo any more.
TRACES: Final = ("campaigns_enrolment", "campaigns_candidate", "channels_message")
BENEATH: Final = (
    "campaigns_occurrence", "campaigns_pendingentry", "campaigns_refusal", "campaigns_refusalcount", "campaigns_arm",
    "campaigns_edit", "campaigns_presence",
)  # fmt: skip


def close(campaigns: Sequence[int], actor: str, now: datetime) -> None:
    """Stop those that run, so that nobody comes in while people are taken out."""
    running = (Campaign.State.LIVE, Campaign.State.PAUSED, Campaign.State.FINISHED)
    for campaign in Campaign.objects.filter(pk__in=list(campaigns), state__in=running):
        lifecycle.stop(campaign, actor, now)


def remove(campaigns: Sequence[int]) -> tuple[list[int], list[int]]:
    """(those that went, those that stay because somebody real was in them). The caller is in a transaction."""
    stay = sorted({number for table in TRACES for number in _used(table, campaigns)})
    gone = [number for number in campaigns if number not in stay]
    with connection.cursor() as cursor:
        for table in BENEATH:
            cursor.execute(f"DELETE FROM {table} WHERE campaign_id = ANY(%s)", [gone])  # noqa: S608 - our own names
        cursor.execute("UPDATE campaigns_campaign SET version_id = NULL WHERE id = ANY(%s)", [gone])
        cursor.execute("DELETE FROM campaigns_version WHERE campaign_id = ANY(%s)", [gone])
        cursor.execute("DELETE FROM campaigns_campaign WHERE id = ANY(%s)", [gone])
    plans.forget()
    return gone, stay


def segments_of(campaigns: Sequence[int]) -> set[str]:
    """Texts of all other campaigns, to see whether one names a segment."""
    others = Campaign.objects.exclude(pk__in=list(campaigns))
    return {str(document) for document in others.values_list("document", flat=True)}


def _used(table: str, campaigns: Sequence[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT c.id FROM unnest(%s::bigint[]) AS c(id)
                WHERE EXISTS (SELECT FROM {table} t WHERE t.campaign_id = c.id)""",  # noqa: S608 - our own names
            [list(campaigns)],
        )
        return [number for (number,) in cursor.fetchall()]
