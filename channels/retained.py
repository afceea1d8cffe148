"""The classes of data of this floor: the words of messages, and what carriers said."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import connection
from django.utils.translation import gettext_lazy as _

from crm import registry
from crm.retained import counted, deleted
from crm.retention import Kept

WORDS: Final = "created_at < %(before)s AND settled_at IS NOT NULL AND (slots IS NOT NULL OR context IS NOT NULL)"


def _empty(before: datetime, limit: int) -> int:
    """That a message went, when and by what right, stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE channels_message SET slots = NULL, context = NULL WHERE id IN (
                  SELECT id FROM channels_message WHERE {WORDS} LIMIT %(limit)s)""",  # noqa: S608 - our own words
            {"before": before, "limit": limit},
        )
        return int(cursor.rowcount)


registry.retention.add("words", Kept(
    _("The words of messages that were sent"),
    _("To show somebody what they got. That a message went, when and by what right, stays."),
    400, 30, 3_650, lambda before, limit: counted(f"1 FROM channels_message WHERE {WORDS}", before, limit), _empty,
), order=110)  # fmt: skip
registry.retention.add("sandbox", Kept(
    _("Messages of the sandbox"), _("They left the house for nobody, and are there to be looked at."),
    400, 1, 3_650, lambda before, limit: counted("1 FROM channels_sandboxmessage WHERE at < %(before)s", before, limit),
    lambda before, limit: deleted("channels_sandboxmessage", "at < %(before)s", "id", before, limit),
), order=120)  # fmt: skip
registry.retention.add("inbound", Kept(
    _("Reports of carriers as they came"), _("To see what a carrier said when something is unclear."),
    90, 7, 3_650, lambda before, limit: counted(
        "1 FROM channels_inbound WHERE received_at < %(before)s AND processed_at IS NOT NULL", before, limit),
    lambda before, limit: deleted(
        "channels_inbound", "received_at < %(before)s AND processed_at IS NOT NULL", "id", before, limit),
), order=130)  # fmt: skip
