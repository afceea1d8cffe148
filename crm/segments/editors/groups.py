"""Where somebody stands: in another segment, in a random part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from crm import publicids
from crm.errors import Problem
from crm.models import Segment
from crm.segments.describe import Description, Doc, Input, Offers, Starter, descriptions
from crm.segments.editors import compared
from crm.segments.leaves.member import reference

GROUPS: Final = _("Segments and lists")
CHANCE: Final = _("Chance")
MOST: Final = 500


def public(prefix: str, value: object) -> str:
    """An id as it stands in a rule, in its public form; "" while there is none."""
    try:
        return publicids.encode(prefix, reference(prefix, value, ""))
    except Problem:
        return ""


def _segments() -> tuple[tuple[str, str], ...]:
    rows = Segment.objects.filter(archived_at=None).order_by("name", "pk").values_list("pk", "name")[:MOST]
    return tuple((publicids.encode("seg", number), name) for number, name in rows)


def chosen_among(choices: tuple[tuple[str, str], ...], value: str) -> tuple[tuple[str, str], ...]:
    """The choices, with an empty one while nothing is chosen, and the chosen one if it is no longer there."""
    if not value:
        return (("", "…"), *choices)
    return choices if value in dict(choices) else (*choices, (value, value))


def _member_inputs(doc: Doc, offers: Offers) -> list[Input]:
    value = public("seg", doc.get("segment"))
    told = (("yes", _("is in")), ("no", _("is not in")))
    return [
        Input("select", "member", _("Is in or not"), "no" if doc.get("member") is False else "yes", told),
        Input("words", label=_("the segment")),
        Input(
            "select", "segment", _("Segment"), value, chosen_among(offers.once("segments", _segments), value)
        ),
    ]  # fmt: skip


def _member_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    return {"segment": values.get("segment", ""), "member": values.get("member") != "no"}


def _random_inputs(doc: Doc, offers: Offers) -> list[Input]:
    part = doc["random"] if isinstance(doc.get("random"), Mapping) else {}
    return [
        Input("words", label=_("from")),
        Input("number", "from", _("From part, 0 to 99"), compared.text(part.get("from"))),
        Input("words", label=_("to")),
        Input("number", "to", _("To part, 0 to 99"), compared.text(part.get("to"))),
        Input("words", label=_("of 100, in the draw")),
        Input("text", "salt", _("Name of the draw"), str(part.get("salt", ""))),
    ]


def _random_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    low, high = compared.number(values.get("from", "")), compared.number(values.get("to", ""))
    return {"random": {"from": low, "to": high, "salt": values.get("salt", "")}}


descriptions.add(
    "segment",
    Description(
        _("Segment"),
        "filter",
        GROUPS,
        _member_inputs,
        _member_written,
        (Starter(_("Is in a segment"), {"segment": "", "member": True}),),
    ),
    order=50,
)
descriptions.add(
    "random",
    Description(
        _("Random part"),
        "dice",
        CHANCE,
        _random_inputs,
        _random_written,
        (Starter(_("A random part"), {"random": {"from": 0, "to": 9, "salt": "a"}}),),
    ),
    order=90,
)


def _list_inputs(doc: Doc, offers: Offers) -> list[Input]:
    return [Input("words", label=_("stands on this fixed list"))]


def _list_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    return {"list": doc.get("list")}


def _tag_inputs(doc: Doc, offers: Offers) -> list[Input]:
    several = doc["tag"] if isinstance(doc.get("tag"), list) else [doc.get("tag", "")]
    told = ", ".join(str(each) for each in several)
    return [
        Input("words", label=_("has any of the tags")),
        Input("text", "tag", _("Tags"), told, source="tags", placeholder=_("one, another")),
    ]


def _tag_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    several = [each.strip() for each in values.get("tag", "").split(",") if each.strip()]
    return {"tag": several if len(several) > 1 or isinstance(doc.get("tag"), list) else "".join(several)}


# A list is asked about through its segment; it has no entry in the menu.
descriptions.add("list", Description(_("Fixed list"), "list-check", GROUPS, _list_inputs, _list_written), order=51)
descriptions.add(
    "tag",
    Description(_("Tag"), "tag", GROUPS, _tag_inputs, _tag_written, (Starter(_("Has a tag"), {"tag": ""}),)),
    order=52,
)
