"""The words people agree to."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm import territories, words

PURPOSES: Final = {
    "offers": _("Offers"),
    "newsletter": _("Newsletter"),
    "loyalty": _("Loyalty programme"),
    "service": _("Service"),
    "profiling": _("Personal suggestions"),
    "tracking": _("Measuring opens and clicks"),
    "ads": _("Advertising"),
    "research": _("Surveys"),
}
CODE: Final = RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._:-]*\Z", _("Latin letters, digits, and . _ : -"))


def languages() -> list[tuple[str, str]]:
    """Every language customers may read, in the reader's language."""
    return territories.languages(get_language() or "en")


def countries() -> list[tuple[str, Any]]:
    return [("", _("Everywhere")), *territories.countries(get_language() or "en")]


class WordingForm(forms.Form):
    purpose = forms.ChoiceField(label=_("Purpose"), choices=[(name, PURPOSES[name]) for name in words.PURPOSES])
    language = forms.ChoiceField(label=_("Language"), choices=languages)
    country = forms.ChoiceField(label=_("Country"), choices=countries, required=False)
    code = forms.CharField(
        label=_("Code"), max_length=120, required=False, validators=[CODE],
        help_text=_("What tills and forms send with the answer. Empty: made from purpose, language and version."),
    )  # fmt: skip
    text = forms.CharField(
        label=_("Text"),
        max_length=5_000,
        widget=forms.Textarea({"rows": 6}),
        help_text=_("Word for word as people read or hear it before they say yes."),
    )


class TextForm(forms.Form):
    text = forms.CharField(label=_("Text"), max_length=5_000, widget=forms.Textarea({"rows": 6}))
