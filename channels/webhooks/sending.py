"""The round that calls: several at once, shared out (`channels.webhooks.lanes`) so that a slow one holds up nobody.

Threads do nothing but the network call; rows are read and written by the worker itself, each outcome as it comes.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from standardwebhooks import Webhook

from channels import egress
from channels.webhooks import endpoints, lanes, queue
from channels.webhooks.queue import Answered, Claimed
from crm import clock

SECONDS: Final = 5.0
# A name server may be silent for longer than the call may take.
GRACE: Final = 5.0
# So long one batch takes more in; what was begun is waited for, and whoever answers is told on meanwhile.
REFILLED: Final = 2.0
KEPT: Final = 500
AGENT: Final = "Cauce-Webhooks/1"


def work() -> int:
    """Send what is due, a batch. Answers how many calls were made."""
    if not endpoints.listening() or not queue.due():
        return 0
    calls = _Calls()
    try:
        end = time.monotonic() + REFILLED
        while True:
            late = time.monotonic() >= end
            if not late or calls.waits_for_the_slow():
                calls.begin(queue.claim(calls.rooms(queue.due(), proven_only=late)))
            if not calls.running:
                return calls.made
            for claimed, answered in calls.ended():
                queue.settle(claimed, answered)
                _well[claimed.endpoint_id] = answered.arrived
    finally:
        calls.close()


# Whether the last call of this process to an endpoint arrived.
_well: dict[int, bool] = {}


class _Calls:
    """The calls under way."""

    def __init__(self) -> None:
        self.running: dict[Future[Answered], tuple[Claimed, float]] = {}
        self.made = 0
        self._pool = ThreadPoolExecutor(lanes.THREADS, thread_name_prefix="webhooks")

    def rooms(self, due: list[tuple[int, bool]], *, proven_only: bool = False) -> dict[int, int]:
        """How many more each endpoint may have; where there are too many endpoints, chance decides who is next."""
        busy = Counter(claimed.endpoint_id for claimed, _ in self.running.values())
        return lanes.rooms(random.sample(due, len(due)), _well, busy, proven_only=proven_only)

    def waits_for_the_slow(self) -> bool:
        """Whether a call is under way whose receiver is not known to answer."""
        return any(not _well.get(claimed.endpoint_id) for claimed, _ in self.running.values())

    def begin(self, claimed: list[Claimed]) -> None:
        for each in claimed:
            self.running[self._pool.submit(call, each)] = (each, time.monotonic())
            self.made += 1

    def ended(self) -> list[tuple[Claimed, Answered]]:
        """Those that came to an end by now; waits a moment for the first."""
        done, _ = wait(self.running, timeout=0.5, return_when=FIRST_COMPLETED)
        late = time.monotonic() - SECONDS - GRACE
        found = []
        for future in list(self.running):
            claimed, since = self.running[future]
            if future in done:
                found.append((claimed, future.result()))
            elif since < late:
                found.append((claimed, _failed("No answer in time.", since)))
            else:
                continue
            del self.running[future]
        return found

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def call(claimed: Claimed) -> Answered:
    """One call; whatever happens is an answer."""
    begun = time.monotonic()
    if not claimed.secrets:
        return _failed("The secret cannot be read with this SECRET_KEY: roll it.", begun)
    try:
        answer = egress.request(
            "POST", claimed.url, headers=signed(claimed, clock.real()), body=claimed.payload.encode(), seconds=SECONDS,
            limit=4_096,
        )  # fmt: skip
    except egress.Refused as refused:
        return _failed(str(refused), begun)
    except (egress.NotStarted, egress.Lost) as lost:
        return _failed(str(lost), begun)
    except Exception as error:  # noqa: BLE001 - the others go on, and this one is tried again
        return _failed(type(error).__name__, begun)
    return Answered(
        clock.real(), _ms(begun), answer.status, answer.body[:KEPT].decode("utf-8", "replace").replace("\0", ""),
        retry_after(answer.headers.get("retry-after", ""), clock.real()),
    )  # fmt: skip


def signed(claimed: Claimed, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks; while a roll lasts, a signature by each secret."""
    signatures = [Webhook(secret).sign(claimed.event_id, now, claimed.payload) for secret in claimed.secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "webhook-id": claimed.event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def retry_after(text: str, now: datetime) -> timedelta | None:
    """Seconds or an instant, as HTTP has it; None where nothing sensible was said."""
    if text.isascii() and text.isdigit() and len(text) < 9:
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at - now if at > now else None


def _failed(detail: str, begun: float) -> Answered:
    return Answered(clock.real(), _ms(begun), None, detail[:KEPT])


def _ms(begun: float) -> int:
    return int((time.monotonic() - begun) * 1_000)
