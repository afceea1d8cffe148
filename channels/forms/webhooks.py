"""The form of an endpoint: where it is, and of what it is told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from channels.models import WebhookEndpoint
from channels.webhooks import kinds
from crm.errors import Problems


class EndpointForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    url = forms.CharField(
        label=_("Address"), max_length=500, help_text=_("Where your server listens: https://shop.example/hooks."),
        widget=forms.TextInput({"spellcheck": "false", "autocapitalize": "off", "inputmode": "url"}),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        label=_("Events"), required=False, choices=[(each, each) for each in (*kinds.PATTERNS, *kinds.KINDS)]
    )

    def __init__(self, *args: Any, endpoint: WebhookEndpoint, **kwargs: Any) -> None:
        kwargs["initial"] = {"name": endpoint.name, "url": endpoint.url, "kinds": list(endpoint.kinds)}
        super().__init__(*args, **kwargs)

    def groups(self) -> list[dict[str, Any]]:
        """The kinds by what they are about, each with words; the pattern of a group first."""
        chosen = set(self["kinds"].value() or ())
        return [
            {
                "words": words,
                "pattern": f"{group}.*",
                "whole": f"{group}.*" in chosen or "*" in chosen,
                "kinds": [
                    {"name": each.name, "words": each.words, "on": each.name in chosen}
                    for each in kinds.KINDS.values()
                    if each.name.startswith(f"{group}.")
                ],
            }
            for group, words in kinds.GROUPS.items()
        ]

    def values(self) -> dict[str, Any]:
        """A pattern says what its kinds say: beside it they are left out."""
        chosen = self.cleaned_data["kinds"]
        patterns = [each for each in chosen if each.endswith("*")]
        return {
            "name": self.cleaned_data["name"], "url": self.cleaned_data["url"],
            "kinds": patterns + [each for each in chosen if each in kinds.KINDS and not kinds.hears(patterns, each)],
        }  # fmt: skip

    def blame(self, problems: Problems) -> None:
        for problem in problems.problems:
            part = problem.pointer.lstrip("/")
            self.add_error(part if part in self.fields else None, problem.detail)
