"""Conditions on what an event carries, a row each; the last row is empty, to be filled."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from campaigns.forms.steps.base import Choices, Doc, Field, Row, Typed, objects, plain, text_of
from campaigns.reading import PREFIX

BARE: Final = ("is_set", "is_empty")
ORDERED: Final = ("<", "<=", ">", ">=")
LISTED: Final = ("in", "not_in", "has_any", "has_all", "has_none")
MOST: Final = 20


def operators() -> Choices:
    return [
        ("is", _("is")), ("is_not", _("is not")), ("in", _("is one of")), ("not_in", _("is none of")),
        ("contains", _("contains")), ("starts", _("begins with")), (">", _("is more than")),
        (">=", _("is at least")), ("<", _("is less than")), ("<=", _("is at most")),
        ("is_set", _("is known")), ("is_empty", _("is not known")),
    ]  # fmt: skip


def is_simple(condition: Any) -> bool:
    """Whether a row can show it whole."""
    if not isinstance(condition, dict) or not set(condition) <= {"f", "op", "v"}:
        return False
    value, op = condition.get("v"), condition.get("op")
    if op not in {name for name, _words in operators()}:
        return False
    if op in LISTED:
        return isinstance(value, list) and all(isinstance(each, (str, int, float)) for each in value)
    return not isinstance(value, (dict, list))


def value_of(text: str, op: str, before: Any = None) -> Any:
    """What was typed as JSON has it: a number where one compares, else what it was before, else a text."""
    if op in LISTED:
        return [value_of(each.strip(), "is", None) for each in text.split(",") if each.strip()]
    if text == plain(before) and not isinstance(before, (dict, list, type(None))):
        return before
    if text in ("true", "false"):
        return text == "true"
    if op in ORDERED or isinstance(before, (int, float)):
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            return text
        return int(number) if number == int(number) else number
    return text


def rows(where: Any, name: str, place: str) -> list[Row]:
    """The conditions, those a row cannot show in their own letters, and an empty one."""
    known = objects(where)
    shown = [*known, {}] if len(known) < MOST else known
    return [_row(each, number, name, place) for number, each in enumerate(shown)]


def _row(condition: Doc, number: int, name: str, place: str) -> Row:
    own, where = f"{name}-{number}", f"{place}/{number}"
    if condition and not is_simple(condition):
        said = " ".join(plain(condition.get(key)) for key in ("f", "op", "v"))
        return Row(_("Only if"), [Field(f"{own}-kept", "", said, "told")], place=where)
    op = text_of(condition, "op") or "is"
    fields = [
        Field(
            f"{own}-f", _("Detail of the event"), text_of(condition, "f").removeprefix(PREFIX), place=f"{where}/f",
            short=True,
        ),
        Field(
            f"{own}-op", _("Compared"), op, "choice", choices=operators(), place=f"{where}/op", short=True,
            reshape=op in BARE or bool(condition),
        ),
    ]  # fmt: skip
    if op not in BARE:
        fields.append(Field(f"{own}-v", _("Value"), plain(condition.get("v")), place=f"{where}/v", short=True))
    return Row(_("Only if") if condition else _("Another condition"), fields, place=where)


def read(where: Any, name: str, typed: Typed) -> list[Doc]:
    """The conditions as they were typed; a row whose detail was emptied is gone."""
    known = objects(where)
    found = []
    for number in typed.rows(name):
        own = f"{name}-{number}"
        before = known[number] if number < len(known) else {}
        path = typed.text(f"{own}-f").removeprefix(PREFIX)
        if before and not is_simple(before):
            found.append(before)
        elif path:
            op = typed.text(f"{own}-op") or "is"
            made: Doc = {"f": PREFIX + path, "op": op}
            if op not in BARE:
                made["v"] = value_of(typed.text(f"{own}-v"), op, before.get("v"))
            found.append(made)
    return found
