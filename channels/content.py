"""The words of messages: published once, found by their hash, filled for one person at a time.

publish(channel, body)       → content id; immutable, links stored, text part made
problems(channel, body)      → all that is wrong, with the place and the remedy
load(content_id)             → Compiled, parsed once per process
facts(messages, now)         → message id → values, in a constant number of queries; where they may lead
                               is stored before anything links there
compiled.render(values, m)   → the body a carrier gets; RenderError for this one message
skip_reason(compiled, values)→ "out_of_stock" or ""
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import connection, transaction
from liquid.exceptions import LiquidError

from channels import facts as people
from channels import kinds, links, tracking
from channels.kinds.base import Addressed, Kind, Written
from channels.liquid import RenderError
from channels.models import Content, Link
from crm import arrays
from crm.errors import Problem, Problems

__all__ = [
    "Compiled", "RenderError", "facts", "forget", "load", "preview", "problems", "publish", "skip_reason",
]  # fmt: skip

_HELD_AT_MOST: Final = 500
# The ids of targets; those that are new are stored. DO UPDATE of nothing answers for a race that was lost.
TARGETS: Final = """
WITH wanted AS (SELECT content_id, url FROM unnest(%s::bigint[], %s::text[]) AS pair(content_id, url)),
known AS (SELECT l.content_id, l.url, l.id FROM channels_link l JOIN wanted USING (content_id, url)),
made AS (
  INSERT INTO channels_link (content_id, url)
  SELECT content_id, url FROM wanted
  WHERE NOT EXISTS (SELECT FROM known WHERE known.content_id = wanted.content_id AND known.url = wanted.url)
  ORDER BY content_id, url
  ON CONFLICT (content_id, url) DO UPDATE SET url = excluded.url
  RETURNING content_id, url, id
)
SELECT content_id, url, id FROM known UNION ALL SELECT content_id, url, id FROM made"""
_held: OrderedDict[int, Compiled] = OrderedDict()


class ForMessage(Protocol):
    """What a rendering must know of its message. `recipient` is the address itself."""

    @property
    def id(self) -> int: ...
    @property
    def recipient(self) -> str: ...
    @property
    def message_class(self) -> str: ...


@dataclass(frozen=True)
class Compiled:
    """One content, parsed. `uses`: the outer names it reads; `require_stock`: see `skip_reason`."""

    content_id: int
    channel: str
    written: Written
    link_ids: tuple[int | None, ...]
    require_stock: bool

    @property
    def uses(self) -> frozenset[str]:
        names = {path.partition(".")[0] for path in self.written.paths}
        return frozenset(names | {"products"} if self.require_stock else names)

    def render(self, values: Mapping[str, Any], message: ForMessage) -> dict[str, Any]:
        """The body of one message. Raises RenderError for that message alone.

        A transactional message carries no way out; every other one does (C17).
        Click links and the open pixel name the person only where they allow tracking (C18).
        """
        number, scope = message.id, values.get("_", {})
        to = Addressed(
            key=tracking.key(number),
            recipient=message.recipient,
            links=_links(number),
            click=self._click(number) if scope.get("tracked") else None,
            opt_out=message.message_class != "transactional",
        )
        if scope.get("targets"):
            clicks = {url: tracking.url("click", number, link) for url, link in scope["targets"].items()}
            values = {**values, "_": {**scope, "clicks": clicks}}
        return self.written.render({**values, "links": to.links}, to)

    def slots(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values this content read, to be kept with the message: names and prices change."""
        kept: dict[str, Any] = {}
        for path in self.written.paths:
            parts = path.split(".")
            if parts[0] != "links":
                _copy(parts, values, kept)
        return kept

    def _click(self, message_id: int) -> Callable[[int], str]:
        # HTML and text lead to the same places: sign each once.
        signed: dict[int, str] = {}

        def click(place: int) -> str:
            if place not in signed:
                number = self.link_ids[place]
                plain = self.written.urls[place]
                signed[place] = plain if number is None else tracking.url("click", message_id, number)
            return signed[place]

        return click


def problems(channel: str, body: Mapping[str, Any]) -> list[Problem]:
    """All that is wrong with the content of a message, nothing if it can be published."""
    kind = kinds.get(channel)
    if kind is None:
        return [Problem("", "no_such_channel", f"Nothing can be written for the channel {channel!r} yet.")]
    if not isinstance(body, Mapping):
        return [Problem("", "type", "Content is an object of texts.")]
    return kind.problems(body)


def publish(channel: str, body: Mapping[str, Any]) -> int:
    """Keep these words for ever and answer their id; the same words have the same id.

    Raises crm.errors.Problems with all mistakes at once.
    """
    found = problems(channel, body)
    if found:
        raise Problems(found)
    kind = _kind(channel)
    ready = kind.prepare(body)
    written = kind.compile(ready)
    with transaction.atomic():
        number = _store(channel, ready, written.paths)
        arrays.insert(
            "channels_link", {"content_id": "bigint", "url": "text"},
            [(number, url) for url in written.urls], conflict="(content_id, url) DO NOTHING",
        )  # fmt: skip
    return number


