"""What a customer allows, seen and changed at the till: a no in two taps, a yes with the text that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from crm import capture, publicids
from crm.errors import Problem, Problems
from crm.till import aloud, enrolling, people
from crm.till.desk import Desk
from crm.till.entries import Done
from crm.words import MEDIUM as MEDIUM_OF

FIELDS: Final = {"contact", "purpose", "channel", "yes", "wording"}
ON: Final = ("granted", "soft")
WAITING: Final = ("granted_unconfirmed", "requested")
STATES: Final = """
SELECT DISTINCT ON (s.purpose, s.channel) s.purpose, s.channel, s.state, s.since FROM crm_consentstate s
WHERE s.contact_id = %s AND (s.purpose = 'offers' AND s.channel = ANY(%s) OR s.purpose = 'profiling')
ORDER BY s.purpose, s.channel, s.since DESC"""
MEDIA: Final = "SELECT DISTINCT kind FROM crm_identifier WHERE contact_id = %s AND kind IN ('email', 'phone')"


@dataclass(frozen=True)
class Answer:
    """One thing they may allow. `state`: on, waiting, off, unasked. `possible`: they have an address for it."""

    purpose: str
    channel: str
    state: str
    since: datetime | None
    possible: bool = True


def of(contact_id: int) -> list[Answer]:
    """What stands. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(STATES, [contact_id, list(enrolling.CHANNELS)])
        stands = {(purpose, channel): (state, since) for purpose, channel, state, since in cursor.fetchall()}
        cursor.execute(MEDIA, [contact_id])
        media = {kind for (kind,) in cursor.fetchall()}
    found = []
    for channel in enrolling.CHANNELS:
        state, since = stands.get(("offers", channel), ("unknown", None))
        found.append(Answer("offers", channel, _word(state), since, MEDIUM_OF[channel] in media))
    said = [stand for (purpose, _), stand in stands.items() if purpose == "profiling"]
    state, since = max(said, key=lambda each: each[1]) if said else ("unknown", None)
    return [*found, Answer("profiling", "till", _word(state), since)]


def change(desk: Desk, body: Mapping[str, Any], key: str, happened: datetime, now: datetime) -> Done:
    """The handler of an entry: `{contact, purpose, channel, yes, wording?}`; `channel` "all" stops all offers."""
    del key
    if set(body) - FIELDS:
        raise Problem(f"/{min(set(body) - FIELDS)}", "unknown", "There is no such field.")
    number = publicids.decode("ctc", str(body.get("contact", "")), "/contact")
    if people.one(desk.store, number) is None:
        raise Problem("/contact", "not_found", "This customer is not one of this store.")
    said = [_said(desk, purpose, channel, body, happened) for purpose, channel in _keys(body)]
    traces = [{"kind": "id", "value": publicids.encode("ctc", number)}]
    received = capture.receive(
        [capture.Arrival(traces, {}, said, (), desk.source, desk.actor, in_person=True)], now=now
    )[0]
    if received.problems:
        raise Problems(received.problems)
    states = {each.channel: _word(each.state) for each in received.receipts}
    return Done(number, {"contact": publicids.encode("ctc", number), "states": states})


def _keys(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    purpose, channel = body.get("purpose"), body.get("channel")
    if purpose == "offers" and channel == "all" and body.get("yes") is False:
        return [("offers", each) for each in enrolling.CHANNELS]
    if (purpose == "offers" and channel in enrolling.CHANNELS) or (purpose, channel) == ("profiling", "till"):
        return [(str(purpose), str(channel))]
    raise Problem("/channel", "not_a_choice", f"One of: {', '.join(enrolling.CHANNELS)}.")


def _said(desk: Desk, purpose: str, channel: str, body: Mapping[str, Any], happened: datetime) -> dict[str, Any]:
    told = {
        "purpose": purpose, "channel": channel, "method": "pos_screen", "source": desk.source,
        "occurred_at": happened.isoformat(), "evidence": {"store": desk.store.code, "staff": desk.actor},
    }  # fmt: skip
    if body.get("yes") is True:
        wording = aloud.kept(str(body.get("wording") or ""), purpose)
        return {
            **told,
            "action": "granted",
            "basis": "consent",
            "wording": wording,
            "confirm": _asks(desk, purpose, channel),
        }
    if body.get("yes") is False:
        return {**told, "action": "withdrawn"}
    raise Problem("/yes", "required", "Say whether it is a yes or a no.")


def _asks(desk: Desk, purpose: str, channel: str) -> bool:
    return purpose == "offers" and enrolling.asks_back(desk.store, channel)


def _word(state: str) -> str:
    if state == "unknown":
        return "unasked"
    return "on" if state in ON else "waiting" if state in WAITING else "off"
