"""`/p/<token>`: what a person wants from us, per purpose and channel; no login, no JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels import leaving
from channels.views import reader, wording
from crm import clock, consent, words, workspace

# Shown to everybody; the others only where there is something to take back.
SHOWN: Final = ("offers", "newsletter", "loyalty", "profiling", "tracking")
SHOWN_CHANNELS: Final = ("email", "sms")
# The text beside the boxes, as proof of what was agreed to; a change of it is a new number.
WORDING: Final = "preferences-1"

STATES: Final = """
SELECT DISTINCT purpose, channel FROM crm_consentstate
WHERE contact_id = %s AND state NOT IN ('withdrawn', 'refused')"""
ADDRESSES: Final = """
SELECT DISTINCT ON (a.medium) a.medium, a.id, a.value FROM crm_identifier i JOIN crm_address a ON a.id = i.address_id
WHERE i.contact_id = %s ORDER BY a.medium, (a.id = %s) DESC, a.id"""


@dataclass(frozen=True)
class Cell:
    """One box: a purpose on a channel, at the address it would go to."""

    name: str
    purpose: str
    channel: str
    label: Promise
    address_id: int | None
    on: bool


@dataclass(frozen=True)
class Row:
    title: Promise
    help: Promise
    cells: list[Cell]


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@reader.private
def page(request: HttpRequest, token: str) -> HttpResponse:
    person, _ = reader.find("preferences", token)
    now = clock.now()
    saved = ""
    if request.method == "POST" and person.known:
        saved = "all" if "stop_all" in request.POST else "choices"
        _save(person, request, now)
    with reader.speaking(person):
        rows = _rows(person, now) if person.known else []
        return render(request, "channels/preferences.html", {
            "person": person, "rows": rows, "saved": saved, "workspace_name": workspace.current().name,
        })  # fmt: skip


def _rows(person: reader.Reader, now: datetime) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(STATES, [person.contact_id])
        held = set(cursor.fetchall())
        cursor.execute(ADDRESSES, [person.contact_id, person.address_id])
        addresses = {medium: number for medium, number, _ in cursor.fetchall()}
    channels = [
        channel
        for channel in words.CHANNELS
        if (channel in SHOWN_CHANNELS and words.MEDIUM.get(channel) in addresses)
        or any(each == channel for _, each in held)
    ]
    purposes = [purpose for purpose in words.MARKETING if purpose in SHOWN or any(each == purpose for each, _ in held)]
    keys = {
        (purpose, channel): (person.contact_id, addresses.get(words.MEDIUM.get(channel, "")), purpose, channel)
        for purpose in purposes for channel in channels
    }  # fmt: skip
    standings = consent.standings(list(keys.values()))
    return [
        Row(*wording.PURPOSES[purpose], [_cell(keys[purpose, channel], standings, now) for channel in channels])
        for purpose in purposes
    ]


def _cell(key: consent.Key, standings: Mapping[consent.Key, consent.Standing], now: datetime) -> Cell:
    _, address, purpose, channel = key
    standing = standings[key]
    allowed = standing.state in {"granted", "soft"} and standing.stopped_since is None
    current = standing.expires_at is None or standing.expires_at > now
    return Cell(f"{purpose}.{channel}", purpose, channel, wording.CHANNELS[channel], address, allowed and current)


def _save(person: reader.Reader, request: HttpRequest, now: datetime) -> None:
    """Record what the person changed, and only that: a box that stood as it was says nothing."""
    if "stop_all" in request.POST:
        with transaction.atomic():
            leaving.lock([person.contact_id], [person.address_id])
            leave = leaving.Leave(
                person.message_id, person.contact_id, person.address_id, person.channel, person.purpose,
                scope="all", method="pref_centre",
            )  # fmt: skip
            leaving.withdraw([leave], now)
        return
    statements = []
    for cell in (cell for row in _rows(person, now) for cell in row.cells):
        was, wants = request.POST.get(f"was.{cell.name}"), cell.name in request.POST
        if was is None or wants in ((was == "on"), cell.on):
            continue
        statements.append(_statement(person, cell, request, now, wants=wants))
    consent.record(statements, now=now)


def _statement(
    person: reader.Reader, cell: Cell, request: HttpRequest, now: datetime, *, wants: bool
) -> consent.Statement:
    return consent.Statement(
        contact_id=person.contact_id,
        purpose=cell.purpose,
        channel=cell.channel,
        action="granted" if wants else "withdrawn",
        basis="consent" if wants else "",
        method="pref_centre",
        source=f"message:{person.message_id}",
        wording=f"{WORDING}:{reader.language_of(person) or 'en'}",
        occurred_at=now,
        address_id=cell.address_id,
        evidence={"user_agent": request.headers.get("User-Agent", "")[:200]},
    )
