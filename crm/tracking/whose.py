"""Whose message it is, and what it may change. Pure.

A secret key is believed: its userId, e-mail and phone are identifiers, and the rules of all doors hold. A
publishable key stands in a page, where everybody can read and use it, so what it says of people is
hearsay (decision 0035):

- somebody a trusted source knows by that userId is told of (events), and is changed in nothing;
- everybody else is a visitor, known by their browser and, across browsers, by the userId that a page claims
  for them: an anonymous id of its own (`userId:…`), which never is the shop's number of a customer;
- e-mail, phone and userId that a page says are claims (`crm.identity.claims`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crm.intake import Frame
from crm.normalise import Trace
from crm.tracking import traits, translate
from crm.tracking.translate import Dropped, Message

CLAIMED: Final = "userId:"
WEAK: Final = "anonymous_id"
STRONG: Final = "external_id"
Place = tuple[str, str]


@dataclass(frozen=True)
class Owner:
    """Who is known by an id. `named`: by more than a browser, from a source that is trusted.

    `numbers` are their userIds, `claimed` those that pages say they have."""

    contact: int
    named: bool
    numbers: frozenset[str] = frozenset()
    claimed: frozenset[str] = frozenset()


@dataclass
class Plan:
    """What is to be done with a message: `contact` names whom it is about first, the traces all they are known by.

    `changes` and `claims` are what it says of them, `alone` the traces that are surely one person's (a second try).
    """

    message: Message
    contact: dict[str, str]
    traces: list[Trace]
    event: dict[str, Any] | None
    changes: dict[str, Any] = field(default_factory=dict)
    claims: list[Trace] = field(default_factory=list)
    alone: list[Trace] = field(default_factory=list)
    hearsay: bool = False

    @property
    def plain(self) -> bool:
        """Only a fact about somebody who is known by one id."""
        return self.event is not None and len(self.traces) == 1 and not self.changes


@dataclass
class Crowd:
    """Who is known by what: as the database says, and as the messages before said."""

    owners: Mapping[Place, Owner]
    frame: Frame
    source: str
    hearsay: bool
    # Whose browser it is, by what this batch said so far.
    browsers: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str, value: str) -> Owner | None:
        return self.owners.get((kind, value)) if value else None


def places(messages: Sequence[Message]) -> list[Place]:
    """What to look up for these."""
    found: dict[Place, None] = {}
    for message in messages:
        if message.user:
            found[STRONG, message.user] = found[WEAK, CLAIMED + message.user] = None
        if message.anonymous:
            found[WEAK, message.anonymous] = None
    return list(found)


def plan(message: Message, crowd: Crowd) -> Plan:
    """Raises Dropped for what a page says of somebody who is known, and nowhere else belongs."""
    return _of_page(message, crowd) if crowd.hearsay else _of_server(message, crowd)


# --- a secret key --------------------------------------------------------------------------------


def _of_server(message: Message, crowd: Crowd) -> Plan:
    traces = [Trace(STRONG, message.user)] if message.user else []
    said = traits.read(message.traits, crowd.frame)
    browser = crowd.of(WEAK, message.anonymous)
    if message.anonymous and not _is_settled(message, browser, crowd):
        traces.append(Trace(WEAK, message.anonymous))
    first = traces[0]
    event = _event(message, {first.kind: first.value}, said.left, crowd)
    return Plan(message, {first.kind: first.value}, [*traces, *said.traces], event, said.changes, [], traces[:1])


def _is_settled(message: Message, browser: Owner | None, crowd: Crowd) -> bool:
    """The browser is theirs already, or somebody else's: then the userId says it all."""
    if not message.user or browser is None:
        return False
    them = crowd.of(STRONG, message.user)
    return them is not None and (browser.contact == them.contact or browser.named)


# --- a publishable key -----------------------------------------------------------------------------


def _of_page(message: Message, crowd: Crowd) -> Plan:
    them = crowd.of(STRONG, message.user)
    if them is not None and them.named:
        return _of_somebody_known(message, them, crowd)
    traces = _visitor(message, crowd)
    if message.anonymous and message.user and traces[-1].value == message.anonymous:
        crowd.browsers[message.anonymous] = message.user
    said = traits.read(message.traits, crowd.frame)
    claims = [*([Trace(STRONG, message.user)] if message.user else []), *said.traces]
    owner = crowd.of(WEAK, traces[0].value)
    left = dict(said.left)
    if owner is not None and owner.named:  # nothing of them is changed: what was said stays with the event
        left = dict(message.traits)
    event = _event(message, {WEAK: traces[0].value}, left, crowd)
    if len(traces) == 2 and _is_one(traces, crowd):
        traces = traces[:1]
    return Plan(message, {WEAK: traces[0].value}, traces, event, said.changes, claims, traces[:1], hearsay=True)


def _of_somebody_known(message: Message, them: Owner, crowd: Crowd) -> Plan:
    """Facts are theirs, as every page that is told a userId tells them. What it says of them is not."""
    if message.kind not in ("identify", "alias"):
        place = {STRONG: message.user}
        return Plan(message, place, [Trace(STRONG, message.user)], _event(message, place, {}, crowd), hearsay=True)
    if message.kind == "alias" or not message.anonymous:
        raise Dropped(
            "of_somebody_known",
            "A page cannot say who somebody is that the shop knows: send it from your server, with a secret key.",
        )
    browser = crowd.of(WEAK, message.anonymous)
    left = dict(message.traits) if browser and browser.contact == them.contact else {
        "userId": message.user, **message.traits}  # fmt: skip
    place = {WEAK: message.anonymous}
    return Plan(message, place, [Trace(WEAK, message.anonymous)], _event(message, place, left, crowd), hearsay=True)


def _visitor(message: Message, crowd: Crowd) -> list[Trace]:
    """The browser, the userId that a page claims, or both where nothing says that they are two people."""
    if not message.user:
        return [Trace(WEAK, message.anonymous)]
    claimed, browser = Trace(WEAK, CLAIMED + message.user), Trace(WEAK, message.anonymous)
    told, theirs = crowd.of(WEAK, claimed.value), crowd.of(WEAK, message.anonymous)
    if not message.anonymous or crowd.browsers.get(message.anonymous, message.user) != message.user:
        return [claimed]
    if theirs is None:
        return [claimed] if told and told.named else [claimed, browser]
    if theirs.named:
        another = (theirs.numbers and message.user not in theirs.numbers) or (told and told.contact != theirs.contact)
        return [claimed] if another else [browser]
    if theirs.claimed and message.user not in theirs.claimed:
        return [claimed]
    return [claimed] if told and told.named else [claimed, browser]


def _is_one(traces: Sequence[Trace], crowd: Crowd) -> bool:
    owners = [crowd.of(trace.kind, trace.value) for trace in traces]
    return owners[0] is not None and owners[1] is not None and owners[0].contact == owners[1].contact


# --- the fact ------------------------------------------------------------------------------------


def _event(message: Message, contact: dict[str, str], left: Mapping[str, Any], crowd: Crowd) -> dict[str, Any] | None:
    if not message.name:
        return None
    body = translate.body(message, contact, crowd.source, _event_id(message, crowd), crowd.frame.currency)
    if message.kind == "identify":
        body["properties"] = {"traits": dict(left)} if left else {}
    return body


def _event_id(message: Message, crowd: Crowd) -> str:
    """A page cannot take the number of a fact that the server will tell."""
    if not message.message_id:
        return ""
    return f"page:{message.message_id}" if crowd.hearsay else message.message_id
