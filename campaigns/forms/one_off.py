"""What a one-off send asks for: to whom, on which channel, and when."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.models import Segment

CHANNELS: Final = [("email", _("E-mail")), ("sms", _("SMS"))]
PURPOSES: Final = [
    ("offers", _("Offers")),
    ("newsletter", _("Newsletter")),
    ("loyalty", _("Loyalty programme")),
    ("research", _("Surveys")),
]
ZONES: Final = [("workspace", _("Our time zone")), ("contact", _("The time zone of each recipient"))]


class Begin(forms.Form):
    """The first page. The group that gets nothing is off unless somebody wants to measure."""

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("Only you and your colleagues see it."))
    segment = forms.ModelChoiceField(
        label=_("To whom"), queryset=Segment.objects.none(), empty_label=_("Choose a segment")
    )
    channel = forms.ChoiceField(label=_("Channel"), choices=CHANNELS, widget=forms.RadioSelect, initial="email")
    purpose = forms.ChoiceField(
        label=_("What it is about"),
        choices=PURPOSES,
        initial="offers",
        help_text=_("Only people who said yes to this get it."),
    )
    holdout_pct = forms.IntegerField(
        label=_("Control group, %"),
        min_value=0,
        max_value=50,
        initial=0,
        help_text=_("So many of a hundred get nothing, so that you see what the message changed. 0: all get it."),
    )
    why = forms.CharField(
        label=_("Why no control group"),
        max_length=300,
        required=False,
        initial=_("A single message to everybody."),
        help_text=_("Needed where the control group is 0."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["segment"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Segment.objects.filter(archived_at=None).order_by("name", "pk")

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if said.get("holdout_pct") == 0 and not said.get("why", "").strip():
            self.add_error("why", gettext("Say why nobody is held out."))
        return said


class When(forms.Form):
    """The moment: now, or a date and time in our zone or in that of each recipient."""

    when = forms.ChoiceField(
        label=_("When"),
        choices=[("now", _("Now")), ("at", _("At a date and time"))],
        widget=forms.RadioSelect,
        initial="now",
    )
    at = forms.DateTimeField(
        label=_("Date and time"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    zone = forms.ChoiceField(
        label=_("In"), choices=ZONES, initial="workspace", widget=forms.RadioSelect, required=False
    )

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if said.get("when") == "at" and not said.get("at") and "at" not in self.errors:
            self.add_error("at", gettext("Give a date and a time."))
        return said
