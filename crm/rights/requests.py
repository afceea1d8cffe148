"""What people ask of us about their data, and until when they are answered. The one writer of RightsRequest.

The law gives a month (GDPR art. 12.3). Whoever asks for a copy on their own page gets it by a letter to the address
they asked from, if nobody else has it; all other requests are answered by somebody here.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from django.db import connection, transaction

from crm import audit, bell, exports, moments, publicids, timeline, workspace
from crm.errors import Problem
from crm.models import Contact, ExportJob, RightsRequest
from crm.rights import access_files

ROUND: Final = "channels.copies"
ASKED: Final = "Rights Requested"
KINDS: Final = tuple(RightsRequest.Kind.values)
# So long the link to a copy works.
VALID: Final = timedelta(hours=72)
COPIES: Final = 3
COPIES_WITHIN: Final = timedelta(days=30)
SOON: Final = timedelta(days=7)
LONGEST: Final = 1_000
State = RightsRequest.State


@dataclass(frozen=True)
class Letter:
    """A copy that is ready, and where its link is to go."""

    number: int
    contact_id: int
    address_id: int
    address_hash: str
    language: str


def due(now: datetime, zone: str) -> datetime:
    """The same day of the next month, or its last one; to the end of that day there. Pure."""
    day = moments.local_day(now, zone)
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    last = date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    return moments.at_local(last + timedelta(days=1), datetime.min.time(), zone) - timedelta(seconds=1)


def ask(contact_id: int, kind: str, *, via: str, actor: str, now: datetime, words: str = "") -> RightsRequest:
    """Write it down. Raises Problem: nobody is there, or the same is open already (`open_of` has it)."""
    if kind not in KINDS:
        raise Problem("/kind", "not_a_choice", f"{kind[:20]!r} is not one of {', '.join(KINDS)}.")
    if kind == "correction" and not words.strip():
        raise Problem("/words", "required", "Say what is to be corrected.")
    with transaction.atomic():
        number = _held(contact_id)
        if RightsRequest.objects.filter(contact=number, kind=kind, state=State.OPEN).exists():
            raise Problem("/kind", "open_already", "This was asked before, and is not answered yet.")
        row = RightsRequest.objects.create(
            contact_id=number, kind=kind, via=via, words=words.strip()[:LONGEST], asked_at=now,
            due_at=due(now, workspace.current().zone),
        )  # fmt: skip
        _tell(row, "rights.ask", actor, None, {"kind": kind, "via": via})
        timeline.record([timeline.NewFact(number, ASKED, {"kind": kind, "via": via}, now, source=via)], now=now)
    return row


def ask_for_copy(contact_id: int, address_id: int | None, *, actor: str, now: datetime) -> RightsRequest:
    """They want a copy of their data, on their own page. Where the address is theirs alone, a worker makes it and a
    letter brings it; elsewhere somebody here answers. Raises Problem (`ask`, and too many copies)."""
    with transaction.atomic():
        number = _held(contact_id)
        recent = RightsRequest.objects.filter(contact=number, kind="access", via="preferences")
        if recent.filter(asked_at__gt=now - COPIES_WITHIN).count() >= COPIES:
            raise Problem("/kind", "too_many", "Three copies in 30 days are enough.")
        row = ask(number, "access", via="preferences", actor=actor, now=now)
        place = address_for(number, address_id)
        if place is not None:
            wish = access_files.wish(number)
            wish.which["address"] = str(place)
            row.job = exports.ask(wish, owner=None, actor=actor, kept=VALID)
            row.letter_at = now
            row.save(update_fields=["job", "letter_at"])
    bell.ring(ROUND)
    return row


def address_for(contact_id: int, address_id: int | None) -> int | None:
    """The e-mail address a copy may go to: the one they came by, or the one they have; and nobody else has it. None
    too where nothing is sent to them at all."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT a.id FROM crm_identifier i JOIN crm_address a ON a.id = i.address_id
               JOIN crm_contact c ON c.id = i.contact_id AND NOT c.restricted AND c.archived_at IS NULL
               WHERE i.contact_id = %s AND a.medium = 'email' AND a.value <> '' AND i.identifying
                 AND NOT EXISTS (SELECT FROM crm_identifier o WHERE o.address_id = a.id
                                 AND o.contact_id <> i.contact_id)
               ORDER BY a.id = %s DESC, i.verified_at IS NULL, i.id LIMIT 1""",
            [contact_id, address_id or 0],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def settle(number: int, *, answer: str, actor: str, now: datetime) -> RightsRequest:
    """Done. Raises Problem: it was answered before."""
    return _answer(number, State.DONE, answer, actor, now)


def refuse(number: int, *, answer: str, actor: str, now: datetime) -> RightsRequest:
    """Not done, and they are told why (GDPR art. 12.4). Raises Problem without a reason."""
    if not answer.strip():
        raise Problem("/answer", "required", "Say why it is refused; they have a right to know.")
    return _answer(number, State.REFUSED, answer, actor, now)


def carried_out(contact_id: int, kind: str, *, actor: str, now: datetime, words: str = "") -> RightsRequest:
    """Somebody here did at once what they asked: what was open is settled by it, or it stands in the list as done."""
    with transaction.atomic():
        row = RightsRequest.objects.select_for_update().filter(contact=contact_id, kind=kind, state=State.OPEN).first()
        if row is None:
            via = "api" if actor.startswith("key:") else "office"
            row = RightsRequest.objects.create(
                contact_id=contact_id, kind=kind, via=via, words=words.strip()[:LONGEST], asked_at=now,
                due_at=due(now, workspace.current().zone),
            )  # fmt: skip
        _close(row, State.DONE, "", actor, now)
    return row


def open_of(contact_ids: Sequence[int]) -> list[RightsRequest]:
    return list(RightsRequest.objects.filter(contact__in=contact_ids, state=State.OPEN).order_by("due_at", "pk"))


def latest_of(contact_id: int) -> list[RightsRequest]:
    """The newest of each kind, for their own page. One query."""
    rows = RightsRequest.objects.filter(contact=contact_id).order_by("kind", "-pk").distinct("kind")
    return sorted(rows, key=lambda row: -row.pk)


def due_soon(now: datetime, limit: int = 5) -> list[RightsRequest]:
    """Open ones that are to be answered within a week, the most urgent first."""
    rows = RightsRequest.objects.filter(state=State.OPEN, due_at__lte=now + SOON)
    return list(rows.order_by("due_at", "pk")[:limit])


# --- the letter with the link (for the floor above) -----------------------------------------------

READY: Final = """
SELECT r.id, r.contact_id, a.id, a.hash, coalesce(nullif(c.language, ''), '')
FROM crm_rightsrequest r JOIN crm_exportjob j ON j.id = r.job_id JOIN crm_contact c ON c.id = r.contact_id
JOIN crm_address a ON a.id = (j.wish->'which'->>'address')::bigint
WHERE r.letter_at IS NOT NULL AND r.letter_sent_at IS NULL AND r.state = 'open' AND j.state = 'ready'
  AND j.expires_at > %s AND a.value <> '' """


def claim(now: datetime, limit: int) -> list[Letter]:
    """Copies that are ready and were not told of, locked for the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"{READY} ORDER BY r.id LIMIT %s FOR NO KEY UPDATE OF r SKIP LOCKED", [now, limit])
        return [Letter(*row) for row in cursor.fetchall()]


