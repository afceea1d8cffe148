"""The rows of double opt-in: who was asked at which address, what was sent, and what came of it.

Opened by every `requested` receipt (`crm.consent.record`), whoever wrote it. The one writer of Confirmation.
What is over the limits is kept and not sent: the answer to whoever asked is the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from crm import arrays, bell, permission, suppression
from crm.permission import Statement

ROUND: Final = "channels.confirm"
# By what an address of a medium is proved.
PROVES: Final = {"email": "email", "phone": "sms"}
METHODS: Final = {"email": "doi_email", "sms": "doi_sms_code"}
VALID: Final = timedelta(days=7)
CODE_VALID: Final = timedelta(minutes=10)
REMIND_AFTER: Final = timedelta(days=3)
MOST_TRIES: Final = 5
# An address gets at most so many messages a day, and not one after the other.
MOST_A_DAY: Final = 3
APART: Final = {"email": timedelta(minutes=10), "sms": timedelta(minutes=1)}
MOST_OF_AN_IP: Final = 20
IP_WINDOW: Final = timedelta(hours=1)

COLUMNS: Final = {
    "contact_id": "bigint", "address_id": "bigint", "channel": "text", "items": "jsonb", "ip_hash": "text",
    "asked_at": "timestamptz", "valid_until": "timestamptz", "wanted_at": "timestamptz",
}  # fmt: skip
OPEN: Final = """
SELECT a.id, a.medium, c.id, c.contact_id, c.items, c.sent_at,
       (SELECT coalesce(sum(d.sent), 0) FROM crm_confirmation d WHERE d.address_id = a.id AND d.sent_at > %s)
FROM crm_address a
LEFT JOIN crm_confirmation c ON c.address_id = a.id AND c.contact_id = ANY(%s) AND c.confirmed_at IS NULL
     AND c.valid_until > %s AND c.purged_at IS NULL
WHERE a.id = ANY(%s) ORDER BY c.id"""
OF_IPS: Final = (
    "SELECT ip_hash, count(*) FROM crm_confirmation WHERE ip_hash = ANY(%s) AND asked_at > %s GROUP BY ip_hash"
)
AGAIN: Final = {"id": "bigint", "items": "jsonb", "valid_until": "timestamptz", "wanted_at": "timestamptz"}
# What nobody took back since it was asked: neither they, nor anybody else who holds the address.
STANDS: Final = """
NOT EXISTS (SELECT FROM crm_consentstate s WHERE s.contact_id = c.contact_id AND s.address_id = c.address_id
    AND s.purpose = item->>'purpose' AND s.channel = item->>'channel' AND s.state IN ('refused', 'withdrawn')
    AND s.receipt_id > (item->>'receipt')::bigint)
AND NOT EXISTS (SELECT FROM crm_addressconsent t WHERE t.address_id = c.address_id AND t.stopped
    AND t.purpose = item->>'purpose' AND t.channel = item->>'channel' AND t.receipt_id > (item->>'receipt')::bigint)"""
CLAIM: Final = f"""
SELECT c.id, c.contact_id, c.address_id, a.hash, c.channel, p.language,
       array(SELECT DISTINCT item->>'purpose' FROM jsonb_array_elements(c.items) item WHERE {STANDS})
FROM crm_confirmation c JOIN crm_address a ON a.id = c.address_id JOIN crm_contact p ON p.id = c.contact_id
WHERE c.wanted_at <= %s AND c.confirmed_at IS NULL ORDER BY c.wanted_at, c.id LIMIT %s
FOR UPDATE OF c SKIP LOCKED"""  # noqa: S608 - our own condition
SENT: Final = f"""
UPDATE crm_confirmation c SET wanted_at = NULL, sent = c.sent + 1, sent_at = %s, code_hash = v.code_hash,
       code_until = CASE WHEN v.code_hash = '' THEN NULL ELSE %s::timestamptz END, tries = 0
FROM {arrays.unnest({"id": "bigint", "code_hash": "text"}, "v")} WHERE c.id = v.id"""  # noqa: S608
# Once each: by e-mail a link that still works, by SMS a new code and the page that sends another one.
SILENT: Final = """
FROM crm_confirmation c
WHERE c.confirmed_at IS NULL AND c.asked_at <= %s AND c.asked_at > %s AND c.valid_until > %s
  AND c.reminded_at IS NULL AND c.sent > 0 AND c.sent_at <= %s AND c.wanted_at IS NULL"""
REMIND: Final = f"""
UPDATE crm_confirmation SET reminded_at = %s, wanted_at = %s WHERE id IN (
  SELECT c.id {SILENT} ORDER BY c.asked_at LIMIT 1000 FOR UPDATE SKIP LOCKED)"""  # noqa: S608 - our own condition
FIND: Final = f"""
SELECT c.id, c.contact_id, c.address_id, c.channel, a.value, coalesce(p.language, ''),
       coalesce((SELECT jsonb_agg(item) FROM jsonb_array_elements(c.items) item WHERE {STANDS}), '[]'),
       c.asked_at, c.valid_until, c.sent_at, c.code_hash, c.code_until, c.tries, c.confirmed_at
