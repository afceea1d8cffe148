"""Names as they are searched: without case and accents, in any script.

`cauce_fold` in the database (migration 0009) does to `Contact.sort_name`, which is in lower case, what
`fold` does to what somebody types. An index stands on it: a change of one is a change of both, and a migration.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from django.db.models import CharField, TextField, Transform

# pg_trgm finds nothing by fewer letters than these.
SHORTEST: Final = 3
_MARKS: Final = re.compile("[\u0300-\u036f]")


@CharField.register_lookup
class Fold(Transform):
    """`sort_name__fold__contains`."""

    lookup_name = "fold"
    function = "cauce_fold"
    output_field = TextField()


def fold(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.lower()))


def parts(text: str) -> list[str]:
    """The words to look for; none when not one of them is long enough."""
    found = fold(text).split()
    return found[:6] if any(len(part) >= SHORTEST for part in found) else []
