"""The shop's own fields: defining one, and filling them in for a contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import typed
from crm.errors import Problem
from crm.forms.contacts import wrong
from crm.models import FieldDefinition
from crm.typed import Definition, Known

KINDS: Final = {
    "text": _("Text"),
    "number": _("Number"),
    "date": _("Date"),
    "choice": _("One of several"),
    "list": _("Several of several, or a list"),
    "boolean": _("Yes or no"),
}
YES_NO: Final = (("", "—"), ("true", _("yes")), ("false", _("no")))
KEY: Final = r"[A-Za-z_][A-Za-z0-9_]{0,79}"


class DefinitionForm(forms.Form):
    """One field. Its name in rules and templates is chosen once."""

    label = forms.CharField(label=_("Name people read"), max_length=80)
    key = forms.RegexField(
        KEY,
        label=_("Name in rules, templates and files"),
        max_length=80,
        help_text=_("Latin letters, digits and _, such as shoe_size. It stays for ever."),
        error_messages={"invalid": _("Latin letters, digits and _, beginning with a letter.")},
    )
    kind = forms.ChoiceField(label=_("What it holds"), choices=list(KINDS.items()))
    choices = forms.CharField(
        label=_("Choices, one a line"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"rows": 5}),
        help_text=_("For “one of several”; a list may have them, too."),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, row: FieldDefinition | None = None) -> None:
        super().__init__(data, initial=_initial(row))
        if row is not None:
            del self.fields["key"]

    def clean_choices(self) -> list[str]:
        return [line.strip() for line in str(self.cleaned_data["choices"]).splitlines() if line.strip()]


class ValuesForm(forms.Form):
    """An input for each defined field, in its kind."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, known: Known, held: Mapping[str, Any], prefix: str = "field"
    ) -> None:
        super().__init__(data, prefix=prefix)
        self.known, self.held = known, held
        for key, definition in known.items():
            self.fields[key] = _input(definition, held.get(key))
            self.initial[key] = shown(definition, held.get(key))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for key, definition in self.known.items():
            try:
                given[key] = typed.value(definition, given.get(key))
            except Problem as problem:
                if str(given.get(key)) == str(shown(definition, self.held.get(key))):
                    given[key] = self.held.get(key)  # it was so before the field had a kind
                else:
                    self.add_error(key, wrong(problem))
        return given

    def changed(self) -> dict[str, Any]:
        """What is different from what they hold; an emptied field is None."""
        return {key: self.cleaned_data.get(key) for key in self.known if self._differs(key)}

    def _differs(self, key: str) -> bool:
        was, now = self.held.get(key), self.cleaned_data.get(key)
        return bool(was != now or type(was) is not type(now)) and not (was is None and now is None)


def shown(definition: Definition, value: Any) -> Any:
    """A value as its input has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        # Ticked where there are choices to tick, written with commas where there are none.
        texts = [str(each) for each in value]
        return texts if definition.kind == "list" and definition.choices else ", ".join(texts)
    return "" if value is None else value


def _input(definition: Definition, held: Any) -> forms.Field:
    label, kind = definition.label, definition.kind
    if kind == "boolean":
        return forms.ChoiceField(label=label, choices=_kept(YES_NO, shown(definition, held)), required=False)
    if kind == "choice":
        offered = [("", "—"), *((each, each) for each in definition.choices)]
        return forms.ChoiceField(label=label, choices=_kept(offered, shown(definition, held)), required=False)
    if kind == "list" and definition.choices:
        more = [each for each in (held if isinstance(held, list) else []) if each not in definition.choices]
        offered = [(str(each), str(each)) for each in [*definition.choices, *more]]
        return forms.MultipleChoiceField(
            label=label, choices=offered, required=False, widget=forms.CheckboxSelectMultiple
        )
    attributes: dict[str, Any] = {}
    if kind == "date" and (held is None or _is_date(definition, held)):
        attributes = {"type": "date"}
    elif kind == "number":
        attributes = {"inputmode": "decimal"}
    elif kind == "list":
        attributes = {"placeholder": _("one, another")}
    return forms.CharField(label=label, max_length=4000, required=False, widget=forms.TextInput(attributes))


def _is_date(definition: Definition, held: Any) -> bool:
    try:
        return bool(typed.value(definition, held))
    except Problem:
        return False


def _kept(offered: Any, value: Any) -> list[tuple[str, Any]]:
    """What somebody has already stays a choice, though the field does not know it."""
    found = list(offered)
    return found if value in {code for code, _label in found} else [*found, (str(value), str(value))]


def _initial(row: FieldDefinition | None) -> dict[str, Any] | None:
    return {"label": row.label, "kind": row.kind, "choices": "\n".join(row.choices)} if row else None
