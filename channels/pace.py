"""No account faster than its provider allows, and a rest for one that does not answer.

Both live on the account's row, so that all workers keep them together.
"""

from __future__ import annotations

from typing import Final

from django.db import connection

from channels import accounts
from channels.accounts import Open
from crm import clock

# How far ahead of the clock an account's time may be filled: the size of a burst.
AHEAD_SECONDS: Final = 1.0
SHORTEST_REST: Final = 1.0
LONGEST_REST: Final = 60.0

RESERVE: Final = """
UPDATE channels_account SET paced_until = greatest(coalesce(paced_until, clock_timestamp()), clock_timestamp())
  + make_interval(secs => n.n / per_second)
FROM (SELECT floor(least(%s, extract(epoch FROM clock_timestamp() + make_interval(secs => %s)
        - greatest(coalesce(paced_until, clock_timestamp()), clock_timestamp())) * per_second))::int AS n
      FROM channels_account WHERE id = %s AND per_second > 0 FOR UPDATE) n
WHERE id = %s AND n.n > 0 RETURNING n.n"""

# Each rest is twice the one before, as long as it follows within a minute of its end.
REST: Final = """
UPDATE channels_account SET resting_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND (resting_until IS NULL OR resting_until < clock_timestamp())"""

_rests: dict[int, int] = {}


def allowance(account: Open, wanted: int) -> int:
    """How many of `wanted` messages the account may send now; they are reserved by asking."""
    if account.resting_until is not None and account.resting_until > clock.real():
        return 0
    if not account.per_second:
        return wanted
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, [wanted, AHEAD_SECONDS, account.id, account.id])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def rest(account: Open) -> float:
    """The provider does not answer: leave it alone for a while, longer each time. Answers the seconds."""
    times = _rests.get(account.id, 0)
    seconds = float(min(LONGEST_REST, SHORTEST_REST * 2**times))
    _rests[account.id] = min(times + 1, 10)
    with connection.cursor() as cursor:
        cursor.execute(REST, [seconds, account.id])
    accounts.look_again()
    return seconds


def wake(account: Open) -> None:
    """It took a message: the next rest begins small again."""
    _rests.pop(account.id, None)
