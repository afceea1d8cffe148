"""Wake a worker after commit, by the name of its round, without ids.

The queue is in PostgreSQL; a ring that is lost, doubled or late changes only how
soon somebody looks (beat looks again within seconds). So a ring never fails the
request that rang, and rings within a moment of one another are one: a Celery
message costs more than a contact.
"""

from __future__ import annotations

import logging
import time

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

_MOMENT_SECONDS = 0.2
_rung_at: dict[str, float] = {}
lost = 0


def ring(round_name: str) -> None:
    """Ring for `round_name` once the current transaction has committed."""
    transaction.on_commit(lambda: _ring(round_name), robust=True)


def _ring(round_name: str) -> None:
    global lost
    moment = time.monotonic()
    if moment - _rung_at.get(round_name, -1.0) < _MOMENT_SECONDS:
        return
    _rung_at[round_name] = moment
    try:
        # `signature(...).apply_async` honours eager mode, `send_task` does not.
        current_app.signature(round_name).apply_async(expires=2, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        lost += 1
        log.warning("bell lost", extra={"event": "bell_lost", "round": round_name, "error": str(error)})
