"""All routes of the pages, from the resolver, each with an address made of samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, StringConverter

# Not pages of the office: the API, tracking and the till have a matrix of their own, the admin is Django's.
ELSEWHERE = ("admin/", "api/", "i18n/", "^v1/", "^sourceConfig", "store/")


@dataclass(frozen=True)
class Route:
    """`name` with its namespaces, `pattern` as written, `view` the callable, `converters` by argument."""

    name: str
    pattern: str
    view: Any
    converters: dict[str, Any]

    @property
    def permission(self) -> str | None:
        return getattr(self.view, "permission", None)

    @property
    def methods(self) -> frozenset[str]:
        return getattr(self.view, "methods", frozenset())

    def path(self, **given: Any) -> str:
        """An address of it; arguments that are not given get something that is certainly not there."""
        return reverse(
            self.name, kwargs={name: given.get(name, _nobody(kind)) for name, kind in self.converters.items()}
        )


def _nobody(converter: Any) -> Any:
    if isinstance(converter, IntConverter):
        return 999_999
    if isinstance(converter, StringConverter):
        return "nobody"
    prefix = getattr(converter, "prefix", "")
    return 999_999 if prefix else "nobody"


def pages() -> list[Route]:
    return sorted(_walk(get_resolver().url_patterns, "", "", {}), key=lambda route: route.pattern)


def _walk(patterns: list[Any], prefix: str, namespace: str, converters: dict[str, Any]) -> Iterator[Route]:
    for each in patterns:
        pattern = prefix + str(each.pattern)
        if pattern.startswith(ELSEWHERE):
            continue
        held = converters | each.pattern.converters
        if isinstance(each, URLResolver):
            inner = f"{namespace}{each.namespace}:" if each.namespace else namespace
            yield from _walk(each.url_patterns, pattern, inner, held)
        elif isinstance(each, URLPattern):
            assert each.name, f"{pattern} has no name"
            yield Route(f"{namespace}{each.name}", pattern, each.callback, held)
