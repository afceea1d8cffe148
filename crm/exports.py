"""Files that go out: people, the members of a segment, what happened to somebody. Small ones at once, large ones later.

A large one is written by a worker, waits a day for whoever asked, and for nobody else.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection

from crm import audit, bell, clock, directory, exports_files, publicids
from crm.directory import Filters
from crm.models import Contact, Event, ExportJob, SegmentMember, Store
from crm.registry import Named

log = logging.getLogger(__name__)

ROUND: Final = "crm.exports"
# Above this many rows nobody waits for the answer.
AT_ONCE: Final = 5_000
BATCH: Final = 1_000
KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(minutes=10)
TRACES: Final = ("email", "phone", "card", "external_id")
FIELDS: Final = (
    "given_name", "family_name", "language", "timezone", "country", "region", "city", "postal_code", "birth_date",
)  # fmt: skip
Rows = Iterator[dict[str, Any]]
# Files that are no table: what → how one is written into a place; answers the number of things in it.
makers: Named[Callable[[Path, Wish], int]] = Named("makers of files")


@dataclass(frozen=True)
class Wish:
    """What somebody wants: `which` narrows it (filters, a segment, a contact). `full`: addresses as they are."""

    what: str
    form: str
    which: dict[str, str]
    full: bool


def folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "exports"


def heads(wish: Wish) -> list[str]:
    """The columns, named as the importer names them: what goes out can come in again."""
    if wish.what == "events":
        return ["id", "name", "channel", "source", "occurred_at", "received_at", "properties"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM crm_fielddefinition WHERE archived_at IS NULL ORDER BY key")
        own = [f"fields.{key}" for (key,) in cursor.fetchall()]
    return ["id", *TRACES, *FIELDS, "home_store", *own, "fields.customer_since"]


def rows(wish: Wish) -> Rows:
    return _KINDS[wish.what](wish)


def is_small(wish: Wish) -> bool:
    """Few enough to be waited for?"""
    if wish.what == "contacts":
        found = directory.count(_filters(wish), clock.now())
        return found.number <= AT_ONCE and not found.more and not found.about
    if wish.what == "segment":
        return SegmentMember.objects.filter(segment=int(wish.which["segment"]))[: AT_ONCE + 1].count() <= AT_ONCE
    return Event.objects.filter(contact=int(wish.which["contact"]))[: AT_ONCE + 1].count() <= AT_ONCE


def left_out(wish: Wish) -> int:
    """How many it leaves out because they are restricted: their data is kept and taken nowhere. Their own copy is
    another file (`crm.rights`)."""
    if makers.get(wish.what):
        return 0
    if wish.what == "contacts":
        return directory.left_out(_filters(wish), clock.now())
    if wish.what == "segment":
        return SegmentMember.objects.filter(segment=int(wish.which["segment"]), contact__restricted=True).count()
    return Contact.objects.filter(pk=int(wish.which["contact"]), restricted=True).count()


def note(wish: Wish, *, actor: str) -> None:
    """Who took what with them."""
    told = {"form": wish.form, "which": {name: text for name, text in wish.which.items() if text}, "full": wish.full}
    left = left_out(wish)
    audit.record(actor, "export", f"export:{wish.what}", None, told | ({"left_out": left} if left else {}))


def ask(wish: Wish, *, owner: int | None, actor: str, kept: timedelta = KEPT) -> ExportJob:
    """A worker writes it. `owner` None: nobody here takes it; whoever asked has a link, or a key."""
    now = clock.now()
    job = ExportJob.objects.create(
        owner_id=owner,
        what=wish.what,
        wish={"which": wish.which, "full": wish.full, "hours": kept // timedelta(hours=1)},
        form=wish.form,
        name=f"{wish.what}-{now:%Y-%m-%d}",
        asked_at=now,
        expires_at=now + kept,
    )
    note(wish, actor=actor)
    bell.ring(ROUND)
    return job


def work() -> int:
    """Write one file, and take away those whose day is over."""
    forget(clock.now())
    job = _claim()
    if job is None:
        return 0
    wish = Wish(job.what, job.form, job.wish["which"], job.wish["full"])
    place = f"{secrets.token_hex(16)}.{job.form}"
    folder().mkdir(parents=True, exist_ok=True)
    if job.path:  # whoever began it was killed: half a file of people is nobody's
        (folder() / job.path).unlink(missing_ok=True)
    ExportJob.objects.filter(pk=job.pk).update(path=place)
    try:
        make = makers.get(wish.what) or _table
        count = make(folder() / place, wish)
    except Exception:
        log.exception("export failed", extra={"event": "export_failed", "job": job.pk})
        (folder() / place).unlink(missing_ok=True)
        ExportJob.objects.filter(pk=job.pk).update(state=ExportJob.State.FAILED, path="")
        return 1
    now = clock.now()
    kept = timedelta(hours=job.wish.get("hours") or KEPT // timedelta(hours=1))
    ExportJob.objects.filter(pk=job.pk).update(
        state=ExportJob.State.READY, path=place, rows=count, ready_at=now, expires_at=now + kept
    )
    return max(count, 1)


def row_of(contact: Contact) -> dict[str, Any]:
    """One person as a row of the table of contacts, with addresses as they are."""
    return next(_people([contact], full=True))


def pending() -> int:
    return ExportJob.objects.filter(state=ExportJob.State.ASKED).count()


def _table(path: Path, wish: Wish) -> int:
    return exports_files.write(path, wish.form, heads(wish), rows(wish))


def _claim() -> ExportJob | None:
    now = clock.real()
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_exportjob SET lease_until = %s WHERE id = (
                 SELECT id FROM crm_exportjob WHERE state = 'asked' AND (lease_until IS NULL OR lease_until < %s)
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id""",
            [now + LEASE, now],
        )
        row = cursor.fetchone()
    return ExportJob.objects.get(pk=row[0]) if row else None