FROM crm_confirmation c JOIN crm_address a ON a.id = c.address_id JOIN crm_contact p ON p.id = c.contact_id
WHERE c.purged_at IS NULL AND """  # noqa: S608 - our own condition


@dataclass(frozen=True)
class Asked:
    """One confirmation as it stands. `items`: what of it still stands; nobody took it back."""

    id: int
    contact_id: int
    address_id: int
    channel: str
    address: str
    language: str
    items: Sequence[Mapping[str, Any]]
    asked_at: datetime
    valid_until: datetime
    sent_at: datetime | None
    code_hash: str
    code_until: datetime | None
    tries: int
    confirmed_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        return self.confirmed_at is None and self.valid_until > now and bool(self.items)


@dataclass(frozen=True)
class Wanted:
    """A message that is to be sent. `purposes` empty: they took back what they were asked for."""

    id: int
    contact_id: int
    address_id: int
    address_hash: str
    channel: str
    language: str
    purposes: Sequence[str]


def ask(said: Sequence[tuple[Statement, Sequence[int], Sequence[int | None]]], now: datetime) -> None:
    """Of statements just written, with their receipts and addresses, the requests to confirm; contacts are locked."""
    requests = [
        (statement, receipt, address)
        for statement, receipts, addresses in said
        if statement.action == "requested" and statement.method != permission.IMPORTED
        for receipt, address in zip(receipts, addresses, strict=True)
        if address is not None
    ]
    wanted: dict[tuple[int, int], list[dict[str, Any]]] = {}
    ips: dict[tuple[int, int], str] = {}
    for statement, receipt, address in requests:
        place = statement.contact_id, address
        wanted.setdefault(place, []).append(
            {"purpose": statement.purpose, "channel": statement.channel, "wording": statement.wording,
             "source": statement.source, "receipt": receipt}
        )  # fmt: skip
        ips[place] = ip_hash(str(statement.evidence.get("ip") or ""))
    if not wanted:
        return
    known, sums, media = _known(list(wanted), now)
    crowded = _crowded(set(ips.values()) - {""}, now)
    fresh, again = [], []
    for place, items in wanted.items():
        channel = PROVES.get(media.get(place[1], ""))
        if channel is None:
            continue
        held = ips[place] in crowded or sums.get(place[1], 0) >= MOST_A_DAY
        if place not in known:
            fresh.append((*place, channel, items, ips[place], now, now + VALID, None if held else now))
            continue
        number, before, sent_at = known[place]
        held = held or (sent_at is not None and sent_at > now - APART[channel])
        again.append((number, merged(before, items), now + VALID, None if held else now))
    arrays.insert("crm_confirmation", COLUMNS, fresh)
    _update(again)
    bell.ring(ROUND)


def merged(before: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What is asked for now stands in the place of the same asked before. Pure."""
    found = {(each["purpose"], each["channel"]): each for each in (*before, *items)}
    return list(found.values())


def ip_hash(ip: str) -> str:
    return suppression.keyed_hash(f"ip:{ip}") if ip else ""


def code_hash(number: int, code: str) -> str:
    """A code is kept so that who reads the table cannot use it."""
    return suppression.keyed_hash(f"confirm:{number}:{code}")


# --- sending (for the floor above) ---------------------------------------------------------


