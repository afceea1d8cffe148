"""A verb that the database broke off over a deadlock is taken again: nothing of it has happened."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS: Final = 5


def patiently(verb: Callable[P, R]) -> Callable[P, R]:
    """In one transaction, again where it met another one; within somebody else's transaction only once."""

    @functools.wraps(verb)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(ATTEMPTS):
            try:
                with transaction.atomic():
                    return verb(*args, **kwargs)
            except OperationalError as error:
                if attempt + 1 == ATTEMPTS or connection.in_atomic_block or "deadlock" not in str(error):
                    raise
        raise AssertionError("unreachable")

    return again
