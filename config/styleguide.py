"""`/styleguide/`: all parts of the screens on one page, while DEBUG is on."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm import clock, pages, toasts
from crm.display import CHANNELS


class Example(forms.Form):
    """One field of each kind, filled wrongly."""

    name = forms.CharField(label=_("Name"), help_text=_("As it is shown in lists."))
    email = forms.EmailField(label=_("E-mail"))
    purpose = forms.ChoiceField(label=_("Purpose"), choices=[("offers", _("Offers")), ("news", _("Newsletter"))])
    channels = forms.MultipleChoiceField(
        label=_("Channels"),
        choices=[("email", _("E-mail")), ("sms", _("SMS"))],
        widget=forms.CheckboxSelectMultiple,
    )
    agreed = forms.BooleanField(label=_("Count people only once"), required=False)


@pages.page("office.read", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    if request.method == "POST":
        toasts.say(request, gettext("Archived."), undo=request.path)
        return pages.go(request, request.path)
    context = {
        "tones": ["", "ok", "warn", "bad", "info", "exp", "pri"],
        "channels": [name for name in CHANNELS if name not in ("till", "web")],
        "line": [3, 5, 4, 7, 6, 9, 12],
        "at": clock.now(),
        "form": Example({"email": "ada@"}),
    }
    return render(request, "styleguide/page.html", context)
