"""`/p/<token>`: what a person wants from us; no login, and no JavaScript needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels import choosing, grounds
from channels.choosing import Cell, Person
from channels.views import data, reader, wording
from crm import clock, statements, topics, wishes, workspace


@dataclass(frozen=True)
class Row:
    """A purpose with its boxes: (cell, the channel in words)."""

    title: Promise
    help: Promise
    cells: list[tuple[Cell, Promise]]


@dataclass(frozen=True)
class Saved:
    """What was done: a word of the template, and what would take it back as the fields of a form."""

    what: str = ""
    undo: tuple[tuple[str, str], ...] = ()


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@reader.private
def page(request: HttpRequest, token: str) -> HttpResponse:
    found, _ = reader.find("preferences", token)
    now = clock.now()
    person = _person(found, request)
    saved = Saved()
    if request.method == "POST" and found.known:
        saved = _save(person, request, now)
        found, _ = reader.find("preferences", token)  # their language may be another one now
    with reader.speaking(found):
        context = {**data.shown(found, token), **_shown(found, person, now)} if found.known else {"rows": []}
        return render(
            request,
            "channels/preferences.html",
            {**context, "person": found, "saved": saved, "workspace_name": workspace.current().name},
        )


def _person(found: reader.Reader, request: HttpRequest) -> Person:
    return Person(
        found.contact_id, found.address_id, found.channel, found.purpose, f"message:{found.message_id}",
        found.message_id, found.language, request.headers.get("User-Agent", ""),
    )  # fmt: skip


def _shown(found: reader.Reader, person: Person, now: datetime) -> dict[str, Any]:
    cells = choosing.cells(person, now)
    mine = wishes.of([person.contact_id]).get(person.contact_id, wishes.NONE)
    ground = grounds.of(person.message_id)
    reachable = {cell.channel for cell in cells} & set(choosing.FAVOURITES)
    return {
        "rows": _rows(cells),
        "wishes": mine,
        "topics": [(topic.key, topics.name(topic), topic.key not in mine.without) for topic in topics.every()],
        "favourites": [(name, wording.CHANNELS[name]) for name in choosing.FAVOURITES if name in reachable],
        "languages": settings.LANGUAGES,
        "speaks": reader.language_of(found) or "",
        "pauses": choosing.PAUSES,
        "rests_until": choosing.rests_until(cells),
        "limit": workspace.current(),
        "ground": ground,
        "ground_basis": statements.BASES.get(ground.basis, "") if ground else "",
        "ground_method": statements.METHODS.get(ground.method, "") if ground else "",
        "purpose": wording.PURPOSES[person.purpose][0],
        "channel": wording.CHANNELS[person.channel],
    }


def _rows(cells: list[Cell]) -> list[Row]:
    by_purpose: dict[str, list[Cell]] = {}
    for cell in cells:
        by_purpose.setdefault(cell.purpose, []).append(cell)
    return [
        Row(*wording.PURPOSES[purpose], [(cell, wording.CHANNELS[cell.channel]) for cell in mine])
        for purpose, mine in by_purpose.items()
    ]


def _save(person: Person, request: HttpRequest, now: datetime) -> Saved:
    given = request.POST.dict()
    if "stop_all" in given:
        choosing.stop_all(person, now)
        return Saved("all")
    if "resume" in given:
        choosing.resume(person, now)
        return Saved("resumed")
    days = given.get("pause", "")
    if days.isdecimal() and int(days) in choosing.PAUSES:
        choosing.pause(person, int(days), now)
        return Saved("paused", (("resume", "1"),))
    before = wishes.of([person.contact_id]).get(person.contact_id, wishes.NONE)
    shown = {name.removeprefix("was."): value == "on" for name, value in given.items() if name.startswith("was.")}
    changed = choosing.choose(person, dict.fromkeys(given, True), shown, now)
    choosing.wish(person, given, now)
    return Saved("choices", tuple(_back(changed, before, given, person)))


def _back(
    changed: list[Cell], before: wishes.Wishes, given: Mapping[str, str], person: Person
) -> list[tuple[str, str]]:
    """The fields of a form that puts everything back."""
    fields = [(f"was.{cell.name}", "off" if cell.on else "on") for cell in changed]
    fields += [(cell.name, "on") for cell in changed if cell.on]
    for name in (each for each in given if each.startswith("was.topic.")):
        key = name.removeprefix("was.topic.")
        fields.append((name, "on"))
        if key not in before.without:
            fields.append((f"topic.{key}", "on"))
    fields += [("often", before.often), ("favourite", before.favourite), ("language", person.language[:2])]
    return fields
