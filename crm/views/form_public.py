"""`/f/…`: forms as the world sees them; no login, no cookie, no JavaScript needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from crm import clock, moments, ownfields, workspace
from crm.capturing import blocks, counts, letters, office, qr, reading, seats, showing, submit, trap
from crm.capturing.trap import Ticket
from crm.errors import Problem
from crm.models import Form, FormAnswer, FormFile, FormSeat, Product
from crm.rest import limits

# Answers one computer may send in a minute, and one address may be named in.
MOST_OF_IP: Final = 20
MOST_OF_ADDRESS: Final = 5
SCRIPT: Final = """// Puts a form into the page where this script stands, as high as it is.
(() => {
  const script = document.currentScript;
  const from = new URL(script.src).origin;
  const frame = document.createElement("iframe");
  const place = script.dataset.placement ? `?p=${encodeURIComponent(script.dataset.placement)}` : "";
  frame.src = `${from}/f/${encodeURIComponent(script.dataset.form)}/embed/${place}`;
  frame.title = script.dataset.title || "Form";
  frame.width = "100%";
  frame.height = "600";
  frame.style.border = "0";
  script.after(frame);
  addEventListener("message", (event) => {
    if (event.origin !== from || event.source !== frame.contentWindow) return;
    const height = Number(event.data && event.data.cauceFormHeight);
    if (height > 0 && height < 20000) frame.height = String(Math.ceil(height));
  });
})();
"""
View = Callable[..., HttpResponseBase]


def open_to_all(view: View) -> View:
    """Nobody's cache keeps what somebody typed."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store, private"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return guarded


# The signed ticket in the page stands for a cookie; there is none to ride on.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all
def page(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, _form(slug), embedded=False)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})
@open_to_all
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    """The same inside another site's page."""
    return _page(request, _form(slug), embedded=True)


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    headers = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}
    return HttpResponse(SCRIPT, content_type="text/javascript; charset=utf-8", headers=headers)


def _form(slug: str) -> Form:
    form = office.published(slug)
    if form is None:
        raise Http404
    return form


def _page(request: HttpRequest, form: Form, *, embedded: bool) -> HttpResponse:
    at = clock.real()
    with translation.override(form.language):
        if request.method == "POST":
            return _sent(request, form, embedded=embedded)
        ticket = trap.open_page(form.slug, request.GET.dict(), request.headers.get("Referer", ""), at)
        purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
        if not counts.is_machine(request.method or "", request.headers.get("User-Agent", ""), purpose):
            counts.viewed(form.pk, ticket.placement, moments.local_day(clock.now(), workspace.current().zone))
        return shown(request, form, form.live or {}, ticket, embedded=embedded)


def _sent(request: HttpRequest, form: Form, *, embedded: bool) -> HttpResponse:
    at, now, live = clock.real(), clock.now(), form.live or {}
    ticket = trap.read(request.POST.get("ticket", ""))
    if ticket is None or ticket.slug != form.slug:
        ticket = trap.open_page(form.slug, request.GET.dict(), "", at)
        return _again(request, form, ticket, "too_late", embedded=embedded)
    if request.POST.get(trap.HONEY, ""):
        return _thank(form, ticket, embedded=embedded)  # a machine: it is told what everybody is told
    if _hurried(request):
        return _again(request, form, ticket, "too_many", embedded=embedded, status=429)
    if pace := trap.caught(ticket, at):
        return _again(request, form, trap.again(ticket, at), pace, embedded=embedded)
    sent = reading.read(live, request.POST.getlist, ownfields.known(), workspace.current().country)
    if not sent.problems and any(_crowded(trace.value) for trace in sent.traces):
        return _again(request, form, ticket, "too_many", embedded=embedded, status=429)
    taken = submit.submit(form, sent, ticket, _evidence(request), now)
    if taken.problems:
        return _again(request, form, ticket, "", taken.problems, embedded=embedded)
    return _thank(form, ticket, embedded=embedded)


def _thank(form: Form, ticket: Ticket, *, embedded: bool) -> HttpResponse:
    url = (form.live or {}).get("thanks", {}).get("redirect", "")
    if url and not embedded and blocks.may_lead(url, settings.FORM_REDIRECT_HOSTS):
        return redirect(url)
    end = "?embedded=1" if embedded else ""
    return redirect(reverse("crm:form-done", args=[form.slug, trap.done(ticket.nonce)]) + end)


