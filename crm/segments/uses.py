"""Where segments are used. Each floor says it for its own things; a used segment is not put away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from crm.models import Segment
from crm.registry import Named

MENTION: Final = "segment:"


@dataclass(frozen=True)
class Use:
    """Segment `segment` is used by something called `name`; `route` and `number` lead to its page."""

    segment: int
    kind: str
    name: str
    route: str
    number: int


# Callables `(segment ids) -> list[Use]`, each in a fixed number of queries.
finders: Named[Callable[[Sequence[int]], list[Use]]] = Named("uses of segments")


def of(segment_ids: Sequence[int]) -> dict[int, list[Use]]:
    """The uses of each of these segments."""
    found: dict[int, list[Use]] = {number: [] for number in segment_ids}
    for finder in finders if segment_ids else ():
        for use in finder(segment_ids):
            found[use.segment].append(use)
    return found


def url_of(use: Use) -> str:
    """Where a use is shown; "" where there is no page."""
    try:
        return reverse(use.route, args=[use.number])
    except NoReverseMatch:
        return ""


def _segments(segment_ids: Sequence[int]) -> list[Use]:
    """Other segments that ask about them."""
    wanted = {f"{MENTION}{number}": number for number in segment_ids}
    rows = Segment.objects.filter(archived_at=None, mentions__overlap=list(wanted)).order_by("name", "pk")
    return [
        Use(wanted[mention], str(_("segment")), name, "crm:segment", number)
        for number, name, mentions in rows.values_list("pk", "name", "mentions")
        for mention in mentions
        if mention in wanted
    ]


finders.add("crm.segments", _segments, order=20)
