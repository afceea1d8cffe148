"""What people said, what it comes to, and whether a message may go. Pure.

The same table of decisions stands in `decide` (one standing) and in
`crm.standings.CONDITIONS` (SQL over all); a property test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from crm import words
from crm.errors import Problem

Key = tuple[int, int | None, str, str]  # contact, address, purpose, channel

YES: Final = ("granted", "confirmed")
NO: Final = ("refused", "withdrawn", "objected")
IMPORTED: Final = "csv_import"
DOUBLE: Final = ("doi_email", "doi_sms_code")
# The source of a receipt that carries an earlier statement over to a first address.
BOUND: Final = "bound:"
# The source of a receipt that carries a relation on: they bought or asked again (`crm.renewal`).
RENEWED: Final = "renewed:"
# Grounds that rest on a relation, not on a yes: they never lift somebody's no.
SOFT_BASES: Final = ("soft_opt_in", "legitimate_interest")


@dataclass(frozen=True)
class Statement:
    """One statement by a person, to be recorded. `address_id` None: see `crm.consent.record`."""

    contact_id: int
    purpose: str
    channel: str
    action: str
    basis: str
    method: str
    source: str
    wording: str = ""
    occurred_at: datetime | None = None
    address_id: int | None = None
    until: datetime | None = None
    expires_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    quiet: bool = False  # no event of its own: one objection is many receipts


@dataclass(frozen=True)
class Said:
    """What the fold needs of one receipt."""

    receipt_id: int
    action: str
    basis: str
    method: str
    occurred_at: datetime
    until: datetime | None = None
    expires_at: datetime | None = None
    source: str = ""


@dataclass(frozen=True)
class Folded:
    """What the receipts of one contact, purpose, channel and address come to."""

    state: str = "unknown"
    basis: str = ""
    since: datetime | None = None
    expires_at: datetime | None = None
    paused_until: datetime | None = None
    receipt_id: int | None = None


NOTHING: Final = Folded()


@dataclass(frozen=True)
class Standing:
    """All that decides whether one contact may be written to at one address."""

    state: str = "unknown"
    basis: str = ""
    since: datetime | None = None
    expires_at: datetime | None = None
    paused_until: datetime | None = None
    receipt_id: int | None = None
    stopped_since: datetime | None = None
    health: str = "valid"
    # (reason, since, until) of each suppression of the address for this channel.
    suppressions: tuple[tuple[str, datetime, datetime | None], ...] = ()
    reachable: bool = True  # the contact has this address, or the channel needs none
    removed: bool = False  # merged away, archived or restricted
    method: str = ""  # of the receipt it rests on
    confirmed: bool = False  # the yes was proved at the address (double opt-in)


@dataclass(frozen=True)
class Allow:
    basis: str
    receipt_id: int | None


@dataclass(frozen=True)
class Deny:
    reason: str
    since: datetime | None = None


@dataclass(frozen=True)
class Withdrawal:
    """A permission that was taken away. It holds for the address whoever holds it."""

    contact_id: int
    address_id: int | None
    channel: str
    purpose: str
    receipt_id: int
    recorded_at: datetime


HEALTH: Final = {
    "hard_bounce": "channel_suppressed_bounce",
    "complaint": "channel_suppressed_complaint",
    "invalid": "channel_suppressed_invalid",
}
# The first one in force names the refusal. A suppression by hand is a do-not-contact list of our own.
SUPPRESSED: Final = {
    "erased": "contact_removed",
    "complaint": "channel_suppressed_complaint",
    "bounce": "channel_suppressed_bounce",
    "invalid": "channel_suppressed_invalid",
    "robinson": "channel_suppressed_robinson",
    "manual": "channel_suppressed_robinson",
}
STATES: Final = {
    "unknown": "consent_missing",
    "requested": "consent_unconfirmed",
    "granted_unconfirmed": "consent_unconfirmed",
    "refused": "consent_withdrawn",
    "withdrawn": "consent_withdrawn",
    "expired": "consent_expired",
}


def problems(statement: Statement, latest: datetime) -> list[Problem]:
    """All that is wrong with a statement, each with its remedy."""
    found = [
        Problem(f"/{name}", "not_a_choice", f"{value!r} is not one of {', '.join(each for each in choices if each)}.")
        for name, value, choices in (
            ("purpose", statement.purpose, words.PURPOSES),
            ("channel", statement.channel, words.CHANNELS),
            ("action", statement.action, words.ACTIONS + words.INNER_ACTIONS),
            ("basis", statement.basis, ("", *words.BASES)),
            ("method", statement.method, ("", *words.METHODS)),
        )
        if value not in choices
    ]
    if statement.action in YES:
        found += [
            Problem(f"/{name}", "required", f"A grant must say its {name}: it is the proof of it.")
            for name in ("method", "source")
            if not getattr(statement, name)
        ]
    if statement.action == "paused" and statement.until is None:
        found.append(Problem("/until", "required", "A pause must say until when."))
    if statement.occurred_at is not None and statement.occurred_at > latest:
        found.append(Problem("/occurred_at", "in_the_future", "Nobody can have said this yet."))
    return found


def decide(standing: Standing, message_class: str, at: datetime) -> Allow | Deny:
    """May a message of this class go at this instant? Every refusal has its reason."""
    return (
        _address_refusal(standing, at)
        or _stop_refusal(standing, message_class)
        or _consent_answer(standing, message_class, at)
    )


def _address_refusal(standing: Standing, at: datetime) -> Deny | None:
    if standing.removed:
        return Deny("contact_removed")
    if not standing.reachable:
        return Deny("no_address")
    if standing.health in HEALTH:
        return Deny(HEALTH[standing.health])
    in_force = {
        reason: since for reason, since, until in standing.suppressions if since <= at and (until is None or until > at)
    }
    for reason, word in SUPPRESSED.items():
        if reason in in_force:
            return Deny(word, in_force[reason])
    return None


def _stop_refusal(standing: Standing, message_class: str) -> Deny | None:
    """A no that belongs to the address beats every profile. Transactional messages need no yes."""
    if message_class != "transactional" and standing.stopped_since is not None:
        return Deny("consent_withdrawn", standing.stopped_since)
    return None


def _consent_answer(standing: Standing, message_class: str, at: datetime) -> Allow | Deny:
    if message_class == "transactional":
        return Allow("contract", standing.receipt_id)
    state = standing.state
    if message_class == "service":
        if state in ("refused", "withdrawn") or _paused(standing, at):
            return Deny("consent_withdrawn", standing.since)
        return Allow(standing.basis or "contract", standing.receipt_id)
    if state in STATES:
        return Deny(STATES[state], standing.since)
    if _paused(standing, at):
        return Deny("consent_withdrawn", standing.since)
    if standing.expires_at is not None and standing.expires_at <= at:
        return Deny("consent_expired", standing.expires_at)
    return Allow(standing.basis, standing.receipt_id)


def _paused(standing: Standing, at: datetime) -> bool:
    return standing.state == "paused" and (standing.paused_until is None or standing.paused_until > at)


# --- the fold ------------------------------------------------------------------------------


def fold(receipts: Iterable[Said]) -> Folded:
    """The state after these receipts, in the order in which they were recorded."""
    state = NOTHING
    for said in receipts:
        state = step(state, said)
    return state


def step(state: Folded, said: Said) -> Folded:
    """The state after one more receipt.

    A no always counts from when we were told. A yes does not lift a no that is younger
    than it (a form of last week typed in today), nor does an import or a soft ground.
    """
    if said.action in NO:
        word = "refused" if said.action == "refused" else "withdrawn"
        return Folded(word, said.basis, said.occurred_at, receipt_id=said.receipt_id)
    if said.action in YES:
        return _yes(state, said)
    return _INNER[said.action](state, said)


def _yes(state: Folded, said: Said) -> Folded:
    if state.state in ("refused", "withdrawn") and not lifts(said, state.since):
        return state
    basis = said.basis or state.basis or "consent"
    word = "soft" if basis in SOFT_BASES else "granted"
    if state.state in ("requested", "granted_unconfirmed") and not _proves_address(said):
        word = "granted_unconfirmed"  # a double opt-in is under way: the form alone is not the yes
    return Folded(word, basis, said.occurred_at, said.expires_at, receipt_id=said.receipt_id)


def _proves_address(said: Said) -> bool:
    return said.action == "confirmed" or said.method in DOUBLE


def lifts(said: Said, no_since: datetime | None) -> bool:
    """Whether this yes is one that ends a no of `no_since`."""
    if said.action not in YES or said.method == IMPORTED or said.basis in SOFT_BASES:
        return False
    return no_since is None or said.occurred_at >= no_since


def lifts_address(said: Said, no_since: datetime | None) -> bool:
    """Whether it also ends a no that belongs to the address: only if it was given for that very address."""
    return lifts(said, no_since) and not said.source.startswith(BOUND)


def _requested(state: Folded, said: Said) -> Folded:
    if state.state not in ("unknown", "expired"):
        return state
    return Folded("requested", said.basis, said.occurred_at, receipt_id=said.receipt_id)


def _paused_by(state: Folded, said: Said) -> Folded:
    """A pause of a yes; the yes stays its ground and comes back when the pause is over."""
    if state.state not in ("granted", "soft", "paused"):
        return state
    return replace(state, state="paused", since=said.occurred_at, paused_until=said.until)


def _expired(state: Folded, said: Said) -> Folded:
    if state.state in ("refused", "withdrawn", "unknown"):
        return state
    return Folded("expired", state.basis, said.occurred_at, receipt_id=said.receipt_id)


_INNER: Final = {"requested": _requested, "paused": _paused_by, "expired": _expired}

assert set(_INNER) | set(YES) | set(NO) == set(words.ACTIONS) | set(words.INNER_ACTIONS)  # noqa: S101
