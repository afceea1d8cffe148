"""The words of an import: verdicts and reasons, for people. What is rare stands as it was said."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

VERDICTS: Final = {
    "created": _("New"),
    "updated": _("Changed"),
    "unchanged": _("Unchanged"),
    "kept": _("Left as it is"),
    "doubled": _("Again in the file"),
    "rejected": _("With a problem"),
}
REASONS: Final = {
    "not_an_email": _("This is not an e-mail address."),
    "not_a_phone": _("This is not a phone number."),
    "no_identifier": _("No e-mail, phone, card or number: nobody would be recognised."),
    "identifiers_of_two_contacts": _("Its addresses belong to two different people."),
    "restricted": _("This person is restricted: kept, and neither used nor changed."),
    "erased": _("They asked to be erased: only what they do themselves brings them back."),
    "outranked": _("A source that counts more says something else."),
    "ragged_row": _("More or fewer cells than columns."),
    "open_quote": _("A quotation mark is opened and never closed."),
    "nul": _("A NUL character; save the file as text again."),
    "too_long": _("Longer than it may be."),
    "encoding": _("A letter that cannot be read; choose other letters."),
    "not_a_date": _("This is not a date."),
    "ambiguous_date": _("Say whether the day or the month comes first."),
    "not_an_amount": _("This is not an amount."),
    "not_a_country": _("Write the country with two letters, as in ES."),
    "not_a_language": _("Write the language as in es or pt-BR."),
    "unknown_store": _("There is no such store."),
    "required": _("Something is missing without which the row means nothing."),
    "empty_file": _("There are no rows in it."),
    "too_large": _("A file has at most 250 MB, an Excel file 50 MB."),
    "zip_bomb": _("Unpacked, the file is far larger than it may be. Save it as CSV."),
    "broken_sheet": _("The Excel file cannot be read."),
    "old_excel": _("This is an old Excel file. Save it as .xlsx or CSV, and bring that."),
    "not_a_table": _("This is no table. Bring a CSV, TSV, XLSX or JSON file."),
    "elsewhere": _("The import has moved on meanwhile. Look at where it is now."),
    "unexpected": _("Something went wrong that should not have. What was written so far stands."),
}

STAYED: Final = {
    "used": _("Somebody did something with them since."),
    "changed": _("It was changed again since."),
    "said_elsewhere": _("Another list names the address too."),
}


def stayed(why: str) -> str:
    return str(STAYED.get(why, why))


def verdict(name: str) -> str:
    return str(VERDICTS.get(name, name))


def reason(code: str, detail: str, pointer: str = "") -> str:
    """In the reader's language; the place goes before it where there is one."""
    told = str(REASONS.get(code, detail or code))
    return f"{pointer.strip('/')}: {told}" if code == "required" and pointer else told
