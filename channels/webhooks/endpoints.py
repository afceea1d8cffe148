"""Whom we tell: the one writer of endpoints, and what every process knows of them without asking.

Signing secrets are made here, sealed at once, and shown to whoever asked for them and never again.
"""

from __future__ import annotations

import base64
import secrets as randomness
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.utils.translation import gettext as _

from channels import egress, secrets
from channels.models import WebhookEndpoint
from channels.webhooks import kinds
from crm import audit, clock
from crm.errors import Problem, Problems

# An endpoint that was just saved is told by every process at the latest then.
FRESH_SECONDS: Final = 5.0
OVERLAP: Final = timedelta(hours=24)
GONE: Final = "gone"
PERSON: Final = "person"


@dataclass(frozen=True)
class Listener:
    """An active endpoint, as far as those who tell need it."""

    id: int
    kinds: tuple[str, ...]


_held: tuple[float, list[Listener]] | None = None


def listening() -> list[Listener]:
    """The endpoints that are told; asked of the database every few seconds at most."""
    global _held
    moment = time.monotonic()
    if _held is None or moment - _held[0] > FRESH_SECONDS:
        _held = moment, _read()
    return _held[1]


def look_again() -> None:
    global _held
    _held = None


def none_yet() -> None:
    """Hold that there is nobody to tell, as a process does where nobody has ever set one up."""
    global _held
    _held = time.monotonic(), []


def _read() -> list[Listener]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, kinds FROM channels_webhookendpoint WHERE active AND removed_at IS NULL ORDER BY id")
        return [Listener(number, tuple(patterns)) for number, patterns in cursor.fetchall()]


# --- what people do to them ------------------------------------------------------------------------


def put(row: WebhookEndpoint, values: dict[str, Any], actor: str) -> str:
    """Save an endpoint, new or known. Answers the secret of a new one, else "". Raises Problems."""
    checked(values)
    before = _shown(row) if row.pk else None
    for name in ("name", "url", "kinds"):
        setattr(row, name, values[name])
    secret = "" if row.pk else _made()
    with transaction.atomic():
        if row.pk:
            row.save(update_fields=["name", "url", "kinds"])
        else:
            row.secrets, row.made_by = secrets.seal({"current": secret}), actor[:120]
            row.save(force_insert=True)
        audit.record(actor, "webhook.change" if before else "webhook.create", _subject(row), before, _shown(row))
    _changed()
    return secret


def checked(values: dict[str, Any]) -> None:
    """Raise Problems with all that is wrong with what somebody wants."""
    problems = [problem for problem in (_unnamed(values["name"]), _unfit(values["url"])) if problem]
    if not values["kinds"]:
        problems.append(Problem("/kinds", "required", _("Choose at least one kind of event.")))
    problems += [
        Problem("/kinds", "unknown", _("There is no kind “%(kind)s”.") % {"kind": each[:60]})
        for each in kinds.unknown(values["kinds"])
    ]
    if problems:
        raise Problems(problems)


def roll(number: int, actor: str) -> str:
    """A new secret; the one before it signs too for a day. Answers the new one, once."""
    secret = _made()
    with transaction.atomic():
        row = held(number)
        former = known_secrets(row.secrets, None, clock.real())
        row.secrets = secrets.seal({"current": secret, **({"former": former[0]} if former else {})})
        row.rolled_until = clock.real() + OVERLAP if former else None
        row.save(update_fields=["secrets", "rolled_until"])
        audit.record(actor, "webhook.roll", _subject(row), None, {"until": row.rolled_until})
    return secret


def switch(number: int, actor: str, *, on: bool, why: str = PERSON) -> WebhookEndpoint:
    """Let an endpoint be told, or not: what waits for it waits until it is on again, what happens meanwhile is lost
    to it."""
    with transaction.atomic():
        row = held(number)
        if row.active != on:
            row.active, row.off_because = on, "" if on else why
            row.failing_since = None if on else row.failing_since
            row.save(update_fields=["active", "off_because", "failing_since"])
            audit.record(actor, "webhook.switch", _subject(row), {"active": not on}, {"active": on, "why": why})
    _changed()
    return row


def remove(number: int, actor: str) -> WebhookEndpoint:
    """Nothing is sent there any more. What went stays in the log until its time is over."""
    with transaction.atomic():
        row = held(number)
        row.active, row.removed_at, row.secrets, row.rolled_until = False, clock.real(), "", None
        row.save(update_fields=["active", "removed_at", "secrets", "rolled_until"])
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE channels_webhookdelivery SET state = 'failed', done_at = clock_timestamp(), lease = NULL,
                          lease_until = NULL WHERE endpoint_id = %s AND state = 'due'""",
                [number],
            )
        audit.record(actor, "webhook.remove", _subject(row), _shown(row), None)
    _changed()
    return row


def known_secrets(sealed: str, rolled_until: datetime | None, now: datetime) -> list[str]:
    """Those that sign now, the newest first; none where they cannot be read with this SECRET_KEY."""
    try:
        known = secrets.unseal(sealed)
    except secrets.Unreadable:
        return []
    names: Sequence[str] = ("current", "former") if rolled_until is not None and rolled_until > now else ("current",)
    return [str(known[name]) for name in names if known.get(name)]


def _unnamed(name: str) -> Problem | None:
    return None if name.strip() else Problem("/name", "required", _("Give it a name."))


def _unfit(url: str) -> Problem | None:
    """Why an address may not be called, in words; None where it may."""
    try:
        parts = egress.checked(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        egress.resolve(host, port)
    except egress.Refused as refused:
        return Problem("/url", "invalid", _reason(str(refused)))
    except egress.NotStarted:
        return Problem("/url", "unresolvable", _("There is no server of this name; look at its spelling."))
    if parts.scheme != "https" and not egress.is_trusted(host, port):
        return Problem("/url", "not_https", _("Use https://, so that nobody on the way can read along."))
    return Problem("/url", "fragment", _("Leave out what follows the #.")) if parts.fragment else None


def _reason(said: str) -> str:
    if "public" in said:
        return _("This address is not on the public internet. Whoever runs this server can allow it.")
    if "user name" in said:
        return _("Leave user name and password out: every call is signed instead.")
    return _("Write a whole address: https://shop.example/hooks.")


def _made() -> str:
    return "whsec_" + base64.b64encode(randomness.token_bytes(32)).decode()


def held(number: int) -> WebhookEndpoint:
    """Locked until the transaction ends. Raises Problem where it was removed."""
    row = WebhookEndpoint.objects.select_for_update().filter(pk=number, removed_at=None).first()
    if row is None:
        raise Problem("", "not_found", _("This endpoint is not there any more."))
    return row


def _changed() -> None:
    """This process knows at once, and once more when the change is there for everybody."""
    look_again()
    transaction.on_commit(look_again)


def _shown(row: WebhookEndpoint) -> dict[str, Any]:
    """For the audit log: an address may carry a token behind its host."""
    return {"name": row.name, "host": urlsplit(row.url).hostname or "", "kinds": list(row.kinds)}


def _subject(row: WebhookEndpoint) -> str:
    return f"webhook:{row.pk}"
