"""`/demo/remove/`: the demo shop goes, and nothing else."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from analytics import demo
from crm import clock, pages, toasts


@pages.page("workspace.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    """What would go, asked once because nothing brings it back; then how far it is."""
    if request.method == "POST":
        demo.ask(pages.actor(request))
        demo.work_for(demo.PATIENCE_SECONDS, clock.now())
        if not demo.is_asked():
            toasts.say(request, _("The demo data is gone."))
            return pages.go(request, "home")
        return pages.go(request, "analytics:demo-remove")
    state = demo.state()
    template = "analytics/demo/_progress.html" if pages.is_fragment(request) else "analytics/demo/page.html"
    return render(request, template, {"state": state, "done": state.all - state.left})