def _again(
    request: HttpRequest, form: Form, ticket: Ticket, why: str, problems: Sequence[Problem] = (), *, embedded: bool,
    status: int = 422,
) -> HttpResponse:  # fmt: skip
    """The page once more, with everything that was typed."""
    given = {name: request.POST.getlist(name) for name in request.POST}
    more = {"why": why, "given": given, "problems": problems}
    return shown(request, form, form.live or {}, ticket, embedded=embedded, status=status, more=more)


def shown(
    request: HttpRequest, form: Form, document: Mapping[str, Any], ticket: Ticket, *, embedded: bool, status: int = 200,
    more: Mapping[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    more = more or {}
    rows = showing.of(document, more.get("given", {}), more.get("problems", ()))
    context = {
        "form": form, "blocks": rows, "ticket": trap.sign(ticket), "honey": trap.HONEY, "embedded": embedded,
        "why": more.get("why", ""), "wrong": [row for row in rows if row.error],
        "event": document.get("event"), "starts": blocks.starts(document.get("event", {})),
        "workspace_name": workspace.current().name,
    }  # fmt: skip
    response = render(request, "crm/forms/public/page.html", context, status=status)
    leads = document.get("thanks", {}).get("redirect", "")
    if blocks.may_lead(leads, settings.FORM_REDIRECT_HOSTS):
        # Browsers ask the policy of the form also about where it leads in the end.
        response._csp_update = {"form-action": [f"https://{urlsplit(leads).netloc}"]}  # type: ignore[attr-defined]
    return response


@require_safe
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})
@open_to_all
def done(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """Thanks, and what came out. A page that nobody answered is thanked too: machines learn nothing."""
    form, nonce = _form(slug), trap.read_done(token)
    if nonce is None:
        raise Http404
    live = form.live or {}
    answer = FormAnswer.objects.filter(form=form, token=nonce).first()
    thanks = live.get("thanks", {})
    url = thanks.get("redirect", "")
    leads = url if url and blocks.may_lead(url, settings.FORM_REDIRECT_HOSTS) else ""
    result = next((each for each in live.get("results", []) if answer and each["key"] == answer.result), None)
    products = Product.objects.filter(active=True, sku__in=result["products"])[:3] if result else []
    with translation.override(form.language):
        context = {
            "form": form, "thanks": thanks, "answer": answer, "result": result, "products": products, "leads": leads,
            "embedded": "embedded" in request.GET, "workspace_name": workspace.current().name,
        }  # fmt: skip
        return render(request, "crm/forms/public/done.html", context)


@require_safe
@open_to_all
def file(request: HttpRequest, token: str) -> HttpResponse:
    """What a lead magnet gives, by a link that stops working."""
    number, works = letters.read_file(token, clock.now())
    answer = FormAnswer.objects.select_related("form").filter(pk=number).first() if number else None
    if answer is None:
        raise Http404
    kept = FormFile.objects.filter(form=answer.form_id).first()
    if not works or kept is None:
        with translation.override(answer.form.language):
            context = {"form": answer.form, "workspace_name": workspace.current().name}
            return render(request, "crm/forms/public/gone.html", context, status=410)
    headers = {
        "Content-Disposition": f'attachment; filename="{kept.name.encode("ascii", "replace").decode()}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return HttpResponse(bytes(kept.content), content_type=kept.media_type, headers=headers)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all
def seat(request: HttpRequest, token: str) -> HttpResponse:
    """Somebody's own seat: the code to show at the door, and the way to give it back."""
    number = seats.read(token)
    found = FormSeat.objects.select_related("form").filter(pk=number).first() if number else None
    if found is None:
        raise Http404
    if request.method == "POST":
        found = seats.cancel(found.pk, clock.now()) or found
    event = (found.form.live or found.form.document).get("event", {})
    with translation.override(found.form.language):
        context = {
            "form": found.form, "seat": found, "event": event, "starts": blocks.starts(event),
            "code": qr.svg(settings.BASE_URL + reverse("crm:form-check-in", args=[token])),
            "workspace_name": workspace.current().name,
        }  # fmt: skip
        return render(request, "crm/forms/public/seat.html", context)


def _evidence(request: HttpRequest) -> dict[str, Any]:
    return {
        "ip": _ip(request)[:60],
        "user_agent": request.headers.get("User-Agent", "")[:200],
        "page": request.build_absolute_uri()[:400],
    }


def _ip(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _hurried(request: HttpRequest) -> bool:
    return limits.count(f"form:{_ip(request)}"[:70], MOST_OF_IP).exceeded


def _crowded(address: str) -> bool:
    """Somebody's address is typed in again and again."""
    name = hashlib.sha256(f"{settings.SECRET_KEY}:{address}".encode()).hexdigest()[:32]
    return limits.count(f"form-to:{name}", MOST_OF_ADDRESS).exceeded
