"""Requests as they may be shown: what says who somebody is stands masked. Pure.

No two values of a body share a mask, so that one who mends a request and sends it again can leave masks as they are:
each is put back as exactly the value it stands for (`restored`).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import orjson

# Keys whose value is always somebody's.
NAMING: Final = frozenset({
    "email", "phone", "phone_number", "mobile", "card", "external_id", "anonymous_id", "userid", "anonymousid",
    "user_id", "previousid", "given_name", "family_name", "givenname", "familyname", "firstname", "lastname",
    "first_name", "last_name", "full_name", "fullname", "display_name", "name_of_contact", "birth_date", "birthday",
    "address", "street", "postal_code", "postalcode", "zip", "city", "recipient", "ip", "words", "note", "notes",
    "comment", "value",
})  # fmt: skip
# What stands in these is somebody's, whatever the shop calls it; how it is sorted is not.
PERSONAL: Final = frozenset({"traits", "attributes", "fields", "address", "customer"})
SORTING: Final = frozenset({"kind", "type", "medium", "channel", "status", "source", "language", "locale", "country"})
# Keys of which the value says nothing of anybody, whatever it looks like.
PLAIN: Final = frozenset(
    {"sku", "product_id", "order_id", "occurred_at", "timestamp", "event_id", "messageid", "sentat"}
)
EMAIL: Final = re.compile(r"[^\s@\"'<>]{1,128}@[^\s@\"'<>]{1,255}\.[^\s@\"'<>.,;]+")
# A date is no phone.
NUMBER: Final = re.compile(r"(?!\d{4}-\d\d-\d\d)(?<!\d)\+?\d[\d ().-]{7,}\d")
LOOKS: Final = re.compile(f"{EMAIL.pattern}|{NUMBER.pattern}")
LONG: Final = 10_000_000
# In a text that is no JSON: the name of a field, and a word.
FIELD: Final = re.compile(r'"[A-Za-z_$][\w.$-]{0,60}"\s*:|(?:^|&)[A-Za-z_][\w.-]{0,60}=')
WORD: Final = re.compile(r"[^\s\"'{}\[\],:=&;()<>|\\]+")
ANY: Final = re.compile(f"{LOOKS.pattern}|{WORD.pattern}")
HARMLESS: Final = re.compile(r"true|false|null|-?\d{1,7}(\.\d{1,4})?")
DOTS: Final = "•••"


def masked(text: str) -> str:
    """A JSON body with masks, set out to be read; of a text that is no JSON, or was cut, only what fields there are."""
    return _Masks(text).shown


def restored(edited: str, original: str) -> str:
    """What somebody made of a masked body, with the originals where a mask was left as it is.

    Raises ValueError where it is no JSON.
    """
    return orjson.dumps(_Masks(original).put_back(orjson.loads(edited))).decode()


def looked(text: str) -> str:
    """A line of text without what looks like an address or a number of somebody."""
    return LOOKS.sub(lambda found: _hint(found[0]), text)


def path(text: str) -> str:
    """An address; numbers in it are of orders, unless they begin like a phone."""
    parts = [_hint(part) if re.search(r"@|^\+\d{7,}", part) else part for part in text.split("/")]
    return "/".join(parts)


def query(text: str) -> str:
    said = ((name, _hint(value) if _plain(name) in NAMING else looked(value)) for name, value in parse_qsl(text))
    return "&".join(f"{quote(name)}={quote(value, safe='@:,')}" for name, value in said).replace(quote(DOTS), DOTS)


class _Masks:
    """One body: how it is shown, and which value each of its masks stands for."""

    def __init__(self, text: str) -> None:
        plain = text.replace("\\u2022", "•")
        self.original = plain if DOTS in plain else ""
        self.masks: dict[tuple[type, Any], str] = {}
        self.values: dict[str, Any] = {}
        self.alike: Counter[str] = Counter()
        self.shown = self._shown(text)

    def _shown(self, text: str) -> str:
        try:
            said = orjson.loads(text)
            # What is no object is nothing the API knows: nobody can say whose it is.
            said = self._value(said, "", somebody=not isinstance(said, dict))
            return orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
            return self._fields(text)

    def put_back(self, value: Any) -> Any:
        if not self.values:
            return value
        known = re.compile("|".join(map(re.escape, sorted(self.values, key=len, reverse=True))))
        return self._back(value, known)

    def _value(self, value: Any, key: str, *, somebody: bool) -> Any:
        name = _plain(key)
        if isinstance(value, dict):
            inside = somebody or name in PERSONAL
            return {self._looked(each): self._value(inner, each, somebody=inside) for each, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, key, somebody=somebody) for inner in value]
        if value is None or isinstance(value, bool) or name in PLAIN:
            return value
        if isinstance(value, str):
            whole = name in NAMING or name in PERSONAL or (somebody and name not in SORTING)
            return self._mask(value) if whole and value else self._looked(value)
        # {"value": 96.9} is an amount.
        return self._mask(value) if abs(value) >= LONG or (name in NAMING and name != "value") else value

    def _looked(self, text: str) -> str:
        return LOOKS.sub(lambda found: self._mask(found[0]), text)

    def _fields(self, text: str) -> str:
        """Nobody knows whose the words of a broken text are: all are masked but its fields."""
        parts, end = [], 0
        for field in FIELD.finditer(text):
            parts += [self._words(text[end : field.start()]), field[0]]
            end = field.end()
        return "".join([*parts, self._words(text[end:])])

    def _words(self, text: str) -> str:
        return ANY.sub(lambda word: word[0] if HARMLESS.fullmatch(word[0]) else self._mask(word[0]), text)

    def _mask(self, value: Any) -> str:
        """The same for the same value, and for no other."""
        one = (type(value), value)
        while one not in self.masks:
            hint = _hint(str(value))
            self.alike[hint] += 1
            mask = hint if self.alike[hint] == 1 else f"{hint}·{self.alike[hint]}"
            if mask not in self.values and mask not in self.original:
                self.masks[one], self.values[mask] = mask, value
        return self.masks[one]

    def _back(self, value: Any, known: re.Pattern[str]) -> Any:
        if isinstance(value, dict):
            return {self._text(name, known): self._back(inner, known) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._back(inner, known) for inner in value]
        if not isinstance(value, str):
            return value
        return self.values[value] if value in self.values else self._text(value, known)

    def _text(self, text: str, known: re.Pattern[str]) -> str:
        return known.sub(lambda found: str(self.values[found[0]]), text)


def _plain(key: str) -> str:
    return key.replace("-", "_").lower()


def _hint(text: str) -> str:
    """`a•••@•••`, `•••18`: enough to tell two apart, too little to reach anybody."""
    if "@" in text:
        return f"{text[:1]}{DOTS}@{DOTS}"
    return f"{DOTS}{text[-2:]}" if len(text) > 4 else DOTS
