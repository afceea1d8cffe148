"""`…/consent/proof.pdf`, `…/consent/proof.json`: all that proves one contact's consents, to hand out; and its files."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from crm import clock, evidence, evidence_files, evidence_pdf, pages, publicids
from crm.models import Contact, EvidenceFile


@pages.page("office.read")
def pdf(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = _contact(contact_id)
    response = HttpResponse(evidence_pdf.render(_pack(request, contact)), content_type="application/pdf")
    return _download(response, f"{publicids.encode('ctc', contact.pk)}-consent.pdf")


@pages.page("office.read")
def document(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = _contact(contact_id)
    response = JsonResponse(_pack(request, contact), json_dumps_params={"indent": 2, "ensure_ascii": False})
    return _download(response, f"{publicids.encode('ctc', contact.pk)}-consent.json")


# A scan shows the whole address and more: for those who see it whole anyway.
@pages.page("contacts.write")
def file(request: HttpRequest, contact_id: int, sha256: str) -> HttpResponse:
    """A scan or a recording, as a download and never as a page; one that was changed is not handed out."""
    row = get_object_or_404(EvidenceFile, contact_id=contact_id, sha256=sha256[:64])
    if row.media_type not in evidence_files.ENDINGS or not evidence_files.is_whole(row):
        raise Http404
    response = HttpResponse(bytes(row.content), content_type=row.media_type)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return _download(response, row.name)


def _contact(contact_id: int) -> Contact:
    return get_object_or_404(Contact, pk=contact_id, merged_into=None)


def _pack(request: HttpRequest, contact: Contact) -> dict[str, object]:
    return evidence.pack(contact, clock.now(), full=pages.may(request, "contacts.write"))


def _download(response: HttpResponse, name: str) -> HttpResponse:
    plain = "".join(letter if letter.isascii() and letter not in '"\\' else "_" for letter in name)
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    response["Cache-Control"] = "no-store, private"
    response["X-Content-Type-Options"] = "nosniff"
    return response
