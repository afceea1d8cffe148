"""Until when a permission that rests on a relation lasts: reckoned from purchases and inquiries, and again at
each new one (C16, C20). For how many months is the law's to say (`crm.regions`).

The reactor only notes whose relation went on; the round reckons, a batch at a time, with the contacts locked,
and records the new end as a receipt of its own. Nothing is ever shortened, and no no is lifted.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from crm import clock, consent, permission, regions, sending, timeline, whereabouts

BATCH: Final = 500
PURCHASE: Final = "Order Completed"
INQUIRIES: Final = ("Inquiry Made", "Form Submitted", "Quote Requested", "Message Replied")
CHANGED: Final = "Consent Changed"

NOTE: Final = """
INSERT INTO crm_renewal (contact_id)
SELECT DISTINCT s.contact_id FROM crm_consentstate s
WHERE s.contact_id = ANY(%s) AND (s.state = 'soft' OR (s.state = 'expired' AND s.basis = ANY(%s)))"""
# What was noted, and permissions without an end: imports tell nobody.
TAKE: Final = """
WITH taken AS (
  DELETE FROM crm_renewal WHERE id IN (SELECT id FROM crm_renewal ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
  RETURNING contact_id
)
SELECT contact_id FROM taken
UNION
(SELECT contact_id FROM crm_consentstate WHERE state = 'soft' AND expires_at IS NULL LIMIT %s)"""
PENDING: Final = """
SELECT (SELECT count(*) FROM (SELECT FROM crm_renewal LIMIT 10000) noted)
     + (SELECT count(*) FROM (
         SELECT FROM crm_consentstate WHERE state = 'soft' AND expires_at IS NULL LIMIT 10000) endless)"""
STATES: Final = """
SELECT s.contact_id, s.purpose, s.channel, s.address_id, s.basis, s.since, s.expires_at, r.method,
       bought.at, asked.at, s.state = 'expired'
FROM crm_consentstate s
JOIN crm_consentreceipt r ON r.id = s.receipt_id
LEFT JOIN LATERAL (
  SELECT max(o.occurred_at) AS at FROM crm_order o
  WHERE o.contact_id = s.contact_id AND o.occurred_at <= %s AND o.state <> 'cancelled'
) bought ON true
LEFT JOIN LATERAL (
  SELECT max(e.occurred_at) AS at FROM crm_event e
  WHERE e.contact_id = s.contact_id AND e.name = ANY(%s) AND e.occurred_at <= %s
) asked ON true
WHERE s.contact_id = ANY(%s) AND (s.state = 'soft' OR (s.state = 'expired' AND s.basis = ANY(%s)))
ORDER BY s.contact_id, s.purpose, s.channel, s.address_id"""


@dataclass(frozen=True)
class Soft:
    """A permission on a relation, and the last signs of that relation. `lapsed`: its end has come, at `since`."""

    contact_id: int
    purpose: str
    channel: str
    address_id: int | None
    basis: str
    since: datetime
    expires_at: datetime | None
    method: str
    bought: datetime | None
    asked: datetime | None
    lapsed: bool = False


def note(facts: Sequence[timeline.Fact]) -> None:
    """A reactor: whose relation went on, or was just recorded."""
    contacts = sorted(
        {
            fact.contact_id
            for fact in facts
            if fact.name == PURCHASE or fact.name in INQUIRIES
            or (fact.name == CHANGED and fact.properties.get("state") == "soft")
        }
    )  # fmt: skip
    if contacts:
        with connection.cursor() as cursor:
            cursor.execute(NOTE, [contacts, list(permission.SOFT_BASES)])


def work() -> int:
    """Reckon a batch. Returns how many contacts were looked at."""
    now = clock.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(TAKE, [BATCH, BATCH])
            contacts = [contact for (contact,) in cursor.fetchall()]
        if contacts:
            people = whereabouts.lock(contacts)
            consent.record(_renewed(_soft(contacts, now), people, now), now=now)
    return len(contacts)


def pending() -> int:
    with connection.cursor() as cursor:
        cursor.execute(PENDING)
        return int(cursor.fetchone()[0])


def ends(soft: Soft, lapse: regions.Lapse) -> tuple[datetime, datetime, str]:
    """(until when it lasts, the sign it counts from, what sign that is). Pure.

    The statement itself is the first sign: the sale the address was got in, or the inquiry.
    """
    bought = max((each for each in (soft.bought, _when(soft, "soft_opt_in")) if each), default=None)
    asked = max((each for each in (soft.asked, _when(soft, "legitimate_interest")) if each), default=None)
    found = [
        (later(sign, months), sign, why)
        for sign, months, why in ((bought, lapse.purchase, "purchase"), (asked, lapse.inquiry, "inquiry"))
        if sign is not None and months
    ]
    # A ground that no rule of the place counts for is kept as long as a purchase would be.
    return max(found) if found else (later(soft.since, regions.HOUSE_LAPSE.purchase), soft.since, "statement")


def later(at: datetime, months: int) -> datetime:
    """The same day so many months on; the last of the month where there is none such."""
    place = at.month - 1 + months
    year, month = at.year + place // 12, place % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def _when(soft: Soft, basis: str) -> datetime | None:
    return soft.since if soft.basis == basis and not soft.lapsed else None


def _soft(contacts: Sequence[int], now: datetime) -> list[Soft]:
    with connection.cursor() as cursor:
        cursor.execute(STATES, [now, list(INQUIRIES), now, list(contacts), list(permission.SOFT_BASES)])
        return [Soft(*row) for row in cursor.fetchall()]


def _goes_on(soft: Soft, until: datetime, sign: datetime) -> bool:
    """Nothing is shortened; what has lapsed comes back by something that happened after its end alone."""
    if soft.lapsed:
        return sign > soft.since
    return soft.expires_at is None or until > soft.expires_at


def _renewed(states: Sequence[Soft], people: dict[int, whereabouts.Person], now: datetime) -> list[consent.Statement]:
    switches = sending.current().switches()
    found = []
    for soft in states:
        country = people.get(soft.contact_id, whereabouts.NOBODY).place().country
        until, sign, why = ends(soft, regions.lapse(country, now.date(), switches))
        if _goes_on(soft, until, sign):
            found.append(
                consent.Statement(
                    soft.contact_id, soft.purpose, soft.channel, "granted", soft.basis, soft.method,
                    f"{permission.RENEWED}{why}", occurred_at=min(sign, now), address_id=soft.address_id,
                    expires_at=until, evidence={"because": why, "at": sign.isoformat()},
                )
            )  # fmt: skip
    return found
