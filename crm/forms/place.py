"""Where this company is: the workspace, and its stores."""

from __future__ import annotations

import json
import re
from datetime import time
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm import moments, stores, territories, zones
from crm.models import Store

SMS_SENDER: Final = RegexValidator(
    r"\A(\+?[0-9]{3,15}|[A-Za-z0-9 .&_-]{1,11})\Z", _("A number with + or up to 11 Latin letters and digits.")
)
LINE: Final = RegexValidator(r"\A[^\r\n\x00]*\Z", _("Write it on one line."))
STORE_CODE: Final = RegexValidator(r"\A[a-z0-9][a-z0-9_-]*\Z", _("Small Latin letters, digits, - and _."))
SPAN: Final = re.compile(r"\s*(\d{1,2})(?::(\d{2}))?\s*[-–—]\s*(\d{1,2})(?::(\d{2}))?\s*")


class CountrySelect(forms.Select):
    """A select that tells the script beside it which zone and currency each country has."""

    def __init__(self) -> None:
        super().__init__({"data-country-hints": "1", "autocomplete": "country"})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["data-country-hints"] = json.dumps(territories.hints(), separators=(",", ":"))
        return context


def countries() -> list[tuple[str, str]]:
    return [("", "—"), *territories.countries(get_language() or "en")]


def currencies() -> list[tuple[str, str]]:
    return territories.currencies(get_language() or "en")


def all_zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in territories.all_zones()]


def zones_or_country() -> list[tuple[str, Any]]:
    return [("", _("As the country")), *all_zones()]


class WorkspaceFields(forms.Form):
    """What set-up and settings ask of a workspace alike."""

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("As customers know you."))
    country = forms.ChoiceField(label=_("Country"), choices=countries, widget=CountrySelect)
    zone = forms.ChoiceField(label=_("Time zone"), choices=zones_or_country, required=False)
    currency = forms.ChoiceField(label=_("Currency"), choices=currencies, initial="EUR")
    language = forms.ChoiceField(
        label=_("Language"),
        choices=settings.LANGUAGES,
        help_text=_("Of pages and of mails to people who have chosen none."),
    )
    postal_address = forms.CharField(
        label=_("Postal address"),
        max_length=400,
        validators=[LINE],
        help_text=_("The law wants it below every marketing mail."),
        widget=forms.TextInput({"autocomplete": "street-address"}),
    )
    sender_name = forms.CharField(
        label=_("Sender name"), max_length=120, required=False, validators=[LINE],
        help_text=_("What people see as the sender of your mails."),
    )  # fmt: skip
    sender_address = forms.EmailField(
        label=_("Sender address"), max_length=254, help_text=_("Mails come from here, and answers go here.")
    )
    sms_sender = forms.CharField(
        label=_("SMS sender"), max_length=16, required=False, validators=[SMS_SENDER],
        help_text=_("A number with + or up to 11 Latin letters and digits."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "country" in data and not data.get("zone") and "zone" not in self.errors:
            data["zone"] = zones.of_country(data["country"])
            if not data["zone"]:
                self.add_error("zone", _("This country has several time zones. Choose yours."))
        return data


class WorkspaceForm(WorkspaceFields):
    """All of a workspace. How often and when people hear from it stands with the sending rules."""

    global_holdout_pct = forms.IntegerField(
        label=_("Never get any campaign, %"),
        min_value=0,
        max_value=50,
        help_text=_("A fixed share of people to compare with, so that you see what all campaigns together bring."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sender_address"].required = False
        self.fields["sender_address"].help_text = _("Empty: as this installation is set up (DEFAULT_FROM_EMAIL).")


class HoursField(forms.CharField):
    """The hours of one day as people write them: "10–14, 17:00–20:30". Nothing: closed."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else ", ".join(f"{opens}–{closes}" for opens, closes in value or ())

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        return [self._span(part) for part in text.split(",")] if text else []

    def _span(self, text: str) -> list[str]:
        found = SPAN.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            opens, closes = time(int(found[1]), int(found[2] or 0)), time(int(found[3]) % 24, int(found[4] or 0))
        except ValueError:
            raise forms.ValidationError(_("Write hours like 10:00–14:00, 17:00–20:30.")) from None
        return [f"{opens:%H:%M}", f"{closes:%H:%M}"]

    def validate(self, value: Any) -> None:
        """Closed is an answer too."""


class StoreForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)
    code = forms.CharField(
        label=_("Code"), max_length=40, validators=[STORE_CODE],
        help_text=_("What tills, imports and the API call it. It should not change."),
    )  # fmt: skip
    country = forms.ChoiceField(label=_("Country"), choices=countries, widget=CountrySelect)
    zone = forms.ChoiceField(label=_("Time zone"), choices=zones_or_country, required=False)
    line = forms.CharField(label=_("Street and number"), max_length=200, required=False)
    postal_code = forms.CharField(label=_("Postal code"), max_length=20, required=False)
    city = forms.CharField(label=_("City"), max_length=120, required=False)
    mon = HoursField(label=_("Monday"), required=False)
    tue = HoursField(label=_("Tuesday"), required=False)
    wed = HoursField(label=_("Wednesday"), required=False)
    thu = HoursField(label=_("Thursday"), required=False)
    fri = HoursField(label=_("Friday"), required=False)
    sat = HoursField(label=_("Saturday"), required=False)
    sun = HoursField(label=_("Sunday"), required=False)

    def __init__(self, *args: Any, store: Store, **kwargs: Any) -> None:
        self.store = store
        kept = {name: store.address.get(name, "") for name in ("line", "postal_code", "city")}
        plain = {"name": store.name, "code": store.code, "country": store.country, "zone": store.zone}
        kwargs["initial"] = {**plain, **kept, **store.hours}
        super().__init__(*args, **kwargs)

    @property
    def days(self) -> list[forms.BoundField]:
        return [self[day] for day in stores.DAYS]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if Store.objects.filter(code=code).exclude(pk=self.store.pk).exists():
            raise forms.ValidationError(_("Another store has this code."))
        return code

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("zone"):
            data["zone"] = zones.of_postal(data.get("country", ""), data.get("postal_code", "")) or zones.of_country(
                data.get("country", "")
            )
        if not moments.is_zone(data["zone"]):
            self.add_error("zone", _("This country has several time zones. Choose yours."))
        return data

    def values(self) -> dict[str, Any]:
        """What `stores.put` takes."""
        data = self.cleaned_data
        address = {name: data[name] for name in ("line", "postal_code", "city") if data[name]}
        hours = {day: data[day] for day in stores.DAYS if data[day]}
        return {name: data[name] for name in ("name", "code", "country", "zone")} | {"address": address, "hours": hours}
