"""The short way through the one door in: plain events of people who are known by what names them.

Most of what arrives is that: nobody is made or changed, no cart or order is folded. Then
two statements do: one finds the people, one writes. `read()` takes only what is surely
fine; whatever it leaves goes the general way (`crm.capture`), which says what is wrong
with it. Both ways give the same rows and answers (a property test holds them together).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

from crm import arrays, carts, commerce, intake, normalise, timeline, words, workspace
from crm.columns import UNSTORABLE
from crm.errors import Problem
from crm.identity import resolution, rows
from crm.intake import Frame
from crm.moments import FUTURE, OLDEST

PARTS: Final = frozenset(intake.EVENT | {"contact"})
CONTEXT: Final = frozenset({"page", "referrer", "utm", "click_ids"})
CHANNELS: Final = frozenset({"", *words.EVENT_CHANNELS})
LONGEST_NAME: Final = 80
LONGEST_INSTANT: Final = 40

FIND: Final = """
SELECT i.kind, i.value, i.contact_id FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND i.identifying
"""

Place = tuple[str, str]  # kind and value
General = Callable[[list[Any]], "list[Answer]"]


class Answer(NamedTuple):
    """What became of an event: `event` None where it had been stored before, `problems` where it was not taken."""

    contact: int
    event: int | None
    problems: Sequence[Problem] = ()


class Row(NamedTuple):
    """A plain event, ready to be written: instants and objects are text."""

    who: Place
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


def receive(bodies: Sequence[Any], general: General, *, now: datetime) -> list[Answer]:
    """Take in events as REST brings them; `general` takes what cannot go this way. One answer each, in order."""
    here = workspace.current()
    frame = Frame(now, here.country, here.currency)
    plain = [read(body, frame) for body in bodies]
    named = [_named(body, frame) if row is None else row.who for body, row in zip(bodies, plain, strict=True)]
    owners = _owners(named)
    fast = _choose(bodies, plain, [owners.get(who) if who else None for who in named])
    if not fast:
        return general(list(bodies))
    chosen = [(row, owners[row.who]) for place, row in enumerate(plain) if row is not None and place in fast]
    visitors = {contact for row, contact in chosen if row.who[0] == resolution.WEAK}
    if not visitors and len(chosen) == len(bodies):
        return _write(chosen, now)  # one statement is a transaction of its own
    try:
        with transaction.atomic():
            others = [body for place, body in enumerate(bodies) if place not in fast]
            answered = iter(general(others) if others else [])
            _hold(visitors)
            written = iter(_write(chosen, now))
            return [next(written if place in fast else answered) for place in range(len(bodies))]
    except _Moved:
        return general(list(bodies))


# --- reading ---------------------------------------------------------------------------------


def read(body: Any, frame: Frame) -> Row | None:
    """The event as it will be written, if there is surely nothing wrong and nothing unusual with it."""
    if type(body) is not dict or not body.keys() <= PARTS:
        return None
    try:
        who = _named(body, frame)
        texts = _texts(body)
        if who is None or texts is None or who[0] == "id":
            return None
        at = _instant(body.get("occurred_at"), frame)
        objects = _objects(body, texts[0], frame)
    except Problem:
        return None
    if at is None or objects is None or type(historic := body.get("historic", False)) is not bool:
        return None
    name, event_id, channel, source, session = texts
    properties, context = objects
    return Row(
        who,
        name,
        properties,
        at.isoformat(),
        (at.year, at.month),
        event_id,
        channel,
        source,
        session,
        context,
        historic,
    )


def _named(body: Any, frame: Frame) -> Place | None:
    """Who is named, in normal form; None where that cannot be read."""
    contact = body.get("contact") if type(body) is dict else None
    if type(contact) is not dict or len(contact) != 1:
        return None
    ((kind, value),) = contact.items()
    if kind == "id":
        return "id", ""
    if kind not in normalise.KINDS or type(value) is not str:
        return None
    try:
        return kind, normalise.trace(kind, value, frame.country).value
    except Problem:
        return None


def _texts(body: Mapping[str, Any]) -> tuple[str, str | None, str, str, str] | None:
    get = body.get
    name, event_id = get("name"), get("event_id")
    channel, source, session = ["" if get(part) is None else get(part) for part in ("channel", "source", "session")]
    if not (type(name) is type(channel) is type(source) is type(session) is str):
        return None
    name = name.strip()
    if event_id is not None and not (type(event_id) is str and 0 < len(event_id) <= intake.LONGEST_EVENT_ID):
        return None
    if not 0 < len(name) <= LONGEST_NAME or channel not in CHANNELS:
        return None
    if len(source) > intake.MARKS["source"] or len(session) > intake.MARKS["session"]:
        return None
    if UNSTORABLE.search(f"{name}{event_id}{source}{session}"):
        return None
    return name, event_id, channel, source, session


def _instant(given: Any, frame: Frame) -> datetime | None:
    if given is None:
        return frame.now
    if type(given) is not str or len(given) > LONGEST_INSTANT:
        return None
    at = intake.instant(given, "") or frame.now
    return at if OLDEST <= at <= frame.now + FUTURE else None


def _objects(body: Mapping[str, Any], name: str, frame: Frame) -> tuple[str, str] | None:
    """Properties and context as the text of JSON; what folds a cart or an order goes the general way."""
    properties, context = body.get("properties"), body.get("context")
    if properties is None:
        properties = {}
    if type(properties) is not dict or name == carts.ORDERING or "cart_id" in properties:
        return None
    text = intake.plain_text(commerce.normalise(name, properties, frame.currency))
    if text is None or not context:
        return (text, "{}") if text is not None and (context is None or type(context) is dict) else None
    if type(context) is not dict or not context.keys() <= CONTEXT:
        return None
    told = intake.plain_text(context)
    return None if told is None else (text, told)


# --- finding and writing ---------------------------------------------------------------------


def _owners(named: Sequence[Place | None]) -> dict[Place, int]:
    places = [place for place in dict.fromkeys(named) if place and place[0] != "id"]
    if not places:
        return {}
    kinds, values = zip(*places, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(FIND, [arrays.literal(kinds), arrays.literal(values)])
        return {(kind, value): contact for kind, value, contact in cursor.fetchall()}


def _choose(bodies: Sequence[Any], plain: Sequence[Row | None], contacts: Sequence[int | None]) -> Collection[int]:
    """The places that go this way. All events of a contact go the same way, so that they keep their order."""
    slow = [place for place, row in enumerate(plain) if row is None or contacts[place] is None]
    if not slow:
        return range(len(bodies))
    if len(slow) == len(bodies) or any(_is_by_id(bodies[place]) for place in slow):
        return ()  # who an id names by now, only the general way knows
    ids = [each for body in bodies if type(body) is dict and type(each := body.get("event_id")) is str]
    if len(set(ids)) < len(ids):
        return ()  # of two events with one id the first counts
    theirs = {None, *(contacts[place] for place in slow)}
    return frozenset(place for place, row in enumerate(plain) if row is not None and contacts[place] not in theirs)


def _is_by_id(body: Any) -> bool:
    return type(body) is dict and type(body.get("contact")) is dict and "id" in body["contact"]


def _hold(visitors: Collection[int]) -> None:
    """Nobody is joined to somebody else while facts are told of them.

    Only who is known by nothing but an anonymous id can be; all others need no lock.
    """
    if len(rows.hold(visitors, rows.FOR_USE)) < len(visitors):
        raise _Moved


def _write(chosen: Sequence[tuple[Row, int]], now: datetime) -> list[Answer]:
    told, contacts = zip(*chosen, strict=True)
    _, names, properties, instants, months, ids, channels, sources, sessions, contexts, historic = zip(
        *told, strict=True
    )
    columns = [
        arrays.column("bigint", contacts),
        *(arrays.literal(each) for each in (names, properties, instants, ids, channels, sources, sessions)),
        "{" + ",".join(["NULL"] * len(told)) + "}",  # campaign_ref
        arrays.literal(contexts),
        "{" + ",".join(["t" if each else "f" for each in historic]) + "}",
    ]
    events = timeline.record_columns(columns, len(told), set(months), now=now)
    return [Answer(contact, event) for contact, event in zip(contacts, events, strict=True)]