def forget(now: datetime) -> int:
    """Take away files whose time is over. Answers how many."""
    over = list(ExportJob.objects.filter(state=ExportJob.State.READY, expires_at__lte=now)[:BATCH])
    for job in over:
        (folder() / job.path).unlink(missing_ok=True)
        ExportJob.objects.filter(pk=job.pk).update(state=ExportJob.State.GONE, path="")
    return len(over)


def _filters(wish: Wish) -> Filters:
    given = {name: text for name, text in wish.which.items() if name in Filters.__dataclass_fields__ and text}
    since = given.pop("since", "")
    return Filters(**given, since=date.fromisoformat(since) if since else None)


def _contacts(wish: Wish) -> Rows:
    found, last = directory.taken_along(_filters(wish), clock.now()).order_by("-pk"), None
    while True:
        batch = list((found if last is None else found.filter(pk__lt=last))[:BATCH])
        yield from _people(batch, full=wish.full)
        if len(batch) < BATCH:
            return
        last = batch[-1].pk


def _members(wish: Wish) -> Rows:
    last = 0
    members = SegmentMember.objects.filter(segment=int(wish.which["segment"]), contact__restricted=False)
    members = members.select_related("contact")
    while True:
        batch = list(members.filter(contact_id__gt=last).order_by("contact_id")[:BATCH])
        yield from _people([member.contact for member in batch], full=wish.full)
        if len(batch) < BATCH:
            return
        last = batch[-1].contact_id


def _people(contacts: list[Contact], *, full: bool) -> Rows:
    known = directory.identifiers([contact.pk for contact in contacts], full=full)
    codes = dict(Store.objects.filter(pk__in={each.home_store_id for each in contacts}).values_list("pk", "code"))
    for contact in contacts:
        mine = known.get(contact.pk, {})
        yield {
            "id": publicids.encode("ctc", contact.pk),
            **{kind: mine.get(kind, "") for kind in TRACES},
            **{name: _plain(getattr(contact, name)) for name in FIELDS},
            "home_store": codes.get(contact.home_store_id or 0, ""),
            **{f"fields.{key}": value for key, value in contact.fields.items()},
        }


def _events(wish: Wish) -> Rows:
    events = Event.objects.filter(contact=int(wish.which["contact"])).order_by("-occurred_at", "-pk")
    if left_out(wish):
        return
    for event in events.iterator(chunk_size=BATCH):
        yield {
            "id": publicids.encode("evt", event.pk),
            "name": event.name,
            "channel": event.channel,
            "source": event.source,
            "occurred_at": event.occurred_at.isoformat(),
            "received_at": event.received_at.isoformat(),
            "properties": event.properties,
        }


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value or "")


_KINDS: Final[dict[str, Callable[[Wish], Rows]]] = {"contacts": _contacts, "segment": _members, "events": _events}
