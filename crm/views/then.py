"""`/contacts/<ctc>/consent/then/`: might we have written to them at that moment, and on what ground?"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from crm import asof, clock, directory, pages, words
from crm.forms.then import ThenForm
from crm.models import ConsentReceipt, Contact
from crm.permission import Allow


@pages.page("office.read")
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = Contact.objects.filter(pk=contact_id, merged_into=None).first()
    if contact is None:
        raise Http404
    full = pages.may(request, "contacts.write")
    known = directory.identifiers([contact.pk], full=full).get(contact.pk, {})
    asked = "at" in request.GET
    initial = {"purpose": "offers", "channel": "email", "message_class": "marketing", "at": clock.now()}
    form = ThenForm(request.GET if asked else None, initial=initial)
    context = {"contact": contact, "name": directory.name_of(contact, known), "form": form}
    if asked and form.is_valid():
        said = form.cleaned_data
        found = asof.allowed(contact.pk, said["purpose"], said["channel"], said["at"], said["message_class"])
        context |= {"found": found, "yes": isinstance(found.verdict, Allow), "at": said["at"]}
        context["receipt"] = ConsentReceipt.objects.filter(pk=found.standing.receipt_id or 0).first()
        kind = words.MEDIUM.get(said["channel"], "")
        context["address"] = found.address if full or not found.address else directory.masked(kind, found.address)
    return render(request, "crm/contacts/then.html", context)
