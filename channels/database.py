"""What the outbox keeps in the database as code: the trigger of the edges, the mark, the view."""

from __future__ import annotations

from typing import Any

from channels import states
from crm import database

# The epoch: one row in an UNLOGGED table. Crash recovery empties it, a clean stop keeps it, a
# promoted standby never had it (decision C1). Whoever finds it empty begins the next epoch.
EPOCH = """
CREATE OR REPLACE FUNCTION cauce_epoch() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE found_epoch uuid;
BEGIN
  SELECT epoch INTO found_epoch FROM channels_epoch;
  IF found_epoch IS NULL THEN
    INSERT INTO channels_epoch (one, epoch) VALUES (true, gen_random_uuid()) ON CONFLICT DO NOTHING;
    SELECT epoch INTO found_epoch FROM channels_epoch;
  END IF;
  RETURN found_epoch;
END $$;
"""

# The start mark of a message and the outcome of the one before it in the batch, in one row, one
# round trip and one commit that does not wait for the disk (decision C6). NULL: do not send. The
# address is locked first: a withdrawal holds that lock, so the mark comes wholly before or after it.
MARK = """
DROP FUNCTION IF EXISTS cauce_mark(uuid, bigint, jsonb, bigint, bigint);
CREATE OR REPLACE FUNCTION cauce_mark(p_lease uuid, p_id bigint, p_address bigint, p_before jsonb)
RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE started timestamptz;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  IF p_address IS NOT NULL THEN
    PERFORM 1 FROM crm_address WHERE id = p_address FOR SHARE;
  END IF;
  UPDATE channels_message SET started_at = clock_timestamp(), receipt = p_before
  WHERE id = p_id AND lease = p_lease AND state = 'handing_off' AND started_at IS NULL
    AND lease_until > clock_timestamp()
  RETURNING started_at INTO started;
  RETURN started;
END $$;
"""

VIEWS = {
    "v_message": """
        SELECT id, contact_id, campaign_id, run_id, step, visit, slot, entry, channel, account_id, address_hash,
               message_class, purpose, state, reason, reason_detail, held_out, attempts, due_at, expires_at,
               handed_at, started_at, settled_at, provider_message_id, created_at
        FROM channels_message""",
}


def install(**_: Any) -> None:
    """Make trigger, functions and view as this code wants them (after migrate)."""
    database.run(states.trigger())
    database.run(EPOCH)
    database.run(MARK)
    database.make_views(VIEWS)


def uninstall(**_: Any) -> None:
    """Drop the view so that a migration may alter the columns under it (before migrate)."""
    database.drop_views(VIEWS)
