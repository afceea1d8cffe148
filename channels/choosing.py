"""What a person chooses on their preference page: which yes holds, a pause, how often, about what, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from channels import leaving
from crm import capture, consent, topics, wishes, words
from crm.normalise import Trace
from crm.wishes import Wishes

# Shown to everybody; the others only where there is something to take back.
SHOWN: Final = ("offers", "newsletter", "loyalty", "profiling", "tracking")
SHOWN_CHANNELS: Final = ("email", "sms")
# The text beside the boxes, as proof of what was agreed to; a change of it is a new number.
WORDING: Final = "preferences-1"
PAUSES: Final = (30, 60, 90)
# What may be their favourite: channels that bring something to them.
FAVOURITES: Final = ("email", "sms", "whatsapp", "push", "call", "post")

STATES: Final = """
SELECT DISTINCT purpose, channel FROM crm_consentstate
WHERE contact_id = %s AND state NOT IN ('withdrawn', 'refused')"""
ADDRESSES: Final = """
SELECT DISTINCT ON (a.medium) a.medium, a.id FROM crm_identifier i JOIN crm_address a ON a.id = i.address_id
WHERE i.contact_id = %s ORDER BY a.medium, (a.id = %s) DESC, a.id"""


@dataclass(frozen=True)
class Person:
    """Whose page it is, and the message or address they came by."""

    contact_id: int
    address_id: int | None
    channel: str
    purpose: str
    source: str
    message_id: int
    language: str = ""
    device: str = ""


@dataclass(frozen=True)
class Cell:
    """One box: a purpose on a channel, at the address it would go to. `paused_until`: a yes that rests."""

    purpose: str
    channel: str
    address_id: int | None
    on: bool
    paused_until: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.purpose}.{self.channel}"


def cells(person: Person, now: datetime) -> list[Cell]:
    """Every box of the page, by purpose. Three queries."""
    with connection.cursor() as cursor:
        cursor.execute(STATES, [person.contact_id])
        held = set(cursor.fetchall())
        cursor.execute(ADDRESSES, [person.contact_id, person.address_id])
        addresses = dict(cursor.fetchall())
    channels = [
        channel
        for channel in words.CHANNELS
        if (channel in SHOWN_CHANNELS and words.MEDIUM.get(channel) in addresses)
        or any(each == channel for _, each in held)
    ]
    purposes = [purpose for purpose in words.MARKETING if purpose in SHOWN or any(each == purpose for each, _ in held)]
    keys: list[consent.Key] = [
        (person.contact_id, addresses.get(words.MEDIUM.get(channel, "")), purpose, channel)
        for purpose in purposes
        for channel in channels
    ]
    standings = consent.standings(keys)
    return [_cell(key, standings[key], now) for key in keys]


def _cell(key: consent.Key, standing: consent.Standing, now: datetime) -> Cell:
    _, address, purpose, channel = key
    rests = standing.state == "paused" and standing.paused_until is not None and standing.paused_until > now
    said = standing.state in {"granted", "soft", "paused"} and standing.stopped_since is None
    current = standing.expires_at is None or standing.expires_at > now
    return Cell(purpose, channel, address, said and current, standing.paused_until if rests and said else None)


def choose(person: Person, ticked: Mapping[str, bool], shown: Mapping[str, bool], now: datetime) -> list[Cell]:
    """Record the boxes that were changed, and only those; answers them as they were.

    `shown`: how each box stood when the page was made. One that has changed elsewhere since says nothing.
    """
    changed = [
        cell
        for cell in cells(person, now)
        if cell.name in shown and ticked.get(cell.name, False) not in (shown[cell.name], cell.on)
    ]
    said = [_statement(person, cell, "withdrawn" if cell.on else "granted", now) for cell in changed]
    consent.record(said, now=now)
    return changed


def pause(person: Person, days: int, now: datetime) -> int:
    """Everything they allow rests for so many days; answers how much."""
    until = now + timedelta(days=days)
    said = [
        replace(_statement(person, cell, "paused", now), until=until)
        for cell in cells(person, now)
        if cell.on and cell.purpose in words.MARKETING
    ]
    consent.record(said, now=now)
    return len(said)


def resume(person: Person, now: datetime) -> int:
    """What rests goes on; answers how much."""
    said = [_statement(person, cell, "granted", now) for cell in cells(person, now) if cell.paused_until]
    consent.record(said, now=now)
    return len(said)


def stop_all(person: Person, now: datetime) -> None:
    """No marketing any more, on no channel and at no address of theirs."""
    with transaction.atomic():
        leaving.lock([person.contact_id], [person.address_id])
        leave = leaving.Leave(
            person.message_id, person.contact_id, person.address_id, person.channel, person.purpose,
            scope="all", method="pref_centre",
        )  # fmt: skip
        leaving.withdraw([leave], now)


def wish(person: Person, given: Mapping[str, str], now: datetime) -> bool:
    """How often, the favourite channel, the topics; and the language. True if something is new."""
    before = wishes.of([person.contact_id]).get(person.contact_id, wishes.NONE)
    known = {topic.key for topic in topics.every()}
    unwanted = {key for key in known if f"was.topic.{key}" in given and f"topic.{key}" not in given}
    kept = before.without - {key for key in known if f"was.topic.{key}" in given}
    often, favourite = given.get("often", before.often), given.get("favourite", before.favourite)
    wanted = Wishes(
        often if often in wishes.OFTEN else "", favourite if favourite in FAVOURITES else "", kept | unwanted
    )
    new = wishes.keep(person.contact_id, wanted, source=person.source, now=now)
    return speak(person, given.get("language", ""), now) or new


def speak(person: Person, language: str, now: datetime) -> bool:
    """They are written to in this language from now on. True if it is another one than before."""
    if not language or language == person.language:
        return False
    arrival = capture.Arrival(
        [Trace("id", str(person.contact_id))], {"language": language}, source=person.source, actor="themselves"
    )
    return not capture.receive([arrival], now=now)[0].problems


def _statement(person: Person, cell: Cell, action: str, now: datetime) -> consent.Statement:
    evidence: dict[str, Any] = {"user_agent": person.device[:200]} if person.device else {}
    return consent.Statement(
        contact_id=person.contact_id,
        purpose=cell.purpose,
        channel=cell.channel,
        action=action,
        basis="consent" if action == "granted" else "",
        method="pref_centre",
        source=person.source,
        wording=f"{WORDING}:{person.language[:2] or 'en'}",
        occurred_at=now,
        address_id=cell.address_id,
        evidence=evidence,
    )


def rests_until(found: Sequence[Cell]) -> datetime | None:
    """When the last pause among them is over."""
    return max((cell.paused_until for cell in found if cell.paused_until), default=None)
