"""The short way through the one door in: plain events of people who are known by what names them.

Most of what arrives is that: nobody is made or changed, no cart or order is folded. Then
two statements do: one finds the people, one writes. `read()` takes only what is surely
fine; whatever it leaves goes the general way (`crm.capture`), which says what is wrong
with it. Both ways give the same rows and answers (a property test holds them together).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

from crm import arrays, carts, commerce, intake, normalise, timeline, words, workspace
from crm.columns import UNSTORABLE
from crm.errors import Problem
from crm.identity import resolution, rows
from crm.intake import Frame
from crm.moments import FUTURE, OLDEST

PARTS: Final = intake.EVENT | {"contact"}
CONTEXT: Final = frozenset({"page", "referrer", "utm", "click_ids"})
CHANNELS: Final = frozenset({"", *words.EVENT_CHANNELS})
LONGEST_INSTANT: Final = 40

FIND: Final = """
SELECT i.kind, i.value, i.contact_id FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND i.identifying
"""


class Answer(NamedTuple):
    """What became of one event; `event` is None where it had been stored before. Problems: nothing was stored."""

    contact: int
    event: int | None
    problems: Sequence[Problem] = ()


class Row(NamedTuple):
    """A plain event, ready to be written; instants and objects are text."""

    kind: str
    value: str
    name: str
    properties: str
    occurred_at: str
    month: tuple[int, int]
    event_id: str | None
    channel: str
    source: str
    session: str
    context: str
    historic: bool


class _Moved(Exception):
    """A visitor is being joined to somebody else at this moment."""


General = Callable[[list[Any]], list[Answer]]


def receive(bodies: Sequence[Any], general: General, *, now: datetime) -> list[Answer]:
    """Take in events as REST brings them; `general` takes those that cannot go this way. One answer each, in order."""
    here = workspace.current()
    frame = Frame(now, here.country, here.currency)
    read_rows = [read(body, frame) for body in bodies]
    owners = _owners([row for row in read_rows if row is not None])
    fast = _choose(bodies, read_rows, owners, frame)
    if not fast:
        return general(list(bodies))
    chosen = [row for row in read_rows if row is not None] if len(fast) == len(bodies) else [
        row for place, row in enumerate(read_rows) if row is not None and place in fast
    ]
    contacts = [owners[row.kind, row.value] for row in chosen]
    visitors = {owners[row.kind, row.value] for row in chosen if row.kind == resolution.WEAK}
    if not visitors and len(chosen) == len(bodies):
        return _write(chosen, contacts, now)  # one statement is its own transaction
    try:
        with transaction.atomic():
            others = [body for place, body in enumerate(bodies) if place not in fast]
            answered = iter(general(others) if others else [])
            _hold(visitors)
            written = iter(_write(chosen, contacts, now))
            return [next(written) if place in fast else next(answered) for place in range(len(bodies))]
    except _Moved:
        return general(list(bodies))


def _owners(plain: Sequence[Row]) -> dict[tuple[str, str], int]:
    places = list(dict.fromkeys((row.kind, row.value) for row in plain))
    if not places:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            FIND, [arrays.literal([kind for kind, _ in places]), arrays.literal([value for _, value in places])]
        )
        return {(kind, value): contact for kind, value, contact in cursor.fetchall()}


def _choose(
    bodies: Sequence[Any], plain: Sequence[Row | None], owners: dict[tuple[str, str], int], frame: Frame
) -> frozenset[int]:
    """The places of those that go this way: all events of a contact go the same way, so that they keep their order."""
    slow = [place for place, row in enumerate(plain) if row is None or (row.kind, row.value) not in owners]
    if not slow:
        return frozenset(range(len(bodies)))
    ids = [body.get("event_id") for body in bodies if type(body) is dict]
    ids = [each for each in ids if type(each) is str]
    if len(slow) == len(bodies) or len(set(ids)) < len(ids):
        return frozenset()  # of two events with one id the first counts
    taken = set()
    for place in slow:
        body = bodies[place]
        contact = body.get("contact") if type(body) is dict else None
        if type(contact) is dict and "id" in contact:
            return frozenset()  # who that is by now, only the general way knows
        taken.add(_who(contact, frame.country))
    numbers = set(_numbers(taken, owners))
    return frozenset(
        place
        for place, row in enumerate(plain)
        if row is not None and owners.get((row.kind, row.value), 0) not in {0, *numbers}
    )