def claim(now: datetime, limit: int) -> list[Wanted]:
    """Those whose message is due, locked for the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [now, limit])
        return [Wanted(*row) for row in cursor.fetchall()]


def pending(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_confirmation WHERE wanted_at <= %s AND confirmed_at IS NULL", [now])
        return int(cursor.fetchone()[0])


def sent(messages: Sequence[tuple[int, str]], now: datetime) -> None:
    """(confirmation, hash of its code or '') of messages that were put into the outbox."""
    if messages:
        with connection.cursor() as cursor:
            cursor.execute(SENT, [now, now + CODE_VALID, *arrays.parameters(messages, 2)])


def forgo(numbers: Sequence[int]) -> None:
    """No message for these: there is nothing left to confirm."""
    if numbers:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE crm_confirmation SET wanted_at = NULL WHERE id = ANY(%s)", [list(numbers)])


def remind(now: datetime) -> int:
    """Whoever has not answered after three days is asked once more."""
    with connection.cursor() as cursor:
        cursor.execute(REMIND, [now, now, *_silence(now)])
        moved = int(cursor.rowcount)
    if moved:
        bell.ring(ROUND)
    return moved


def silent(now: datetime) -> int:
    """How many are to be asked once more."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {SILENT}", _silence(now))
        return int(cursor.fetchone()[0])


def _silence(now: datetime) -> list[datetime]:
    late = now - REMIND_AFTER
    return [late, now - timedelta(days=30), now, late]


# --- answering ------------------------------------------------------------------------------


def find(number: int) -> Asked | None:
    return next(iter(_find("c.id = %s", [number])), None)


def of_address(address_id: int, channel: str, now: datetime) -> list[Asked]:
    """Open ones at this address, the newest first."""
    found = _find(
        "c.address_id = %s AND c.channel = %s AND c.confirmed_at IS NULL AND c.valid_until > %s",
        [address_id, channel, now],
    )
    return [each for each in reversed(found) if each.items]


def lock(number: int) -> int | None:
    """Lock it in the order of the house, contact first; its contact, None if it is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id FROM crm_contact WHERE id = (SELECT contact_id FROM crm_confirmation WHERE id = %s)
               FOR NO KEY UPDATE""",
            [number],
        )
        row = cursor.fetchone()
        cursor.execute("SELECT contact_id FROM crm_confirmation WHERE id = %s FOR UPDATE", [number])
        now_of = cursor.fetchone()
    return int(row[0]) if row and now_of and row == now_of else None


def tried(numbers: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_confirmation SET tries = tries + 1 WHERE id = ANY(%s)", [list(numbers)])


def confirmed(number: int, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE crm_confirmation SET confirmed_at = %s, wanted_at = NULL, code_hash = '' WHERE id = %s",
            [now, number],
        )


def want_again(asked: Asked, now: datetime) -> bool:
    """Another message, if the limits allow one."""
    if asked.sent_at is not None and asked.sent_at > now - APART[asked.channel]:
        return False
    _, sums, _ = _known([(asked.contact_id, asked.address_id)], now)
    if sums.get(asked.address_id, 0) >= MOST_A_DAY:
        return False
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_confirmation SET wanted_at = %s WHERE id = %s", [now, asked.id])
    bell.ring(ROUND)
    return True


# --- how ------------------------------------------------------------------------------------


def _known(
    places: Sequence[tuple[int, int]], now: datetime
) -> tuple[dict[tuple[int, int], tuple[int, list[dict[str, Any]], datetime | None]], dict[int, int], dict[int, str]]:
    """What is open at these (contact, address), the messages of the last day and the medium of each address."""
    with connection.cursor() as cursor:
        cursor.execute(
            OPEN,
            [now - timedelta(days=1), sorted({contact for contact, _ in places}), now,
             sorted({address for _, address in places})],
        )  # fmt: skip
        rows = cursor.fetchall()
    known = {(row[3], row[0]): (row[2], _json(row[4]), row[5]) for row in rows if row[2]}
    return known, {row[0]: int(row[6]) for row in rows}, {row[0]: row[1] for row in rows}


def _crowded(hashes: set[str], now: datetime) -> set[str]:
    if not hashes:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(OF_IPS, [sorted(hashes), now - IP_WINDOW])
        return {each for each, count in cursor.fetchall() if count >= MOST_OF_AN_IP}


def _update(again: Sequence[tuple[Any, ...]]) -> None:
    if again:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE crm_confirmation c SET items = v.items, valid_until = v.valid_until,
                       wanted_at = coalesce(v.wanted_at, c.wanted_at)
                    FROM {arrays.unnest(AGAIN, "v")} WHERE c.id = v.id""",  # noqa: S608
                arrays.parameters(again, len(AGAIN)),
            )


def _find(condition: str, params: Sequence[Any]) -> list[Asked]:
    with connection.cursor() as cursor:
        cursor.execute(f"{FIND}{condition} ORDER BY c.id", list(params))
        return [_asked(row) for row in cursor.fetchall()]


def _asked(row: Sequence[Any]) -> Asked:
    values = [*row]
    values[6] = _json(row[6])
    return Asked(*values)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
