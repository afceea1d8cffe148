"""May this message go now? One place decides, and every answer has its reason. Pure.

The order of the checks: what upper floors object to, holdout, expiry; ground and consent; suppression; the
law where the person is (`crm.regions`); quiet hours by their clock; caps; other campaigns of the same
exclusion group. The first one that stops a message names the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, Final, NamedTuple

from channels.types import Defer, Go, Refuse, Verdict
from crm import moments, permission, regions
from crm.permission import Standing

MARKETING: Final = "marketing"
# Channels that reach into somebody's evening.
INTRUDES: Final = frozenset({"email", "sms", "whatsapp", "push", "call"})
# What a step may say of the hours in which its message must not go: it waits, or its run goes on without it
# (where the lane "not sent" may hold a message on another channel).
WAIT, SKIP, OTHER_CHANNEL = "wait", "skip", "other_channel"
WHEN_QUIET: Final = (WAIT, SKIP, OTHER_CHANNEL)
# A message yields to one of higher priority and looks again so much later whether that one went.
YIELDS: Final = timedelta(minutes=1)
ALL_PACKS: Final = regions.Switches()
ANY_DAY: Final = (1, 2, 3, 4, 5, 6, 7)
# Reasons of `permission.decide` that lie in the address, not in what the person said.
OF_ADDRESS: Final = frozenset({*permission.HEALTH.values(), *permission.SUPPRESSED.values()} - {"contact_removed"})


@dataclass(frozen=True)
class Cap:
    """At most `messages` within `days`: rolling ones of 24 hours, or (`calendar`) days of the person's
    calendar, today among them. Of one channel or purpose, or ('') of all."""

    messages: int
    days: int
    calendar: bool = False
    channel: str = ""
    purpose: str = ""

    def concerns(self, channel: str, purpose: str) -> bool:
        return self.channel in ("", channel) and self.purpose in ("", purpose)


class Counted(NamedTuple):
    """A marketing message that went or was let go, business time."""

    at: datetime
    channel: str = ""
    purpose: str = ""
    group: str = ""
    campaign: int | None = None


@dataclass(frozen=True)
class House:
    """What the workspace asks of every marketing message.

    `cap` None: no limit over all. `quiet_of`: own quiet hours of a country, in place of the general ones and
    of the windows of its packs. `groups`: exclusion group → days between two of its campaigns.
    """

    quiet_from: time
    quiet_until: time
    cap: int | None
    cap_days: int
    caps: tuple[Cap, ...] = ()
    quiet_of: Mapping[str, tuple[time, time]] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    switches: regions.Switches = ALL_PACKS

    def limits(self, channel: str, purpose: str) -> list[Cap]:
        """Those that hold for such a message, the one over all first."""
        over_all = [] if self.cap is None else [Cap(self.cap, self.cap_days)]
        return [*over_all, *(cap for cap in self.caps if cap.concerns(channel, purpose))]

    @property
    def horizon(self) -> timedelta:
        """How far back one must look to know everything that counts."""
        days = [self.cap_days, *(cap.days + cap.calendar for cap in self.caps), *self.groups.values()]
        return timedelta(days=max(days))

    def quiet(self, country: str) -> tuple[time, time]:
        return self.quiet_of.get(country, (self.quiet_from, self.quiet_until))


@dataclass(frozen=True)
class Facts:
    """All that is known about one message under the locks of its hand-off.

    `counted`: what counts for this contact's caps; those older than the window may be among them. `zone`:
    the contact's; `zones`: all they may be in, where that is in doubt. `country` '': nobody knows. `rival`:
    another campaign of the group whose message for this contact is due too and goes first.
    """

    channel: str
    message_class: str
    standing: Standing
    zone: str
    veto: str = ""
    held_out: bool = False
    expires_at: datetime | None = None
    counted: Sequence[Counted] = ()
    purpose: str = ""
    country: str = ""
    region: str = ""
    zones: tuple[str, ...] = ()
    campaign: int | None = None
    group: str = ""
    rival: int | None = None
    when_quiet: str = WAIT
    inbound_at: datetime | None = None
    template: bool = False
    # How often they wish to hear from us at most.
    wish: Cap | None = None

    def limits(self, house: House) -> list[Cap]:
        """What the house allows, and what they wish."""
        return [*house.limits(self.channel, self.purpose), *([self.wish] if self.wish else [])]

    def clocks(self) -> tuple[str, ...]:
        return self.zones or (self.zone,)


def judge(facts: Facts, house: House, now: datetime) -> Verdict:
    """Go, Defer(until, why) or Refuse(why)."""
    return (
        _ended(facts, now)
        or _forbidden(facts, now)
        or _unlawful(facts, house, now)
        or _quiet(facts, house, now)
        or _capped(facts, house, now)
        or _excluded(facts, house, now)
        or Go()
    )


def passed_by(facts: Facts, house: House, now: datetime) -> dict[str, Any]:
    """What a message that goes was let through by: the proof, and what I9 and I10 check later."""
    answer = permission.decide(facts.standing, facts.message_class, now)
    clocks = facts.clocks()
    proof: dict[str, Any] = {"zone": clocks[0]}
    if len(clocks) > 1:
        proof["zones"] = list(clocks)
    if facts.country:
        proof["country"] = facts.country
    if isinstance(answer, permission.Allow):
        proof |= {"basis": answer.basis, "receipt": answer.receipt_id}
    if facts.message_class == MARKETING:
        proof |= _limits_passed(facts, house)
        proof |= _hours_passed(facts, house, now)
    return proof


def _limits_passed(facts: Facts, house: House) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if house.cap is not None:
        found |= {"cap": house.cap, "cap_days": house.cap_days}
    caps = [cap for cap in house.caps if cap.concerns(facts.channel, facts.purpose)]
    caps += [facts.wish] if facts.wish else []
    if caps:
        found["caps"] = [_said(cap) for cap in caps]
    if facts.group and facts.group in house.groups:
        found["group"] = {"name": facts.group, "days": house.groups[facts.group]}
    return found


def _hours_passed(facts: Facts, house: House, now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if facts.channel in INTRUDES:
        found["quiet"] = [each.isoformat() for each in house.quiet(facts.country)]
    windows = _windows(facts, house, now)
    if windows:
        found["law"] = [
            {
                "rule": rule.key,
                "spans": [
                    {"days": sorted(span.days) or list(ANY_DAY), "opens": f"{span.opens:%H:%M}",
                     "closes": f"{span.closes:%H:%M}"}
                    for span in rule.window
                ],
            }
            for rule in windows
        ]  # fmt: skip
    return found


# --- what the message and its person are ------------------------------------------------------------


def _ended(facts: Facts, now: datetime) -> Verdict | None:
    if facts.veto:
        return Refuse(facts.veto)
    if facts.held_out:
        return Refuse("holdout_campaign")
    if facts.expires_at is not None and facts.expires_at <= now:
        return Refuse("expired", {"at": facts.expires_at.isoformat()}, expired=True)
    return None


def _forbidden(facts: Facts, now: datetime) -> Verdict | None:
    """What they said comes before what is wrong with their address: a no is a no at every address."""
    answer = permission.decide(facts.standing, facts.message_class, now)
    if isinstance(answer, permission.Allow):
        return None
    if answer.reason in OF_ADDRESS:
        healthy = replace(facts.standing, health="valid", suppressions=())
        said = permission.decide(healthy, facts.message_class, now)
        answer = said if isinstance(said, permission.Deny) else answer
    return Refuse(answer.reason, {"since": answer.since.isoformat()} if answer.since else None)


# --- the law ------------------------------------------------------------------------------------------


def _law(facts: Facts, house: House, now: datetime) -> regions.Law:
    return regions.law(
        facts.country, facts.region, facts.channel, facts.message_class, facts.purpose, now.date(), house.switches
    )


def _unlawful(facts: Facts, house: House, now: datetime) -> Verdict | None:
    known = _law(facts, house, now)
    if not known.blocking:
        return None
    standing = facts.standing
    ground = regions.Ground(
        basis=standing.basis, method=standing.method, confirmed=standing.confirmed, expires_at=standing.expires_at,
        inbound_at=facts.inbound_at, template=facts.template,
    )  # fmt: skip
    rule = regions.refused(known, ground, now)
    return None if rule is None else Refuse("legal_rule", _of(rule))


def _of(rule: regions.Rule) -> dict[str, Any]:
    return {"rule": rule.key, "source": rule.source}


def _windows(facts: Facts, house: House, now: datetime) -> tuple[regions.Rule, ...]:
    """The hours of the packs; a country's own quiet hours stand in their place."""
    if facts.message_class != MARKETING or facts.country in house.quiet_of:
        return ()
    return _law(facts, house, now).windows


