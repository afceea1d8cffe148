"""The one door for what a till does: each entry once, by the id the till made itself, whenever it arrives.

An entry is one transaction. Its row is written first, so that a twin at the same moment waits for it and gets its
answer; a crash leaves neither the row nor the work. What is refused is not kept: corrected, it comes with a new id.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from django.db import connection, transaction

from crm import intake, nesting
from crm.errors import Problem, Problems
from crm.models import Device, TillEntry
from crm.till import desk
from crm.till.desk import Desk

MOST: Final = 50
OLDEST: Final = timedelta(days=30)
LARGEST: Final = 65_536
DEEPEST: Final = 20
LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
# What broke here by no fault of the entry: the till keeps it and sends it again.
FAILED: Final = "failed"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """What a handler did. `answer` is kept and told again to a repetition: no personal data in it."""

    contact_id: int | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    state: str = TillEntry.State.DONE
    order_id: str = ""


# (desk, body, key, happened_at, now); raises Problem or Problems to refuse.
Handler = Callable[[Desk, Mapping[str, Any], str, datetime, datetime], Done]
kinds: dict[str, Handler] = {}

BEGIN: Final = """
INSERT INTO crm_tillentry (key, kind, store_id, device_id, staff_id, state, digest, happened_at)
VALUES (%s, %s, %s, %s, %s, 'done', %s, %s) ON CONFLICT (key) DO NOTHING RETURNING id"""


def new_key() -> str:
    """A ULID made here, for a page that sends without the till's own queue."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "".join(LETTERS[number >> 5 * place & 31] for place in range(25, -1, -1))


def take(device: Device, sent: Sequence[Any], *, now: datetime) -> list[dict[str, Any]]:
    """An answer for each entry, in order: `{"id", "state", "answer", "problems"}`, `again` for a repetition.

    What breaks while one is done is `failed`: nothing of it stays, and those behind it do not wait for it.
    """
    return [_taken(device, each, now) for each in sent]


def _taken(device: Device, sent: Any, now: datetime) -> dict[str, Any]:
    key = str(sent.get("id", "")) if isinstance(sent, dict) else ""
    try:
        return {"id": key, **_once(device, _checked(sent), key, now)}
    except (Problem, Problems) as wrong:
        problems = wrong.problems if isinstance(wrong, Problems) else [wrong]
        told = [{"pointer": each.pointer, "code": each.code, "detail": str(each.detail)} for each in problems]
        return {"id": key, "state": "refused", "answer": {}, "problems": told}
    except Exception:
        log.exception("an entry of till %s broke", device.pk)
        return {"id": key, "state": FAILED, "answer": {}, "problems": []}


def _checked(sent: Any) -> dict[str, Any]:
    if not isinstance(sent, dict) or not isinstance(sent.get("body"), dict):
        raise Problem("", "not_an_entry", 'An entry is {"id", "kind", "at", "pass", "body"}.')
    if not isinstance(sent.get("id"), str) or not ULID.fullmatch(sent["id"]):
        raise Problem("/id", "not_an_id", "The id of an entry is a ULID of 26 characters.")
    if not isinstance(sent.get("kind"), str) or sent["kind"] not in kinds:
        raise Problem("/kind", "unknown_kind", f"A till does: {', '.join(sorted(kinds))}.")
    if nesting.is_deeper(sent["body"], DEEPEST):
        raise Problem("/body", "too_deep", f"Nothing may be nested deeper than {DEEPEST} levels.")
    written = orjson.dumps(sent["body"])
    if len(written) > LARGEST:
        raise Problem("/body", "too_large", "This is more than a till sends (64 kB).")
    if rb"\u0000" in written:
        raise Problem("/body", "not_text", "There is a letter in it that is none.")
    return sent


def _once(device: Device, sent: dict[str, Any], key: str, now: datetime) -> dict[str, Any]:
    digest = hashlib.sha256(orjson.dumps([sent["kind"], sent["body"]], option=orjson.OPT_SORT_KEYS)).hexdigest()
    try:
        happened = _happened(sent.get("at"), now)
        staff = desk.read_pass(device, str(sent.get("pass", "")))
    except Problem:
        # It may have been done in time, and only the answer was lost: who did it may be gone by now.
        if TillEntry.objects.filter(key=key).exists():
            return _again(device, key, digest)
        raise
    here = Desk(device, device.store, staff, str(sent.get("pass", "")))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(BEGIN, [key, sent["kind"], device.store_id, device.pk, staff.user_id, digest, happened])
            row = cursor.fetchone()
        if row is None:
            return _again(device, key, digest)
        done = kinds[sent["kind"]](here, sent["body"], key, happened, now)
        waiting = done.state == TillEntry.State.WAITING
        TillEntry.objects.filter(pk=row[0]).update(
            contact=done.contact_id, state=done.state, answer=dict(done.answer), order_id=done.order_id,
            payload=sent["body"] if waiting else None,
        )  # fmt: skip
    return {"state": done.state, "answer": dict(done.answer), "problems": []}


def _happened(text: Any, now: datetime) -> datetime:
    """When it happened at the till, as far as its clock is right: not after now. Raises Problem for what is too old."""
    told = intake.instant(text, "/at") or now
    if now - told > OLDEST:
        raise Problem("/at", "too_old", "This was done more than 30 days ago and is not taken any more.")
    return min(told, now)


def _again(device: Device, key: str, digest: str) -> dict[str, Any]:
    row = TillEntry.objects.get(key=key)
    if row.store_id != device.store_id or row.digest != digest:
        raise Problem("/id", "id_reused", "This id was used for something else.")
    return {"state": row.state, "answer": row.answer, "problems": [], "again": True}