def load(content_id: int) -> Compiled:
    """The parsed content; two queries the first time in a process, none afterwards.

    Raises RenderError if there is no such content.
    """
    found = _held.get(content_id)
    if found is not None:
        return found
    row = Content.objects.filter(pk=content_id).first()
    if row is None:
        raise RenderError("content", f"There is no content {content_id}.")
    try:
        written = _kind(row.channel).compile(row.body)
    except LiquidError as error:  # published under older rules
        raise RenderError("content", str(error.message)) from error
    ids = dict(Link.objects.filter(content_id=content_id).values_list("url", "id"))
    compiled = Compiled(
        content_id,
        row.channel,
        written,
        tuple(ids.get(url) for url in written.urls),
        bool(row.body.get("require_stock")),
    )
    _held[content_id] = compiled
    if len(_held) > _HELD_AT_MOST:
        _held.popitem(last=False)
    return compiled


def forget() -> None:
    """Empty this process's cache (tests that empty the tables need it)."""
    _held.clear()


def facts(messages: Sequence[people.Asking], now: datetime) -> dict[int, dict[str, Any]]:
    """Message id → the values its content may read, live, for a whole batch.

    The number of queries is constant, and only what some content of the batch reads is fetched.
    """
    contents = {number: load(number) for number in {each.content_id for each in messages if each.content_id}}
    found = people.gather(messages, {number: each.uses for number, each in contents.items()}, now)
    _store_targets(messages, found, frozenset(number for number, each in contents.items() if each.written.follows))
    return found


def skip_reason(compiled: Compiled, values: Mapping[str, Any]) -> str:
    """Why this message is better not sent: `out_of_stock` when it needs stock and no product has any."""
    products = values.get("products") or []
    if compiled.require_stock and products and all(product["sold_out"] for product in products):
        return "out_of_stock"
    return ""


def preview(channel: str, body: Mapping[str, Any], values: Mapping[str, Any], message: ForMessage) -> dict[str, Any]:
    """Render words that are not published yet, for a look at them; links stay plain."""
    found = problems(channel, body)
    if found:
        raise Problems(found)
    kind = _kind(channel)
    scope = {**values.get("_", {}), "tracked": False}
    return Compiled(0, channel, kind.compile(kind.prepare(body)), (), require_stock=False).render(
        {**values, "_": scope}, message
    )


def _store_targets(
    messages: Sequence[people.Asking], found: Mapping[int, dict[str, Any]], follows: frozenset[int]
) -> None:
    """Store where the products of these messages lead, and tell each message the ids (`_.targets`).

    Only for contents that link to products and people who allow tracking: at most one query a batch.
    """
    wanted: dict[int, tuple[int, list[str]]] = {}
    for each in messages:
        if each.content_id in follows and found[each.id]["_"]["tracked"]:
            shown = [*found[each.id].get("products", ()), *found[each.id].get("viewed", ())]
            wanted[each.id] = (
                each.content_id,
                [product["url"] for product in shown if links.may_lead(product["url"] or "")],
            )
    pairs = sorted({(number, url) for number, urls in wanted.values() for url in urls})
    if not pairs:
        return
    with connection.cursor() as cursor:
        cursor.execute(TARGETS, [[number for number, _ in pairs], [url for _, url in pairs]])
        ids = {(number, url): link for number, url, link in cursor.fetchall()}
    for message, (number, urls) in wanted.items():
        found[message]["_"]["targets"] = {url: ids[number, url] for url in urls if (number, url) in ids}


def _store(channel: str, body: Mapping[str, Any], paths: tuple[str, ...]) -> int:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    with connection.cursor() as cursor:
        # DO UPDATE of nothing, so that the id comes back also when somebody was first.
        cursor.execute(
            "INSERT INTO channels_content (channel, hash, body, slots_used) VALUES (%s, %s, %s::jsonb, %s::jsonb)"
            " ON CONFLICT (channel, hash) DO UPDATE SET channel = excluded.channel RETURNING id",
            [channel, hashlib.sha256(text.encode()).hexdigest(), text, json.dumps(paths)],
        )
        return int(cursor.fetchone()[0])


def _kind(channel: str) -> Kind:
    kind = kinds.get(channel)
    if kind is None:
        raise RenderError("channel", f"Nothing can be written for the channel {channel!r} yet.")
    return kind


class _Links(dict[str, str]):
    """A message's own public addresses, signed when somebody asks for them."""

    def __init__(self, message_id: int) -> None:
        super().__init__()
        self._message_id = message_id

    def __missing__(self, name: str) -> str:
        if name == "token":
            self[name] = self["unsubscribe"].rpartition("/")[2]
        elif name == "code":
            self[name] = tracking.code(self._message_id)
        elif name == "code_page":
            self[name] = f"{settings.BASE_URL}/k/code/"
        elif name in {"unsubscribe", "preferences", "open", "confirm", "copy"}:
            self[name] = tracking.url(name, self._message_id)  # type: ignore[arg-type]
        else:
            raise KeyError(name)
        return self[name]


def _links(message_id: int) -> Mapping[str, str]:
    return _Links(message_id)


def _copy(parts: Sequence[str], values: Mapping[str, Any], kept: dict[str, Any]) -> None:
    here: Any = values
    for at, part in enumerate(parts):
        if not isinstance(here, Mapping) or part not in here:
            return
        here = here[part]
        if at == len(parts) - 1:
            kept[part] = here
        else:
            inner = kept.setdefault(part, {})
            if not isinstance(inner, dict) or inner is here:
                return
            kept = inner
