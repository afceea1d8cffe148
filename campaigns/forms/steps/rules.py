"""The rule of a lane as rows: is in a segment, a field compares, did or did not do something.

The quick way. A rule that rows cannot show is told in words and kept as it is; every rule can be opened in
the editor of the segments (`campaigns/views/rule.py`).
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from campaigns.forms.steps import filters, traits
from campaigns.forms.steps.base import Choices, Doc, Field, Room, Row, Typed, plain, text_of

MOST: Final = 5
KINDS: Final = ("in", "out", "field", "did", "not")


def parts(rule: Any) -> list[Doc] | None:
    """The conditions of a rule that rows can show, [] for none yet; None for a deeper one."""
    if rule is None:
        return []
    if not isinstance(rule, dict):
        return None
    found = rule["all"] if set(rule) == {"all"} and isinstance(rule["all"], list) else [rule]
    simple = all(isinstance(each, dict) and _kind(each) for each in found)
    return list(found) if simple and len(found) <= MOST else None


def _kind(leaf: Doc) -> str:
    keys = set(leaf)
    if "segment" in keys and keys <= {"segment", "member"} and isinstance(leaf["segment"], str):
        return "in" if leaf.get("member", True) is True else "out" if leaf.get("member") is False else ""
    if "f" in keys:
        return "field" if filters.is_simple(leaf) else ""
    if "event" in keys and keys <= {"event", "did", "in_last"} and isinstance(leaf["event"], str):
        span = leaf.get("in_last")
        days = span is None or (isinstance(span, dict) and span.get("unit") == "days")
        return ("did" if leaf.get("did", True) else "not") if days else ""
    return ""


def rows(rule: Any, own: str, place: str, room: Room) -> list[Row]:
    """Rows of fields; empty for a rule that rows cannot show."""
    found = parts(rule)
    if found is None:
        return []
    shown: list[Doc] = [*found, {}] if len(found) < MOST else found
    grouped = isinstance(rule, dict) and set(rule) == {"all"}
    return [
        _row(each, f"{own}-{number}", f"{place}/all/{number}" if grouped else place, room, first=number == 0)
        for number, each in enumerate(shown)
    ]


def _row(leaf: Doc, own: str, place: str, room: Room, *, first: bool) -> Row:
    kind = _kind(leaf) if leaf else ""
    choices = [
        ("", _("choose…") if first or leaf else _("nothing more")), ("in", _("is in segment")),
        ("out", _("is not in segment")), ("field", _("is or has …")), ("did", _("did")), ("not", _("did not do")),
    ]  # fmt: skip
    title = _("Who") if first else _("and who")
    asked = Field(f"{own}-kind", title, kind, "choice", choices=choices, place=place, reshape=True)
    return Row("", [asked, *_ASKED.get(kind, _nothing)(leaf, own, place, room)])


def _nothing(leaf: Doc, own: str, place: str, room: Room) -> list[Field]:
    return []


def _segment(leaf: Doc, own: str, place: str, room: Room) -> list[Field]:
    choices: Choices = [("", _("choose…")), *room.segments]
    named = text_of(leaf, "segment")
    if named and named not in {key for key, _words in choices}:
        choices = [*choices, (named, named)]
    return [Field(f"{own}-segment", _("Segment"), named, "choice", choices=choices, place=f"{place}/segment")]


def _field(leaf: Doc, own: str, place: str, room: Room) -> list[Field]:
    op = text_of(leaf, "op") or "is"
    named = text_of(leaf, "f")
    asked = Field(
        f"{own}-f", _("What"), named, "choice", choices=traits.choices(named, room), place=f"{place}/f",
        short=True, reshape=True,
    )  # fmt: skip
    if traits.is_yes_or_no(leaf):
        return [asked, traits.answer(own, leaf, place)]
    found = [
        asked,
        Field(
            f"{own}-op", _("Compared"), op, "choice", choices=filters.operators(), place=f"{place}/op", short=True,
            reshape=True,
        ),
    ]  # fmt: skip
    if op not in filters.BARE:
        found.append(Field(f"{own}-v", _("Value"), plain(leaf.get("v")), place=f"{place}/v", short=True))
    return found


def _event(leaf: Doc, own: str, place: str, room: Room) -> list[Field]:
    span = leaf.get("in_last")
    days = plain(span.get("value")) if isinstance(span, dict) else ""
    return [
        Field(f"{own}-event", _("Event"), text_of(leaf, "event"), place=f"{place}/event", offers="events"),
        Field(
            f"{own}-days", _("In the last days"), days, "number", place=f"{place}/in_last", low=1,
            help=_("Empty: ever."), short=True,
        ),
    ]  # fmt: skip


_ASKED: Final = {"in": _segment, "out": _segment, "field": _field, "did": _event, "not": _event}


def read(rule: Any, own: str, typed: Typed) -> Any:
    """The rule as it was typed; a deeper one as it was; None where nothing is chosen."""
    found = parts(rule)
    if found is None:
        return rule
    made = []
    for number in typed.rows(own):
        before = found[number] if number < len(found) else {}
        leaf = _leaf(before, f"{own}-{number}", typed)
        if leaf:
            made.append(leaf)
    if not made:
        return None
    if len(made) == 1 and isinstance(rule, dict) and "all" not in rule:
        return made[0]
    return {"all": made}


def _leaf(before: Doc, own: str, typed: Typed) -> Doc | None:
    kind = typed.text(f"{own}-kind")
    if kind in ("in", "out"):
        return {"segment": typed.text(f"{own}-segment"), "member": kind == "in"}
    if kind == "field":
        op = typed.text(f"{own}-op") or "is"
        leaf: Doc = {"f": typed.text(f"{own}-f"), "op": op}
        anew = leaf["f"] != before.get("f")
        if leaf["f"].startswith(traits.REACH) and (anew or not typed.text(f"{own}-op")):
            return {**leaf, "op": "is", "v": traits.answered(typed.text(f"{own}-v"))}
        if op not in filters.BARE:
            leaf["v"] = filters.value_of(typed.text(f"{own}-v"), op, before.get("v"))
        return leaf
    if kind in ("did", "not"):
        leaf = {"event": typed.text(f"{own}-event"), "did": kind == "did"}
        days = typed.number(f"{own}-days")
        if days is not None:
            leaf["in_last"] = {"value": days, "unit": "days"}
        return leaf
    return None
