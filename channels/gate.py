"""May this message go now? One place decides, and every answer has its reason. Pure.

The order of the checks: what upper floors object to, holdout, expiry, permission and address,
quiet hours, caps. The first one that stops a message names the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from channels.types import Defer, Go, Refuse, Verdict
from crm import moments, permission
from crm.permission import Standing

MARKETING: Final = "marketing"
# Channels that reach into somebody's evening.
INTRUDES: Final = frozenset({"email", "sms", "whatsapp", "push", "call"})


@dataclass(frozen=True)
class House:
    """What the workspace asks of every marketing message."""

    quiet_from: time
    quiet_until: time
    cap: int
    cap_days: int


@dataclass(frozen=True)
class Facts:
    """All that is known about one message under the locks of its hand-off.

    `counted`: when the messages that count for this contact's cap went or were let go, business
    time; those older than the window may be among them. `zone`: the contact's.
    """

    channel: str
    message_class: str
    standing: Standing
    zone: str
    veto: str = ""
    held_out: bool = False
    expires_at: datetime | None = None
    counted: Sequence[datetime] = ()


def judge(facts: Facts, house: House, now: datetime) -> Verdict:
    """Go, Defer(until, why) or Refuse(why)."""
    return (
        _ended(facts, now) or _forbidden(facts, now) or _quiet(facts, house, now) or _capped(facts, house, now) or Go()
    )


def passed_by(facts: Facts, house: House, now: datetime) -> dict[str, Any]:
    """What a message that goes was let through by: the proof, and what I9 and I10 check later."""
    answer = permission.decide(facts.standing, facts.message_class, now)
    proof: dict[str, Any] = {"zone": facts.zone}
    if isinstance(answer, permission.Allow):
        proof |= {"basis": answer.basis, "receipt": answer.receipt_id}
    if facts.message_class == MARKETING:
        proof |= {"cap": house.cap, "cap_days": house.cap_days}
        if facts.channel in INTRUDES:
            proof["quiet"] = [house.quiet_from.isoformat(), house.quiet_until.isoformat()]
    return proof


def _ended(facts: Facts, now: datetime) -> Verdict | None:
    if facts.veto:
        return Refuse(facts.veto)
    if facts.held_out:
        return Refuse("holdout_campaign")
    if facts.expires_at is not None and facts.expires_at <= now:
        return Refuse("expired", {"at": facts.expires_at.isoformat()}, expired=True)
    return None


def _forbidden(facts: Facts, now: datetime) -> Verdict | None:
    answer = permission.decide(facts.standing, facts.message_class, now)
    if isinstance(answer, permission.Allow):
        return None
    return Refuse(answer.reason, {"since": answer.since.isoformat()} if answer.since else None)


def _quiet(facts: Facts, house: House, now: datetime) -> Verdict | None:
    if facts.message_class != MARKETING or facts.channel not in INTRUDES:
        return None
    until = moments.quiet_end(now, facts.zone, house.quiet_from, house.quiet_until)
    return None if until is None else _later(facts, until, "quiet_hours", {"zone": facts.zone})


def _capped(facts: Facts, house: House, now: datetime) -> Verdict | None:
    if facts.message_class != MARKETING:
        return None
    until = next_free(facts.counted, house, now)
    if until is None:
        return None
    # When the next free instant is a quiet one, the end of that is the nearest.
    if facts.channel in INTRUDES:
        until = moments.quiet_end(until, facts.zone, house.quiet_from, house.quiet_until) or until
    return _later(facts, until, "cap", {"messages": house.cap, "days": house.cap_days})


def next_free(counted: Sequence[datetime], house: House, now: datetime) -> datetime | None:
    """When one more message fits under the cap; None: now. The window is (now - days, now]."""
    window = timedelta(days=house.cap_days)
    inside = sorted(each for each in counted if each > now - window)
    if len(inside) < house.cap:
        return None
    if house.cap == 0:
        return now + window
    return inside[-house.cap] + window


def _later(facts: Facts, until: datetime, reason: str, detail: Mapping[str, Any]) -> Verdict:
    """Wait if it may still go then; where it would expire first, end now and name what stood in its way."""
    if facts.expires_at is not None and until >= facts.expires_at:
        return Refuse(reason, {**detail, "until": until.isoformat()})
    return Defer(until, reason, detail)
