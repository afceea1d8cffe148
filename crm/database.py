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
-- What stays of an event of somebody who was erased: our own codes, and the sums.
CREATE OR REPLACE FUNCTION cauce_counted(properties jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(jsonb_object_agg(p.key, p.value), '{}') FROM jsonb_each(properties) p WHERE CASE
    WHEN p.key IN ('total', 'revenue', 'value', 'price', 'refunded', 'discount', 'quantity', 'score') THEN
      jsonb_typeof(p.value) = 'number' OR (jsonb_typeof(p.value) = 'object'
        AND p.value - 'amount' - 'currency' = '{}' AND cauce_number(p.value->'amount') IS NOT NULL
        AND coalesce(p.value->>'currency', '') ~ '^[A-Z]{0,3}$')
    WHEN p.key = 'currency' THEN p.value #>> '{}' ~ '^[A-Z]{3}$'
    WHEN p.key = 'order_id' THEN jsonb_typeof(p.value) = 'number' OR p.value #>> '{}' ~ '^[A-Za-z0-9:#_.-]{1,40}$'
    WHEN p.key IN ('message_id', 'campaign_id', 'run_id', 'segment_id', 'version', 'link_id', 'receipt') THEN
      jsonb_typeof(p.value) = 'number'
    WHEN p.key IN ('step', 'purpose', 'channel', 'action', 'reason', 'before', 'after', 'outcome', 'method', 'basis',
                   'state', 'machine') THEN
      jsonb_typeof(p.value) = 'boolean' OR p.value #>> '{}' ~ '^[a-z][a-z0-9_]{0,39}$'
    ELSE false END
$$;
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
-- What the chains cover by a hash alone may be emptied, for somebody who is being erased.
CREATE OR REPLACE FUNCTION cauce_seal_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.source IN ('', OLD.source) AND NEW.evidence IN ('{}', OLD.evidence)
    AND to_jsonb(NEW) - 'source' - 'evidence' = to_jsonb(OLD) - 'source' - 'evidence'
    AND EXISTS (SELECT FROM crm_erasure WHERE contact_id = OLD.contact_id AND state = 'waiting') THEN RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE FUNCTION cauce_seal_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.before IS NULL AND NEW.after IS NULL AND NEW.salt = ''
    AND to_jsonb(NEW) - 'before' - 'after' - 'salt' = to_jsonb(OLD) - 'before' - 'after' - 'salt'
    AND EXISTS (SELECT FROM crm_erasure WHERE state = 'waiting') THEN RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
"""

TRIGGERS = """
CREATE OR REPLACE TRIGGER receipt_append_only BEFORE UPDATE OF
  chain, chain_seq, purpose, channel, address_id, address_hash, evidence, evidence_hash, action, basis, method, source,
  source_hash, wording, until, expires_at, occurred_at, recorded_at, prev_hash, hash ON crm_consentreceipt
  FOR EACH ROW EXECUTE FUNCTION cauce_seal_receipt();
CREATE OR REPLACE TRIGGER receipt_kept BEFORE DELETE ON crm_consentreceipt
  FOR EACH ROW EXECUTE FUNCTION cauce_keep_receipt();
CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON crm_auditentry
  FOR EACH ROW EXECUTE FUNCTION cauce_seal_audit();
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
