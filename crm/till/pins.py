"""PINs of store staff: 4 to 6 digits behind a slow hash, five tries, then a manager."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import transaction
from django.db.models import F

from crm import audit, clock
from crm.errors import Problem
from crm.models import Membership, StaffPin, User

TRIES: Final = 5
HASHER: Final = Argon2PasswordHasher()
_RUNS: Final = "01234567890 09876543210"


def fault(pin: str) -> str:
    """What is wrong with a PIN somebody chooses; "" if nothing is. Pure."""
    if not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 6):
        return "length"
    if len(set(pin)) == 1 or pin in _RUNS or pin[: len(pin) // 2] * 2 == pin:
        return "simple"
    return ""


def put(membership: Membership, pin: str, *, set_by: User | None, actor: str) -> None:
    """Set somebody's PIN, or another one; tries begin anew. Raises Problem."""
    wrong = fault(pin)
    if wrong == "length":
        raise Problem("/pin", "pin_length", "A PIN has 4 to 6 digits.")
    if wrong:
        raise Problem("/pin", "pin_simple", "This PIN is too easy to guess: not 1234, 0000 or 1212.")
    with transaction.atomic():
        StaffPin.objects.update_or_create(
            membership=membership,
            defaults={
                "hash": HASHER.encode(pin, HASHER.salt()), "tries": 0, "locked_at": None, "set_by": set_by,
                "set_at": clock.real(),
            },
        )  # fmt: skip
        audit.record(actor, "pin.set", f"membership:{membership.pk}", None, {"user": membership.user_id})


def right(membership: Membership, pin: str) -> bool:
    """Whether this is their PIN. A wrong one is counted, whoever else tries at the same moment; raises Problem once
    there were five. It takes as long for somebody who has none."""
    with transaction.atomic():
        row = StaffPin.objects.select_for_update().filter(membership=membership).first()
        if row is not None and row.locked_at is not None:
            raise _locked()
        fits = HASHER.verify(pin, row.hash if row else _nobody())
        if row is None:
            return False
        if fits:
            StaffPin.objects.filter(pk=row.pk, tries__gt=0).update(tries=0)
            return True
        over = row.tries + 1 >= TRIES
        StaffPin.objects.filter(pk=row.pk).update(tries=F("tries") + 1, locked_at=clock.real() if over else None)
        if over:
            audit.record("till", "pin.locked", f"membership:{membership.pk}", None, {"user": membership.user_id})
    if over:
        raise _locked()
    return False


def open_again(membership: Membership, *, actor: str) -> None:
    """A manager lets somebody try again."""
    with transaction.atomic():
        StaffPin.objects.filter(membership=membership).update(tries=0, locked_at=None)
        audit.record(actor, "pin.open", f"membership:{membership.pk}", None, {"user": membership.user_id})


def _locked() -> Problem:
    return Problem("/pin", "pin_locked", "Five wrong tries: a manager has to open it again.")


@lru_cache(maxsize=1)
def _nobody() -> str:
    return HASHER.encode("no pin fits this", HASHER.salt())
