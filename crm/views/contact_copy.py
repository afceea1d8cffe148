"""`/contacts/<id>/export/`: a copy of all data of one contact, to hand out to them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from crm import exports, pages, toasts
from crm.models import Contact, ExportJob, User
from crm.rights import access, access_files, requests


@pages.page("rights.write", "GET", "POST")
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    """What is in it; ask for it; and the ones that wait for whoever asked, and nobody else."""
    contact = get_object_or_404(Contact, pk=contact_id, merged_into=None, erased_at=None)
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the door let nobody else in
    if request.method == "POST":
        exports.ask(access_files.wish(contact.pk), owner=user.pk, actor=pages.actor(request))
        toasts.say(request, _("The copy is being made. It waits here for you, for a day."))
        return pages.go(request, "crm:contact-export", contact.pk)
    mine = ExportJob.objects.filter(owner=user, what=access_files.WHAT, wish__which__contact=str(contact.pk))
    jobs = list(mine.exclude(state=ExportJob.State.GONE).order_by("-pk")[:5])
    return render(request, "crm/rights/copy.html", {
        "contact": contact,
        "name": access.name_of(contact),
        "jobs": jobs,
        "busy": any(job.state == ExportJob.State.ASKED for job in jobs),
        "open": [row for row in requests.open_of([contact.pk]) if row.kind == "access"],
    })  # fmt: skip
