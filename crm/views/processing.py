"""`/settings/processing/`: the record of processing activities, to read and to hand out."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from crm import clock, pages, processing, processing_files


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    return render(
        request, "crm/settings/processing.html", {"sections": processing.record(), "forms": processing_files.FORMS}
    )


@pages.page("workspace.write")
def file(request: HttpRequest, form: str) -> HttpResponse:
    """The same as a file; `form` is pdf, json or csv."""
    if form not in processing_files.FORMS:
        raise Http404
    kind, make = processing_files.FORMS[form]
    now = clock.now()
    response = HttpResponse(make(processing.record(), now), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="record-of-processing-{now:%Y-%m-%d}.{form}"'
    response["Cache-Control"] = "no-store, private"
    return response
