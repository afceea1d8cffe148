"""What may identify somebody, as the settings page asks it: a row for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import normalise, workspace
from crm.errors import Problem
from crm.forms.contacts import KINDS, wrong
from crm.identity import rules
from crm.till import cards

ALL = (*KINDS, ("anonymous_id", _("Browser or device")))


class RuleForm(forms.Form):
    """One kind of identifier. Its prefix is the kind."""

    most = forms.IntegerField(
        label=_("At most"),
        min_value=0,
        max_value=1000,
        required=False,
        help_text=_("For one contact; 0 or empty: as many as there are."),
    )
    priority = forms.IntegerField(
        label=_("Order"),
        min_value=0,
        max_value=99,
        required=False,
        help_text=_("The smaller number says first who it is."),
    )
    blocked = forms.CharField(
        label=_("Values that name nobody"), required=False, max_length=20_000,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line, such as your own phone; test@* stands for all that begin so."),
    )  # fmt: skip

    def clean_blocked(self) -> list[str]:
        try:
            return rules.blocked(str(self.prefix), self.cleaned_data["blocked"], workspace.current().country)
        except Problem as problem:
            raise forms.ValidationError(wrong(problem)) from None

    def rule(self) -> dict[str, Any]:
        given = self.cleaned_data
        default = rules.DEFAULTS[str(self.prefix)]["priority"]
        priority = given["priority"] if given["priority"] is not None else default
        return {"most": given["most"] or 0, "priority": priority, "blocked": given["blocked"]}


class ShapeForm(forms.Form):
    """What the shop's cards look like: how a till knows what its reader read."""

    digits = forms.CharField(
        label=_("Length"), max_length=60, required=False,
        help_text=_("How many digits a card has, as in 12, 13 or 8-10."),
    )  # fmt: skip
    begins = forms.CharField(
        label=_("Begins with"), max_length=200, required=False,
        help_text=_("As in 29, VIP. Empty: with anything. It tells cards from goods with a bar code."),
    )  # fmt: skip
    check = forms.ChoiceField(
        label=_("Check digit"), required=False,
        choices=[
            ("any", _("By Luhn, or as of bar codes with 13 digits")), ("luhn", _("By Luhn")),
            ("ean", _("As of bar codes")), ("none", _("None: every number is a card")),
        ],
    )  # fmt: skip

    def clean_digits(self) -> Any:
        return self._read(cards.lengths, "digits")

    def clean_begins(self) -> Any:
        return self._read(cards.beginnings, "begins")

    def _read(self, reader: Callable[[str], Any], name: str) -> Any:
        try:
            return reader(self.cleaned_data[name])
        except Problem as problem:
            raise forms.ValidationError(problem.detail) from None


def shape_form(ruled: rules.Rules, data: Any = None) -> ShapeForm:
    told = cards.shape(ruled).told()
    shown = {name: ", ".join(map(str, told[name])) for name in ("digits", "begins")}
    return ShapeForm(data, prefix="shape", initial={**told, **shown})


def forms_of(ruled: rules.Rules, data: Any = None) -> list[tuple[Any, RuleForm]]:
    """A form for each kind, with its word."""
    held = {kind: rules.of(ruled, kind) for kind in normalise.KINDS}
    return [
        (words, RuleForm(data, prefix=kind, initial={**held[kind], "blocked": "\n".join(held[kind]["blocked"])}))
        for kind, words in ALL
    ]
