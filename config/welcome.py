"""After set-up: begin with demo data, or empty."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from channels import accounts
from config import demo_job, pumps
from crm import demo as marks
from crm import pages, toasts
from crm.models import Contact


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "crm/setup/start.html", {"empty": not Contact.objects.exists(), "live": accounts.lets_out()})


@pages.page("workspace.write", "GET", "POST")
def load_demo(request: HttpRequest) -> HttpResponse:
    """Ask for the demo shop; then how far it is, and home when it is there."""
    if request.method == "POST":
        return _ask(request)
    place = demo_job.how_far()
    if place is None:
        if marks.of("contact", 1):
            toasts.say(request, _("The demo shop is open: its customers, and eight weeks of its campaigns."))
        return pages.go(request, "home")
    template = "crm/setup/_loading.html" if pages.is_fragment(request) else "crm/setup/loading.html"
    return render(request, template, {
        "place": place, "whole": demo_job.WHOLE, "failed": place == demo_job.FAILED,
        "silent": place == 0 and _is_silent(),
    })  # fmt: skip


def _is_silent() -> bool:
    """Nobody rings for workers, so it may be that there are none."""
    silence = pumps.silence()
    return silence is None or silence.total_seconds() > settings.BEAT_SILENT_SECONDS


def _ask(request: HttpRequest) -> HttpResponse:
    if accounts.lets_out():  # a made-up number may be somebody's
        toasts.say(request, _("Messages leave this installation, so made-up people are not let in."), tone="warn")
        return pages.go(request, "home")
    if Contact.objects.exists():
        toasts.say(request, _("There are contacts already, so no demo data was loaded."), tone="warn")
        return pages.go(request, "home")
    demo_job.ask(pages.actor(request))
    return pages.go(request, "setup-demo")
