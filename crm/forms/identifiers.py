"""What may identify somebody, as the settings page asks it: a row for each kind."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import normalise, workspace
from crm.errors import Problem
from crm.forms.contacts import KINDS, wrong
from crm.identity import rules

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


def forms_of(ruled: rules.Rules, data: Any = None) -> list[tuple[Any, RuleForm]]:
    """A form for each kind, with its word."""
    held = {kind: rules.of(ruled, kind) for kind in normalise.KINDS}
    return [
        (words, RuleForm(data, prefix=kind, initial={**held[kind], "blocked": "\n".join(held[kind]["blocked"])}))
        for kind, words in ALL
    ]
