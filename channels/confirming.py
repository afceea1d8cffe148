"""The messages of double opt-in: a link by e-mail, a code by SMS. They go through the outbox like every other one.

The link and the code are made from the number of the message while it is written (`links.confirm`, `links.code`);
they stand nowhere else. `slot` says which confirmation a message belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from channels import confirming_words, content, tracking
from channels.outbox import Planned, enqueue
from crm import clock, confirmations

ROUND: Final = confirmations.ROUND
BATCH: Final = 200
SLOT: Final = "confirm:"
# A mail that leaves later than the link works is of no use.
EXPIRES: Final = {"email": confirmations.VALID, "sms": confirmations.CODE_VALID}


def send() -> int:
    """Put the messages that are due into the outbox, a batch at a time."""
    now = clock.now()
    with transaction.atomic():
        due = confirmations.claim(now, BATCH)
        going = [each for each in due if each.purposes]
        confirmations.forgo([each.id for each in due if not each.purposes])
        contents = _contents(going)
        ids = enqueue([_planned(each, contents[_place(each)], now) for each in going], now)
        confirmations.sent(
            [
                (each.id, confirmations.code_hash(each.id, tracking.code(number)) if each.channel == "sms" else "")
                for each, number in zip(going, ids, strict=True)
            ],
            now,
        )
    return len(due)


def _contents(going: Sequence[confirmations.Wanted]) -> dict[tuple[str, str], int]:
    """Channel and language → the words, published."""
    if not going:
        return {}
    words = confirming_words.every()
    return {
        (channel, language): content.publish(channel, confirming_words.body(channel, words[language]))
        for channel, language in sorted({_place(each) for each in going})
    }


def _place(wanted: confirmations.Wanted) -> tuple[str, str]:
    return wanted.channel, confirming_words.language_of(wanted.language)


def pending() -> int:
    return confirmations.pending(clock.now())


def number_of(token: str) -> int | None:
    """The confirmation that a link belongs to."""
    named = tracking.read("confirm", token)
    if named is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT slot FROM channels_message WHERE id = %s", [named.message_id])
        row = cursor.fetchone()
    slot = str(row[0]) if row else ""
    return int(slot.removeprefix(SLOT)) if slot.startswith(SLOT) else None


def _planned(wanted: confirmations.Wanted, content_id: int, now: datetime) -> Planned:
    return Planned(
        wanted.contact_id, wanted.channel, content_id, slot=f"{SLOT}{wanted.id}", message_class="service",
        purpose="service", priority=90, expires_at=now + EXPIRES[wanted.channel], address_id=wanted.address_id,
        address_hash=wanted.address_hash,
    )  # fmt: skip
