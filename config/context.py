"""What every page's shell needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from config import navigation
from crm import pages, workspace


def shell(request: HttpRequest) -> dict[str, Any]:
    """Lazily, so that pages that show none of it ask nothing."""
    return {
        "test_mode": settings.CAUCE_MODE == "test",
        "product": "Cauce",
        "permissions": SimpleLazyObject(lambda: pages.permissions(request)),
        "workspace": SimpleLazyObject(workspace.current),
        "navigation": SimpleLazyObject(lambda: navigation.groups(request)),
        "navigation_foot": SimpleLazyObject(lambda: navigation.foot(request)),
        "request_id": request.META.get("cauce.request_id", ""),
    }
