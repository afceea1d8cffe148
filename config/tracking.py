"""The addresses under /v1/ and the browser SDKs' questions for their settings. A trailing slash is optional."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, re_path

from crm.tracking import translate, views

# analytics.js writes its addresses with one letter.
SHORT: Final = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"}

urlpatterns: list[URLPattern] = [
    *(re_path(rf"^v1/{word}/?$", views.tell, name=f"tracking-{word}") for word in ("batch", "b", "import")),
    *(re_path(rf"^v1/{kind}/?$", views.tell, {"kind": kind}, name=f"tracking-{kind}") for kind in translate.KINDS),
    *(
        re_path(rf"^v1/{short}/?$", views.tell, {"kind": kind}, name=f"tracking-{short}")
        for short, kind in SHORT.items()
    ),
    re_path(r"^v1/m/?$", views.metrics, name="tracking-metrics"),
    re_path(r"^v1/projects/(?P<key>[^/]{1,100})/settings/?$", views.settings, name="tracking-settings"),
    re_path(r"^sourceConfig/?$", views.source, name="tracking-source"),
]
