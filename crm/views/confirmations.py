"""`/settings/confirmations/`: for which yeses people are asked to confirm them at their address."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm import clock, confirming, pages, regions, statements, territories, toasts
from crm.display import CHANNELS
from crm.forms.confirmations import ASK, RuleForm


@pages.page("workspace.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    """The rules, and a form for one more; the same place again changes its rule."""
    form = RuleForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        confirming.change(form.rule(), actor=pages.actor(request))
        toasts.say(request, _("Saved."))
        return pages.go(request, "crm:confirmations")
    countries = dict(territories.countries(get_language() or "en"))
    context = {
        "form": form,
        "languages": settings.LANGUAGES,
        "rules": [_shown(rule, countries) for rule in confirming.policy().rules],
        "by_law": _by_law(countries),
    }
    return render(request, "crm/settings/confirmations/page.html", context, status=422 if form.is_bound else 200)


@pages.page("workspace.write", "POST")
def remove(request: HttpRequest) -> HttpResponse:
    """Without the rule, the one that says less decides, or the law of the country."""
    form = RuleForm(request.POST)
    if form.is_valid():
        confirming.change(form.rule(), remove=True, actor=pages.actor(request))
        toasts.say(request, _("Removed."))
    return pages.go(request, "crm:confirmations")


def _shown(rule: confirming.Rule, countries: dict[str, Any]) -> dict[str, Any]:
    return {
        **rule._asdict(),
        "purpose_word": statements.PURPOSES.get(rule.purpose, _("All purposes")),
        "channel_word": CHANNELS[rule.channel][2] if rule.channel else _("All channels"),
        "country_word": countries.get(rule.country, rule.country) if rule.country else _("Everywhere"),
        "ask_word": dict(ASK).get(rule.ask, rule.ask),
    }


def _by_law(countries: dict[str, Any]) -> list[str]:
    """Where the packs ask for it, or advise it, for offers by e-mail."""
    policy, today = confirming.policy(), clock.now().date()
    named = sorted({each for pack in regions.packs().values() for each in pack.countries if each in countries})
    return [str(countries[each]) for each in named if policy.by_law("offers", "email", each, today)]