def pending(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({READY}) AS due", [now])  # noqa: S608 - our own text
        return int(cursor.fetchone()[0])


def told(number: int, token: str, now: datetime) -> None:
    """Its letter is in the outbox; by `token` the copy is fetched."""
    RightsRequest.objects.filter(pk=number).update(token_hash=hash_of(token), letter_sent_at=now)


def arrived(numbers: Sequence[int], now: datetime) -> None:
    """Their letters left: that is the answer. The caller is in a transaction."""
    for row in RightsRequest.objects.select_for_update().filter(pk__in=numbers, state=State.OPEN):
        _close(row, State.DONE, "", "themselves", now)


def returned(numbers: Sequence[int]) -> None:
    """Their letters could not leave: somebody here answers."""
    RightsRequest.objects.filter(pk__in=numbers, state=State.OPEN).update(job=None, token_hash="")


def by_token(token: str) -> RightsRequest | None:
    return RightsRequest.objects.select_related("job").filter(token_hash=hash_of(token)).first()


def file_of(row: RightsRequest, now: datetime) -> ExportJob | None:
    """The copy of a request while its link works."""
    job = row.job
    if job is None or job.state != ExportJob.State.READY or job.expires_at <= now:
        return None
    if row.letter_sent_at is None or row.letter_sent_at + VALID <= now:
        return None
    return job if (exports.folder() / job.path).is_file() else None


def fetched(row: RightsRequest, actor: str) -> None:
    """Somebody with the link took the copy."""
    audit.record(actor, "rights.fetch", publicids.encode("ctc", row.contact_id), None, {"request": row.pk})


def hash_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


# --- how ------------------------------------------------------------------------------------------


def _held(contact_id: int) -> int:
    """The contact, or whom it was joined into, locked. Raises Problem where nobody is left."""
    row = Contact.objects.select_for_update(no_key=True).filter(pk=contact_id).first()
    if row is not None and row.merged_into_id is not None:
        return _held(row.merged_into_id)
    if row is None or row.erased_at is not None:
        raise Problem("", "no_such_contact", "This contact is not there any more.")
    return row.pk


def _answer(number: int, state: str, answer: str, actor: str, now: datetime) -> RightsRequest:
    with transaction.atomic():
        row = RightsRequest.objects.select_for_update().get(pk=number)
        if row.state != State.OPEN:
            raise Problem("", "answered_already", "This was answered before.")
        _close(row, state, answer, actor, now)
    return row


def _close(row: RightsRequest, state: str, answer: str, actor: str, now: datetime) -> None:
    row.state, row.answer, row.settled_at, row.settled_by = state, answer.strip()[:LONGEST], now, actor[:120]
    row.save(update_fields=["state", "answer", "settled_at", "settled_by"])
    _tell(row, "rights.settle" if state == State.DONE else "rights.refuse", actor, {"state": State.OPEN},
          {"kind": row.kind, "state": state})  # fmt: skip


def _tell(
    row: RightsRequest, action: str, actor: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> None:
    audit.record(actor, action, publicids.encode("ctc", row.contact_id), before, {"request": row.pk, **after})
