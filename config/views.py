"""The pages of the set-up: login, status, the API's schema and its docs."""

from __future__ import annotations

from typing import Any

from csp.constants import NONCE, NONE, SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import health, navigation, state
from crm import clock, finding, pages
from crm.models import User
from crm.till import desk


@pages.page("contacts.read")
def search(request: HttpRequest) -> HttpResponse:
    """People, campaigns, segments and pages by a few letters; the dialog's fragment, or a page."""
    text = request.GET.get("q", "").strip()
    hits = [*navigation.hits(request, text), *finding.find(text, pages.permissions(request))]
    template = "ui/_hits.html" if pages.is_fragment(request) else "search.html"
    return render(request, template, {"hits": hits, "text": text})


class Login(LoginView):
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Where nobody works yet, the door is the set-up."""
        if not request.user.is_authenticated and not User.objects.exists():
            return redirect("crm:setup")
        return super().dispatch(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        """Whoever works in stores alone goes to the till: no page of the office is theirs."""
        user = self.request.user
        roles = set(user.memberships.values_list("role", flat=True)) if isinstance(user, User) else set()
        at_the_till = bool(roles) and roles <= set(desk.ROLES) and not getattr(user, "is_superuser", False)
        return reverse("crm:till") if at_the_till else super().get_default_redirect_url()

    def form_valid(self, form: Any) -> HttpResponse:
        """In, and in one's own language."""
        response = super().form_valid(form)
        language = getattr(form.get_user(), "language", "")
        if language:
            secure = self.request.is_secure()
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, samesite="Lax", secure=secure)
        return response


class Logout(LogoutView):
    """Logs out, by POST only."""


@pages.page("operations.read")
def status(request: HttpRequest) -> HttpResponse:
    """What waits, who works, what stands still; a fragment for htmx, a page otherwise."""
    template = "status/_figures.html" if pages.is_fragment(request) else "status/page.html"
    return render(request, template, {"checks": health.ready(), "state": state.look(), "at": clock.real()})


class Schema(SpectacularAPIView):
    """The OpenAPI document."""


# Swagger UI sets styles on its elements, so this one page may; scripts stay strict.
@method_decorator(
    csp_replace({"style-src": [SELF, "'unsafe-inline'"], "script-src": [SELF, NONCE], "object-src": [NONE]}),
    name="dispatch",
)
class ApiDocs(SpectacularSwaggerSplitView):
    """The API to read and try, from the same server, without a CDN."""
