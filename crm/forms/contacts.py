"""A contact as somebody types it: who they are, what names them, their own fields, and what they said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm import (
    clock,
    columns,
    directory,
    evidence_files,
    folding,
    normalise,
    statements,
    telling,
    territories,
    workspace,
)
from crm.display import CHANNELS
from crm.errors import Problem
from crm.forms.place import all_zones, countries
from crm.models import Contact, Store, Wording

KINDS: Final = (
    ("email", _("E-mail")),
    ("phone", _("Phone")),
    ("card", _("Card")),
    ("external_id", _("Number in your shop")),
)
SAID_CHANNELS: Final = ("email", "sms", "whatsapp", "call", "post")
SAID_PURPOSES: Final = ("offers", "newsletter", "loyalty", "profiling")
SAID: Final = (("granted", _("They said yes")), ("refused", _("They said no")))
METHODS: Final = ("paper_form", "pos_screen", "verbal_call", "web_form", "whatsapp_reply", "operator")
# Mistakes the door in finds, in the reader's language; a rarer one stands as it was said.
WRONG: Final = {
    "not_an_email": _("This is not an e-mail address."),
    "not_a_phone": _("This is not a phone number. Write it with its country code, as in +34600112233."),
    "too_long": _("This is too long."),
    "control_character": _("There is a character in it that cannot be kept."),
    "bad_name": _("A field is named with Latin letters, digits, blanks, _ and -."),
    "not_a_country": _("Write the country with two letters, as in ES."),
    "not_a_language": _("Write the language as in es or pt-BR."),
    "not_a_zone": _("Write the time zone as in Europe/Madrid."),
    "last_identifier": _("This is the last thing they are known by: add another one first."),
    "in_the_future": _("Nobody can have said this yet."),
    "empty": _("Give it a name."),
    "not_a_list": _("Its people come by a rule; put them on a fixed list instead."),
    "no_such_store": _("There is no such store."),
    "blocked_identifier": _("This is nobody's own: it stands on the list of values that name nobody."),
    "too_many_identifiers": _("They have as many of this kind as one person may have: take one off first."),
}
OWN: Final = ("given_name", "family_name", "language", "timezone", "country", "region", "city", "postal_code")


def _languages() -> list[tuple[str, str]]:
    return [("", "—"), *territories.languages(get_language() or "en")]


def _zones() -> list[tuple[str, Any]]:
    return [("", _("As the address or the store")), *all_zones()]


def _stores() -> list[tuple[str, str]]:
    return [("", "—"), *((store.code, store.name) for store in Store.objects.filter(active=True).order_by("name"))]


def _wordings() -> list[tuple[str, Any]]:
    rows = Wording.objects.order_by("purpose", "language", "-version")[:200]
    return [("", _("No text of ours")), *((row.code, f"{row.code}: {row.text[:60]}") for row in rows)]


class ContactForm(forms.Form):
    """The fields everybody has."""

    given_name = forms.CharField(label=_("First name"), max_length=120, required=False)
    family_name = forms.CharField(label=_("Last name"), max_length=120, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=_languages, required=False)
    birth_date = forms.DateField(
        label=_("Birth date"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    home_store = forms.ChoiceField(label=_("Home store"), choices=_stores, required=False)
    timezone = forms.ChoiceField(label=_("Time zone"), choices=_zones, required=False)
    city = forms.CharField(label=_("City"), max_length=120, required=False)
    postal_code = forms.CharField(label=_("Postal code"), max_length=20, required=False)
    region = forms.CharField(label=_("Region"), max_length=80, required=False)
    country = forms.ChoiceField(label=_("Country"), choices=countries, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, contact: Contact | None = None) -> None:
        super().__init__(data, initial=_initial(contact) if contact else None)
        for name in ("language", "timezone", "country", "home_store"):
            self._keep(name, self.initial.get(name) or "")

    def _keep(self, name: str, value: str) -> None:
        """What somebody has already stays a choice, though the list does not know it."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type
        choices: list[Any] = [*field.choices]  # type: ignore[misc]
        if value and value not in {code for code, _label in choices}:
            field.choices = [*choices, (value, value)]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name in OWN:
            try:
                columns.column(name, given.get(name))
            except Problem as problem:
                self.add_error(name, wrong(problem))
        return given

    def values(self) -> dict[str, Any]:
        """As the door in takes them; what is empty is emptied."""
        given = self.cleaned_data
        return {name: given.get(name) or None for name in (*OWN, "birth_date")} | {
            "home_store": given.get("home_store") or None
        }


