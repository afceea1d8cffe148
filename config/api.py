"""The addresses under /api/v1/. A trailing slash is optional everywhere."""

from __future__ import annotations

import re

from django.urls import URLPattern, re_path

from crm.api import catalogue
from crm.rest.endpoint import Endpoint, Nowhere


def at(route: str, view: type[Endpoint], name: str) -> URLPattern:
    """`at("contacts/<id>", …)`: one address, with or without its last slash."""
    pattern = re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", route)
    return re_path(rf"^{pattern}/?$", view.as_view(), name=f"api-{name}")


urlpatterns = [
    at("products", catalogue.Catalogue, "products"),
    at("stock", catalogue.StockLevels, "stock"),
    re_path(r"", Nowhere.as_view(), name="api-nowhere"),
]
