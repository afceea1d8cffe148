"""An account with a carrier: what every account has, and what its carrier asks for (`Carrier.fields`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from channels import accounts, secrets
from channels.models import Account
from channels.providers import Field, carriers
from crm.errors import Problems

# What carriers, and the settings of each, are called. A new carrier reads by its names until it stands here.
CARRIERS: Final = {
    "sandbox": (_("Sandbox"), _("Nothing leaves; messages are read in the sandbox inbox.")),
    "smtp": (_("Mail server (SMTP)"), _("Mails leave through a mail server.")),
    "http_sms": (_("SMS over HTTP"), _("Any provider that takes one HTTP request per message.")),
}
WORDS: Final[dict[str, tuple[Any, Any]]] = {
    "smtp.host": (_("Server"), "mail.example.com"),
    "smtp.port": (_("Port"), _("25, 465 for TLS, or 587 for STARTTLS.")),
    "smtp.security": (_("Encryption"), ""),
    "smtp.user": (_("User"), ""),
    "smtp.password": (_("Password"), ""),
    "smtp.hello": (_("Name for the greeting"), _("Empty: the name of this machine.")),
    "http_sms.url": (_("Address"), "https://sms.example.com/messages"),
    "http_sms.method": (_("Method"), ""),
    "http_sms.headers": (_("Headers"), _("JSON. Secrets as {{ secret.name }}.")),
    "http_sms.body": (_("Body"), _("JSON with {{ recipient }}, {{ text }}, {{ sender }} and {{ key }}.")),
    "http_sms.encoding": (_("Encoding"), ""),
    "http_sms.success": (_("What means success"), _("JSON: path, in, id, code, dead. Empty: answers of 200 to 299.")),
    "http_sms.idempotency_header": (
        _("Header for the key of a message"), _("Only if the provider promises that the same key twice is one message.")
    ),
    "http_sms.reports": (
        _("What its reports mean"),
        _("JSON: id, status, event, code, items (paths), statuses, header, encoding, prefix. Empty: as usual."),
    ),
    "http_sms.report_secret": (
        _("Secret of its reports"), _("The provider signs each report with it (HMAC-SHA256). Empty: the address alone.")
    ),
    "http_sms.values": (_("Secrets"), _('JSON: {"name": "value"}.')),
}  # fmt: skip
CHOICES: Final = {"": _("None"), "starttls": "STARTTLS", "tls": "TLS", "json": "JSON", "form": _("Form")}


def carrier_word(name: str) -> Any:
    return CARRIERS[name][0] if name in CARRIERS else name


class JsonText(forms.JSONField):
    """A JSON object in a text area; empty is the carrier's own default."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea({"rows": 4, "spellcheck": "false", "class": "mono"}), **kwargs)

    def to_python(self, value: Any) -> Any:
        made = super().to_python(value)
        if made is not None and not isinstance(made, dict):
            raise forms.ValidationError(_('Write a JSON object: {"name": "value"}.'))
        return made

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) and value else value or ""


class AccountForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    cost = forms.DecimalField(
        label=_("Cost of a message"), min_value=0, max_digits=10, decimal_places=5,
        help_text=_("In the workspace's currency; of an SMS each part."),
    )  # fmt: skip
    per_second = forms.FloatField(
        label=_("Messages a second at most"), min_value=0.01, max_value=100_000, required=False,
        help_text=_("Empty: as fast as it goes."),
    )  # fmt: skip

    def __init__(self, *args: Any, account: Account, carrier: str, name: str = "", **kwargs: Any) -> None:
        """`carrier` "" leaves the account to the environment: it has no settings of its own.
        `name`: what it is called while nobody has named it."""
        self.account, self.carrier = account, carrier
        known = carrier == account.carrier and not accounts.follows_environment(account)
        self.kept = _kept(account) if known else {}
        kwargs["initial"] = {
            "name": name or account.name,
            "cost": f"{Decimal(account.cost).normalize():f}",
            "per_second": account.per_second,
        }
        super().__init__(*args, **kwargs)
        self.settings_fields = list(carriers[carrier].fields) if carrier else []
        for field in self.settings_fields:
            value = (account.settings if known and not field.secret else {}).get(field.name, field.default)
            self.fields[_key(field)] = _made(carrier, field, value, is_set=bool(self.kept.get(field.name)))

    def own(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "cost", "per_second")]

    def asked(self) -> list[forms.BoundField]:
        return [self[_key(field)] for field in self.settings_fields]

    def values(self) -> dict[str, Any]:
        """What `accounts.put` takes, without the secrets."""
        data = {name: self.cleaned_data[name] for name in ("name", "cost", "per_second")}
        if not self.carrier:
            return data | {"carrier": "sandbox", "settings": accounts.FROM_ENVIRONMENT}
        given = {f.name: self._given(f) for f in self.settings_fields if not f.secret}
        return data | {"carrier": self.carrier, "settings": {k: v for k, v in given.items() if v not in (None, "", {})}}

    def secrets(self) -> dict[str, Any] | None:
        """All secrets with the new ones; None when nothing was entered and the carrier is the same."""
        new = {f.name: self._given(f) for f in self.settings_fields if f.secret and self._given(f) not in (None, "")}
        if not new and self.carrier == self.account.carrier:
            return None
        return {**self.kept, **new}

    def blame(self, problems: Problems) -> None:
        """Put what a carrier says is wrong beside the field it is about."""
        for problem in problems.problems:
            part = f"set_{problem.pointer.split('/')[2]}" if problem.pointer.count("/") >= 2 else None
            self.add_error(part if part in self.fields else None, _said(problem.code, problem.detail))

    def _given(self, field: Field) -> Any:
        return self.cleaned_data.get(_key(field))


def _key(field: Field) -> str:
    return f"set_{field.name}"


def _said(code: str, detail: str) -> Any:
    return _("This setting is needed.") if code == "required" else detail


def _kept(account: Account) -> Mapping[str, Any]:
    try:
        return secrets.unseal(account.secrets)
    except secrets.Unreadable:
        return {}


def _made(carrier: str, field: Field, value: Any, *, is_set: bool) -> forms.Field:
    """A form field of a carrier's setting. A secret's own value is never put into a page."""
    label, words = WORDS.get(f"{carrier}.{field.name}", (field.name, ""))
    if field.secret:
        words = _("It is set. Empty: it stays.") if is_set else words
    common = {"label": label, "help_text": words, "required": field.required and not is_set}
    if field.kind is dict:
        return JsonText(**common, initial=None if field.secret else value)
    if field.secret:
        return forms.CharField(**common, widget=forms.PasswordInput({"autocomplete": "off"}), strip=False)
    if field.choices:
        choices = [(each, CHOICES.get(each, each)) for each in field.choices]
        return forms.ChoiceField(**common, choices=choices, initial=value)
    if field.kind is int:
        return forms.IntegerField(**common, min_value=0, initial=value)
    if field.kind is bool:
        return forms.BooleanField(**{**common, "required": False}, initial=value)
    return forms.CharField(**common, initial=value, widget=forms.TextInput({"spellcheck": "false"}))
