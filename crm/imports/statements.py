"""The statements that merge a staged chunk (`staging`): a fixed number of them, whatever stands in it."""

from __future__ import annotations

from functools import lru_cache

COLUMNS = (
    "given_name", "family_name", "sort_name", "language", "timezone", "zone", "zone_source", "country",
    "region", "city", "postal_code", "birth_date", "home_store_id",
)  # fmt: skip
TYPES = {"birth_date": "date", "home_store_id": "bigint", "fields": "jsonb"}

TABLES = (
    "staged_contact", "staged_given", "staged_trace", "staged_address", "staged_place", "staged_touched",
    "staged_change", "staged_refused", "staged_held",
)  # fmt: skip
# LATERAL … LIMIT 1 is a probe of the index for each staged row, whatever the planner thinks of the
# sizes: a chunk must cost the same beside a thousand contacts and beside ten million.
# Whose each trace is, looked up once: what is known needs no writing later.
TRACES = """
INSERT INTO staged_trace
SELECT t.*, i.contact_id, i.address_id FROM staged_given t LEFT JOIN LATERAL (
  SELECT contact_id, address_id FROM crm_identifier
  WHERE kind = t.kind AND value = t.value AND identifying LIMIT 1) i ON true
"""
PLACE = """
INSERT INTO staged_place
SELECT s.line, coalesce(m.contact_id, nextval(pg_get_serial_sequence('crm_contact', 'id'))), m.contact_id IS NULL
FROM staged_contact s LEFT JOIN (
  SELECT line, min(contact_id) AS contact_id, count(DISTINCT contact_id) AS people
  FROM staged_trace WHERE contact_id IS NOT NULL GROUP BY line
) m USING (line) WHERE coalesce(m.people, 0) < 2
"""
AMBIGUOUS = "SELECT line FROM staged_contact WHERE line NOT IN (SELECT line FROM staged_place)"
AGAIN = """
DELETE FROM staged_place WHERE line IN (
  SELECT line FROM (SELECT line, row_number() OVER (PARTITION BY contact_id ORDER BY line) AS n
                    FROM staged_place WHERE NOT fresh) each WHERE n > 1) RETURNING line
"""
ERASED = """
DELETE FROM staged_place WHERE line IN (
  SELECT t.line FROM staged_trace t JOIN crm_suppression s ON s.medium = t.medium AND s.hash = t.hash
  WHERE t.contact_id IS NULL AND s.reason = 'erased' AND s.until IS NULL) RETURNING line
"""
ERASED_NUMBERS = """
DELETE FROM staged_place WHERE line IN (
  SELECT t.line FROM staged_trace t JOIN (VALUES ('card', 'card'), ('external_id', 'external')) k (kind, medium)
    ON k.kind = t.kind
  JOIN crm_suppression s ON s.medium = k.medium AND s.hash = {keyed}
  WHERE t.contact_id IS NULL AND s.reason = 'erased' AND s.until IS NULL) RETURNING line
"""
# Asked once they are locked: whoever is restricted meanwhile was waited for.
RESTRICTED = """
DELETE FROM staged_place p WHERE NOT p.fresh AND EXISTS (
  SELECT FROM (SELECT restricted FROM crm_contact WHERE id = p.contact_id LIMIT 1) c WHERE c.restricted)
RETURNING line
"""
LOCK = """
SELECT count(*) FROM (SELECT contact_id FROM staged_place WHERE NOT fresh ORDER BY contact_id) p, LATERAL (
  SELECT FROM crm_contact WHERE id = p.contact_id FOR NO KEY UPDATE) locked
"""
CONTACTS = f"""
INSERT INTO crm_contact (id, {", ".join(COLUMNS)}, fields, source, created_at, updated_at)
SELECT p.contact_id,
  {", ".join(f"s.{column}" if column in TYPES else f"coalesce(s.{column}, '')" for column in COLUMNS)},
  coalesce(s.fields, '{{}}'), %(source)s, %(now)s, %(now)s
FROM staged_place p JOIN staged_contact s USING (line) WHERE p.fresh
"""  # noqa: S608 - the columns are ours
# An empty cell says nothing; it never empties what is known. A zone of our own guessing
# does not replace one that somebody declared.
ALL = (*(column for column in COLUMNS if not column.startswith("zone")), "zone", "zone_source", "fields")
KEEPS_ZONE = "s.zone_source = 'workspace' OR (c.zone_source = 'contact' AND s.zone_source <> 'contact')"
WAS = ", ".join(f"n.was_{column}" for column in ALL)
NAMES = ("given_name", "family_name")


@lru_cache(maxsize=256)
def changes(kept: frozenset[str]) -> str:
    """The statement that finds who changes, `kept` being the fields of which ours stands where it says something."""
    merged = ", ".join(f"{_merged(column, kept)} AS {column}" for column in COLUMNS if not column.startswith("zone"))
    keeps_zone = KEEPS_ZONE + (" OR c.zone_source <> 'workspace'" if kept & {"timezone", "country"} else "")
    return f"""
INSERT INTO staged_change SELECT n.id, {", ".join(f"n.{column}" for column in ALL)} FROM (
  SELECT c.id, {merged},
    CASE WHEN {keeps_zone} THEN c.zone ELSE coalesce(s.zone, c.zone) END AS zone,
    CASE WHEN {keeps_zone} THEN c.zone_source ELSE coalesce(s.zone_source, c.zone_source) END AS zone_source,
    c.fields || coalesce(s.fields, '{{}}') || {OURS} AS fields,
    {", ".join(f"c.{column} AS was_{column}" for column in ALL)}
  FROM staged_place p JOIN staged_contact s USING (line),
    LATERAL (SELECT * FROM crm_contact WHERE id = p.contact_id LIMIT 1) c
  WHERE NOT p.fresh) n
WHERE ({", ".join(f"n.{column}" for column in ALL)}) IS DISTINCT FROM ({WAS})
"""  # noqa: S608 - the columns are ours


