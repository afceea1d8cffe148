"""Who is at a till: a device that was signed in once, and the member of staff its screen is unlocked for.

A till is no login: its cookie opens nothing but `/store/`. What a device is known by is kept as a hash; so is the
code that signs it in. All times are the machine's: a moved testing clock locks nobody out.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.core import signing
from django.db import transaction

from crm import audit, clock, workspace
from crm.errors import Problem
from crm.models import Device, Membership, Store, User
from crm.models.team import Role
from crm.till import cards

COOKIE: Final = "cauce_till"
# Without letters and digits that are mistaken for one another.
LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH: Final = 8
CODE_VALID: Final = timedelta(minutes=15)
UNLOCKED: Final = timedelta(minutes=2)
# The end of an unlocked screen is moved on at most so often.
MOVED_ON: Final = timedelta(seconds=10)
SEEN: Final = timedelta(minutes=1)
PASS_VALID: Final = timedelta(days=7)
ROLES: Final = (Role.STORE_STAFF, Role.STORE_MANAGER)
_signer = signing.TimestampSigner(salt="crm.till.pass")


@dataclass(frozen=True)
class Desk:
    """A device of a store, and who stands at it (None: its screen is locked)."""

    device: Device
    store: Store
    membership: Membership | None = None
    pass_: str = ""

    @property
    def actor(self) -> str:
        """As the audit trail writes it."""
        return f"user:{self.membership.user_id}" if self.membership else f"device:{self.device.pk}"

    @property
    def source(self) -> str:
        return f"till:{self.store.code}"

    @property
    def card(self) -> str:
        """What a card looks like here, for the reader of the browser: JSON of `crm.till.cards.Shape`."""
        return json.dumps(cards.shape(workspace.current().identifiers).told())

    @property
    def staff(self) -> User | None:
        return self.membership.user if self.membership else None


# --- devices ---------------------------------------------------------------------------------------


def add(store: Store, name: str, *, made_by: User | None, actor: str) -> tuple[Device, str]:
    """A new till and the code that signs it in, once, within 15 minutes. The code is told now and never again."""
    if not name.strip():
        raise Problem("/name", "required", "Give the till a name, for example where it stands.")
    code = _code()
    with transaction.atomic():
        device = Device.objects.create(
            store=store, name=name.strip()[:80], code_hash=hash_of(code), code_until=clock.real() + CODE_VALID,
            made_by=made_by,
        )  # fmt: skip
        audit.record(actor, "till.add", f"device:{device.pk}", None, {"store": store.code, "name": device.name})
    return device, code


def new_code(device: Device, *, actor: str) -> str:
    """Another code for a till that lost its sign-in; what it was signed in with before ends when it is used."""
    code = _code()
    with transaction.atomic():
        Device.objects.filter(pk=device.pk).update(code_hash=hash_of(code), code_until=clock.real() + CODE_VALID)
        audit.record(actor, "till.code", f"device:{device.pk}", None, {"name": device.name})
    return code


def sign_in(code: str) -> tuple[Device, str] | None:
    """The device of a code and the secret of its cookie; None for a code that is unknown, used or over."""
    plain = "".join(code.upper().split()).replace("-", "")
    now, token = clock.real(), secrets.token_urlsafe(32)
    with transaction.atomic():
        device = (
            Device.objects.select_for_update(of=("self",))
            .select_related("store")
            .filter(code_hash=hash_of(plain), code_until__gt=now, revoked_at=None, store__active=True)
            .first()
        )
        if device is None:
            return None
        device.code_hash, device.code_until = "", None
        device.token_hash, device.signed_in_at, device.seen_at = hash_of(token), now, now
        device.staff, device.staff_until = None, None
        device.save()
        audit.record(f"device:{device.pk}", "till.sign_in", f"device:{device.pk}", None, {"name": device.name})
    return device, token


def revoke(device: Device, *, actor: str) -> None:
    """It is a till no more, from its next request on."""
    with transaction.atomic():
        Device.objects.filter(pk=device.pk, revoked_at=None).update(
            revoked_at=clock.real(), token_hash="", code_hash="", staff=None, staff_until=None
        )
        audit.record(actor, "till.revoke", f"device:{device.pk}", None, {"name": device.name})


def rename(device: Device, name: str, *, actor: str) -> None:
    if not name.strip():
        raise Problem("/name", "required", "Give the till a name, for example where it stands.")
    with transaction.atomic():
        Device.objects.filter(pk=device.pk).update(name=name.strip()[:80])
        audit.record(actor, "till.rename", f"device:{device.pk}", {"name": device.name}, {"name": name.strip()[:80]})


# --- a request -------------------------------------------------------------------------------------


def of(token: str) -> Desk | None:
    """The till of a cookie; None where it is none (any more). One query, and sometimes a write."""
    if not token:
        return None
    device = (
        Device.objects.select_related("store", "staff", "staff__user")
        .filter(token_hash=hash_of(token), revoked_at=None, store__active=True)
        .first()
    )
    if device is None:
        return None
    now = clock.real()
    if device.seen_at is None or now - device.seen_at > SEEN:
        Device.objects.filter(pk=device.pk).update(seen_at=now)
    staff = device.staff if device.staff_until and device.staff_until > now else None
    if staff is None or not works_at(staff, device.store):
        return Desk(device, device.store)
    return Desk(device, device.store, staff, pass_of(device, staff))


def touch(desk: Desk) -> None:
    """Somebody uses the screen: it locks later."""
    now, until = clock.real(), desk.device.staff_until
    if desk.membership and until and until - now < UNLOCKED - MOVED_ON:
        Device.objects.filter(pk=desk.device.pk, staff=desk.membership).update(staff_until=now + UNLOCKED)


def unlock(device: Device, membership: Membership) -> None:
    Device.objects.filter(pk=device.pk).update(staff=membership, staff_until=clock.real() + UNLOCKED)


def lock(device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(staff=None, staff_until=None)


def works_at(membership: Membership, store: Store) -> bool:
    return membership.store_id == store.pk and membership.role in ROLES and membership.user.is_active


# --- what was done before the screen was locked ------------------------------------------------------


def pass_of(device: Device, membership: Membership) -> str:
    """What each thing done at the till carries, so that it can be sent after the screen was locked."""
    return _signer.sign(f"{device.pk}:{membership.pk}")


def read_pass(device: Device, text: str) -> Membership:
    """Whose pass it is. Raises Problem: not of this till, older than 7 days, or somebody who works here no more."""
    try:
        mine, _, number = _signer.unsign(text, max_age=PASS_VALID).partition(":")
    except signing.BadSignature:
        raise Problem("/pass", "pass", "Nobody stands behind this any more: unlock the till and do it again.") from None
    found = Membership.objects.select_related("user", "store").filter(pk=int(number)).first()
    if mine != str(device.pk) or found is None or not works_at(found, device.store):
        raise Problem("/pass", "pass", "Whoever did this does not work at this till.")
    return found


def hash_of(secret: str) -> str:
    """256 random bits need no slow hash; a code is random, short-lived and used once."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
