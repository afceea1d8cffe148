"""Which permission somebody asks about, and of which instant."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import statements, words
from crm.display import CHANNELS

CLASSES = (("marketing", _("Marketing")), ("service", _("Service")), ("transactional", _("About an order of theirs")))


class ThenForm(forms.Form):
    purpose = forms.ChoiceField(
        label=_("What for"), choices=lambda: [(name, statements.PURPOSES[name]) for name in words.MARKETING]
    )
    channel = forms.ChoiceField(
        label=_("Channel"), choices=lambda: [(name, CHANNELS[name][2]) for name in words.MEDIUM]
    )
    message_class = forms.ChoiceField(label=_("Kind of message"), choices=CLASSES)
    at = forms.DateTimeField(
        label=_("When"), widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