# --- hours --------------------------------------------------------------------------------------------


def _quiet(facts: Facts, house: House, now: datetime) -> Verdict | None:
    if facts.message_class != MARKETING:
        return None
    try:
        until, rule = clear_from(facts, house, now)
    except regions.Never:
        return Refuse("legal_rule", {"rule": "no_hour"})
    if until == now:
        return None
    detail = {"zone": facts.clocks()[0], **(_of(rule) if rule else {})}
    if facts.when_quiet != WAIT:
        return Refuse("quiet_hours", {**detail, "until": until.isoformat()})
    return _later(facts, until, "quiet_hours", detail)


def clear_from(facts: Facts, house: House, at: datetime) -> tuple[datetime, regions.Rule | None]:
    """The first moment from `at` on that is quiet by nobody's clock and lawful, and the rule that put it
    off last (None: the workspace's own hours). Raises `regions.Never`."""
    windows, late = _windows(facts, house, at), None
    begins, ends = house.quiet(facts.country)
    clocks = facts.clocks()
    for _ in range(regions.MOST_STEPS):
        over = [
            end for zone in clocks if facts.channel in INTRUDES and (end := moments.quiet_end(at, zone, begins, ends))
        ]
        if over:
            at, late = max(over), None
            continue
        opens, rule = regions.opening(windows, clocks, at) if windows else (at, None)
        if opens == at:
            return at, late
        at, late = opens, rule
    raise regions.Never


