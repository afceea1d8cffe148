"""Pictures for messages: the list, taking one in, showing it to the world."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from channels import images
from channels.models import Image
from crm import pages, tables, toasts
from crm.errors import Problem
from crm.models import User

A_PAGE: Final = 24
YEAR: Final = 31_536_000


@pages.page("campaigns.read")
def page(request: HttpRequest) -> HttpResponse:
    """All pictures, newest first. As a fragment: the choices of the picker."""
    text = request.GET.get("q", "")
    found = tables.page(images.find(text), "-pk", request.GET.get("cursor", ""), A_PAGE)
    shown = [{"image": image, "url": images.url(image), "path": images.path(image)} for image in found.rows]
    template = "channels/images/_choices.html" if pages.is_fragment(request) else "channels/images/page.html"
    return render(request, template, {"shown": shown, "page": found, "text": text, "largest": 5})


@pages.page("campaigns.read")
def picker(request: HttpRequest) -> HttpResponse:
    """The dialog, for an editor of a lower floor; the pictures in it come when it is opened."""
    return render(request, "channels/images/_dialog.html")


@pages.page("campaigns.write", "POST")
def add(request: HttpRequest) -> HttpResponse:
    """Take a picture in. The picker of an editor gets the new choices back."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Problem("/file", "required", "")
        if (file.size or 0) > images.LARGEST:
            raise Problem("/file", "too_large", "")
        user = request.user
        image = images.add(
            file.read(), file.name or "", request.POST.get("alt", ""),
            user.pk if isinstance(user, User) else None, pages.actor(request),
        )  # fmt: skip
    except Problem as problem:
        return _refused(request, problem)
    toasts.say(request, _("The picture is here."))
    if pages.is_fragment(request):
        shown = [{"image": image, "url": images.url(image), "path": images.path(image)}]
        return render(request, "channels/images/_choices.html", {"shown": shown, "page": None, "fresh": True})
    return pages.go(request, "channels:images")


@pages.page("campaigns.write", "POST")
def describe(request: HttpRequest, number: int) -> HttpResponse:
    """Other words for what it shows."""
    image = get_object_or_404(images.find(), pk=number)
    try:
        images.describe(image, request.POST.get("alt", ""), pages.actor(request))
        toasts.say(request, _("The description is changed. Messages that hold the picture keep theirs."))
    except Problem as problem:
        toasts.say(request, words(problem), tone="bad")
    return pages.go(request, "channels:images")


@pages.page("campaigns.write", "POST")
def remove(request: HttpRequest, number: int) -> HttpResponse:
    image = get_object_or_404(images.find(), pk=number)
    kept = images.remove(image, pages.actor(request))
    if kept:
        places = ", ".join(each.words if each.url else _("messages that were sent") for each in kept[:5])
        toasts.say(
            request,
            ngettext(
                "The picture stays: it is used in %(count)s place (%(places)s).",
                "The picture stays: it is used in %(count)s places (%(places)s).",
                len(kept),
            ) % {"count": len(kept), "places": places},
            tone="warn",
        )  # fmt: skip
    else:
        toasts.say(request, _("The picture is removed."))
    return pages.go(request, "channels:images")


@require_safe
def show(request: HttpRequest, name: str, ext: str) -> HttpResponse:
    """The picture itself, for everybody who has its address; it never changes, so it is kept for a year."""
    headers = {"Cache-Control": f"public, max-age={YEAR}, immutable", "ETag": f'"{name}"'}
    if request.headers.get("If-None-Match") == headers["ETag"] and Image.objects.filter(hash=name, ext=ext).exists():
        return HttpResponse(status=304, headers=headers)
    image = Image.objects.filter(hash=name, ext=ext).only("data", "created_at").first()
    if image is None:
        raise Http404
    headers["Last-Modified"] = http_date(image.created_at.timestamp())
    # Mails are read on other sites; there is nothing in a picture to protect.
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    headers["Content-Security-Policy"] = "default-src 'none'"
    return HttpResponse(bytes(image.data), content_type=images.MIME[ext], headers=headers)


def words(problem: Problem) -> str:
    """What is wrong with a picture, in the reader's language."""
    return {
        "required": _("Choose a file, and say in a few words what it shows."),
        "too_large": _("A picture may have 5 MB. Make it smaller and try again."),
        "svg": _(
            "SVG pictures are refused: they can hold scripts, and mail programs do not show them. Save it as PNG."
        ),
        "not_a_picture": _("This is no JPEG, PNG, GIF or WebP picture."),
        "too_many_pixels": _("The picture has more than 25 million pixels. Make it smaller and try again."),
        "too_long": _("The animation is too long. Shorten it and try again."),
        "broken": _("The picture is damaged. Save it again and retry."),
    }.get(problem.code, problem.detail)


def _refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    toasts.say(request, words(problem), tone="bad")
    if pages.is_fragment(request):
        return HttpResponse("", status=422, content_type="text/html; charset=utf-8")
    return redirect("channels:images")
