"""The guard of complaints: how many of the mails of a domain were called spam within seven days (C26).

From the warning on it is said; from the limit on the account that sends them is paused until a person lets it
go on: its marketing waits, service and transactional mails do not. Both stand in the pack of the mailbox providers.
Below a minimum of mails a rate says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from channels import accounts, states
from channels.models import Account, SenderDomain
from crm import arrays, clock, regions, workspace

WINDOW: Final = timedelta(days=7)
# Two complaints of 500 mails are 0.4 %; one of a hundred would stop a shop for a slip of the finger.
ENOUGH: Final = 500
# How often it is counted; the round asks more often.
EVERY: Final = timedelta(minutes=5)
FINE, WARN, PAUSE = "fine", "warn", "pause"

MEASURED: Final = "SELECT max(measured_at) FROM channels_senderdomain"
RATES: Final = """
SELECT m.account_id, lower(rtrim(split_part(coalesce(nullif(c.body->>'from_address', ''), %s), '@', 2), '> ')),
       count(*), count(*) FILTER (WHERE m.state = 'complained')
FROM channels_message m
JOIN channels_account a ON a.id = m.account_id
LEFT JOIN channels_content c ON c.id = m.content_id
WHERE m.channel = 'email' AND m.counted_at > greatest(%s, coalesce(a.resumed_at, '-infinity'))
  AND m.state = ANY(%s)
GROUP BY 1, 2"""


@dataclass(frozen=True)
class Rate:
    account_id: int
    domain: str
    sent: int
    complained: int

    @property
    def share(self) -> float:
        return self.complained / self.sent if self.sent else 0.0

    @property
    def verdict(self) -> str:
        return judge(self.sent, self.complained)


def judge(sent: int, complained: int) -> str:
    """Fine, warn or pause. Pure."""
    if sent < ENOUGH:
        return FINE
    share = complained / sent
    if share >= limit("mailbox:complaints"):
        return PAUSE
    return WARN if share >= limit("mailbox:complaints-soon") else FINE


def limit(key: str) -> float:
    """What a rule of the mailbox providers allows."""
    rule = regions.rule(key)
    return float(dict(rule.requires)["complaints_below"]) if rule else 1.0


def rates(now: datetime) -> list[Rate]:
    """Each account and domain over the last seven days, since it was let go on. One query."""
    sender = workspace.current().sender_address or str(settings.DEFAULT_FROM_EMAIL)
    with connection.cursor() as cursor:
        cursor.execute(RATES, [sender, now - WINDOW, list(states.SENT)])
        return [Rate(*row) for row in cursor.fetchall() if row[1]]


def guard() -> int:
    """Count, keep the figures, pause what is over the limit. Returns how many accounts were paused."""
    now = clock.now()
    if not _is_time(now):
        return 0
    found = rates(now)
    _keep(found, now)
    over = {each.account_id: each for each in found if each.verdict == PAUSE}
    return sum(
        accounts.pause(
            number, {"domain": rate.domain, "sent": rate.sent, "complained": rate.complained}, now
        )
        for number, rate in sorted(over.items())
    )  # fmt: skip


def resume(number: int, actor: str, now: datetime) -> Account:
    """A person lets it go on; what was counted until now is not held against it again."""
    row = accounts.resume(number, actor, now)
    SenderDomain.objects.update(measured_at=None)
    return row


def pending() -> int:
    """Nothing waits for it."""
    return 0


def _is_time(now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(MEASURED)
        (last,) = cursor.fetchone()
    return last is None or not last <= now < last + EVERY


def _keep(found: Sequence[Rate], now: datetime) -> None:
    """A domain's figures are those of all accounts together."""
    sums: dict[str, tuple[int, int]] = {}
    for each in found:
        sent, complained = sums.get(each.domain, (0, 0))
        sums[each.domain] = sent + each.sent, complained + each.complained
    if not sums:
        return
    with transaction.atomic():
        arrays.insert(
            "channels_senderdomain",
            {"domain": "text", "checks": "jsonb", "sent": "int", "complained": "int", "measured_at": "timestamptz"},
            [(domain, {}, sent, complained, now) for domain, (sent, complained) in sorted(sums.items())],
            conflict="""(domain) DO UPDATE SET sent = excluded.sent, complained = excluded.complained,
                measured_at = excluded.measured_at""",
        )
