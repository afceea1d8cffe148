"""Who else has a draft open. The one writer of `campaigns_presence`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from campaigns.models import Campaign, Presence

FRESH: Final = timedelta(seconds=50)


def note(campaign: Campaign, user_id: int, name: str, now: datetime) -> None:
    """This person has the draft open at this moment."""
    Presence.objects.update_or_create(campaign=campaign, user_id=user_id, defaults={"name": name[:160], "seen_at": now})
    Presence.objects.filter(campaign=campaign, seen_at__lt=now - FRESH * 10).delete()


def others(campaign: Campaign, user_id: int, now: datetime) -> list[str]:
    rows = Presence.objects.filter(campaign=campaign, seen_at__gte=now - FRESH).exclude(user_id=user_id)
    return list(rows.order_by("name").values_list("name", flat=True)[:6])
