"""Short words after something was done, with a way back where there is one.

They travel as Django messages: a page shows those that wait, and an answer to htmx gets them
appended out of band (`config.middleware.toasts`).
"""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import HttpRequest

LEVELS: Final = {"ok": messages.SUCCESS, "info": messages.INFO, "warn": messages.WARNING, "bad": messages.ERROR}


def say(request: HttpRequest, text: str, *, tone: str = "ok", undo: str = "") -> None:
    """`undo`: an address that takes it back when it is posted to."""
    messages.add_message(request, LEVELS[tone], text, extra_tags=undo)
