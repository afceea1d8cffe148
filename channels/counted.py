"""How many offers somebody has had of those they may have, and when the next one may go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from channels import gate, limits
from crm import moments, whereabouts


@dataclass(frozen=True)
class Use:
    """`free_at`: the instant of the next free place, None: now. Rolling days, over all channels.
    `most` None: there is no limit over all."""

    used: int
    most: int | None
    days: int
    free_at: datetime | None
    quiet_from: str
    quiet_until: str


def of(contact_id: int, zone: str, now: datetime) -> Use:
    house = limits.house()
    person = whereabouts.people([contact_id]).get(contact_id, whereabouts.NOBODY)
    begins, ends = house.quiet(person.place().country)
    wish = limits.wished([contact_id]).get(contact_id)
    counted = limits.counted([contact_id], house, now, [wish] if wish else ()).get(contact_id, [])
    caps = [wish] if wish else []
    caps += [] if house.cap is None else [gate.Cap(house.cap, house.cap_days)]
    # The tightest one is shown.
    tight = min(caps, key=lambda cap: cap.messages / cap.days, default=None)
    days = tight.days if tight else house.cap_days
    within = [each for each in counted if each.at > now - timedelta(days=days)]
    frees = [at for cap in caps if (at := gate.next_free(counted, cap, now, zone)) is not None]
    free = max(frees, default=None)
    if free is not None:
        free = moments.quiet_end(free, zone, begins, ends) or free
    return Use(len(within), tight.messages if tight else None, days, free, f"{begins:%H:%M}", f"{ends:%H:%M}")
