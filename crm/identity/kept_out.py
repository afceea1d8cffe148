"""Whoever was erased does not come back with a list: only by what they do themselves, and as somebody new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from crm import suppression
from crm.errors import Problem
from crm.normalise import Trace

# Kinds of identifiers that a list may bring again, and what their HMAC stands under.
KINDS: Final = {"email": "email", "phone": "phone", "card": "card", "external_id": "external"}
REASON: Final = "erased"
Place = tuple[str, str]  # what it stands under, and its HMAC


def place(kind: str, value: str) -> Place:
    return KINDS[kind], suppression.address_hash(KINDS[kind], value)


def since(places: Sequence[Place]) -> dict[Place, datetime]:
    """Which of these belonged to somebody who was erased, and when that was. One query."""
    if not places:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.medium, s.hash, max(s.since) FROM unnest(%s::text[], %s::text[]) AS p(medium, hash)
               JOIN crm_suppression s ON s.medium = p.medium AND s.hash = p.hash
               WHERE s.reason = 'erased' AND s.until IS NULL GROUP BY 1, 2""",
            [[medium for medium, _ in places], [hashed for _, hashed in places]],
        )
        return {(medium, hashed): at for medium, hashed, at in cursor.fetchall()}


def refused(arriving: Mapping[int, tuple[Sequence[Trace], datetime | None]], now: datetime) -> dict[int, Problem]:
    """Of people who are new: whom we must not take in. By number: their traces, and the newest thing they did.

    Whoever did something after the erasure is let in, and what was kept of them to keep them out goes.
    """
    known_by = {
        number: [place(trace.kind, trace.value) for trace in traces if trace.kind in KINDS]
        for number, (traces, _) in arriving.items()
    }
    erased = since(sorted({each for places in known_by.values() for each in places}))
    if not erased:
        return {}
    found, back = {}, []
    for number, places in known_by.items():
        hit = [each for each in places if each in erased]
        deed = arriving[number][1]
        if hit and (deed is None or deed <= max(erased[each] for each in hit)):
            found[number] = Problem(
                "", REASON, "They asked to be erased. Only what they do themselves (a purchase, a form, a new consent) "
                "makes them a contact again.",
            )  # fmt: skip
        elif hit:
            back += hit
    for medium in sorted({medium for medium, _ in back}):
        hashes = [hashed for each, hashed in back if each == medium]
        suppression.lift(medium, hashes, reason=REASON, now=now)
    return found
