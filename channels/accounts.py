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
from django.db import transaction
from django.utils.translation import gettext

from channels import secrets
from channels.models import Account
from channels.providers import Carrier, carriers, http_sms, smtp
from crm import audit, words
from crm.errors import Problem, Problems

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 5.0
# An account with these settings follows the environment.
FROM_ENVIRONMENT: Final = {"from": "environment"}
WRITTEN: Final = ("channel", "carrier", "name", "settings", "secrets", "is_default", "per_second", "cost", "active")
DEFAULTS: Final = ("email", "sms", "whatsapp", "push")


@dataclass(frozen=True)
class Open:
    """An active account and its carrier. `resting_until`: machine's time. `paused`: no marketing leaves through it."""

    id: int
    channel: str
    is_default: bool
    per_second: float | None
    resting_until: datetime | None
    carrier: Carrier
    paused: bool = False


_held: tuple[float, list[Open]] | None = None
_carriers: dict[int, tuple[Any, Carrier]] = {}


def active() -> list[Open]:
    """All accounts that may send, read again every few seconds; carriers live as long as their settings."""
    global _held
    moment = time.monotonic()
    if _held is None or moment - _held[0] > FRESH_SECONDS:
        _held = moment, [opened for row in _rows() if (opened := _open(row)) is not None]
    return _held[1]


def fresh(channel: str) -> tuple[Account, Carrier]:
    """The default account of a channel with a carrier of its own, for one call outside the outbox: carriers
    are used by one thread. The caller closes it. Raises Problem where there is none that works."""
    row = next((each for each in _rows() if each.channel == channel and each.is_default), None)
    if row is None:
        raise Problem("/channel", "no_account", "No account sends on this channel; set one up first.")
    try:
        name, given, hidden = _wanted(row)
        return row, carriers[name].build(given, hidden, timeout=settings.PROVIDER_TIMEOUT)
    except (Problems, KeyError, secrets.Unreadable) as error:
        raise Problem(
            "/channel", "account_unusable", "The account of this channel does not work; look at it."
        ) from error


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


def ensure() -> None:
    """Give every channel that has none its default account, one that follows the environment."""
    known = set(Account.objects.filter(is_default=True).values_list("channel", flat=True))
    Account.objects.bulk_create(
        [
            Account(channel=channel, carrier="sandbox", name=channel, settings=FROM_ENVIRONMENT, is_default=True)
            for channel in words.CHANNELS
            if channel in set(DEFAULTS) - known
        ],
        ignore_conflicts=True,
    )


def follows_environment(row: Account) -> bool:
    return bool(row.settings == FROM_ENVIRONMENT)


def carrier_of(row: Account) -> str:
    """The carrier it sends through at this moment: what it says, what the environment says, or the sandbox."""
    return destination(row)[0]


def destination(row: Account) -> tuple[str, Mapping[str, Any]]:
    """The carrier it sends through at this moment, and its settings without what is secret."""
    try:
        carrier, given, _hidden = _wanted(row)
    except secrets.Unreadable:
        return row.carrier, row.settings
    return carrier, given


def own(row: Account) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """(carrier, settings, secrets) as they are set, also where this installation lets nothing out: a provider may
    report of what went before."""
    if follows_environment(row):
        return _wanted(row)
    return row.carrier, row.settings, secrets.unseal(row.secrets)


def in_use() -> list[Account]:
    """The accounts through which messages may leave; default ones that nobody made yet too. Reads only."""
    rows = list(Account.objects.filter(active=True))
    made = {row.channel for row in rows if row.is_default}
    return rows + [
        Account(channel=each, carrier="sandbox", name=each, settings=FROM_ENVIRONMENT)
        for each in DEFAULTS
        if each not in made
    ]


def lets_out() -> bool:
    """Whether any active account would hand a message to somebody outside. Reads only."""
    return any(carrier_of(row) != "sandbox" for row in in_use())


