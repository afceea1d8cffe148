"""`/settings/stores/`: shops with their place, zone and hours."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import pages, stores, toasts, workspace
from crm.forms.place import StoreForm
from crm.models import Store


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    found = Store.objects.order_by("-active", "name")
    return render(request, "crm/settings/stores/page.html", {"stores": found})


@pages.page("workspace.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    space = workspace.current()
    return _edit(request, Store(country=space.country, zone=space.zone))


@pages.page("workspace.write", "GET", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Store, pk=number))


@pages.page("workspace.write", "POST")
def switch(request: HttpRequest, number: int) -> HttpResponse:
    """Close a store, or open it again (`on`). Its customers and purchases stay."""
    store, on = get_object_or_404(Store, pk=number), bool(request.POST.get("on") or request.GET.get("on"))
    stores.put(store, {"active": on}, pages.actor(request))
    if on:
        toasts.say(request, _("%(store)s is open again.") % {"store": store.name})
    else:
        undo = reverse("crm:store-switch", args=[number]) + "?on=1"
        toasts.say(request, _("%(store)s is closed. Its customers and purchases stay.") % {"store": store}, undo=undo)
    return pages.go(request, "crm:stores")


def _edit(request: HttpRequest, store: Store) -> HttpResponse:
    form = StoreForm(request.POST if request.method == "POST" else None, store=store)
    if request.method == "POST" and form.is_valid():
        stores.put(store, form.values(), pages.actor(request))
        toasts.say(request, _("Saved."))
        return pages.go(request, "crm:stores")
    context = {"form": form, "store": store}
    return render(request, "crm/settings/stores/edit.html", context, status=422 if form.is_bound else 200)
