"""Where the shop has ranked its sources: what a row says less surely than what is known is taken out of the row.

The set-based form of `crm.sources`: a cell that was taken out says nothing, as if it were empty. Of what is left it is
noted that this source has said it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.db import connection

from crm import sources
from crm.sources import COLUMNS, Ranking

TABLE: Final = "CREATE TEMP TABLE IF NOT EXISTS staged_held (line int, names text[]) ON COMMIT DELETE ROWS"


def hold_back(ranking: Ranking, kind: str, keep: list[str]) -> None:
    """Take out of the staged rows what somebody more believed has said otherwise. `keep`: fields ours anyway."""
    _run(_HELD, {"above": _above(ranking, kind), "keep": keep})
    _run(_TAKE_OUT, {})


def held() -> dict[int, list[str]]:
    """The fields that were taken out, by line."""
    return dict(_run("SELECT line, names FROM staged_held JOIN staged_place USING (line)", {}))


def claim(ranking: Ranking, kind: str, keep: list[str], *, overwrites: bool) -> None:
    """Note what this source says of the people of the chunk: fills, confirms or changes. Before it is written."""
    _run(_CLAIM, {"above": _above(ranking, kind), "kind": kind, "keep": keep, "overwrites": overwrites})


def _above(ranking: Ranking, kind: str) -> str:
    return json.dumps(ranking.all_above(kind))


def _said(row: str) -> str:
    """A row as `{field: value}`, own fields as `fields.x`, what is empty left out."""
    pairs = ", ".join(f"'{name}', {row}.{name}" for name in COLUMNS)
    return f"""(SELECT coalesce(jsonb_object_agg(each.key, each.value), '{{}}') FROM (
      SELECT key, value FROM jsonb_each(jsonb_build_object({pairs})) UNION ALL
      SELECT 'fields.' || key, value FROM jsonb_each(coalesce({row}.fields, '{{}}'))) each
      WHERE each.value NOT IN ('null', '""', '[]'))"""  # noqa: S608 - our own names


_WRITER: Final = f"coalesce(c.field_sources ->> told.key, {sources.origin_sql('c.source')})"
# Does what is known stand above what the row says?
_STANDS: Final = f"jsonb_exists(coalesce(%(above)s::jsonb -> told.key, %(above)s::jsonb -> ''), {_WRITER})"
_BOTH: Final = f"""
  FROM staged_place p JOIN staged_contact s USING (line),
    LATERAL (SELECT * FROM crm_contact WHERE id = p.contact_id LIMIT 1) c,
    LATERAL jsonb_each({_said("s")}) told, LATERAL (SELECT {_said("c")} -> told.key AS value) ours
"""  # noqa: S608 - our own names
_HELD: Final = f"""
INSERT INTO staged_held
SELECT p.line, array_agg(told.key ORDER BY told.key) {_BOTH}
WHERE NOT p.fresh AND ours.value <> told.value AND {_STANDS} AND told.key <> ALL(%(keep)s::text[])
GROUP BY p.line
"""
_EMPTIED: Final = ", ".join(
    f"{name} = CASE WHEN '{name}' = ANY(h.names) THEN NULL ELSE s.{name} END" for name in COLUMNS
)
_LEFT: Final = "CASE WHEN '{0}' = ANY(h.names) THEN c.{0} ELSE coalesce(s.{0}, c.{0}) END"
# Where one of the names stays, they are sorted by what they will be; where a place stays, its hours stay.
_TAKE_OUT: Final = f"""
UPDATE staged_contact s SET {_EMPTIED},
  fields = s.fields - array(SELECT substr(each, 8) FROM unnest(h.names) each WHERE starts_with(each, 'fields.')),
  sort_name = CASE WHEN h.names && '{{given_name,family_name}}' THEN
    left(lower(trim({_LEFT.format("family_name")} || ' ' || {_LEFT.format("given_name")})), 250) ELSE s.sort_name END,
  zone_source = CASE WHEN h.names && '{{timezone,country,postal_code,home_store_id}}' THEN 'workspace'
    ELSE s.zone_source END
FROM staged_held h JOIN staged_place p USING (line), LATERAL (
  SELECT given_name, family_name FROM crm_contact WHERE id = p.contact_id LIMIT 1) c
WHERE s.line = h.line
"""  # noqa: S608 - our own names
_CLAIM: Final = f"""
WITH claimed AS (
  SELECT p.contact_id, jsonb_object_agg(told.key, %(kind)s::text) AS names {_BOTH}
  WHERE p.fresh OR ours.value IS NULL OR (NOT {_STANDS}
    AND (ours.value = told.value OR (%(overwrites)s AND told.key <> ALL(%(keep)s::text[]))))
  GROUP BY p.contact_id
) UPDATE crm_contact c SET field_sources = c.field_sources || n.names FROM claimed n
WHERE c.id = n.contact_id AND NOT c.field_sources @> n.names
"""  # noqa: S608 - our own names


def _run(statement: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall()) if cursor.description else []
