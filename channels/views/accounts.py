"""`/settings/channels/`: the accounts messages leave through, what they cost and how fast they send."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import Any

from babel.numbers import format_currency
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from channels import accounts, complaints, reports
from channels.forms.accounts import CARRIERS, AccountForm, carrier_word
from channels.models import Account
from channels.providers import carriers
from channels.views import domains, wording
from crm import clock, pages, toasts, workspace
from crm.errors import Problem, Problems

LIMITS = {"warn": "0.10 %", "pause": "0.30 %", "enough": complaints.ENOUGH}
# Those that a message can leave through today.
CHANNELS = ("email", "sms", "whatsapp", "push")


@pages.page("accounts.write")
def page(request: HttpRequest) -> HttpResponse:
    rows = Account.objects.order_by("channel", "-is_default", "-active", "name")
    real = clock.real()
    shown = {
        channel: [_shown(row, resting=bool(row.resting_until and row.resting_until > real)) for row in group]
        for channel, group in groupby(rows, key=lambda row: row.channel)
    }
    ordered = [*CHANNELS, *(channel for channel in shown if channel not in CHANNELS)]
    groups = [(channel, shown.get(channel, [])) for channel in ordered]
    return render(request, "channels/settings/accounts.html", {"groups": groups})


@pages.page("accounts.write", "GET", "POST")
def new(request: HttpRequest, channel: str) -> HttpResponse:
    if channel not in wording.CHANNELS:
        raise Http404
    return _edit(request, Account(channel=channel, name=str(wording.CHANNELS[channel])))


@pages.page("accounts.write", "GET", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Account, pk=number))


@pages.page("accounts.write", "POST")
def prefer(request: HttpRequest, number: int) -> HttpResponse:
    row = get_object_or_404(Account, pk=number)
    former = Account.objects.filter(channel=row.channel, is_default=True).exclude(pk=number).first()
    accounts.prefer(number, pages.actor(request))
    undo = reverse("channels:account-prefer", args=[former.pk]) if former else ""
    toasts.say(request, _("%(name)s is the default now.") % {"name": row.name}, undo=undo)
    return pages.go(request, "channels:accounts")


@pages.page("accounts.write", "POST")
def switch(request: HttpRequest, number: int) -> HttpResponse:
    row, on = get_object_or_404(Account, pk=number), bool(request.POST.get("on") or request.GET.get("on"))
    try:
        accounts.switch(number, pages.actor(request), on=on)
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
        return pages.go(request, "channels:accounts")
    if on:
        toasts.say(request, _("%(name)s may send again.") % {"name": row.name})
    else:
        undo = reverse("channels:account-switch", args=[number]) + "?on=1"
        toasts.say(request, _("%(name)s sends nothing more; its messages wait.") % {"name": row.name}, undo=undo)
    return pages.go(request, "channels:accounts")


@pages.page("accounts.write", "POST")
def renew_reports(request: HttpRequest, number: int) -> HttpResponse:
    row = get_object_or_404(Account, pk=number)
    accounts.renew_reports(row.pk, pages.actor(request))
    toasts.say(request, _("The address for reports is another one now; give it to the provider."), tone="warn")
    return pages.go(request, "channels:account", row.pk)


def _edit(request: HttpRequest, account: Account) -> HttpResponse:
    carrier = _carrier(request, account)
    name = str(_name(account))
    given = request.POST if request.method == "POST" else None
    form = AccountForm(given, account=account, carrier=carrier, name=name)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.put(account, form.values(), form.secrets(), pages.actor(request))
        except Problems as problems:
            form.blame(problems)
        else:
            toasts.say(request, _("Saved."))
            return pages.go(request, "channels:accounts")
    context = {
        "form": form,
        "account": account,
        "name": name,
        "carrier": carrier,
        "carriers": _carriers(account.channel, carrier),
    }
    if reports.takes(account) and carrier in ("", reports.carrier_of(account)):
        context |= {"report_url": reports.url(account), "last_reports": reports.last(account)}
    if account.pk and account.channel == "email":
        context |= {"domains": domains.shown(), "limits": LIMITS}
    return render(request, "channels/settings/account.html", context, status=422 if form.is_bound else 200)


def _carrier(request: HttpRequest, account: Account) -> str:
    """The carrier of the page: as asked, else as the account has it; "" while the environment decides."""
    wanted = request.POST.get("carrier", request.GET.get("carrier"))
    if wanted is None:
        follows = bool(account.pk) and accounts.follows_environment(account)
        return "" if follows else account.carrier or "sandbox"
    if wanted and (wanted not in carriers or account.channel not in carriers[wanted].channels):
        raise Http404
    return wanted


def _carriers(channel: str, chosen: str) -> list[dict[str, Any]]:
    names = sorted(name for name, kind in carriers.items() if channel in kind.channels)
    return [
        {"name": name, "words": carrier_word(name), "about": CARRIERS.get(name, ("", ""))[1], "here": name == chosen}
        for name in names
    ]


def _name(row: Account) -> Any:
    """Accounts nobody has named are called by their channel."""
    return wording.CHANNELS.get(row.name, row.name)


def _cost(cost: Decimal) -> str:
    """Down to a hundred-thousandth: an SMS costs fractions of a cent."""
    money: str = format_currency(
        cost, workspace.current().currency, locale=to_locale(get_language() or "en"),
        currency_digits=False, decimal_quantization=False,
    )  # fmt: skip
    return money


def _shown(row: Account, *, resting: bool) -> dict[str, Any]:
    follows = accounts.follows_environment(row)
    return {
        "row": row, "follows": follows, "carrier": carrier_word(accounts.carrier_of(row)), "resting": resting,
        "name": _name(row), "cost": _cost(row.cost),
    }  # fmt: skip
