"""Where campaigns begin: the ready-made ones as small trees, an empty one last."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns import frame, gallery
from crm import clock, pages, toasts, workspace


@pages.page("campaigns.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _begin(request)
    mine = gallery.language_of(get_language() or "en")
    met = gallery.met(gallery.TEMPLATES, clock.now())
    cards = []
    for template in gallery.TEMPLATES:
        made = gallery.document(template.slug, mine)
        cards.append({
            "template": template, "name": made["name"], "about": made["description"], "nodes": gallery.tree(made),
            "entrance": gallery.entrance(made), "needs": met[template.slug],
        })  # fmt: skip
    return render(
        request,
        "campaigns/gallery/page.html",
        {"cards": cards, "language": gallery.language_of(workspace.current().language), "languages": _languages()},
    )


def _begin(request: HttpRequest) -> HttpResponse:
    """A draft of the chosen one; straight into its journey, or to its goal where there is nothing yet."""
    slug, actor, now = request.POST.get("template", ""), pages.actor(request), clock.now()
    if slug == "":
        made = gallery.start_empty(actor, now, frame.owner_id(request))
        return pages.go(request, "campaigns:goal", made.pk)
    if gallery.find(slug) is None:
        raise Http404
    language = gallery.language_of(request.POST.get("language", "") or workspace.current().language)
    made = gallery.start(slug, language, actor, now, frame.owner_id(request))
    toasts.say(request, _("%(name)s is a draft now. Nothing is sent before you publish it.") % {"name": made.name})
    return pages.go(request, "campaigns:journey", made.pk)


def _languages() -> list[tuple[str, str]]:
    return [("en", "English"), ("es", "Español"), ("ru", "Русский")]
