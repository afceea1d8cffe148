"""A customer of another store shows their card here: from now on this store sees them too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm import audit, publicids, timeline
from crm.errors import Problem
from crm.till import people
from crm.till.desk import Desk
from crm.till.entries import Done


def serve(desk: Desk, body: Mapping[str, Any], key: str, happened: datetime, now: datetime) -> Done:
    """The handler of an entry: `{text}`, the whole card, phone or e-mail they showed."""
    del key
    whole = people.holders(people.traces(str(body.get("text", "")), desk.store))
    person = people.living().filter(pk__in=whole, restricted=False).first() if len(whole) == 1 else None
    if person is None:
        raise Problem("/text", "not_found", "Nobody is known by this.")
    name = publicids.encode("ctc", person.pk)
    audit.record(desk.actor, "till.serve", name, None, {"store": desk.store.code})
    fact = timeline.NewFact(person.pk, "Store Visited", {"store": desk.store.code}, happened, channel="store",
                            source=desk.source)  # fmt: skip
    timeline.record([fact], now=now)
    return Done(person.pk, {"contact": name})
