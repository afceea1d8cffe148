"""Ids as the outside sees them: a prefix and base32 of the bigint inside. Pure, reversible.

Opaque, not secret: public links never carry them (they are signed tokens).
"""

from __future__ import annotations

from typing import Final

from crm import errors

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u
VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}
WIDTH: Final = 13  # 65 bits hold any bigint
LIMIT: Final = 1 << 63
DIGITS: Final = 18  # of a decimal number that certainly fits

# What each prefix names.
KINDS: Final = {
    "ctc": "contact",
    "seg": "segment",
    "cmp": "campaign",
    "msg": "message",
    "ord": "order",
    "evt": "event",
    "prd": "product",
    "rcp": "receipt",
    "run": "run",
    "imp": "import",
    "key": "key",
    "kpi": "KPI",
    "grp": "group",
    "whk": "webhook",
}


def number(text: str) -> int | None:
    """A plain number out of an address or a form; None for what is none, or more than any row has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None


def encode(prefix: str, number: int) -> str:
    """`encode("ctc", 1)` → `"ctc_1"`-like text without leading zeros.

    >>> encode("ctc", 33)
    'ctc_11'
    """
    if not 0 <= number < LIMIT:
        raise ValueError(f"{number} is no id")
    letters = ""
    while True:
        number, rest = divmod(number, 32)
        letters = ALPHABET[rest] + letters
        if not number:
            return f"{prefix}_{letters}"


def decode(prefix: str, text: object, pointer: str = "") -> int:
    """The number inside a public id; raises `errors.Problem` when it is not one of `prefix`."""
    number = 0
    head, _, letters = text.partition("_") if isinstance(text, str) else ("", "", "")
    wrong = errors.Problem(
        pointer, "not_an_id", f"{text!r} is not the id of a {KINDS.get(prefix, prefix)}; it reads {prefix}_…"
    )
    if head != prefix or not letters or len(letters) > WIDTH:
        raise wrong
    for letter in letters:
        if letter not in VALUES:
            raise wrong
        number = number * 32 + VALUES[letter]
    if number >= LIMIT or encode(prefix, number) != text:
        raise wrong  # one id has one spelling
    return number
