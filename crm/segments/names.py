"""Names instead of ids in sentences: `is in segment seg_1` reads `is in segment “Regulars”`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from crm import publicids
from crm.errors import Problem
from crm.models import Segment
from crm.registry import Named

# By prefix: callables `(numbers) -> {number: name}`.
finders: Named[Callable[[Sequence[int]], dict[int, str]]] = Named("names in sentences")
_ID: Final = re.compile(r"\b([a-z]{3})_[0-9a-z]{1,13}\b")


def put_in(texts: Sequence[str]) -> list[str]:
    """The same sentences with names for the ids of segments and campaigns; one query a kind."""
    wanted: dict[str, dict[str, int]] = {}
    for text in texts:
        for found in _ID.finditer(text):
            _note(wanted, found[1], found[0])
    known: dict[str, str] = {}
    for prefix, ids in wanted.items():
        finder = finders.get(prefix)
        told = finder(list(ids.values())) if finder else {}
        known |= {text: f"“{told[number]}”" for text, number in ids.items() if number in told}
    return [_ID.sub(lambda found: known.get(found[0], found[0]), text) for text in texts]


def _note(wanted: dict[str, dict[str, int]], prefix: str, text: str) -> None:
    if finders.get(prefix) is None:
        return
    try:
        wanted.setdefault(prefix, {})[text] = publicids.decode(prefix, text)
    except Problem:
        return


def _segments(numbers: Sequence[int]) -> dict[int, str]:
    return dict(Segment.objects.filter(pk__in=numbers).values_list("pk", "name"))


finders.add("seg", _segments)
