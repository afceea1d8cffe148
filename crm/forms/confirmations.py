"""Whether a yes is asked to be confirmed, by purpose, channel and country."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm import confirming, statements, territories, words
from crm.display import CHANNELS

ASK: Final = (("on", _("Ask them to confirm")), ("off", _("Their yes is enough")))


def _purposes() -> list[tuple[str, Any]]:
    return [("", _("All purposes")), *((name, statements.PURPOSES[name]) for name in words.MARKETING)]


def _channels() -> list[tuple[str, Any]]:
    return [("", _("All channels")), *((name, CHANNELS[name][2]) for name in confirming.WAYS)]


def _countries() -> list[tuple[str, Any]]:
    return [("", _("Everywhere")), *territories.countries(get_language() or "en")]


class RuleForm(forms.Form):
    ask = forms.ChoiceField(label=_("When somebody says yes"), choices=ASK)
    purpose = forms.ChoiceField(label=_("Purpose"), choices=_purposes, required=False)
    channel = forms.ChoiceField(label=_("Channel"), choices=_channels, required=False)
    country = forms.ChoiceField(label=_("Country"), choices=_countries, required=False)

    def rule(self) -> confirming.Rule:
        given = self.cleaned_data
        return confirming.Rule(given["purpose"], given["channel"], given["country"], given["ask"])
