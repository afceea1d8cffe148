"""What was noted about a contact, by whom and when. The one writer of Note."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from crm import audit
from crm.models import Note, User

LONGEST: Final = 4_000
SHOWN: Final = 50


def add(contact_id: int, text: str, *, author: User, actor: str, now: datetime) -> Note:
    with transaction.atomic():
        note = Note.objects.create(contact_id=contact_id, text=text.strip()[:LONGEST], author=author, at=now)
        # What it says stays with the contact: the trail is kept for ever, and erasure must reach the words.
        audit.record(actor, "note.create", _subject(note), None, {"contact": contact_id})
    return note


def edit(note: Note, text: str, *, actor: str, now: datetime) -> Note:
    with transaction.atomic():
        held = Note.objects.select_for_update().get(pk=note.pk)
        if held.text != text.strip():
            held.text, held.edited_at = text.strip()[:LONGEST], now
            held.save(update_fields=["text", "edited_at"])
            audit.record(actor, "note.update", _subject(held), None, {"contact": held.contact_id})
    return held


def remove(note: Note, *, actor: str, now: datetime) -> None:
    """Out of sight; `bring_back` undoes it."""
    _put(note, now, actor, "note.remove")


def bring_back(note: Note, *, actor: str) -> None:
    _put(note, None, actor, "note.restore")


def about(contact_id: int) -> list[Note]:
    """The newest first."""
    rows = Note.objects.filter(contact_id=contact_id, removed_at=None).select_related("author")
    return list(rows.order_by("-at", "-pk")[:SHOWN])


def _put(note: Note, removed_at: datetime | None, actor: str, action: str) -> None:
    with transaction.atomic():
        held = Note.objects.select_for_update().get(pk=note.pk)
        if (held.removed_at is None) != (removed_at is None):
            held.removed_at = removed_at
            held.save(update_fields=["removed_at"])
            audit.record(actor, action, _subject(held), None, {"contact": held.contact_id})


def _subject(note: Note) -> str:
    return f"note:{note.pk}"
