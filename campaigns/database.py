"""What campaigns keep in the database as code: the frozen versions, and the read-only view of runs."""

from __future__ import annotations

from typing import Any

from crm import database

# `jsonb` has one text for one value, so the hash is the same wherever it is computed (I13).
VERSIONS = """
CREATE OR REPLACE FUNCTION cauce_version_hash(
  document jsonb, contents jsonb, exits varchar[], concurrency text
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(sha256(convert_to(
    jsonb_build_array(document, contents, to_jsonb(exits), concurrency)::text, 'UTF8')), 'hex')
$$;
CREATE OR REPLACE TRIGGER version_frozen BEFORE UPDATE ON campaigns_version
  FOR EACH ROW EXECUTE FUNCTION cauce_refuse();
-- A version may go with a campaign that the demo made up, and with no other.
CREATE OR REPLACE FUNCTION cauce_keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM crm_demoitem WHERE kind = 'campaign' AND number = OLD.campaign_id) THEN RETURN OLD; END IF;
  RAISE EXCEPTION '% is frozen: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER version_kept BEFORE DELETE ON campaigns_version
  FOR EACH ROW EXECUTE FUNCTION cauce_keep_version();
"""

VIEWS = {
    "v_enrolment": """
        SELECT r.id, r.campaign_id, v.number AS version, r.contact_id, r.key, r.entry_seq, r.state, r.step,
               r.due_at, r.message_id, r.held_out, r.outcome, r.entry_occurred_at, r.entered_at, r.ended_at
        FROM campaigns_enrolment r JOIN campaigns_version v ON v.id = r.version_id""",
}


def install(**_: Any) -> None:
    """Make function, trigger and view as this code wants them (after migrate)."""
    database.run(VERSIONS)
    database.make_views(VIEWS)


def uninstall(**_: Any) -> None:
    """Drop the view so that a migration may alter the columns under it (before migrate)."""
    database.drop_views(VIEWS)
