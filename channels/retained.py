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


ANSWERED: Final = "started_at < %(before)s AND detail <> ''"


# What still waits for an endpoint that is there is no log yet.
TOLD: Final = """created_at < %(before)s AND (state <> 'due' OR endpoint_id IN (
  SELECT id FROM channels_webhookendpoint WHERE NOT active))"""


def _emptied(table: str, change: str, condition: str, before: datetime, limit: int) -> int:
    """That it happened, when and how it ended, stays; rows that somebody else holds are left for the next time."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE {table} SET {change} WHERE id IN (
                  SELECT id FROM {table} WHERE {condition} LIMIT %(limit)s FOR UPDATE SKIP LOCKED)""",  # noqa: S608
            {"before": before, "limit": limit},
        )
        return int(cursor.rowcount)


registry.retention.add("words", Kept(
    _("The words of messages that were sent"),
    _("To show somebody what they got. That a message went, when and by what right, stays."),
    400, 30, 3_650, lambda before, limit: counted(f"1 FROM channels_message WHERE {WORDS}", before, limit),
    lambda before, limit: _emptied("channels_message", "slots = NULL, context = NULL", WORDS, before, limit),
), order=110)  # fmt: skip
registry.retention.add("attempts", Kept(
    _("What carriers answered to each attempt"),
    _("Their words may name an address. That it was tried, and how it ended, stays."),
    400, 30, 3_650, lambda before, limit: counted(f"1 FROM channels_attempt WHERE {ANSWERED}", before, limit),
    lambda before, limit: _emptied("channels_attempt", "detail = ''", ANSWERED, before, limit),
), order=115)  # fmt: skip
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
registry.retention.add("webhooks", Kept(
    _("What integrators were told"), _("To see what arrived at their servers, and to send it again."),
    30, 1, 3_650, lambda before, limit: counted(f"1 FROM channels_webhookdelivery WHERE {TOLD}", before, limit),
    lambda before, limit: deleted("channels_webhookdelivery", TOLD, "id", before, limit),
), order=135)  # fmt: skip
