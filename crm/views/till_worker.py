"""`/store/sw.js`: the service worker that lets a till work without network."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

# What the two screens need that work without network. They carry nothing of any customer.
FILES: Final = (
    "css/tokens.css", "css/till.css", "img/mark.svg", "inter/index.css", "js/theme.js", "js/till/shell.js",
    "js/till/queue.js", "js/till/store.js", "js/till/ulid.js", "js/till/scanner.js", "js/till/enrol.js",
    "js/till/domains.js",
    "js/till/purchase.js", "js/till/net.js", "js/till/lock.js",
    "django_htmx/htmx-4.min.js",
)  # fmt: skip


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """The same for every till: it says nothing of anybody."""
    del request
    pages = [reverse("crm:till-enrol"), reverse("crm:till-purchase")]
    body = render_to_string("store/sw.js", {"version": _version(), "files": _addresses(),
                                            "pages": pages, "home": reverse("crm:till")})  # fmt: skip
    answer = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer


def _addresses() -> list[str]:
    """As pages name the files, and as modules name one another (`./queue.js`): there without its content's mark."""
    plain = [settings.STATIC_URL + name for name in FILES if name.startswith("js/till/")]
    return list(dict.fromkeys([*(static(name) for name in FILES), *plain]))


@lru_cache(maxsize=1)
def _version() -> str:
    """Changes with any of the files."""
    digest = hashlib.sha256()
    for name in FILES:
        found = finders.find(name)
        digest.update(Path(found).read_bytes() if isinstance(found, str) else name.encode())
    return digest.hexdigest()[:16]