def put(row: Account, values: Mapping[str, Any], secrets_: Mapping[str, Any] | None, actor: str) -> Account:
    """Save an account, new or known. `secrets_` None keeps what is there. Raises Problems."""
    before = _shown(row) if row.pk else None
    for name, value in values.items():
        setattr(row, name, value)
    if not follows_environment(row):
        check(row.carrier, row.channel, row.settings, secrets.unseal(row.secrets) if secrets_ is None else secrets_)
    if secrets_ is not None:
        row.secrets = secrets.seal(dict(secrets_))
    with transaction.atomic():
        row.is_default = row.is_default or not Account.objects.filter(channel=row.channel, is_default=True).exists()
        # Pace and breaker are written by senders meanwhile: they are left alone.
        row.save(update_fields=WRITTEN if row.pk else None)
        after = _shown(row) | ({"secrets": "changed"} if secrets_ is not None else {})
        audit.record(actor, "account.change" if before else "account.create", f"account:{row.pk}", before, after)
    transaction.on_commit(look_again)
    return row


def prefer(number: int, actor: str) -> Account:
    """Make it its channel's default: what messages leave through that name no account."""
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=number)
        rows = Account.objects.select_for_update().filter(channel=row.channel, is_default=True)
        former = [each.pk for each in rows if each.pk != row.pk]
        Account.objects.filter(pk__in=former).update(is_default=False)
        row.is_default = row.active = True
        row.save(update_fields=["is_default", "active"])
        audit.record(actor, "account.default", f"account:{row.pk}", {"default": former}, {"default": row.pk})
    transaction.on_commit(look_again)
    return row


def switch(number: int, actor: str, *, on: bool) -> Account:
    """Let an account send, or not. A channel's default cannot be switched off: make another the default first."""
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=number)
        if row.is_default and not on:
            raise Problem(
                "", "default", gettext("This is the default of its channel. Make another one the default first.")
            )
        row.active = on
        row.save(update_fields=["active"])
        audit.record(actor, "account.switch", f"account:{row.pk}", {"active": not on}, {"active": on})
    transaction.on_commit(look_again)
    return row


def renew_reports(number: int, actor: str) -> Account:
    """Another address for reports (`channels.reports`); what still comes to the former one is refused."""
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=number)
        row.report_generation = (row.report_generation + 1) % 30_000
        row.save(update_fields=["report_generation"])
        audit.record(actor, "account.report_address", f"account:{number}")
    return row


def pause(number: int, why: Mapping[str, Any], now: datetime) -> bool:
    """No marketing leaves through it until a person lets it go on; it waits. What was promised to people (service,
    transactional) goes on. False where it is paused already."""
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=number)
        if row.paused_at is not None:
            return False
        row.paused_at, row.paused_for = now, dict(why)
        row.save(update_fields=["paused_at", "paused_for"])
        audit.record("system", "account.pause", f"account:{row.pk}", None, dict(why))
    transaction.on_commit(look_again)
    return True


def resume(number: int, actor: str, now: datetime) -> Account:
    """Let a paused account go on."""
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=number)
        why, row.paused_at, row.paused_for, row.resumed_at = row.paused_for, None, None, now
        row.save(update_fields=["paused_at", "paused_for", "resumed_at"])
        audit.record(actor, "account.resume", f"account:{row.pk}", why, None)
    transaction.on_commit(look_again)
    return row


def _shown(row: Account) -> dict[str, Any]:
    return {name: getattr(row, name) for name in WRITTEN if name != "secrets"}


def _rows() -> list[Account]:
    rows = list(Account.objects.filter(active=True).order_by("id"))
    if set(DEFAULTS) - {row.channel for row in rows if row.is_default}:
        ensure()
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
    return Open(
        row.pk, row.channel, row.is_default, row.per_second, row.resting_until, _carriers[row.pk][1],
        paused=row.paused_at is not None,
    )  # fmt: skip


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