# --- limits -------------------------------------------------------------------------------------------


def _capped(facts: Facts, house: House, now: datetime) -> Verdict | None:
    if facts.message_class != MARKETING:
        return None
    full = [
        (until, cap)
        for cap in facts.limits(house)
        if (until := next_free(facts.counted, cap, now, facts.clocks()[0])) is not None
    ]
    if not full:
        return None
    until, cap = max(full, key=lambda each: each[0])
    return _later(facts, _clear(facts, house, until), "cap", _said(cap))


def next_free(counted: Sequence[Counted], cap: Cap, now: datetime, zone: str) -> datetime | None:
    """When one more message fits under the cap; None: now. The rolling window is (now - days, now]."""
    mine = (each.at for each in counted if cap.concerns(each.channel, each.purpose))
    inside = sorted(_inside(mine, cap, now, zone))
    if len(inside) < cap.messages:
        return None
    if cap.messages == 0:
        return now + timedelta(days=cap.days)
    frees = inside[-cap.messages]
    if cap.calendar:
        return moments.at_local(moments.local_day(frees, zone) + timedelta(days=cap.days), moments.MIDNIGHT, zone)
    return frees + timedelta(days=cap.days)


def _inside(counted: Iterator[datetime], cap: Cap, now: datetime, zone: str) -> Iterator[datetime]:
    if not cap.calendar:
        window = timedelta(days=cap.days)
        return (each for each in counted if each > now - window)
    first = moments.local_day(now, zone) - timedelta(days=cap.days - 1)
    return (each for each in counted if moments.local_day(each, zone) >= first)


def _said(cap: Cap) -> dict[str, Any]:
    said: dict[str, Any] = {"messages": cap.messages, "days": cap.days}
    if cap.calendar:
        said["calendar"] = True
    if cap.channel:
        said["channel"] = cap.channel
    if cap.purpose:
        said["purpose"] = cap.purpose
    return said


def _excluded(facts: Facts, house: House, now: datetime) -> Verdict | None:
    """Campaigns of one group keep their distance, and the most important goes first."""
    days = house.groups.get(facts.group)
    if facts.message_class != MARKETING or not days:
        return None
    others = [each for each in facts.counted if each.group == facts.group and each.campaign != facts.campaign]
    last = max(others, key=lambda each: each.at, default=None)
    detail = {"group": facts.group, "days": days}
    if last is not None and last.at + timedelta(days=days) > now:
        until = _clear(facts, house, last.at + timedelta(days=days))
        return _later(facts, until, "lost_to", {"campaign": last.campaign, **detail})
    if facts.rival is not None:
        return _later(facts, now + YIELDS, "lost_to", {"campaign": facts.rival, **detail})
    return None


def _clear(facts: Facts, house: House, at: datetime) -> datetime:
    """When the next free instant is a quiet one, the end of that is the nearest."""
    try:
        return clear_from(facts, house, at)[0]
    except regions.Never:
        return at


def _later(facts: Facts, until: datetime, reason: str, detail: Mapping[str, Any]) -> Verdict:
    """Wait if it may still go then; where it would expire first, end now and name what stood in its way."""
    if facts.expires_at is not None and until >= facts.expires_at:
        return Refuse(reason, {**detail, "until": until.isoformat()})
    return Defer(until, reason, detail)
