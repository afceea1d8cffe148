"""Tags: the one writer of Tag and ContactTag. A tag comes to be when it is first hung on somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from crm import arrays, audit, normalise, publicids
from crm.errors import Problem
from crm.models import ContactTag, Tag

LONGEST: Final = 60


def key(name: str) -> str:
    """The name as it is compared: "VIP" and "vip" are one tag."""
    return " ".join(normalise.clean(name).lower().split())


def every() -> list[Tag]:
    """All tags, by name."""
    return list(Tag.objects.order_by("key"))


def of(contact_ids: Iterable[int]) -> dict[int, list[Tag]]:
    """The tags of each contact, by name. One query."""
    found: dict[int, list[Tag]] = {}
    rows = ContactTag.objects.filter(contact__in=list(contact_ids)).select_related("tag").order_by("tag__key")
    for row in rows:
        found.setdefault(row.contact_id, []).append(row.tag)
    return found


def put(contact_ids: Sequence[int], name: str, *, actor: str, now: datetime) -> tuple[Tag, list[int]]:
    """Hang a tag on contacts. Answers the tag and who did not have it before."""
    with transaction.atomic():
        tag = _tag(name, now)
        new = arrays.insert(
            "crm_contacttag",
            {"contact_id": "bigint", "tag_id": "bigint", "at": "timestamptz"},
            [(number, tag.pk, now) for number in sorted(set(contact_ids))],
            conflict="(contact_id, tag_id) DO NOTHING",
            returning="contact_id",
        )
        changed = sorted(number for (number,) in new)
        _note(changed, tag, "contact.tag", actor)
    return tag, changed


def take(contact_ids: Sequence[int], tag: Tag, *, actor: str) -> list[int]:
    """Take a tag off contacts. Answers who had it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM crm_contacttag WHERE contact_id = ANY(%s) AND tag_id = %s RETURNING contact_id",
            [list(contact_ids), tag.pk],
        )
        changed = sorted(number for (number,) in cursor.fetchall())
        _note(changed, tag, "contact.untag", actor)
    return changed


def _tag(name: str, now: datetime) -> Tag:
    shown = " ".join(normalise.clean(name).split())
    if not shown:
        raise Problem("/name", "empty", "A tag needs a name.")
    if len(shown) > LONGEST or len(key(shown)) > LONGEST:
        raise Problem("/name", "too_long", f"A tag has at most {LONGEST} characters.")
    return Tag.objects.get_or_create(key=key(shown), defaults={"name": shown, "created_at": now})[0]


def _note(changed: Sequence[int], tag: Tag, action: str, actor: str) -> None:
    """Rules about tags follow, and who did it is kept. In the caller's transaction."""
    if not changed:
        return
    arrays.insert(
        "crm_dirty", {"contact": "bigint", "mention": "text"}, [(number, f"tag:{tag.key}") for number in changed]
    )
    subject = publicids.encode("ctc", changed[0]) if len(changed) == 1 else f"{len(changed)} contacts"
    shown = [publicids.encode("ctc", number) for number in changed[:1000]]
    audit.record(actor, action, subject, None, {"tag": tag.name, "contacts": shown})
