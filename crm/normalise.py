"""One normal form per kind of trace, used by REST, tracking, imports and forms alike. Pure.

Identity is decided on these forms and on nothing softer: no casefold, no NFKC.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from crm.errors import Problem

KINDS: Final = ("email", "phone", "card", "external_id", "anonymous_id")
MEDIUM: Final = {"email": "email", "phone": "phone"}
LONGEST: Final = 254
LONGEST_ID: Final = 200

# Zero-width and bidirectional controls: invisible in a form, different in a database.
_INVISIBLE: Final = dict.fromkeys(
    [0x00AD, 0x034F, 0x061C, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PLAIN_EMAIL = re.compile(r"[a-z0-9_+'-]+(?:\.[a-z0-9_+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
_PLAIN_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")


@dataclass(frozen=True)
class Trace:
    """One thing by which a contact is recognised. `identifying` False: shared with others, names nobody."""

    kind: str
    value: str
    identifying: bool = True


def clean(text: str) -> str:
    """Without invisible characters and outer blanks, composed (NFC)."""
    if text.isascii():
        return text.strip()  # nothing invisible, nothing to compose
    return unicodedata.normalize("NFC", text.translate(_INVISIBLE)).strip()


def email(text: str) -> str:
    """An e-mail address in lower case with its domain in IDNA form."""
    plain = text.strip().lower()
    if len(plain) <= LONGEST and _PLAIN_EMAIL.fullmatch(plain) and plain.index("@") <= 64:
        return plain
    return _unusual_email(clean(text))


@lru_cache(maxsize=4096)
def _unusual_email(text: str) -> str:
    try:
        found = validate_email(
            text,
            check_deliverability=False,
            test_environment=True,
            globally_deliverable=False,
            strict=True,
        )
    except EmailNotValidError as error:
        raise Problem("", "not_an_email", f"{text[:80]!r} is not an e-mail address: {error}") from None
    local = found.ascii_local_part or found.local_part
    return f"{local}@{found.ascii_domain or found.domain}".lower()


def phone(text: str, country: str = "") -> str:
    """A phone in E.164. A number without `+` is read as one of `country`."""
    plain = clean(text)
    if _PLAIN_PHONE.fullmatch(plain) and len(plain) in _whole(plain[1:4]):
        return plain
    try:
        number = phonenumbers.parse(plain, country.upper() or None)
    except phonenumbers.NumberParseException:
        number = None
    if (
        number is None
        or not phonenumbers.is_possible_number(number)
        or not _PLAIN_PHONE.fullmatch(form := phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    ):
        raise Problem(
            "",
            "not_a_phone",
            f"{text[:40]!r} is not a phone number. Write it with its country code, as in +34600112233.",
        )
    return form


@lru_cache(maxsize=1024)
def _whole(start: str) -> frozenset[int]:
    """How long a plain number that starts so is, where no prefix is dialled in the country: it is E.164 as it stands.

    Most numbers of a file are such, and reading each by the rules of all countries costs more than the rest of its
    row. Empty: the rules must be asked.
    """
    for code in (start[:1], start[:2], start):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
        found = phonenumbers.PhoneMetadata.metadata_for_region(regions[0]) if len(regions) == 1 else None
        if found and found.general_desc and found.national_prefix is None and found.national_prefix_for_parsing is None:
            if start[len(code) : len(code) + 1] == "0":
                return frozenset()
            return frozenset(1 + len(code) + length for length in found.general_desc.possible_length)
        if regions:
            return frozenset()
    return frozenset()


def card(text: str) -> str:
    """A loyalty card's number: upper case, without blanks and hyphens."""
    return _id(re.sub(r"[\s-]", "", clean(text)).upper(), "card")


def external_id(text: str) -> str:
    return _id(clean(text), "external_id")


def anonymous_id(text: str) -> str:
    return _id(clean(text), "anonymous_id")


def trace(kind: str, value: object, country: str = "") -> Trace:
    """A trace in its normal form; raises `Problem` (its pointer is the value's)."""
    if kind not in KINDS:
        raise Problem("/kind", "not_a_choice", f"{kind!r} is not one of {', '.join(KINDS)}.")
    if isinstance(value, int) and not isinstance(value, bool) and kind not in MEDIUM:
        value = str(value)  # ids of shops are often numbers
    if not isinstance(value, str):
        raise Problem("", "not_text", f"The {kind} must be text.")
    if _CONTROL.search(value.strip()):
        raise Problem("", "control_character", f"The {kind} contains control characters.")
    if kind == "phone":
        return Trace(kind, phone(value, country))
    return Trace(kind, _FORMS[kind](value))


def _id(value: str, kind: str) -> str:
    if not value:
        raise Problem("", "empty", f"The {kind} is empty; leave it out instead.")
    if len(value) > LONGEST_ID:
        raise Problem("", "too_long", f"The {kind} has more than {LONGEST_ID} characters.")
    return value


_FORMS: Final = {"email": email, "card": card, "external_id": external_id, "anonymous_id": anonymous_id}
