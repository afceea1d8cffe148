"""The decision of `crm.permission.decide`, asked of the database for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from crm import words
from crm.permission import DOUBLE, HEALTH, Key, Standing

STANDINGS = """
SELECT k.place, s.state, s.basis, s.since, s.expires_at, s.paused_until, s.receipt_id, t.since, a.health,
       x.reasons, x.sinces, x.untils,
       k.medium = '' OR (a.medium = k.medium AND EXISTS (
         SELECT FROM crm_identifier i WHERE i.address_id = a.id AND i.contact_id = k.contact)),
       c.id IS NULL OR c.merged_into_id IS NOT NULL OR c.archived_at IS NOT NULL OR c.restricted,
       r.method, r.action
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
       AS k(contact, address, purpose, channel, medium, place)
LEFT JOIN crm_contact c ON c.id = k.contact
LEFT JOIN crm_address a ON a.id = k.address
LEFT JOIN crm_consentstate s ON s.contact_id = k.contact AND s.purpose = k.purpose AND s.channel = k.channel
     AND (s.address_id = k.address OR (s.address_id IS NULL AND k.address IS NULL))
LEFT JOIN crm_consentreceipt r ON r.id = s.receipt_id
LEFT JOIN crm_addressconsent t ON t.address_id = k.address AND t.purpose = k.purpose
     AND t.channel = k.channel AND t.stopped
LEFT JOIN LATERAL (
  SELECT array_agg(p.reason::text) AS reasons, array_agg(p.since) AS sinces, array_agg(p.until) AS untils
  FROM crm_suppression p WHERE p.medium = a.medium AND p.hash = a.hash AND p.channel IN ('', k.channel)
) x ON true
"""


def purpose_of(purpose: str, message_class: str) -> str:
    """The purpose whose standing decides: service messages answer to the purpose `service` alone."""
    return "service" if message_class == "service" else purpose


def ask(keys: Sequence[Key]) -> dict[Key, Standing]:
    """The standing of each (contact, address, purpose, channel), in one query.

    `address_id` None is right for channels without an address; for the others it is
    a contact that has none (`no_address`).
    """
    if not keys:
        return {}
    columns = list(zip(*keys, strict=True))
    media = [words.MEDIUM.get(channel, "") for channel in columns[3]]
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, [*(list(column) for column in columns), media])
        return {keys[row[0] - 1]: _standing(row) for row in cursor.fetchall()}


def _standing(row: tuple[Any, ...]) -> Standing:
    suppressions = tuple(zip(row[9], row[10], row[11], strict=True)) if row[9] else ()
    return Standing(
        state=row[1] or "unknown",
        basis=row[2] or "",
        since=row[3],
        expires_at=row[4],
        paused_until=row[5],
        receipt_id=row[6],
        stopped_since=row[7],
        health=row[8] or "valid",
        suppressions=suppressions,
        reachable=bool(row[12]),
        removed=row[13],
        method=row[14] or "",
        confirmed=row[15] == "confirmed" or row[14] in DOUBLE,
    )


# --- as a condition ------------------------------------------------------------------------

# Parts of one condition over rows named c_ (contact), a_ (address), s_ (state): two-valued each.
LIVING = "c_.merged_into_id IS NULL AND c_.archived_at IS NULL AND NOT c_.restricted"
HEALTHY = f"""a_.health NOT IN ({", ".join(f"'{word}'" for word in HEALTH)})
  AND NOT EXISTS (SELECT FROM crm_suppression p_ WHERE p_.medium = a_.medium AND p_.hash = a_.hash
    AND p_.channel IN ('', %s) AND p_.since <= %s AND (p_.until IS NULL OR p_.until > %s))"""
UNSTOPPED = """NOT EXISTS (SELECT FROM crm_addressconsent t_ WHERE t_.address_id = a_.id
    AND t_.purpose = %s AND t_.channel = %s AND t_.stopped)"""
PAUSED = "(s_.state = 'paused' AND (s_.paused_until IS NULL OR s_.paused_until > %s))"
CONSENTED = f"""s_.state IN ('granted', 'soft', 'paused') AND NOT {PAUSED}
    AND (s_.expires_at IS NULL OR s_.expires_at > %s)"""
NOT_REFUSED = f"(s_.state IS NULL OR NOT (s_.state IN ('refused', 'withdrawn') OR {PAUSED}))"


def condition(
    purpose: str, channel: str, message_class: str, at: datetime, *, addressed: bool
) -> tuple[str, list[Any]]:
    """Whether a message may go, over c_, a_ (if `addressed`) and s_ (LEFT JOINed)."""
    parts, params = [LIVING], []
    if addressed:
        parts.append(HEALTHY)
        params += [channel, at, at]
        if message_class != "transactional":
            parts.append(UNSTOPPED)
            params += [purpose, channel]
    if message_class == "marketing":
        parts.append(f"coalesce({CONSENTED}, false)")
        params += [at, at]
    elif message_class == "service":
        parts.append(NOT_REFUSED)
        params += [at]
    return " AND ".join(f"({part})" for part in parts), params


def allowed_sql(
    purpose: str, channel: str, message_class: str, at: datetime, contact: str = "crm_contact.id"
) -> tuple[str, list[Any]]:
    """A boolean SQL expression, correlated on the column `contact`: may it go to any of their addresses?"""
    purpose = purpose_of(purpose, message_class)
    medium = words.MEDIUM.get(channel, "")
    true, params = condition(purpose, channel, message_class, at, addressed=bool(medium))
    if not medium:
        return (
            f"""EXISTS (SELECT FROM crm_contact c_
          LEFT JOIN crm_consentstate s_ ON s_.contact_id = c_.id AND s_.purpose = %s AND s_.channel = %s
               AND s_.address_id IS NULL
          WHERE c_.id = {contact} AND {true})""",
            [purpose, channel, *params],
        )
    return (
        f"""EXISTS (SELECT FROM crm_contact c_
          JOIN crm_identifier i_ ON i_.contact_id = c_.id
          JOIN crm_address a_ ON a_.id = i_.address_id AND a_.medium = %s
          LEFT JOIN crm_consentstate s_ ON s_.contact_id = c_.id AND s_.purpose = %s AND s_.channel = %s
               AND s_.address_id = a_.id
          WHERE c_.id = {contact} AND {true})""",
        [medium, purpose, channel, *params],
    )
