"""Service messages that forms promise, as a queue: who is to get which. `channels.form_letters` sends them.

The file of a lead magnet waits until the address is confirmed where that is asked. The one writer of FormLetter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.core import signing
from django.db import connection

from crm import bell
from crm.models import FormAnswer, FormLetter
from crm.timeline import Fact

ROUND: Final = "channels.form_letters"
FILE_SALT: Final = "cauce.form.file"
# So long the link to a file works.
FILE_VALID: Final = timedelta(days=7)
# What waits is let go when their address is proved.
CONFIRMED: Final = "Consent Changed"
LET_GO: Final = """
UPDATE crm_formletter l SET wanted_at = %s
WHERE l.contact_id = ANY(%s) AND l.wanted_at IS NULL AND l.sent_at IS NULL
  AND EXISTS (SELECT FROM crm_identifier i WHERE i.contact_id = l.contact_id AND i.kind = 'email'
              AND i.verified_at IS NOT NULL)"""


def want(what: str, answer: FormAnswer, at: datetime | None) -> None:
    """One of a kind for an answer; `at` None: when their address is confirmed."""
    letter = FormLetter(what=what, answer=answer, contact_id=answer.contact_id or 0, wanted_at=at)
    FormLetter.objects.bulk_create([letter], ignore_conflicts=True)
    if at is not None:
        bell.ring(ROUND)


def let_go(facts: Sequence[Fact]) -> None:
    """Reactor: somebody's permission changed; perhaps they confirmed their address."""
    people = sorted({fact.contact_id for fact in facts if fact.name == CONFIRMED})
    if not people:
        return
    with connection.cursor() as cursor:
        cursor.execute(LET_GO, [max(fact.recorded_at for fact in facts), people])
        if cursor.rowcount:
            bell.ring(ROUND)


def claim(now: datetime, limit: int) -> list[FormLetter]:
    """What is due, locked; the caller is in a transaction."""
    rows = FormLetter.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
    due = rows.filter(sent_at=None, wanted_at__lte=now).select_related("answer__form")
    return list(due.order_by("wanted_at", "pk")[:limit])


def pending(now: datetime) -> int:
    return FormLetter.objects.filter(sent_at=None, wanted_at__lte=now).count()


def sent(letters: Sequence[FormLetter], now: datetime) -> None:
    FormLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(sent_at=now)


def file_token(answer: int, now: datetime) -> str:
    """A link to the file for this answer; it stops by business time."""
    return signing.dumps([answer, int((now + FILE_VALID).timestamp())], salt=FILE_SALT)


def read_file(token: str, now: datetime) -> tuple[int | None, bool]:
    """(answer, whether it still works); None for what was not made here."""
    try:
        found: Any = signing.loads(token[:300], salt=FILE_SALT)
        answer, until = found
    except (signing.BadSignature, ValueError, TypeError):
        return None, False
    return int(answer), now.timestamp() < until
