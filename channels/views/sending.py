"""`/settings/sending/`: how often, when and where marketing may go. Each change shows first what it would
have changed last week; only then can it be saved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from babel.dates import get_day_names
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from channels import hindsight
from channels.forms.sending import SendingForm
from crm import clock, display, pages, reasons, regions, sending, statements, territories, toasts

COMPARED: Final = {
    "same": (gettext_lazy("as the pack"), ""),
    "stricter": (gettext_lazy("stricter than the pack"), "ok"),
    "looser": (gettext_lazy("looser than the pack"), "warn"),
}
DUTIES: Final = {
    "sender_identity": gettext_lazy("says who sends it"),
    "opt_out": gettext_lazy("a free way out"),
    "one_click": gettext_lazy("a way out with one click"),
    "postal_address": gettext_lazy("your postal address"),
    "recognisable_ad": gettext_lazy("can be seen to be advertising"),
    "truthful_header": gettext_lazy("a sender and subject that are true"),
    "imprint": gettext_lazy("an imprint"),
    "stop_word": gettext_lazy("a word that ends it, like STOP"),
    "rates_may_apply": gettext_lazy("that rates may apply"),
    "exclusion_list": gettext_lazy("checked against the public list of objections"),
}


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    rules = sending.current()
    return _show(request, SendingForm(rules=rules), rules)


@pages.page("workspace.write", "POST")
def preview(request: HttpRequest) -> HttpResponse:
    """What would have changed last week; nothing is saved."""
    before = sending.current()
    form = SendingForm(request.POST, rules=before)
    if not form.is_valid():
        return _show(request, form, before)
    return _preview(request, form, before)


@pages.page("workspace.write", "POST")
def save(request: HttpRequest) -> HttpResponse:
    """Save what was looked at: other rules than those of the preview, or a colleague's meanwhile, are shown first."""
    before = sending.current()
    form = SendingForm(request.POST, rules=before)
    if not form.is_valid():
        return _show(request, form, before)
    if request.POST.get("seen") != _seen(before, form.rules()):
        return _preview(request, form, before, code=409 if request.POST.get("seen") else 422)
    sending.change(form.rules(), pages.actor(request))
    toasts.say(request, _("Saved. It holds from the next message on."))
    return pages.go(request, "channels:sending")


def _show(request: HttpRequest, form: SendingForm, rules: sending.Rules) -> HttpResponse:
    context = {"form": form, "windows": _windows(rules), "own": _own(rules), "packs": _packs(form)}
    return render(request, "channels/sending/page.html", context, status=422 if form.is_bound else 200)


def _preview(request: HttpRequest, form: SendingForm, before: sending.Rules, code: int = 200) -> HttpResponse:
    after = form.rules()
    old, new = said(before), said(after)
    change = hindsight.of(before, after, clock.now())
    context = {
        "fields": [(field.html_name, value) for field in form for value in _posted(form, field.html_name)],
        "seen": _seen(before, after), "change": change, "is_same": before == after,
        "gone": [line for line in old if line not in new], "added": [line for line in new if line not in old],
        "stopped": _counts(change.stopped.items()), "later": _counts(change.later.items()),
        "rules": [(known, number) for key, number in change.rules.most_common() if (known := regions.rule(key))],
        "warnings": _looser(after),
    }  # fmt: skip
    return render(request, "channels/sending/preview.html", context, status=code)


def _posted(form: SendingForm, name: str) -> list[str]:
    return [str(value) for value in form.data.getlist(name)]  # type: ignore[attr-defined]


