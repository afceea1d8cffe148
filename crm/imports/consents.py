"""Consent that comes with an imported file: only with basis, method, source and date, and
never over somebody's no. The bulk form of `crm.consent`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from crm import clock, permission, receipts, words
from crm.errors import Problem, Problems

KEYS = ("purpose", "channels", "basis", "method", "source", "occurred_at", "wording", "expires_at")
REQUIRED = ("purpose", "channels", "basis", "source", "occurred_at")


@dataclass(frozen=True)
class Grant:
    purpose: str
    channels: tuple[str, ...]
    basis: str
    method: str
    source: str
    occurred_at: datetime
    wording: str = ""
    expires_at: datetime | None = None

    def marked(self, mark: str) -> Grant:
        """The same with the import named in its source."""
        return replace(self, source=self.source[: 400 - len(mark)] + mark)


def parse(data: Any) -> Grant:
    """Check `--consent`. Raises Problems with all mistakes."""
    if not isinstance(data, dict):
        raise Problems([Problem("", "type", "The consent is a JSON object; see docs/how-to/import.md.")])
    problems = [
        Problem(f"/{key}", "unknown_key", f"{key!r} is not one of {', '.join(KEYS)}.")
        for key in data
        if key not in KEYS
    ]
    problems += [
        Problem(f"/{key}", "required", f"A consent needs its {key}: it is the proof of it.")
        for key in REQUIRED
        if not data.get(key)
    ]
    channels = data.get("channels")
    if channels is not None and not isinstance(channels, list):
        problems.append(Problem("/channels", "type", "channels is a list of channels."))
        channels = None
    problems += [
        Problem(f"/{key}", "not_a_choice", f"{value!r} is not one of {', '.join(choices)}.")
        for key, value, choices in (
            ("purpose", data.get("purpose"), words.PURPOSES),
            ("basis", data.get("basis"), words.BASES),
            *((f"channels/{n}", each, words.CHANNELS) for n, each in enumerate(channels or [])),
        )
        if value and value not in choices
    ]
    instants = {key: _instant(data.get(key), key, problems) for key in ("occurred_at", "expires_at")}
    occurred = instants["occurred_at"]
    if occurred is not None and occurred > clock.now():
        problems.append(Problem("/occurred_at", "in_the_future", "Nobody can have consented yet."))
    if problems:
        raise Problems(problems)
    assert occurred is not None  # noqa: S101 - required, and parsed without a problem
    return Grant(
        data["purpose"],
        tuple(dict.fromkeys(channels or [])),
        data["basis"],
        # The receipt says how it reached us; how it was given stands in the evidence.
        permission.IMPORTED,
        data["source"] + (f" ({data['method']})" if data.get("method") else ""),
        occurred,
        data.get("wording", ""),
        instants["expires_at"],
    )


def record(grant: Grant, now: datetime) -> None:
    """Write receipts and states for the people of the staged chunk, one statement per channel."""
    recorded = clock.real()
    for channel in grant.channels:
        values: dict[str, str | datetime | None] = {
            "purpose": grant.purpose,
            "channel": channel,
            "basis": grant.basis,
            "method": grant.method,
            "source": grant.source[:400],
            "source_hash": receipts.source_hash(grant.source[:400]),
            "wording": grant.wording,
            "occurred_at": grant.occurred_at,
            "expires_at": grant.expires_at,
            "recorded_at": recorded,
            "medium": words.MEDIUM.get(channel, ""),
            "state": "soft" if grant.basis in permission.SOFT_BASES else "granted",
        }
        with connection.cursor() as cursor:
            cursor.execute(_GRANT, values)


def would_record(grant: Grant) -> None:
    """Mark those of the staged chunk whom `record` would give a receipt."""
    for channel in grant.channels:
        asked = {"purpose": grant.purpose, "channel": channel, "medium": words.MEDIUM.get(channel, "")}
        with connection.cursor() as cursor:
            cursor.execute(_WOULD, asked)


# Who has said anything keeps their state: an import lifts no no and completes no double opt-in, and
# a yes that is known already needs no second receipt (the same file twice changes nothing).
_ASKED = """
  SELECT DISTINCT ON (p.contact_id) p.contact_id, p.fresh, coalesce(a.id, o.id) AS address_id,
    coalesce(a.hash, o.hash, '') AS address_hash
  FROM (SELECT * FROM staged_place WHERE line NOT IN (SELECT line FROM staged_refused)) p
  LEFT JOIN staged_trace t ON t.line = p.line AND t.medium = %(medium)s
  LEFT JOIN staged_address a ON a.medium = %(medium)s AND a.hash = t.hash
  LEFT JOIN LATERAL (
    SELECT o.id, o.hash FROM crm_identifier i JOIN crm_address o ON o.id = i.address_id
    WHERE t.hash IS NULL AND i.contact_id = p.contact_id AND o.medium = %(medium)s LIMIT 1
  ) o ON true
