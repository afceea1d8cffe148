"""People who were asked to confirm, never did, and are known by nothing else: after 30 days nothing is kept of them.

Sign-ups made up by machines would triple every count. Whoever ever bought, said anything else, was put on a list or
got another message is somebody, and stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from crm import audit, clock, publicids, registry
from crm.identity import removal

ROUND: Final = "crm.unconfirmed"
KEPT: Final = timedelta(days=30)
BATCH: Final = 200
# What comes of asking itself, or of being in the house at all, is no sign of a person.
NO_SIGN: Final = frozenset({
    "crm_confirmation", "crm_consentstate", "crm_event", "crm_reaction", "crm_dirty", "crm_segmentmember",
    "crm_segmentchange", "crm_contactchange", "crm_demoitem", "analytics_contactstage", "analytics_stagechange",
    "channels_message", "campaigns_candidate", "campaigns_refusal", "crm_formanswer", "crm_formletter",
})  # fmt: skip
EVENTS: Final = (
    "Contact Created", "Consent Requested", "Consent Changed", "Segment Entered", "Segment Left", "Stage Changed",
    "Form Submitted",
)  # fmt: skip
STATES: Final = ("unknown", "requested", "granted_unconfirmed", "expired")
ASKED: Final = """
SELECT DISTINCT c.id FROM crm_contact c
JOIN crm_confirmation f ON f.contact_id = c.id AND f.confirmed_at IS NULL AND f.asked_at <= %(before)s
WHERE c.merged_into_id IS NULL AND NOT c.restricted
  AND NOT EXISTS (SELECT FROM crm_confirmation o WHERE o.contact_id = c.id
                  AND (o.confirmed_at IS NOT NULL OR o.asked_at > %(before)s))
  AND NOT EXISTS (SELECT FROM crm_contact m WHERE m.merged_into_id = c.id)
  AND NOT EXISTS (SELECT FROM crm_consentstate s WHERE s.contact_id = c.id AND NOT s.state = ANY(%(states)s))
  AND NOT EXISTS (SELECT FROM crm_identifier i WHERE i.contact_id = c.id AND i.kind IN ('card', 'external_id'))
  AND NOT EXISTS (SELECT FROM crm_event e WHERE e.contact_id = c.id AND NOT e.name = ANY(%(events)s)
                  AND (e.name NOT LIKE 'Message %%' OR e.name = 'Message Replied'))
  AND NOT EXISTS (SELECT FROM channels_message m WHERE m.contact_id = c.id AND m.slot NOT LIKE 'confirm:%%')
  {others} ORDER BY c.id LIMIT %(limit)s"""


def due(now: datetime, limit: int = BATCH) -> list[int]:
    """Whom the next purge would remove."""
    others = " ".join(
        f"AND NOT EXISTS (SELECT FROM {table} x WHERE x.{column} = c.id)"
        for table, column in sorted(set(removal.hanging()))
        if table not in NO_SIGN
    )
    params: dict[str, Any] = {
        "before": now - KEPT, "states": list(STATES), "events": list(EVENTS), "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(ASKED.format(others=others), params)
        return [contact for (contact,) in cursor.fetchall()]


def purge(now: datetime, *, dry_run: bool = False, actor: str = "system") -> list[int]:
    """Remove a batch of them, with their unconfirmed receipts. Answers whom; a dry run changes nothing."""
    with transaction.atomic():
        found = due(now)
        if found and not dry_run:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE crm_confirmation SET purged_at = %s WHERE contact_id = ANY(%s)", [now, found])
            removal.remove(found)
            for listen in registry.erasure_listeners:
                listen(found, now)
            names = [publicids.encode("ctc", number) for number in found]
            audit.record(actor, "unconfirmed.purge", f"{len(found)} contacts", None, {"contacts": names})
    return found


def work() -> int:
    return len(purge(clock.now()))


def pending() -> int:
    return len(due(clock.now()))
