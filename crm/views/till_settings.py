"""`/settings/stores/<id>/tills/`: the devices of a store and the PINs of its people."""

from __future__ import annotations

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from crm import access, clock, pages, toasts
from crm.errors import Problem
from crm.models import Device, Membership, Store, User
from crm.models.team import Role
from crm.till import desk, pins


@pages.page("tills.write")
def page(request: HttpRequest, number: int) -> HttpResponse:
    return _page(request, _store(request, number))


@pages.page("tills.write", "POST")
def add(request: HttpRequest, number: int) -> HttpResponse:
    store = _store(request, number)
    try:
        _device, code = desk.add(store, request.POST.get("name", ""), made_by=_me(request), actor=pages.actor(request))
    except Problem:
        return _page(request, store, wrong=_("Give the till a name, for example where it stands."), status=422)
    return _page(request, store, code=code)


@pages.page("tills.write", "POST")
def change(request: HttpRequest, number: int, device: int) -> HttpResponse:
    """A new code, another name, or its end."""
    store = _store(request, number)
    row = get_object_or_404(Device, pk=device, store=store, revoked_at=None)
    verb, who = request.POST.get("do", ""), pages.actor(request)
    if verb == "code":
        return _page(request, store, code=desk.new_code(row, actor=who))
    if verb == "revoke":
        desk.revoke(row, actor=who)
        toasts.say(request, _("%(name)s is a till no more.") % {"name": row.name})
    elif verb == "rename" and request.POST.get("name", "").strip():
        desk.rename(row, request.POST["name"], actor=who)
        toasts.say(request, _("Saved."))
    return pages.go(request, "crm:tills", store.pk)


@sensitive_post_parameters("pin")
@pages.page("tills.write", "POST")
def pin(request: HttpRequest, number: int, membership: int) -> HttpResponse:
    """Set somebody's PIN, or let them try again."""
    store = _store(request, number)
    who = get_object_or_404(Membership, pk=membership, store=store, role__in=desk.ROLES)
    if request.POST.get("do") == "open":
        pins.open_again(who, actor=pages.actor(request))
        toasts.say(request, _("%(name)s can try again.") % {"name": who.user})
        return pages.go(request, "crm:tills", store.pk)
    try:
        pins.put(who, request.POST.get("pin", "")[:12], set_by=_me(request), actor=pages.actor(request))
    except Problem as wrong:
        words = {"pin_length": _("A PIN has 4 to 6 digits."), "pin_simple": _("This PIN is too easy to guess.")}
        told = words.get(wrong.code, str(wrong.detail))
        return _page(request, store, wrong_pin=(who.pk, told), status=422)
    toasts.say(request, _("The PIN of %(name)s is set.") % {"name": who.user})
    return pages.go(request, "crm:tills", store.pk)


def _page(
    request: HttpRequest, store: Store, *, code: str = "", wrong: str = "", wrong_pin: tuple[int, str] = (0, ""),
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    address = f"{settings.BASE_URL.rstrip('/')}{reverse('crm:till')}"
    people = Membership.objects.select_related("user", "pin").filter(
        store=store, role__in=desk.ROLES, user__is_active=True
    )
    context = {
        "store": store, "code": code, "wrong": wrong, "wrong_pin": wrong_pin, "address": address,
        "qr": segno.make(f"{address}?code={code}").svg_inline(scale=4, border=2) if code else "",
        "devices": Device.objects.filter(store=store, revoked_at=None).select_related("staff__user").order_by("pk"),
        "people": people.order_by("user__name", "pk"), "now": clock.real(),
        "office": pages.may(request, "workspace.write"),
    }  # fmt: skip
    return render(request, "crm/settings/stores/tills.html", context, status=status)


def _store(request: HttpRequest, number: int) -> Store:
    """Any store for who runs the place; for a manager of stores their own."""
    row = get_object_or_404(Store, pk=number)
    if pages.may(request, "workspace.write"):
        return row
    mine = Membership.objects.filter(user_id=request.user.pk or 0, role=Role.STORE_MANAGER, store=row)
    if not mine.exists() or "tills.write" not in access.ROLES[Role.STORE_MANAGER]:
        raise Http404
    return row


def _me(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
