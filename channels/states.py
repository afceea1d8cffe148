"""What can become of a message: the states and the only ways between them. Pure.

A trigger made from `EDGES` refuses every other way, whoever writes.

`planned` waits for something else than time (its campaign is paused); `due` waits
for `due_at`; `claimed` has a worker that renders it; `handing_off` stands in a batch
whose turn has come: it is on the wire only once `started_at` is set.
"""

from __future__ import annotations

from typing import Final

PLANNED: Final = "planned"
DUE: Final = "due"
CLAIMED: Final = "claimed"
HANDING_OFF: Final = "handing_off"
ACCEPTED: Final = "accepted"
DELIVERED: Final = "delivered"
BOUNCED: Final = "bounced"
COMPLAINED: Final = "complained"
UNKNOWN: Final = "unknown"
BLOCKED: Final = "blocked"
EXPIRED: Final = "expired"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"

# Not on the wire and not ended: what a revocation reaches, with the not started of `handing_off`.
QUEUED: Final = (PLANNED, DUE, CLAIMED)
OPEN: Final = (*QUEUED, HANDING_OFF)
LEASED: Final = (CLAIMED, HANDING_OFF)
# The message went, or may have gone: it counts for caps, reports and dedupe.
SENT: Final = (ACCEPTED, DELIVERED, BOUNCED, COMPLAINED, UNKNOWN)
NEVER_SENT: Final = (BLOCKED, EXPIRED, FAILED, CANCELLED)
FIRST: Final = (DUE, PLANNED, BLOCKED)

# `unknown` out of a queue: an idempotent carrier was being asked again, so the message may
# have gone already and may not end as never sent.
EDGES: Final[dict[str, tuple[str, ...]]] = {
    PLANNED: (DUE, BLOCKED, CANCELLED, EXPIRED, UNKNOWN),
    DUE: (CLAIMED, PLANNED, BLOCKED, CANCELLED, EXPIRED, UNKNOWN),
    CLAIMED: (HANDING_OFF, DUE, PLANNED, BLOCKED, CANCELLED, EXPIRED, UNKNOWN),
    HANDING_OFF: (ACCEPTED, UNKNOWN, DUE, PLANNED, BLOCKED, CANCELLED, EXPIRED, FAILED),
    ACCEPTED: (DELIVERED, BOUNCED, COMPLAINED),
    DELIVERED: (BOUNCED, COMPLAINED),
    BOUNCED: (COMPLAINED,),
    COMPLAINED: (),
    UNKNOWN: (ACCEPTED, DELIVERED, BOUNCED, COMPLAINED, FAILED, DUE),
    BLOCKED: (),
    EXPIRED: (),
    FAILED: (),
    CANCELLED: (),
}
# Ways out of `handing_off` that only a message that was not started may take.
UNSTARTED_ONLY: Final = (PLANNED, BLOCKED, CANCELLED, EXPIRED)


def trigger() -> str:
    """The SQL that makes PostgreSQL refuse every edge that is not in `EDGES`."""
    ways = "\n".join(
        f"    WHEN '{state}' THEN NEW.state IN ({_listed(targets)})" for state, targets in EDGES.items() if targets
    )
    return f"""
CREATE OR REPLACE FUNCTION cauce_message_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (CASE OLD.state
{ways}
    ELSE false END) THEN
    RAISE EXCEPTION 'message %: no way from % to %', OLD.id, OLD.state, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.state = '{HANDING_OFF}' AND OLD.started_at IS NOT NULL AND NEW.state IN ({_listed(UNSTARTED_ONLY)}) THEN
    RAISE EXCEPTION 'message %: it was started and may not become %', OLD.id, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION cauce_message_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a message may not begin as %', NEW.state USING ERRCODE = 'check_violation';
END $$;
CREATE OR REPLACE TRIGGER message_edge BEFORE UPDATE OF state ON channels_message
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION cauce_message_edge();
CREATE OR REPLACE TRIGGER message_first BEFORE INSERT ON channels_message
  FOR EACH ROW WHEN (NEW.state NOT IN ({_listed(FIRST)})) EXECUTE FUNCTION cauce_message_first();
"""


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)
