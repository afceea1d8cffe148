"""By what the person of an event was known: read out of the request that brought it. Pure.

Only the kind of the identifier and a hint of its value leave here, never the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from crm import normalise, publicids
from crm.errors import Problem
from crm.rest import masks

# How the formats of tracking SDKs name people.
SDK: Final = (("userId", "external_id"), ("user_id", "external_id"), ("anonymousId", "anonymous_id"))
LISTS: Final = ("events", "batch", "contacts")
MEDIUM: Final = {"email": "email", "phone": "phone"}


class Origin(NamedTuple):
    """`kind` "id" where they were named by their own id."""

    kind: str
    hint: str
    request: int


def hint(kind: str, value: str) -> str:
    return masks.address(MEDIUM.get(kind, kind), value)


def read(
    requests: Sequence[tuple[int, Any]], name: str, properties: Mapping[str, Any], contact: int,
    known: Mapping[tuple[str, str], bool], country: str,
) -> Origin | None:  # fmt: skip
    """Of these requests (id, body) the one that told of the event; `known` are the contact's identifiers."""

    def names_them(kind: str, value: Any) -> str | None:
        if kind == "id":
            return str(value) if value == publicids.encode("ctc", contact) else None
        try:
            found = normalise.trace(kind, str(value), country).value
        except Problem:
            return None
        return found if (kind, found) in known else None

    for number, body in requests:
        for item in _items(body):
            if not _is_about(item, name, properties):
                continue
            found = _who(item, names_them)
            if found:
                kind, value = found
                return Origin(kind, "" if kind == "id" else hint(kind, value), number)
    return None


def _items(body: Any) -> Iterator[Mapping[str, Any]]:
    """What a request tells, one by one."""
    if not isinstance(body, Mapping):
        return
    for name in LISTS:
        inner = body.get(name)
        if isinstance(inner, list):
            yield from (each for each in inner if isinstance(each, Mapping))
    yield body


def _is_about(item: Mapping[str, Any], name: str, properties: Mapping[str, Any]) -> bool:
    if "order_id" in item and "name" not in item:
        return str(item["order_id"]) == str(properties.get("order_id"))
    told = item.get("name") or item.get("event")
    if told is None:  # page views, and what a contact said beside their fields
        return "identifiers" in item or item.get("type") in ("page", "screen", "identify") or "action" in item
    return bool(told == name)


def _who(item: Mapping[str, Any], names_them: Callable[[str, Any], str | None]) -> tuple[str, str] | None:
    for kind, value in _named(item):
        found = names_them(kind, value)
        if found is not None:
            return kind, found
    return None


def _named(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    contact = item.get("contact")
    if isinstance(contact, Mapping):
        yield from ((str(kind), value) for kind, value in contact.items())
    identifiers = item.get("identifiers")
    for each in identifiers if isinstance(identifiers, list) else ():
        if isinstance(each, Mapping):
            yield str(each.get("kind")), each.get("value")
    yield from ((kind, item[name]) for name, kind in SDK if item.get(name))
