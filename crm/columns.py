"""The fields of a contact, standard and free, in their normal form. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from crm import moments, normalise
from crm.errors import Problem

TEXTS: Final = {
    "given_name": 120,
    "family_name": 120,
    "language": 8,
    "timezone": 64,
    "country": 2,
    "region": 80,
    "city": 120,
    "postal_code": 20,
}
COLUMNS: Final = (*TEXTS, "birth_date", "home_store", "fields")
MOST_FIELDS: Final = 200
LONGEST_TEXT: Final = 4000
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]{0,79}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,4})?")
# PostgreSQL keeps no NUL, and UTF-8 no half of a character.
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def column(name: str, value: Any) -> Any:
    """A standard field in its normal form; None empties it."""
    if value is None or value == "":
        return None
    if name == "birth_date":
        return _birth_date(value)
    if not isinstance(value, str):
        raise Problem("", "not_text", f"{name} must be text.")
    text = normalise.clean(value)
    if name == "country":
        text = text.upper()
    if len(text) > TEXTS[name] or UNSTORABLE.search(text):
        raise Problem("", "too_long", f"{name} has at most {TEXTS[name]} characters.")
    if name in _FORMS:
        is_one, code, remedy = _FORMS[name]
        if not is_one(text):
            raise Problem("", code, remedy)
    return text


_FORMS: Final[dict[str, tuple[Callable[[str], object], str, str]]] = {
    "country": (_COUNTRY.fullmatch, "not_a_country", "Write the country with two letters, as in ES."),
    "language": (_LANGUAGE.fullmatch, "not_a_language", "Write the language as in es or pt-BR."),
    "timezone": (moments.is_zone, "not_a_zone", "Write the time zone as in Europe/Madrid."),
}


def _birth_date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise Problem("", "not_a_date", "Write the date as in 1990-05-31.") from None


def free_fields(given: Any) -> dict[str, Any]:
    """A shop's own fields: texts, numbers, booleans, lists of them; None removes one."""
    if not isinstance(given, dict):
        raise Problem("", "not_an_object", "The free fields are an object.")
    if len(given) > MOST_FIELDS:
        raise Problem("", "too_many", f"A contact has at most {MOST_FIELDS} free fields.")
    for name, value in given.items():
        if not _FIELD.fullmatch(str(name)):
            raise Problem(f"/{name}", "bad_name", "A field is named with letters, digits, _ and -.")
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str | int | float | bool | None) or each != each:
                raise Problem(f"/{name}", "not_a_value", "A field is text, number, boolean or a list of them.")
            if isinstance(each, str) and (len(each) > LONGEST_TEXT or UNSTORABLE.search(each)):
                raise Problem(f"/{name}", "too_long", f"A text has at most {LONGEST_TEXT} characters, none NUL.")
    return dict(given)
