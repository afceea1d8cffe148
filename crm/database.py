"""What lives in the database as code: functions, triggers and the read-only views.

It is made anew after each migrate (`install`), and the views are dropped before one,
because a view blocks `ALTER COLUMN` (decision C14).
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from crm import clock

# `(props #>> …)::numeric` raises on "abc" and kills a whole segment: these answer NULL
# instead (decision B26). `crm.segments.values` holds the same in Python.
FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION cauce_number(value jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(value)
    WHEN 'number' THEN (value #>> '{}')::numeric
    WHEN 'string' THEN CASE WHEN value #>> '{}' ~ '^-?[0-9]{1,30}(\.[0-9]{1,30})?$'
                            THEN (value #>> '{}')::numeric END
  END
$$;
CREATE OR REPLACE FUNCTION cauce_instant(value jsonb) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  written text;
BEGIN
  IF jsonb_typeof(value) IS DISTINCT FROM 'string' THEN RETURN NULL; END IF;
  written := value #>> '{}';
  -- Two adjacent literals are one: the day, and then perhaps the time with its zone.
  IF written !~ '^(1[6-9]|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
                '([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9]))?$'
    OR substr(written, 9, 2)::int > extract(day FROM
         make_date(substr(written, 1, 4)::int, substr(written, 6, 2)::int, 1) + interval '1 month' - interval '1 day')
  THEN RETURN NULL; END IF;
  IF length(written) = 10 THEN written := written || 'T00:00:00Z'; END IF;
  RETURN written::timestamptz;
END $$;
CREATE OR REPLACE FUNCTION cauce_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
-- A proof may go with a contact whom the demo made up, or who never confirmed (`crm.unconfirmed`); with nobody else.
CREATE OR REPLACE FUNCTION cauce_keep_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM crm_demoitem WHERE kind = 'contact' AND number = OLD.contact_id) THEN RETURN OLD; END IF;
  IF EXISTS (SELECT FROM crm_confirmation WHERE contact_id = OLD.contact_id AND purged_at IS NOT NULL) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
"""

TRIGGERS = """
CREATE OR REPLACE TRIGGER receipt_append_only BEFORE UPDATE OF
  chain, chain_seq, purpose, channel, address_id, address_hash, evidence_hash, action, basis, method, source, wording,
  until, expires_at, occurred_at, recorded_at, prev_hash, hash ON crm_consentreceipt
  FOR EACH ROW EXECUTE FUNCTION cauce_refuse();
CREATE OR REPLACE TRIGGER receipt_kept BEFORE DELETE ON crm_consentreceipt
  FOR EACH ROW EXECUTE FUNCTION cauce_keep_receipt();
CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON crm_auditentry
  FOR EACH ROW EXECUTE FUNCTION cauce_refuse();
"""

VIEWS = {
    "v_consent": """
        SELECT s.id, s.contact_id, s.purpose, s.channel, a.medium, a.value AS address, s.state, s.basis,
               s.since, s.expires_at, s.paused_until, s.receipt_id
        FROM crm_consentstate s LEFT JOIN crm_address a ON a.id = s.address_id""",
    "v_suppression": """
        SELECT id, medium, hash, channel, reason, source, since, until FROM crm_suppression""",
}


def prepare(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A new connection: no compiling of statements. The planner deems a batch of correlated rules
    dear enough for it, and it costs more than it saves in statements of some milliseconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")


def install(**_: Any) -> None:
    """Make functions, triggers and views as this code wants them (after migrate)."""
    clock.install()
    run(FUNCTIONS)
    run(TRIGGERS)
    make_views(VIEWS)


def uninstall(**_: Any) -> None:
    """Drop the views so that a migration may alter the columns under them (before migrate)."""
    drop_views(VIEWS)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def make_views(views: dict[str, str]) -> None:
    for name, query in views.items():
        run(f"CREATE OR REPLACE VIEW {name} AS {query}")


def drop_views(views: dict[str, str]) -> None:
    run("".join(f"DROP VIEW IF EXISTS {name};" for name in views))
