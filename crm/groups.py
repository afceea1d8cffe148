"""Households and companies: the one writer of Group and GroupMember.

Being together says nothing of permission: each keeps their own consent, their own addresses and their own runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from crm import arrays, audit, normalise, publicids
from crm.errors import Problem
from crm.models import Contact, Group, GroupMember

LONGEST: Final = 120
MOST: Final = 500


def key(name: str) -> str:
    """The name as it is compared."""
    return " ".join(normalise.clean(name).lower().split())


def begin(name: str, kind: str, *, actor: str, now: datetime) -> Group:
    """A new group; a company of that name that is there already is answered. Raises Problem."""
    shown = _shown(name)
    if kind not in Group.Kind.values:
        raise Problem("/kind", "unknown", _("Say whether it is a household or a company."))
    if kind == Group.Kind.COMPANY:
        found = Group.objects.filter(kind=kind, key=key(shown)).first()
        if found is not None:
            return found
    with transaction.atomic():
        row = Group.objects.create(name=shown, key=key(shown), kind=kind, created_at=now)
        audit.record(actor, "group.add", public(row), None, {"name": shown, "kind": kind})
    return row


def rename(group: Group, name: str, *, actor: str) -> None:
    before, group.name = group.name, _shown(name)
    group.key = key(group.name)
    try:
        with transaction.atomic():
            group.save(update_fields=["name", "key"])
            audit.record(actor, "group.rename", public(group), {"name": before}, {"name": group.name})
    except IntegrityError:
        raise Problem("/name", "taken", _("There is a company of this name already.")) from None


def join(group: Group, contact_ids: Sequence[int], *, actor: str, now: datetime) -> list[int]:
    """Put people into a group. Answers who was not in it. Raises Problem when it would grow too large."""
    with transaction.atomic():
        Group.objects.select_for_update().get(pk=group.pk)
        if Contact.objects.filter(pk__in=list(contact_ids), restricted=True).exists():
            raise Problem("", "restricted", _("This person is restricted: kept, and neither used nor changed."))
        new = arrays.insert(
            "crm_groupmember",
            {"group_id": "bigint", "contact_id": "bigint", "since": "timestamptz"},
            [(group.pk, number, now) for number in sorted(set(contact_ids))],
            conflict="(group_id, contact_id) DO NOTHING",
            returning="contact_id",
        )
        if GroupMember.objects.filter(group=group).count() > MOST:
            raise Problem("", "too_many", _("A group has at most %(most)d people.") % {"most": MOST})
        changed = sorted(number for (number,) in new)
        _note(group, changed, "group.join", actor)
    return changed


def leave(group: Group, contact_ids: Sequence[int], *, actor: str) -> list[int]:
    """Take people out of a group. Answers who was in it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM crm_groupmember WHERE group_id = %s AND contact_id = ANY(%s) RETURNING contact_id",
            [group.pk, list(contact_ids)],
        )
        changed = sorted(number for (number,) in cursor.fetchall())
        _note(group, changed, "group.leave", actor)
    return changed


def remove(group: Group, *, actor: str) -> None:
    """The group goes, its people stay."""
    with transaction.atomic():
        members = [public_contact(number) for number in members_of(group)]
        audit.record(actor, "group.remove", public(group), {"name": group.name, "contacts": members}, None)
        group.delete()


def of(contact_id: int) -> list[Group]:
    """The groups a contact is in, by name."""
    mine = GroupMember.objects.filter(contact=contact_id).values("group_id")
    return list(Group.objects.filter(pk__in=mine).order_by("name", "pk"))


def members_of(group: Group) -> list[int]:
    """The contacts in a group, the longest in it first; at most MOST."""
    rows = GroupMember.objects.filter(group=group).order_by("since", "contact_id")
    return list(rows.values_list("contact_id", flat=True))


def find(text: str, limit: int = 20) -> list[Group]:
    """Groups whose name begins so."""
    return list(Group.objects.filter(key__startswith=key(text)).order_by("key", "pk")[:limit])


def public(group: Group) -> str:
    return publicids.encode("grp", group.pk)


def public_contact(number: int) -> str:
    return publicids.encode("ctc", number)


def _shown(name: str) -> str:
    shown = " ".join(normalise.clean(name).split())
    if not shown:
        raise Problem("/name", "empty", _("Give it a name."))
    if len(shown) > LONGEST:
        raise Problem("/name", "too_long", _("This is too long."))
    return shown


def _note(group: Group, changed: Sequence[int], action: str, actor: str) -> None:
    if changed:
        audit.record(actor, action, public(group), None, {"contacts": [public_contact(number) for number in changed]})
