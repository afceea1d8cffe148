"""After set-up: begin with demo data, or empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from channels import accounts
from config import demo
from crm import clock, pages, toasts
from crm.models import Contact
from crm.partitions import LOCK_TEAM

CUSTOMERS: Final = 300
LOCK_DEMO: Final = LOCK_TEAM + 1


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "crm/setup/start.html", {"empty": not Contact.objects.exists(), "live": accounts.lets_out()})


@pages.page("workspace.write", "POST")
def load_demo(request: HttpRequest) -> HttpResponse:
    """Fill in the demo shop: some seconds of work, to the end even if nobody waits for it.

    It comes through the real doors, each with a transaction of its own; asked twice, it is loaded once.
    """
    if accounts.lets_out():  # a made-up number may be somebody's
        toasts.say(request, _("Messages leave this installation, so made-up people are not let in."), tone="warn")
        return pages.go(request, "home")
    with _alone() as mine:
        if mine and not Contact.objects.exists():
            demo.seed(CUSTOMERS, 1, clock.now(), people=False)
            toasts.say(request, _("The demo shop is open: customers, their last year, segments and campaigns."))
        else:
            toasts.say(request, _("There are contacts already, so no demo data was loaded."), tone="warn")
    return pages.go(request, "home")


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else loads at this moment. Of the session, because loading is many transactions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_DEMO])
        [mine] = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_DEMO])
