"""What campaigns can be about: the one writer of Topic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm import audit
from crm.errors import Problem
from crm.models import Topic

KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
LONGEST: Final = 60
MOST: Final = 50


def every() -> list[Topic]:
    """Those in use, in the order in which they came."""
    return list(Topic.objects.filter(archived_at=None).order_by("pk")[:MOST])


def name(topic: Topic, language: str | None = None) -> str:
    """In the reader's language, else in English, else in any."""
    language = (language or get_language() or "en")[:2]
    return str(topic.names.get(language) or topic)


def add(key: str, names: Mapping[str, str], *, actor: str) -> Topic:
    """Raises Problem."""
    if not KEY.fullmatch(key):
        raise Problem("/key", "bad_name", _("Small Latin letters, digits and _, beginning with a letter."))
    row = Topic(key=key, names=_names(names))
    try:
        with transaction.atomic():
            if Topic.objects.filter(archived_at=None).count() >= MOST:
                raise Problem("", "too_many", _("There are enough topics: put one away first."))
            row.save()
            audit.record(actor, "topic.add", f"topic:{key}", None, row.names)
    except IntegrityError:
        raise Problem("/key", "taken", _("There is a topic of this name already.")) from None
    return row


def rename(number: int, names: Mapping[str, str], *, actor: str) -> Topic:
    with transaction.atomic():
        row = Topic.objects.select_for_update().get(pk=number)
        before, row.names = row.names, _names(names)
        row.save(update_fields=["names"])
        audit.record(actor, "topic.rename", f"topic:{row.key}", before, row.names)
    return row


def archive(number: int, at: datetime | None, *, actor: str) -> Topic:
    """No longer offered (`at`), or again (None). Who did not want it keeps that."""
    with transaction.atomic():
        row = Topic.objects.select_for_update().get(pk=number)
        row.archived_at = at
        row.save(update_fields=["archived_at"])
        audit.record(actor, "topic.archive" if at else "topic.restore", f"topic:{row.key}", None, None)
    return row


def _names(given: Mapping[str, str]) -> dict[str, str]:
    names = {language: " ".join(text.split())[:LONGEST] for language, text in given.items() if text.strip()}
    if not names:
        raise Problem("/names", "empty", _("Give it a name people read."))
    return names
