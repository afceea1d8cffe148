"""The domains mails come from, on the page of an e-mail account: what was found, what would help, complaints."""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels import complaints, domains, sender_words
from channels.models import Account, SenderDomain
from crm import clock, pages, toasts

DOMAIN: Final = re.compile(r"(?=.{4,253}\Z)([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
SELECTOR: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
MECHANISMS: Final = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC"}
RATES: Final = {
    complaints.FINE: ("ok", gettext_lazy("fine")),
    complaints.WARN: ("warn", gettext_lazy("too many")),
    complaints.PAUSE: ("bad", gettext_lazy("far too many")),
}


@pages.page("accounts.write", "POST")
def check(request: HttpRequest, number: int) -> HttpResponse:
    """Ask the domain name system now, and keep what it says."""
    account = get_object_or_404(Account, pk=number)
    domain = request.POST.get("domain", "").strip().lower().rstrip(".")
    selector = request.POST.get("selector", "").strip()
    if not DOMAIN.fullmatch(domain) or (selector and not SELECTOR.fullmatch(selector)):
        toasts.say(request, _("This is no domain, or no selector."), tone="bad")
        return pages.go(request, "channels:account", account.pk)
    row = domains.check(domain, selector, pages.actor(request), clock.now())
    if domains.worst(row.checks) == domains.OK:
        toasts.say(request, _("%(domain)s is set up.") % {"domain": domain})
    else:
        toasts.say(request, _("%(domain)s was looked at; see what would help.") % {"domain": domain}, tone="warn")
    return pages.go(request, "channels:account", account.pk)


@pages.page("accounts.write", "POST")
def resume(request: HttpRequest, number: int) -> HttpResponse:
    """Let an account go on that was paused for complaints."""
    account = get_object_or_404(Account, pk=number)
    complaints.resume(account.pk, pages.actor(request), clock.now())
    toasts.say(request, _("It sends again. Complaints are counted from now on."))
    return pages.go(request, "channels:accounts")


def shown() -> list[dict[str, Any]]:
    """Every domain known, ours first, for the page of an account."""
    rows = {row.domain: row for row in SenderDomain.objects.order_by("domain")}
    ours = domains.ours()
    names = [ours, *(name for name in rows if name != ours)] if ours else list(rows)
    return [_shown(rows.get(name) or SenderDomain(domain=name)) for name in names]


def _shown(row: SenderDomain) -> dict[str, Any]:
    verdict = complaints.judge(row.sent, row.complained)
    tone, words = RATES[verdict]
    return {
        "row": row, "tone": tone, "words": words, "share": 100 * row.complained / row.sent if row.sent else None,
        "enough": row.sent >= complaints.ENOUGH, "worst": domains.worst(row.checks),
        "checks": [
            {"name": words_, **sender_words.shown(row.checks.get(name) or {}, row.domain)}
            for name, words_ in MECHANISMS.items()
        ] if row.checks else [],
    }  # fmt: skip
