"""A topic: its short name for programs, and what customers read in each language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm import topics
from crm.models import Topic


class TopicForm(forms.Form):
    def __init__(self, data: Mapping[str, Any] | None = None, *, topic: Topic | None = None) -> None:
        super().__init__(data)
        if topic is None:
            self.fields["key"] = forms.RegexField(
                topics.KEY,
                label=_("Name in rules and files"),
                max_length=40,
                help_text=_("Small Latin letters, digits and _, such as running. It stays for ever."),
                error_messages={"invalid": _("Small Latin letters, digits and _, beginning with a letter.")},
            )
        for code, name in settings.LANGUAGES:
            self.fields[f"name_{code}"] = forms.CharField(
                label=_("What customers read (%(language)s)") % {"language": name},
                max_length=topics.LONGEST,
                required=False,
                initial=topic.names.get(code, "") if topic else "",
            )

    def names(self) -> dict[str, str]:
        return {code: self.cleaned_data.get(f"name_{code}") or "" for code, _name in settings.LANGUAGES}
