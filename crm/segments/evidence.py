"""What speaks for a contact, in words: `3 times, last on 20 Nov 2026`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.segments.audience import Clause, Explanation


def reason(explained: Explanation) -> str:
    """Why somebody is in: the first rule that speaks for them."""
    holding = [clause for clause in explained.clauses if clause.matches]
    if not holding:
        return ""
    first = holding[0]
    told = seen(first)
    return f"{first.sentence}: {told}" if told else str(first.sentence)


def seen(clause: Clause) -> str:
    """What was seen, where that says more than yes or no."""
    found = clause.seen
    if isinstance(found, Mapping):
        return _deeds(found)
    if found is None or isinstance(found, bool):
        return ""
    if isinstance(found, list):
        return ", ".join(str(each) for each in found)
    return "" if clause.matches else str(found)


def _deeds(found: Mapping[str, Any]) -> str:
    count = found.get("count")
    if not isinstance(count, int) or not count:
        return ""
    said = ngettext("%(n)d time", "%(n)d times", count) % {"n": count}
    try:
        last = datetime.fromisoformat(str(found.get("last")))
    except ValueError:
        return said
    day = formats.date_format(timezone.localtime(last), "j N Y")
    return _("%(times)s, last on %(day)s") % {"times": said, "day": day}
