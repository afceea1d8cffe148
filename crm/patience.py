"""Questions that somebody waits for: the database ends a statement that takes too long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

# PostgreSQL's word for a statement that was ended (SQLSTATE query_canceled).
CANCELLED: Final = "57014"


class TooSlow(OperationalError):
    """A statement was ended because it took too long; everything else that goes wrong stays what it is."""


@contextmanager
def within(milliseconds: int) -> Iterator[CursorWrapper]:
    """A transaction, or a part of one, in which no statement runs longer. Raises TooSlow.

    The limit ends with the block, also inside somebody else's transaction: undone with what failed, taken back else.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            yield cursor
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") != CANCELLED:
            raise
        raise TooSlow(*error.args) from error