# Of the shop's own fields, those of which ours stands.
OURS = """CASE WHEN cardinality(%(keys)s::text[]) = 0 THEN '{}' ELSE coalesce((
      SELECT jsonb_object_agg(own.key, own.value) FROM jsonb_each(jsonb_strip_nulls(c.fields)) own
      WHERE own.value <> '""' AND (%(keys)s::text[] IS NULL OR own.key = ANY(%(keys)s::text[]))), '{}') END"""


def _merged(column: str, kept: frozenset[str]) -> str:
    if column == "sort_name" and kept & {*NAMES}:
        family, given = (_merged(name, kept) for name in reversed(NAMES))
        return (
            f"CASE WHEN ({family}, {given}) IS DISTINCT FROM (c.family_name, c.given_name) "
            f"THEN left(lower(trim({family} || ' ' || {given})), 250) ELSE c.sort_name END"
        )
    ours = f"c.{column}" if column in TYPES else f"nullif(c.{column}, '')"
    return f"coalesce({ours}, s.{column}, c.{column})" if column in kept else f"coalesce(s.{column}, c.{column})"


BEFORE = """
INSERT INTO crm_contactchange (contact_id, at, before, actor)
SELECT c.id, %(now)s, (
    SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(to_jsonb(c)) was
    JOIN jsonb_each(to_jsonb(n)) becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value
  ), %(actor)s
FROM staged_change n, LATERAL (SELECT * FROM crm_contact WHERE id = n.id LIMIT 1) c
"""
UPDATE = f"""
WITH changed AS (
  UPDATE crm_contact c SET {", ".join(f"{column} = n.{column}" for column in ALL)}, updated_at = %(now)s
  FROM staged_change n WHERE n.id = c.id RETURNING c.id
) INSERT INTO staged_touched SELECT id FROM changed
"""  # noqa: S608 - the columns are ours
ADDRESSES = """
WITH added AS (
  INSERT INTO crm_address (medium, value, hash, created_at)
  SELECT t.medium, t.value, t.hash, %(now)s::timestamptz FROM staged_trace t JOIN staged_place p USING (line)
  WHERE t.medium IS NOT NULL AND t.address_id IS NULL ORDER BY t.medium, t.hash
  ON CONFLICT DO NOTHING RETURNING id, medium, hash
) INSERT INTO staged_address SELECT id, medium, hash FROM added
"""
KNOWN_ADDRESSES = """
INSERT INTO staged_address
SELECT a.id, t.medium, t.hash FROM staged_trace t JOIN staged_place p USING (line), LATERAL (
  SELECT t.address_id AS id WHERE t.address_id IS NOT NULL
  UNION ALL SELECT id FROM crm_address WHERE t.address_id IS NULL AND medium = t.medium AND hash = t.hash LIMIT 1) a
WHERE t.medium IS NOT NULL AND (t.medium, t.hash) NOT IN (SELECT medium, hash FROM staged_address)
"""
# A value that two people share identifies neither, and so not a third.
IDENTIFIERS = """
WITH missing AS MATERIALIZED (
  SELECT p.contact_id, t.kind, t.value, t.medium, t.hash FROM staged_trace t JOIN staged_place p USING (line)
  WHERE t.contact_id IS DISTINCT FROM p.contact_id
), added AS (
  INSERT INTO crm_identifier (contact_id, kind, value, address_id, identifying, source, created_at)
  SELECT t.contact_id, t.kind, t.value, a.id, a.id IS NULL OR NOT EXISTS (
      SELECT FROM crm_identifier o WHERE o.address_id = a.id AND NOT o.identifying), %(source)s, %(now)s
  FROM missing t LEFT JOIN staged_address a ON a.medium = t.medium AND a.hash = t.hash
  ORDER BY t.kind, t.value ON CONFLICT DO NOTHING RETURNING contact_id
) INSERT INTO staged_touched SELECT contact_id FROM added
"""
# Every trace of a new person was claimed just now, every trace of a known one is theirs: else
# somebody else was faster with one of them.
STRAY = """
SELECT (SELECT count(*) FROM staged_trace t JOIN staged_place p USING (line) WHERE p.fresh)
  - (SELECT count(*) FROM staged_touched t JOIN staged_place p USING (contact_id) WHERE p.fresh)
  + (SELECT count(*) FROM staged_trace t JOIN staged_place p USING (line) LEFT JOIN LATERAL (
       SELECT id FROM crm_identifier WHERE contact_id = p.contact_id AND kind = t.kind AND value = t.value LIMIT 1) i
     ON true WHERE NOT p.fresh AND i.id IS NULL)
"""


JUDGED = """
SELECT s.line, CASE WHEN p.line IS NULL THEN 'rejected' WHEN p.fresh THEN 'created'
  WHEN NOT %(skips)s AND (EXISTS (SELECT FROM staged_change n WHERE n.id = p.contact_id)
    OR EXISTS (SELECT FROM staged_touched n WHERE n.contact_id = p.contact_id) OR EXISTS (
    SELECT FROM staged_trace t WHERE t.line = s.line AND NOT EXISTS (SELECT FROM crm_identifier i
      WHERE i.contact_id = p.contact_id AND i.kind = t.kind AND i.value = t.value))) THEN 'updated'
  ELSE 'unchanged' END
FROM staged_contact s LEFT JOIN staged_place p USING (line) ORDER BY s.line
"""
