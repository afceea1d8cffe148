"""The blocks of a form as its page shows them, with what was typed and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from crm import ownfields, territories
from crm.capturing import blocks
from crm.errors import Problem
from crm.models import Wording
from crm.typed import Definition

LABELS: Final[Mapping[str, str | Promise]] = {
    "email": _("E-mail address"), "phone": _("Phone number"), "given_name": _("First name"),
    "family_name": _("Last name"), "birth_date": _("Birthday"), "country": _("Country"), "region": _("Region"),
    "city": _("City"), "postal_code": _("Postal code"),
}  # fmt: skip
INPUTS: Final = {"email": "email", "phone": "tel", "birth_date": "date"}
FILLS: Final = {
    "email": "email", "phone": "tel", "given_name": "given-name", "family_name": "family-name", "birth_date": "bday",
    "country": "country", "region": "address-level1", "city": "address-level2", "postal_code": "postal-code",
}  # fmt: skip
# What is wrong, to the person who fills it in.
WRONG: Final[Mapping[str, str | Promise]] = {
    "required": _("Please fill this in."),
    "choose": _("Please choose an answer."),
    "not_a_choice": _("Please choose one of the answers."),
    "not_an_email": _("This is not an e-mail address. It reads like ana@example.com."),
    "not_a_phone": _("This is not a phone number. Write it with its country code, as in +34 600 112 233."),
    "blocked_identifier": _("We cannot use this address. Please give your own."),
    "needs_address": _("Please give the address that this is for."),
    "not_a_number": _("Please write a number."),
    "not_a_date": _("Please write a date."),
    "not_a_country": _("Please choose a country."),
    "too_long": _("This is too long."),
}


@dataclass
class Shown:
    """A block on the page."""

    id: str
    type: str
    block: Mapping[str, Any]
    label: str = ""
    input: str = "text"
    fills: str = "off"
    required: bool = False
    options: Sequence[tuple[str, str]] = ()
    value: str = ""
    values: Sequence[str] = ()
    error: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def of(document: Mapping[str, Any], given: Mapping[str, Sequence[str]], problems: Sequence[Problem]) -> list[Shown]:
    """In the language that is spoken at this moment."""
    wrong = {each.pointer.strip("/"): words(each) for each in reversed(problems)}
    codes = [block["wording"] for block in blocks.of_type(document, "consent")]
    texts = dict(Wording.objects.filter(code__in=codes).values_list("code", "text")) if codes else {}
    shown = []
    for block in document["blocks"]:
        values = list(given.get(block["id"], ()))
        each = Shown(block["id"], block["type"], block, value=values[0] if values else "", values=values,
                     error=wrong.get(block["id"], ""))  # fmt: skip
        _complete(each, block, texts)
        shown.append(each)
    return shown


def words(problem: Problem) -> str:
    return str(WRONG.get(problem.code) or gettext("Please check this."))


def _complete(each: Shown, block: Mapping[str, Any], texts: Mapping[str, str]) -> None:
    each.label = block.get("label", "")
    match block["type"]:
        case "field":
            _field(each, block)
        case "consent":
            each.label = texts.get(block["wording"], "")
        case "question":
            each.options = [(answer["id"], answer["text"]) for answer in block["answers"]]
        case "nps":
            each.options = [(str(score), str(score)) for score in range(11)]
        case "submit":
            each.label = each.label or gettext("Send")


def _field(each: Shown, block: Mapping[str, Any]) -> None:
    name = block["field"]
    each.required, each.input, each.fills = block["required"], INPUTS.get(name, "text"), FILLS.get(name, "off")
    each.label = each.label or label(name)
    own = _own(name)
    if name == "country":
        each.input, each.options = "select", territories.countries(get_language() or "en")
    elif own is not None:
        each.input = {"number": "number", "date": "date", "choice": "select", "boolean": "select"}.get(own.kind, "text")
        each.options = [(choice, choice) for choice in own.choices]
        if own.kind == "boolean":
            each.options = [("true", gettext("Yes")), ("false", gettext("No"))]
        if own.kind == "list" and own.choices:
            each.input = "boxes"


def label(name: str) -> str:
    """What a field is called."""
    own = _own(name)
    return own.label if own else str(LABELS.get(name, name))


def _own(name: str) -> Definition | None:
    """The shop's own field; a field of everybody's may have the same name."""
    return ownfields.known().get(name.removeprefix(blocks.OWN)) if name.startswith(blocks.OWN) else None
