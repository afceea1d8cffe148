"""How somebody stood in the funnel, for the copy of their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analytics.models import ContactStage, StageChange


def stage(contact_ids: Sequence[int]) -> dict[str, Any]:
    """The stage now, and how they came there. Two queries."""
    now = ContactStage.objects.filter(contact__in=contact_ids).order_by("since").last()
    changes = StageChange.objects.filter(contact__in=contact_ids).order_by("at", "pk")
    return {
        "now": {"stage": now.stage, "since": now.since.isoformat()} if now else None,
        "before": [
            {"from": each.before, "to": each.after, "at": each.at.isoformat(), "because_of": each.cause}
            for each in changes
        ],
    }
