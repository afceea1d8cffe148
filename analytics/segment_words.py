"""How the rule of this floor, the funnel stage, is shown and changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from analytics import stages
from crm.segments.describe import Description, Doc, Input, Offers, Starter, descriptions
from crm.segments.editors import compared
from crm.segments.editors.person import WHO

WORDS: Final = {
    "visitor": _("Visitor"),
    "lead": _("Lead"),
    "engaged": _("Engaged"),
    "considering": _("Considering"),
    "first_purchase": _("First purchase"),
    "repeat": _("Repeat buyer"),
    "loyal": _("Loyal"),
    "lapsed": _("Lapsed"),
}


def _inputs(doc: Doc, offers: Offers) -> list[Input]:
    wanted = doc["stage"] if isinstance(doc.get("stage"), list) else [doc.get("stage")]
    boxes = [Input("check", name, WORDS.get(name, name), name in wanted) for name in stages.ladder().names]
    return [Input("words", label=_("stage is")), *boxes]


def _written(doc: Doc, values: Mapping[str, str]) -> Doc:
    wanted = [name for name in stages.ladder().names if values.get(name)]
    return {"stage": wanted[0] if len(wanted) == 1 else compared.chosen(wanted, doc.get("stage"))}


descriptions.add(
    "stage",
    Description(
        _("Funnel stage"),
        "stairs",
        WHO,
        _inputs,
        _written,
        (Starter(_("Funnel stage"), {"stage": "loyal"}),),
    ),
    order=35,
)
