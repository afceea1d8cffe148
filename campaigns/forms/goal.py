"""Goal and audience of a campaign as a form; `settings` takes it from the document and puts it back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.forms.settings import OWN, ROWS, Document, filled, put

PURPOSES: Final = {
    "offers": gettext_lazy("Offers"),
    "newsletter": gettext_lazy("Newsletter"),
    "loyalty": gettext_lazy("Loyalty card"),
    "service": gettext_lazy("Service"),
    "profiling": gettext_lazy("Offers chosen from purchases"),
    "tracking": gettext_lazy("Measuring opens and clicks"),
    "ads": gettext_lazy("Ads"),
    "research": gettext_lazy("Surveys"),
}
CLASSES: Final = {
    "marketing": gettext_lazy("Marketing: needs consent, keeps limits and quiet hours"),
    "service": gettext_lazy("Service: about something they have, no advertising"),
    "transactional": gettext_lazy("Transactional: they are waiting for it"),
}
OBJECTIVES: Final = {
    "": gettext_lazy("None in particular"),
    "welcome": gettext_lazy("Welcome"),
    "activation": gettext_lazy("Get started"),
    "sale": gettext_lazy("Sell"),
    "cart": gettext_lazy("Rescue carts"),
    "cross-sell": gettext_lazy("Sell something that goes with it"),
    "loyalty": gettext_lazy("Loyalty"),
    "win-back": gettext_lazy("Win back"),
    "service": gettext_lazy("Service"),
    "info": gettext_lazy("Information"),
}
WAYS: Final = {
    "event": gettext_lazy("When something happens"),
    "segment": gettext_lazy("Who is in a segment"),
    "schedule": gettext_lazy("Once, at a date and time"),
    "manual": gettext_lazy("By hand or from another program"),
}
MODES: Final = {
    "joins": gettext_lazy("Whoever comes into it from now on"),
    "current": gettext_lazy("Whoever is in it when it is published"),
    "current_and_joins": gettext_lazy("Both"),
}
REENTRY: Final = {
    "never": gettext_lazy("Never"),
    "after_exit": gettext_lazy("Once they are through"),
    "every_key": gettext_lazy("Once for each cart or order"),
    "after": gettext_lazy("After some time"),
}
OPERATORS: Final = {
    "is": gettext_lazy("is"),
    "is_not": gettext_lazy("is not"),
    "contains": gettext_lazy("contains"),
    ">": gettext_lazy("is more than"),
    ">=": gettext_lazy("is at least"),
    "<": gettext_lazy("is less than"),
    "<=": gettext_lazy("is at most"),
    "is_set": gettext_lazy("is there"),
}
UNITS: Final = {
    "minutes": gettext_lazy("minutes"),
    "hours": gettext_lazy("hours"),
    "days": gettext_lazy("days"),
    "weeks": gettext_lazy("weeks"),
}
ZONES: Final = {"workspace": gettext_lazy("Ours"), "contact": gettext_lazy("Each person's own")}
LATE: Final = {"skip": gettext_lazy("Leave them out"), "now": gettext_lazy("Write at once")}
MEMBER: Final = {"yes": gettext_lazy("is in"), "no": gettext_lazy("is not in")}
WHEN: Final = {"left": gettext_lazy("leaves it"), "joined": gettext_lazy("comes into it")}
QUIET: Final = {"inherit": gettext_lazy("Ours"), "off": gettext_lazy("None (only for transactional messages)")}
# Offered while typing; any other name may be written.
EVENTS: Final = (
    "Cart Updated",
    "Cart Emptied",
    "Order Completed",
    "Product Viewed",
    "Product Added",
    "Products Searched",
    "Card Linked",
    "Card Scanned",
    "Store Visited",
    "Contact Created",
    "Consent Changed",
    "Stage Changed",
    "Message Clicked",
    "Message Opened",
    "Message Replied",
)


def _choice(options: Mapping[str, Any], label: Any, help_text: Any = "") -> forms.ChoiceField:
    return forms.ChoiceField(choices=list(options.items()), label=label, help_text=help_text, required=False)


def _number(label: Any, low: int, high: int, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(min_value=low, max_value=high, label=label, help_text=help_text, required=False)


def _text(label: Any, longest: int, help_text: Any = "") -> forms.CharField:
    return forms.CharField(max_length=longest, label=label, help_text=help_text, required=False)


class GoalForm(forms.Form):
    """All settings of a campaign but its steps. `segments`: (public id, name) of those to choose from."""

    name = forms.CharField(max_length=200, label=gettext_lazy("Name"))
    objective = _choice(OBJECTIVES, gettext_lazy("What it is for"))
    description = forms.CharField(
        max_length=2_000, label=gettext_lazy("Notes for colleagues"), required=False, widget=forms.Textarea({"rows": 2})
    )
    message_class = _choice(CLASSES, gettext_lazy("Kind of message"))
    purpose = _choice(PURPOSES, gettext_lazy("Purpose people consented to"))

    entry_type = _choice(WAYS, gettext_lazy("Who comes in"))
    entry_event = _text(gettext_lazy("Event"), 80)
    entry_key = _text(
        gettext_lazy("What tells one cart or order from another"), 200,
        gettext_lazy("A detail of the event, such as cart_id or order_id. Empty: one journey for each person."),
    )  # fmt: skip
    debounce_value = _number(gettext_lazy("Wait until it has been quiet for"), 1, 10_000)
    debounce_unit = _choice(UNITS, gettext_lazy("Unit"))
    entry_segment = forms.ChoiceField(label=gettext_lazy("Segment"), required=False)
    entry_mode = _choice(MODES, gettext_lazy("Whom of it"))
    leave_exits = forms.BooleanField(label=gettext_lazy("Ends for people who leave the segment"), required=False)
    at = forms.DateTimeField(
        label=gettext_lazy("Date and time"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    zone = _choice(ZONES, gettext_lazy("Time zone"))
    if_past = _choice(LATE, gettext_lazy("Where that moment has passed already"))
    reentry = _choice(REENTRY, gettext_lazy("May they come in again?"))
    reentry_value = _number(gettext_lazy("After"), 1, 10_000)
    reentry_unit = _choice(UNITS, gettext_lazy("Unit"))
    reentry_times = _number(gettext_lazy("At most so many times"), 1, 1_000)

    who_segment = forms.ChoiceField(label=gettext_lazy("Only who"), required=False)
    who_member = _choice(MEMBER, gettext_lazy("Is or is not in it"))

    goal_event = _text(gettext_lazy("Goal: they do this"), 80)
    goal_days = _number(gettext_lazy("Within so many days"), 1, 365)
    goal_value = _text(
        gettext_lazy("What it is worth"),
        200,
        gettext_lazy("The detail of the event that holds the amount: total.amount, for example."),
    )
    goal_target = _number(gettext_lazy("Target: so many times"), 1, 1_000_000_000)
    exit_goal = forms.BooleanField(label=gettext_lazy("Ends when the goal is reached"), required=False)
    exit_events = _text(
        gettext_lazy("Ends also when they do"), 500, gettext_lazy("Names of events, separated by commas.")
    )
    exit_segment = forms.ChoiceField(label=gettext_lazy("Ends when somebody in this segment"), required=False)
    exit_when = _choice(WHEN, gettext_lazy("Leaves or comes into it"))

    holdout_pct = forms.DecimalField(
        min_value=0, max_value=50, decimal_places=2, label=gettext_lazy("Control group, %"),
        help_text=gettext_lazy("They get nothing; only so can be seen what the campaign brings."),
    )  # fmt: skip
    holdout_reason = _text(gettext_lazy("Why nobody is held out"), 200)
    priority = _number(
        gettext_lazy("Priority, 0 to 100"), 0, 100, gettext_lazy("When the limit is reached, higher ones go first.")
    )
    group = forms.ChoiceField(
        label=gettext_lazy("Group"), required=False,
        help_text=gettext_lazy("Campaigns of one group keep their distance from the same person."),
    )  # fmt: skip
    topic = forms.ChoiceField(
        label=gettext_lazy("Topic"), required=False,
        help_text=gettext_lazy("Who can do without it, by their own preference page, gets nothing of this campaign."),
    )  # fmt: skip
    obey_caps = forms.BooleanField(label=gettext_lazy("Keeps the limit of messages per person"), required=False)
    counts_caps = forms.BooleanField(label=gettext_lazy("Counts towards that limit"), required=False)
    quiet = _choice(QUIET, gettext_lazy("Quiet hours"))
    expiry_value = _number(gettext_lazy("A message that could not go is dropped after"), 1, 10_000)
    expiry_unit = _choice(UNITS, gettext_lazy("Unit"))
    budget = forms.DecimalField(
        min_value=0, max_value=1_000_000_000, decimal_places=2, label=gettext_lazy("Budget"), required=False,
        help_text=gettext_lazy("Held against the forecast; nothing is stopped by it."),
    )  # fmt: skip

    def __init__(
        self,
        data: Any = None,
        *,
        base: Document,
        segments: Sequence[tuple[str, str]],
        groups: Mapping[str, int] | None = None,
        topics: Mapping[str, str] | None = None,
    ) -> None:
        self.base = base
        super().__init__(data, initial=filled(base))
        for row in range(ROWS):
            self.fields[f"where_f_{row}"] = _text(gettext_lazy("Detail of the event"), 200)
            self.fields[f"where_op_{row}"] = _choice(OPERATORS, gettext_lazy("Comparison"))
            self.fields[f"where_v_{row}"] = _text(gettext_lazy("Value"), 200)
        none = [("", _("None"))]
        self._offer("entry_segment", [("", _("Choose a segment")), *segments])
        self._offer("exit_segment", [*none, *segments])
        own = [(OWN, _("A rule of its own, kept as it is"))] if self.initial["who_segment"] == OWN else []
        self._offer("who_segment", [("", _("Everybody")), *own, *segments])
        now = str(self.initial.get("group") or "")
        known = [*(groups or {}), *([now] if now and now not in (groups or {}) else [])]
        self.fields["group"].choices = [*none, *((name, name) for name in known)]  # type: ignore[attr-defined]
        now = str(self.initial.get("topic") or "")
        about = {**({now: now} if now else {}), **(topics or {})}
        self.fields["topic"].choices = [*none, *about.items()]  # type: ignore[attr-defined]
        self.fields["entry_event"].widget.attrs["list"] = "event-names"
        self.fields["goal_event"].widget.attrs["list"] = "event-names"

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        now = self.initial.get(name) or ""
        if now and now not in dict(choices):
            choices = [*choices, (now, _("A segment that is no longer there"))]
        field.choices = choices  # type: ignore[attr-defined]

    def where_rows(self) -> list[tuple[Any, Any, Any]]:
        return [(self[f"where_f_{row}"], self[f"where_op_{row}"], self[f"where_v_{row}"]) for row in range(ROWS)]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        without = said.get("holdout_pct") == 0 and said.get("message_class") == "marketing"
        if without and not str(said.get("holdout_reason") or "").strip():
            self.add_error("holdout_reason", _("Say why: without a control group nobody can tell what it brings."))
        if said.get("budget") == 0:
            self.add_error("budget", _("A budget is more than 0; leave it empty where there is none."))
        return said

    def document(self, taken: Collection[str] | None = None) -> Document:
        """The draft's document with what was filled in, in all fields or in those `taken`; a field that is
        not valid stays as it was."""
        said = {name: each for name, each in self.cleaned_data.items() if taken is None or name in taken}
        return put(deepcopy(self.base), {name: said.get(name, self.initial.get(name)) for name in self.fields})
