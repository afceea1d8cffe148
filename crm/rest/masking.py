"""Bodies of requests as they may be shown: what says who somebody is stands masked. Pure.

A mask is the same wherever the value is the same, so that one who mends a request and sends it again can leave masks as
they are: they are put back from the original (`restored`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

# Keys whose value is always somebody's.
NAMING: Final = frozenset({
    "email", "phone", "card", "external_id", "anonymous_id", "userid", "anonymousid", "user_id", "previousid",
    "given_name", "family_name", "firstname", "lastname", "first_name", "last_name", "name_of_contact", "birth_date",
    "birthday", "address", "street", "postal_code", "postalcode", "city", "recipient", "ip", "words", "note", "value",
})  # fmt: skip
# Keys of which the value says nothing of anybody, whatever it looks like.
PLAIN: Final = frozenset(
    {"sku", "product_id", "order_id", "occurred_at", "timestamp", "event_id", "messageid", "sentat"}
)
EMAIL: Final = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+\.[^\s@\"'<>.,;]+")
# A date is no phone.
NUMBER: Final = re.compile(r"(?!\d{4}-\d\d-\d\d)(?<!\d)\+?\d[\d ().-]{7,}\d")


def masked(text: str) -> str:
    """A JSON body with masks, set out to be read; a text that is no JSON is masked by its looks."""
    try:
        return orjson.dumps(_value(orjson.loads(text), ""), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return _looked(text)


def restored(edited: str, original: str) -> str:
    """What somebody made of a masked body, with the originals where a mask was left as it is.

    Raises ValueError where it is no JSON.
    """
    try:
        masks = {_mask(value): value for value in _texts(orjson.loads(original))}
    except orjson.JSONDecodeError:
        masks = {}
    return orjson.dumps(_back(orjson.loads(edited), masks)).decode()


def _value(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        # {"kind": "email", "value": …}: a name for it, whatever the kind.
        return {name: _value(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_value(inner, key) for inner in value]
    plain = key.replace("-", "_").lower()
    if plain in PLAIN or value is None or isinstance(value, bool):
        return value
    if plain in NAMING:
        return _mask(str(value))
    return _looked(value) if isinstance(value, str) else value


def _looked(text: str) -> str:
    return NUMBER.sub(lambda found: _mask(found[0]), EMAIL.sub(lambda found: _mask(found[0]), text))


def _mask(text: str) -> str:
    """`a•••@•••`, `•••18`: enough to tell two apart, too little to reach anybody."""
    if "@" in text:
        return f"{text[:1]}•••@•••"
    return f"•••{text[-2:]}" if len(text) > 4 else "•••"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
        for pattern in (EMAIL, NUMBER):
            yield from pattern.findall(value)


def _back(value: Any, masks: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _back(inner, masks) for name, inner in value.items()}
    if isinstance(value, list):
        return [_back(inner, masks) for inner in value]
    return masks.get(value, value) if isinstance(value, str) and "•••" in value else value
