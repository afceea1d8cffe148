"""`/settings/`: what somebody may set here, and the workspace itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import pages, toasts, workspace
from crm.forms.place import WorkspaceForm


@dataclass(frozen=True)
class Area:
    """A part of the settings: its route (of whatever floor), words, icon, permission."""

    route: str
    words: Any
    about: Any
    icon: str
    permission: str


AREAS: Final = (
    Area("crm:me", gettext_lazy("You"), gettext_lazy("Your name, language and password"), "user", "own.write"),
    Area(
        "crm:workspace", gettext_lazy("Workspace"),
        gettext_lazy("Name, sender, currency, and who is held out from everything"),
        "building", "workspace.write",
    ),
    Area(
        "channels:sending", gettext_lazy("Sending rules"),
        gettext_lazy("How often one person hears from you, quiet hours by country, packs of rules, exclusion groups"),
        "scale", "workspace.write",
    ),
    Area("crm:team", gettext_lazy("Team"), gettext_lazy("People, invitations and roles"), "users", "users.write"),
    Area(
        "crm:stores", gettext_lazy("Stores"), gettext_lazy("Addresses, time zones and hours"),
        "building-store", "workspace.write",
    ),
    Area(
        "channels:accounts", gettext_lazy("Channels"),
        gettext_lazy("Accounts with carriers, what a message costs and how fast they send"), "send", "accounts.write",
    ),
    Area(
        "crm:topics", gettext_lazy("Topics"), gettext_lazy("What campaigns are about, and people can do without"),
        "tags", "workspace.write",
    ),
    Area(
        "crm:fields", gettext_lazy("Your own fields"), gettext_lazy("What you keep of people beside name and address"),
        "forms", "workspace.write",
    ),
    Area(
        "crm:identifiers", gettext_lazy("What names a person"),
        gettext_lazy("E-mails, phones and cards: how many, which first, and values that name nobody"),
        "id", "workspace.write",
    ),
    Area(
        "crm:sources", gettext_lazy("Whom to believe"),
        gettext_lazy("When two sources say something else of a person: which one stands"),
        "arrows-sort", "workspace.write",
    ),
    Area(
        "crm:processing", gettext_lazy("Record of processing"),
        gettext_lazy("What is done with personal data here, to hand out"), "file-text", "workspace.write",
    ),
    Area(
        "crm:retention", gettext_lazy("How long data is kept"),
        gettext_lazy("What has had its time, and the log of what went"), "archive", "workspace.write",
    ),
    Area(
        "crm:wordings", gettext_lazy("Consent texts"), gettext_lazy("What people agree to, in versions"),
        "file-certificate", "workspace.write",
    ),
    Area(
        "crm:confirmations", gettext_lazy("Confirmations"), gettext_lazy("Who confirms a yes by e-mail or SMS"),
        "mail-check", "workspace.write",
    ),
    Area(
        "crm:rights", gettext_lazy("Requests about data"),
        gettext_lazy("Who asks for a copy, a correction, a limit or an end, and until when you answer"),
        "shield-check", "rights.write",
    ),
    Area(
        "analytics:kpis", gettext_lazy("KPIs"), gettext_lazy("What you measure yourselves by, with targets"),
        "target", "kpis.write",
    ),
)  # fmt: skip


@pages.page("own.write")
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "crm/settings/index.html", {"areas": list(_areas(request))})


@pages.page("workspace.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    space = workspace.current()
    initial = {name: getattr(space, name) for name in WorkspaceForm.base_fields}
    form = WorkspaceForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        workspace.change(form.cleaned_data, pages.actor(request))
        toasts.say(request, _("Saved."))
        return pages.go(request, "crm:workspace")
    return render(request, "crm/settings/workspace.html", {"form": form}, status=422 if form.is_bound else 200)


def _areas(request: HttpRequest) -> list[tuple[Area, str]]:
    found = []
    for area in AREAS:
        try:
            url = reverse(area.route)
        except NoReverseMatch:
            continue
        if pages.may(request, area.permission):
            found.append((area, url))
    return found
