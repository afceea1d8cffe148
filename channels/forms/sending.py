"""The sending rules as a form: limits, quiet hours of countries, packs, groups. A limit of 0 is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from crm import display, regions, sending, statements, territories, words
from crm.errors import Problems

# Empty rows to fill in, beside those that are there.
SPARE: Final = 2
MOST_ROWS: Final = 20
LIMITED, UNLIMITED = "limited", "unlimited"
ROLLING, CALENDAR = "rolling", "calendar"
NO_ZERO: Final = gettext_lazy("0 would stop everything. Write 1 or more, or choose “No limit”.")
NO_ZERO_ROW: Final = gettext_lazy("0 would stop everything. Write 1 or more, or leave the row empty for no limit.")


def _number(label: Any, most: int, zero: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=most, required=False, error_messages={"min_value": zero}
    )


def _hour(label: Any) -> forms.TimeField:
    return forms.TimeField(label=label, required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M"))


class SendingForm(forms.Form):
    """All rules at once; `rules()` is what it says."""

    limit = forms.ChoiceField(
        label=gettext_lazy("Over all channels and purposes"), widget=forms.RadioSelect,
        choices=[(LIMITED, gettext_lazy("A limit for each person")), (UNLIMITED, gettext_lazy("No limit"))],
    )  # fmt: skip
    messages = _number(gettext_lazy("Messages at most"), sending.MOST_MESSAGES, NO_ZERO)
    days = _number(gettext_lazy("within days"), sending.MOST_DAYS, NO_ZERO)
    quiet_from = forms.TimeField(
        label=gettext_lazy("Quiet from"), widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=gettext_lazy("Quiet until"), widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy(
            "Marketing waits for the morning of the person it is for. The same time twice: never quiet."
        ),
    )  # fmt: skip
    unknown = forms.ChoiceField(
        label=gettext_lazy("People of no known country"), required=False,
        help_text=gettext_lazy("Nobody declared it, and neither phone nor store says it."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, rules: sending.Rules) -> None:
        self.known = rules
        super().__init__(data, initial=self._initial(rules))
        language = get_language() or "en"
        countries = territories.countries(language)
        self.fields["unknown"].choices = [  # type: ignore[attr-defined]
            ("", _("The strictest of all enabled packs")), *countries,
        ]  # fmt: skip
        self._add_limits(rules)
        self._add_hours(rules, [("", "—"), *countries])
        self._add_groups(rules)
        for pack in regions.packs().values():
            self.fields[f"pack_{pack.id}"] = forms.BooleanField(label=_(pack.title), required=False)

    def _initial(self, rules: sending.Rules) -> dict[str, Any]:
        found: dict[str, Any] = {
            "limit": UNLIMITED if rules.messages is None else LIMITED, "messages": rules.messages, "days": rules.days,
            "quiet_from": rules.quiet_from, "quiet_until": rules.quiet_until, "unknown": rules.unknown,
        }  # fmt: skip
        for place, each in enumerate(rules.limits):
            row = {"messages": each.messages, "days": each.days, "kind": CALENDAR if each.calendar else ROLLING,
                   "channel": each.channel, "purpose": each.purpose}  # fmt: skip
            found |= {f"limit{place}_{name}": value for name, value in row.items()}
        for place, (country, (begins, ends)) in enumerate(sorted(rules.quiet.items())):
            found |= {f"hours{place}_country": country, f"hours{place}_from": begins, f"hours{place}_until": ends}
        for place, (name, days) in enumerate(sorted(rules.groups.items())):
            found |= {f"group{place}_name": name, f"group{place}_days": days}
        return found | {f"pack_{pack}": pack not in rules.packs_off for pack in regions.packs()}

    # --- rows ---

    def _rows(self, prefix: str, known: int) -> range:
        """As many rows as were posted, else those that are there and some to fill in."""
        if not self.is_bound:
            return range(min(known + SPARE, MOST_ROWS))
        posted = [place for place in range(MOST_ROWS) if any(key.startswith(f"{prefix}{place}_") for key in self.data)]
        return range(max(posted, default=-1) + 1)

    def _add_limits(self, rules: sending.Rules) -> None:
        channels = [
            ("", _("All channels")),
            *((name, str(display.CHANNELS[name][2])) for name in words.CHANNELS if name in display.CHANNELS),
        ]
        purposes = [("", _("All purposes")), *((name, str(statements.PURPOSES[name])) for name in words.MARKETING)]
        kinds = [(ROLLING, _("rolling")), (CALENDAR, _("of the calendar"))]
        for place in self._rows("limit", len(rules.limits)):
            self.fields[f"limit{place}_messages"] = _number(_("Messages at most"), sending.MOST_MESSAGES, NO_ZERO_ROW)
            self.fields[f"limit{place}_days"] = _number(_("within days"), sending.MOST_DAYS, NO_ZERO_ROW)
            for name, label, choices in (
                ("kind", _("Days"), kinds), ("channel", _("Channel"), channels), ("purpose", _("Purpose"), purposes),
            ):  # fmt: skip
                self.fields[f"limit{place}_{name}"] = forms.ChoiceField(label=label, choices=choices, required=False)

    def _add_hours(self, rules: sending.Rules, countries: list[tuple[str, str]]) -> None:
        for place in self._rows("hours", len(rules.quiet)):
            self.fields[f"hours{place}_country"] = forms.ChoiceField(
                label=_("Country"), choices=countries, required=False
            )
            self.fields[f"hours{place}_from"] = _hour(_("Quiet from"))
            self.fields[f"hours{place}_until"] = _hour(_("Quiet until"))

    def _add_groups(self, rules: sending.Rules) -> None:
        for place in self._rows("group", len(rules.groups)):
            self.fields[f"group{place}_name"] = forms.CharField(
                label=_("Group"), max_length=sending.LONGEST_NAME, required=False
            )
            self.fields[f"group{place}_days"] = _number(_("Days between two campaigns"), sending.MOST_DAYS, NO_ZERO_ROW)

    def _of(self, prefix: str, names: tuple[str, ...]) -> Iterator[list[forms.BoundField]]:
        place = 0
        while f"{prefix}{place}_{names[0]}" in self.fields:
            yield [self[f"{prefix}{place}_{name}"] for name in names]
            place += 1

    def limit_rows(self) -> list[list[forms.BoundField]]:
        return list(self._of("limit", ("messages", "days", "kind", "channel", "purpose")))

    def hour_rows(self) -> list[list[forms.BoundField]]:
        return list(self._of("hours", ("country", "from", "until")))

    def group_rows(self) -> list[list[forms.BoundField]]:
        return list(self._of("group", ("name", "days")))

    def pack_rows(self) -> list[tuple[forms.BoundField, regions.Pack]]:
        return [(self[f"pack_{pack.id}"], pack) for pack in regions.packs().values()]

    # --- what it says ---

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if said.get("limit") == LIMITED:
            for name in ("messages", "days"):
                if name not in self.errors and not said.get(name):
                    self.add_error(name, _("Write a number, or choose “No limit”."))
        self._whole("limit", ("messages", "days"), _("A limit needs both numbers; leave the row empty for none."))
        self._whole("hours", ("country", "from", "until"), _("Hours need a country, a beginning and an end."))
        self._whole("group", ("name", "days"), _("A group needs a name and days."))
        if not self.errors:
            try:
                sending.parse(self.document())
            except Problems as problems:
                for problem in problems.problems:
                    self.add_error(None, problem.detail)
        return said

    def _whole(self, prefix: str, names: tuple[str, ...], words_: str) -> None:
        """A row is filled in or empty."""
        for row in self._of(prefix, names):
            filled = [self.cleaned_data.get(field.name) not in (None, "") for field in row]
            if any(filled) and not all(filled) and not any(field.name in self.errors for field in row):
                self.add_error(row[filled.index(False)].name, words_)

    def document(self) -> dict[str, Any]:
        said = self.cleaned_data
        return {
            "quiet_from": f"{said['quiet_from']:%H:%M}", "quiet_until": f"{said['quiet_until']:%H:%M}",
            "messages": None if said["limit"] == UNLIMITED else said["messages"],
            "days": said["days"] or self.known.days,
            "limits": [
                {"messages": said[messages.name], "days": said[days.name], "calendar": said[kind.name] == CALENDAR,
                 "channel": said[channel.name], "purpose": said[purpose.name]}
                for messages, days, kind, channel, purpose in self.limit_rows() if said[messages.name]
            ],
            "quiet": {
                said[country.name]: [f"{said[begins.name]:%H:%M}", f"{said[ends.name]:%H:%M}"]
                for country, begins, ends in self.hour_rows() if said[country.name]
            },
            "groups": {said[name.name]: said[days.name] for name, days in self.group_rows() if said[name.name]},
            "packs_off": [pack for pack in regions.packs() if not said[f"pack_{pack}"]],
            "unknown": said["unknown"],
        }  # fmt: skip

    def rules(self) -> sending.Rules:
        return sending.parse(self.document())
