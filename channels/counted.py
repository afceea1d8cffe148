"""How many offers somebody has had of those they may have, and when the next one may go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from django.db import connection

from channels import gate
from crm import moments, workspace

COUNTED: Final = """
SELECT counted_at FROM channels_message
WHERE contact_id = %s AND counted_at > %s AND message_class = 'marketing' ORDER BY counted_at"""


@dataclass(frozen=True)
class Use:
    """`free_at`: the instant of the next free place, None: now. Rolling days, over all channels."""

    used: int
    most: int
    days: int
    free_at: datetime | None
    quiet_from: str
    quiet_until: str


def of(contact_id: int, zone: str, now: datetime) -> Use:
    space = workspace.current()
    # A workspace that was never saved has the texts of its defaults.
    begins, ends = (time.fromisoformat(str(each)) for each in (space.quiet_from, space.quiet_until))
    house = gate.House(begins, ends, space.cap_messages, space.cap_days)
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [contact_id, now - timedelta(days=house.cap_days)])
        counted = [at for (at,) in cursor.fetchall()]
    free = gate.next_free(counted, house, now)
    if free is not None:
        free = moments.quiet_end(free, zone, house.quiet_from, house.quiet_until) or free
    return Use(len(counted), house.cap, house.cap_days, free, f"{begins:%H:%M}", f"{ends:%H:%M}")