"""
_HASH = receipts.hash_sql({
    "prev_hash": "prev_hash", "chain": "contact_id", "chain_seq": "seq", "purpose": "%(purpose)s::text",
    "channel": "%(channel)s::text", "address_hash": "address_hash", "action": "'granted'::text",
    "basis": "%(basis)s::text", "method": "%(method)s::text", "source_hash": "%(source_hash)s::text",
    "wording": "%(wording)s::text", "until": "NULL::timestamptz", "expires_at": "%(expires_at)s::timestamptz",
    "occurred_at": "%(occurred_at)s::timestamptz", "recorded_at": "%(recorded_at)s::timestamptz",
    "evidence_hash": "''::text",
})  # fmt: skip
_OPEN = f"""
WITH asked AS ({_ASKED}), open AS (
  SELECT asked.*, coalesce(head.chain_seq, 0) + 1 AS seq, coalesce(head.hash, '') AS prev_hash
  FROM asked
  LEFT JOIN LATERAL (SELECT chain_seq, hash FROM crm_consentreceipt r WHERE r.chain = asked.contact_id
                     ORDER BY chain_seq DESC LIMIT 1) head ON true
  LEFT JOIN LATERAL (SELECT state FROM crm_consentstate s WHERE NOT asked.fresh AND s.contact_id = asked.contact_id
    AND s.purpose = %(purpose)s AND s.channel = %(channel)s
    AND s.address_id IS NOT DISTINCT FROM asked.address_id LIMIT 1) said ON true
  LEFT JOIN LATERAL (SELECT stopped FROM crm_addressconsent n WHERE n.address_id = asked.address_id
    AND n.purpose = %(purpose)s AND n.channel = %(channel)s LIMIT 1) here ON true
  WHERE (said.state IS NULL OR said.state IN ('unknown', 'expired')) AND here.stopped IS NOT TRUE
)
"""  # noqa: S608 - built from our own parts
_WOULD = f"{_OPEN} INSERT INTO staged_touched SELECT contact_id FROM open"  # noqa: S608 - our own parts
_GRANT = f"""{_OPEN}, given AS (
  INSERT INTO crm_consentreceipt (contact_id, chain, chain_seq, purpose, channel, address_id, address_hash,
    action, basis, method, source, source_hash, wording, evidence, evidence_hash, expires_at, occurred_at, recorded_at,
    prev_hash, hash)
  SELECT contact_id, contact_id, seq, %(purpose)s, %(channel)s, address_id, address_hash, 'granted',
    %(basis)s, %(method)s, %(source)s, %(source_hash)s, %(wording)s, '{{}}', '', %(expires_at)s, %(occurred_at)s,
    %(recorded_at)s, prev_hash, {_HASH} FROM open
  RETURNING id, contact_id, address_id
), stated AS (
  INSERT INTO crm_consentstate (contact_id, purpose, channel, address_id, state, basis, since, expires_at, receipt_id)
  SELECT contact_id, %(purpose)s, %(channel)s, address_id, %(state)s, %(basis)s, %(occurred_at)s,
    %(expires_at)s, id FROM given
  ON CONFLICT (contact_id, purpose, channel, address_id) DO UPDATE SET state = excluded.state,
    basis = excluded.basis, since = excluded.since, expires_at = excluded.expires_at,
    receipt_id = excluded.receipt_id
  WHERE crm_consentstate.state IN ('unknown', 'expired')
)
INSERT INTO staged_touched SELECT contact_id FROM given
"""  # noqa: S608 - built from our own parts


def _instant(value: Any, key: str, problems: list[Problem]) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        problems.append(Problem(f"/{key}", "instant", f"{value!r} is not an instant like 2026-03-28T09:00:00Z."))
        return None
    if instant.tzinfo is None:
        problems.append(Problem(f"/{key}", "zone", f"{value!r} has no zone; end it with Z for UTC."))
        return None
    return instant