class IdentifierForm(forms.Form):
    """One more thing they are known by; an empty row is passed over."""

    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, required=False)
    value = forms.CharField(label=_("Address, number or card"), max_length=320, required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        value = str(given.get("value") or "").strip()
        if value:
            try:
                given["trace"] = normalise.trace(given.get("kind") or "email", value, workspace.current().country)
            except Problem as problem:
                self.add_error("value", wrong(problem))
        return given


class FieldForm(forms.Form):
    """A field of the shop's own. `was` is the value it had: its type is kept."""

    name = forms.CharField(label=_("Name"), max_length=80, required=False)
    value = forms.CharField(label=_("Value"), max_length=4000, required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        name = str(given.get("name") or "").strip()
        if given.get("value") and not name:
            self.add_error("name", _("Give the field a name."))
        if name:
            try:
                columns.free_fields({name: given.get("value") or None})
            except Problem as problem:
                self.add_error("name" if problem.code == "bad_name" else "value", wrong(problem))
        return given


IdentifierRows = forms.formset_factory(IdentifierForm, extra=1, max_num=20, absolute_max=20)
FieldRows = forms.formset_factory(FieldForm, extra=1, max_num=200, absolute_max=220)


class SaidForm(forms.Form):
    """What they said, with its proof. Nothing is ticked for anybody."""

    action = forms.ChoiceField(label=_("What they said"), choices=SAID, initial="granted", widget=forms.RadioSelect)
    said = forms.MultipleChoiceField(
        choices=[(f"{purpose}.{channel}", "") for purpose in SAID_PURPOSES for channel in SAID_CHANNELS],
        required=False,
    )
    method = forms.ChoiceField(
        label=_("How they said it"),
        choices=lambda: [("", "—"), *((name, statements.METHODS[name]) for name in METHODS)],
        required=False,
    )
    source = forms.CharField(
        label=_("Where"), max_length=400, required=False, help_text=_("A store, a form, a fair: what would prove it.")
    )
    wording = forms.ChoiceField(label=_("The text they were shown"), choices=_wordings, required=False)
    occurred_at = forms.DateTimeField(
        label=_("When"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("Empty: now."),
    )
    proof = forms.FileField(
        label=_("A scan or a recording"), required=False, max_length=200,
        help_text=_("PDF, JPEG, PNG, MP3 or WAV of at most 10 MB."),
        widget=forms.ClearableFileInput({"accept": ".pdf,.jpg,.jpeg,.png,.mp3,.wav"}),
    )  # fmt: skip
    file: evidence_files.File | None = None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("proof"):
            try:
                self.file = evidence_files.read(given["proof"])
            except Problem as problem:
                self.add_error("proof", problem.detail)
            if not given.get("said"):
                self.add_error("proof", _("Tick what they said: a proof without it proves nothing."))
        if given.get("said"):
            for name in ("method", "source"):
                if not given.get(name) and name not in self.errors:
                    self.add_error(name, _("A consent needs its proof: say how and where."))
        at = given.get("occurred_at")
        if at and at > clock.now():
            self.add_error("occurred_at", _("Nobody can have said this yet."))
        return given

    def table(self) -> list[tuple[Any, list[tuple[str, Any, bool]]]]:
        """Rows of (purpose, [(value, channel, ticked)]) for the page."""
        ticked = set(self["said"].value() or [])
        return [
            (
                statements.PURPOSES[purpose],
                [(f"{purpose}.{name}", CHANNELS[name][2], f"{purpose}.{name}" in ticked) for name in SAID_CHANNELS],
            )
            for purpose in SAID_PURPOSES
        ]

    def consents(self) -> list[dict[str, Any]]:
        given = self.cleaned_data
        proof = {
            "action": given["action"],
            "basis": "consent" if given["action"] == "granted" else "",
            "method": given["method"],
            "source": given["source"],
            "wording": given["wording"],
            "occurred_at": given["occurred_at"].isoformat() if given["occurred_at"] else None,
            "evidence": {"file": self.file.as_evidence()} if self.file else {},
        }
        pairs = [each.split(".", 1) for each in given["said"]]
        return [{"purpose": purpose, "channel": channel, **proof} for purpose, channel in pairs]


class FilterForm(forms.Form):
    """What the list is narrowed down by; it stands in the address."""

    q = forms.CharField(
        label=_("Name, address, phone or card"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )
    tag = forms.CharField(required=False, max_length=60)
    list = forms.CharField(required=False, max_length=40)
    store = forms.CharField(required=False, max_length=40)
    stage = forms.CharField(required=False, max_length=40)
    since = forms.DateField(required=False)
    who = forms.ChoiceField(choices=[(name, name) for name in directory.WHO], required=False)

    def hint(self) -> bool:
        """Was something typed that is too short for a name?"""
        text = self.cleaned_data.get("q", "")
        return bool(text) and not folding.parts(text)


def wrong(problem: Problem) -> str:
    """A mistake in the reader's language."""
    return str(WRONG.get(problem.code, problem.detail))


def own_fields(rows: Sequence[Mapping[str, Any]], before: Mapping[str, Any]) -> dict[str, Any]:
    """The free fields that were typed; each keeps the type it had, and an emptied one goes."""
    given = {str(row["name"]).strip(): str(row.get("value") or "").strip() for row in rows if row.get("name")}
    kept = {name: _typed(value, before.get(name)) for name, value in given.items()}
    return {name: value for name, value in kept.items() if value != before.get(name)}


def _typed(value: str, before: Any) -> Any:
    if not value:
        return None
    if value == telling.plain(before):
        return before
    if isinstance(before, bool) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(before, int | float) and not isinstance(before, bool):
        try:
            return int(value) if "." not in value else float(value)
        except ValueError:
            return value
    if isinstance(before, list):
        return [each.strip() for each in value.split(",") if each.strip()]
    return value


def _initial(contact: Contact) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(contact, name) for name in (*OWN, "birth_date")}
    return told | {"home_store": contact.home_store.code if contact.home_store else ""}
