"""A task, and a note about a contact."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import moments, notes, workspace
from crm.models import User
from crm.models.team import Role


class TaskForm(forms.Form):
    title = forms.CharField(label=_("Task"), max_length=200)
    day = forms.DateField(label=_("Due"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    assignee = forms.ModelChoiceField(label=_("For"), queryset=User.objects.none(), empty_label=None)

    def __init__(self, *args: Any, user: User, now: datetime, **kwargs: Any) -> None:
        tomorrow = moments.local_day(now, workspace.current().zone) + timedelta(days=1)
        kwargs.setdefault("initial", {"day": tomorrow, "assignee": user.pk})
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = (  # type: ignore[attr-defined]
            User.objects.filter(is_active=True)
            .exclude(memberships__role__in=[Role.STORE_STAFF, Role.CALL_AGENT])
            .order_by("name", "email")
        )

    def due_at(self) -> datetime:
        """The end of that day, where the workspace is."""
        zone = workspace.current().zone
        after = self.cleaned_data["day"] + timedelta(days=1)
        return moments.at_local(after, moments.MIDNIGHT, zone) - timedelta(minutes=1)


class NoteForm(forms.Form):
    text = forms.CharField(label=_("Note"), max_length=notes.LONGEST, widget=forms.Textarea({"rows": 3}))
