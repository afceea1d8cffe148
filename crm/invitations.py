"""Invitations to work here: a link for one person, good for 72 hours and one use.

The link is a secret: it is given out when it is made and kept as a hash. Sending it again makes a
new one, so the old one ends.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from crm import audit, team
from crm.errors import Problem
from crm.models import Invitation, User

GOOD_FOR: Final = timedelta(hours=72)


@dataclass(frozen=True)
class Sent:
    """An invitation and the secret of its link."""

    invitation: Invitation
    token: str


def waiting() -> QuerySet[Invitation]:
    """Neither accepted nor revoked; those that are over can be sent again."""
    return Invitation.objects.filter(accepted_at__isnull=True, revoked_at__isnull=True)


def invite(email: str, post: team.Post, by: User, real: datetime) -> Sent:
    """Invite somebody. Raises Problem when they work here already, or have been invited."""
    email = email.lower()
    if User.objects.filter(email=email).exists():
        raise Problem("/email", "works_here", gettext("Somebody works here with this address already."))
    role, store = post
    token = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            row = Invitation.objects.create(
                email=email, role=role, store_id=store, token_hash=_hash(token), invited_by=by,
                expires_at=real + GOOD_FOR,
            )  # fmt: skip
            _note(f"user:{by.pk}", "team.invite", row)
    except IntegrityError:
        raise Problem(
            "/email", "invited", gettext("This address has been invited already. Send it again from the list.")
        ) from None
    return Sent(row, token)


def again(number: int, actor: str, real: datetime) -> Sent | None:
    """A new link for the same invitation, with its whole time; None when it is not open any more."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        row = waiting().select_for_update().filter(pk=number).first()
        if row is None:
            return None
        row.token_hash, row.expires_at = _hash(token), real + GOOD_FOR
        row.save(update_fields=["token_hash", "expires_at"])
        _note(actor, "team.invite_again", row)
    return Sent(row, token)


def revoke(number: int, actor: str, real: datetime) -> Invitation | None:
    """Its link ends now; None when it was not open any more."""
    with transaction.atomic():
        row = waiting().select_for_update().filter(pk=number).first()
        if row is not None:
            row.revoked_at = real
            row.save(update_fields=["revoked_at"])
            _note(actor, "team.invite_revoke", row)
    return row


def find(token: str, real: datetime) -> Invitation | None:
    """The invitation of a link that still holds."""
    return waiting().select_related("store", "invited_by").filter(token_hash=_hash(token), expires_at__gt=real).first()


def accept(token: str, name: str, password: str, language: str, real: datetime) -> User | None:
    """The person behind the link begins to work here; None when the link does not hold any more."""
    with transaction.atomic():
        row = waiting().select_for_update().filter(token_hash=_hash(token), expires_at__gt=real).first()
        if row is None:
            return None
        user = team.join(team.Newcomer(row.email, name, password, language), [(row.role, row.store_id)], "")
        row.accepted_at = real
        row.save(update_fields=["accepted_at"])
    return user


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _note(actor: str, action: str, row: Invitation) -> None:
    audit.record(actor, action, f"invitation:{row.pk}", after={"email": row.email, "role": row.role})