def _seen(before: sending.Rules, after: sending.Rules) -> str:
    """What was shown, from which rules to which."""
    text = json.dumps([sending.document(before), sending.document(after)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _counts(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return [
        (reasons.words(code, reasons.NOT_SENT), number) for code, number in sorted(counts, key=lambda each: -each[1])
    ]


# --- in words -----------------------------------------------------------------------------------------


def said(rules: sending.Rules) -> list[str]:
    """The rules as sentences; two sets of rules differ in the sentences they do not share."""
    found = [_("Quiet from %(from)s to %(until)s.") % _hours((rules.quiet_from, rules.quiet_until))]
    if rules.messages is None:
        found.append(_("No limit over all channels and purposes."))
    else:
        found.append(_limit(sending.Limit(rules.messages, rules.days)))
    found += [_limit(each) for each in rules.limits]
    found += [
        _("In %(country)s quiet from %(from)s to %(until)s.") % {"country": _country(country), **_hours(hours)}
        for country, hours in sorted(rules.quiet.items())
    ]
    for name, days in sorted(rules.groups.items()):
        text = ngettext("Group “%(name)s”: %(n)d day between two campaigns.",
                        "Group “%(name)s”: %(n)d days between two campaigns.", days)  # fmt: skip
        found.append(text % {"name": name, "n": days})
    found += [
        _("Pack “%(pack)s” is off.") % {"pack": _(pack.title)}
        for pack in regions.packs().values() if pack.id in rules.packs_off
    ]  # fmt: skip
    if rules.unknown:
        found.append(
            _("People of no known country are judged as in %(country)s.") % {"country": _country(rules.unknown)}
        )
    return found


def _limit(each: sending.Limit) -> str:
    messages = ngettext("%(n)d message", "%(n)d messages", each.messages) % {"n": each.messages}
    if each.calendar:
        days = ngettext("in %(n)d day of the calendar", "in %(n)d days of the calendar", each.days)
    else:
        days = ngettext("in %(n)d day", "in %(n)d days", each.days)
    return _("At most %(messages)s %(days)s: %(channel)s, %(purpose)s.") % {
        "messages": messages, "days": days % {"n": each.days},
        "channel": display.CHANNELS[each.channel][2] if each.channel else _("All channels"),
        "purpose": statements.PURPOSES[each.purpose] if each.purpose else _("All purposes"),
    }  # fmt: skip


def _hours(hours: tuple[Any, Any]) -> dict[str, str]:
    return {"from": f"{hours[0]:%H:%M}", "until": f"{hours[1]:%H:%M}"}


def _country(code: str) -> str:
    return dict(territories.countries(get_language() or "en")).get(code, code)


# --- hours of the packs -------------------------------------------------------------------------------


def _windows(rules: sending.Rules) -> list[dict[str, Any]]:
    """Each rule with hours: whose, for what, when, by which source; and whether it holds."""
    return [
        {
            "rule": rule, "pack": _(pack.title), "says": _(rule.says),
            "channels": ", ".join(str(display.CHANNELS[name][2]) for name in rule.channels),
            "spans": [_span(span) for span in rule.window], "is_default": rule.severity == "default",
            "holds": pack.id not in rules.packs_off and not set(rule.countries) & set(rules.quiet),
        }
        for pack in regions.packs().values() for rule in pack.rules
        if rule.window and rule.in_force(clock.now().date())
    ]  # fmt: skip


def _span(span: regions.Span) -> str:
    names = get_day_names("abbreviated", locale=display.locale())
    days = sorted(span.days)
    hours = f"{span.opens:%H:%M}–{span.closes:%H:%M}"
    if not days:
        return hours
    # Babel counts from Monday 0.
    words_ = names[days[0] - 1] if len(days) == 1 else f"{names[days[0] - 1]}–{names[days[-1] - 1]}"
    return f"{words_} {hours}"


def _own(rules: sending.Rules) -> list[dict[str, Any]]:
    """Own hours of countries, each beside the pack's: stricter, looser or the same."""
    return [
        {"country": _country(country), **_hours(hours), "words": COMPARED[how][0], "tone": COMPARED[how][1],
         "rules": known}
        for country, hours in sorted(rules.quiet.items())
        for how, known in [_against(country, hours)]
    ]  # fmt: skip


def _against(country: str, hours: tuple[Any, Any]) -> tuple[str, Sequence[regions.Rule]]:
    """Own hours against all windows of the country's packs; its default where no law says any."""
    known = [
        rule for pack in regions.packs().values() for rule in pack.rules
        if rule.window and country in rule.countries and not rule.regions and rule.in_force(clock.now().date())
    ]  # fmt: skip
    own = regions.loud_quarters(*hours)
    hows = {regions.compared(own, regions.open_quarters(rule.window)) for rule in known}
    how = "looser" if "looser" in hows else "stricter" if "stricter" in hows else "same"
    return how, known


def _looser(rules: sending.Rules) -> list[dict[str, Any]]:
    return [each for each in _own(rules) if each["tone"] == "warn"]


def _packs(form: SendingForm) -> list[dict[str, Any]]:
    today = clock.now().date()
    return [
        {
            "field": field, "title": _(pack.title), "everywhere": pack.is_everywhere,
            "rules": [
                {"rule": rule, "says": _(rule.says),
                 "duties": ", ".join(str(DUTIES.get(word, word)) for word in rule.content),
                 "holds": rule.in_force(today)}
                for rule in pack.rules
            ],
        }
        for field, pack in form.pack_rows()
    ]  # fmt: skip
