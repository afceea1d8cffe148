"""`/settings/confirmations/words/<language>/`: what people read when they are asked to confirm."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from channels import confirming_words
from channels.forms.confirming import WordsForm
from crm import pages, toasts


@pages.page("workspace.write", "GET", "POST")
def page(request: HttpRequest, language: str) -> HttpResponse:
    words = _words(language)
    form = WordsForm(request.POST) if request.method == "POST" else WordsForm(initial=asdict(words))
    if request.method == "POST" and form.is_valid():
        confirming_words.keep(language, form.words(), actor=pages.actor(request))
        toasts.say(request, _("Saved. It holds from the next message on."))
        return pages.go(request, "channels:confirmation-words", language)
    context: dict[str, Any] = {
        "form": form, "language": language, "languages": settings.LANGUAGES,
        "own": words != confirming_words.READY[language],
    }  # fmt: skip
    return render(request, "channels/settings/confirmation_words.html", context, status=422 if form.is_bound else 200)


@pages.page("workspace.write", "POST")
def reset(request: HttpRequest, language: str) -> HttpResponse:
    """The ready-made words again."""
    _words(language)
    confirming_words.reset(language, actor=pages.actor(request))
    toasts.say(request, _("The ready-made words are back."))
    return pages.go(request, "channels:confirmation-words", language)


def _words(language: str) -> confirming_words.Words:
    try:
        return confirming_words.every()[language]
    except KeyError:
        raise Http404 from None
