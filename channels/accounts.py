"""The accounts messages leave through, each with its carrier ready to send.

Every channel has a default account. Until somebody sets one up it follows the environment:
`EMAIL_URL` makes e-mail SMTP, `PROVIDER_SMS_BASE_URL` makes SMS HTTP, and what has neither is the
sandbox. In test mode (`CAUCE_MODE=test`) everything is the sandbox.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from channels import secrets
from channels.models import Account
from channels.providers import Carrier, carriers, http_sms, smtp
from crm import words
from crm.errors import Problem, Problems

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 5.0
# An account with these settings follows the environment.
FROM_ENVIRONMENT: Final = {"from": "environment"}
DEFAULTS: Final = ("email", "sms", "whatsapp", "push")


@dataclass(frozen=True)
class Open:
    """An active account and its carrier. `resting_until`: machine's time."""

    id: int
    channel: str
    is_default: bool
    per_second: float | None
    resting_until: datetime | None
    carrier: Carrier


_held: tuple[float, list[Open]] | None = None
_carriers: dict[int, tuple[Any, Carrier]] = {}


def active() -> list[Open]:
    """All accounts that may send, read again every few seconds; carriers live as long as their settings."""
    global _held
    moment = time.monotonic()
    if _held is None or moment - _held[0] > FRESH_SECONDS:
        _held = (moment, [opened for row in _rows() if (opened := _open(row)) is not None])
    return _held[1]


def idempotent_ids() -> list[int]:
    """The accounts whose carrier may be asked twice with the same key."""
    return [each.id for each in active() if each.carrier.idempotent]


def look_again() -> None:
    """Read the accounts again at the next question; connections stay."""
    global _held
    _held = None


def forget() -> None:
    """Read again at the next question, and let go of every connection."""
    global _held
    _held = None
    for _, carrier in _carriers.values():
        carrier.close()
    _carriers.clear()


def check(carrier: str, channel: str, settings_: Mapping[str, Any], secrets_: Mapping[str, Any]) -> None:
    """Raise Problems with all that is wrong with an account somebody wants."""
    kind = carriers.get(carrier)
    if kind is None:
        raise Problems([Problem("/carrier", "unknown", f"There is no carrier {carrier!r}; one of {sorted(carriers)}.")])
    if channel not in kind.channels:
        raise Problems([Problem("/channel", "invalid", f"{carrier} carries {', '.join(kind.channels)}.")])
    kind.build(settings_, secrets_, timeout=settings.PROVIDER_TIMEOUT)


def _rows() -> list[Account]:
    rows = list(Account.objects.filter(active=True).order_by("id"))
    missing = set(DEFAULTS) - {row.channel for row in rows if row.is_default}
    if missing:
        known = set(Account.objects.filter(is_default=True).values_list("channel", flat=True))
        Account.objects.bulk_create(
            [
                Account(channel=channel, carrier="sandbox", name=channel, settings=FROM_ENVIRONMENT, is_default=True)
                for channel in words.CHANNELS
                if channel in missing - known
            ],
            ignore_conflicts=True,
        )
        rows = list(Account.objects.filter(active=True).order_by("id"))
    return rows


def _open(row: Account) -> Open | None:
    try:
        name, given, hidden = _wanted(row)
        mark = (name, repr(given), repr(hidden))
        held = _carriers.get(row.pk)
        if held is None or held[0] != mark:
            if held is not None:
                held[1].close()
            _carriers[row.pk] = (mark, carriers[name].build(given, hidden, timeout=settings.PROVIDER_TIMEOUT))
    except (Problems, KeyError, secrets.Unreadable) as error:
        # Its messages wait; the others go on.
        log.error("account unusable", extra={"event": "account_unusable", "account": row.pk, "error": str(error)})
        return None
    return Open(row.pk, row.channel, row.is_default, row.per_second, row.resting_until, _carriers[row.pk][1])


def _wanted(row: Account) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """(carrier, settings, secrets) of an account."""
    if settings.CAUCE_MODE == "test":
        return "sandbox", {}, {}
    if row.settings != FROM_ENVIRONMENT:
        return row.carrier, row.settings, secrets.unseal(row.secrets)
    if row.channel == "email" and settings.EMAIL_URL:
        found = smtp.settings_from_url(settings.EMAIL_URL)
        if found is not None:
            return "smtp", found[0], found[1]
    base = settings.PROVIDER_BASE_URLS.get(row.channel)
    if row.channel == "sms" and base:
        return "http_sms", http_sms.settings_from_base_url(base), {}
    return "sandbox", {}, {}
