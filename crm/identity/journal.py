"""What a join changes, kept so that it can be undone: which rows moved, and how those were that changed or went.

One row of the journal per join and table. Before a join `note()` takes the ids of the loser's rows and, of tables
where a join may do more than rewrite whose row it is, pictures of the rows of both; after it `settle()` keeps of the
pictures only those that differ. `put_back()` does the reverse: ids go back, and a picture is put back where the row
still is as the join left it. The number of statements depends on the tables alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection

from crm import arrays, registry

# Tables of this floor in which a join may take rows away or change more than the contact: every row is pictured.
IMAGES: Final = {
    "crm_identifier": "true",
    "crm_cart": "true",
    "crm_segmentmember": "true",
    "crm_contacttag": "true",
    "crm_listmember": "true",
    "crm_groupmember": "true",
    "crm_wish": "true",
}
# Where the contact is the key itself.
KEYS: Final = {"analytics_contactstage": "contact_id"}
# Queues of what is to be looked at: nothing to undo, both are looked at anew.
QUEUES: Final = frozenset({"crm_dirty", "crm_reaction"})


def images() -> dict[str, str]:
    return {**IMAGES, **dict(registry.contact_images.items())}


def begin(pairs: Sequence[tuple[int, int]], rule: str, actor: str, now: datetime) -> list[int]:
    """The joins themselves, `(loser, winner)`; contacts are locked, so no receipt of theirs comes in meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_contactmerge (loser_id, winner_id, rule, actor, at, receipt_high)
               SELECT p.loser, p.winner, %s, %s, %s, coalesce((
                   SELECT max(id) FROM crm_consentreceipt WHERE contact_id IN (p.loser, p.winner)), 0)
               FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS p(loser, winner, place) ORDER BY place
               RETURNING id""",
            [rule, actor[:120], now, [loser for loser, _ in pairs], [winner for _, winner in pairs]],
        )
        return sorted(number for (number,) in cursor.fetchall())


def note(merges: Sequence[int], tables: dict[str, str]) -> None:
    """Before the join: which rows are the loser's, and how those of both look."""
    pictured = images()
    parts = [_moving(table, column, pictured.get(table)) for table, column in tables.items() if table not in QUEUES]
    parts += [_standing(table, key) for table, key in KEYS.items() if table in pictured]
    parts.append(
        """SELECT m.id, 'crm_contact', array(SELECT c.id FROM crm_contact c WHERE c.merged_into_id = m.loser_id),
                  (SELECT jsonb_agg(to_jsonb(c)) FROM crm_contact c WHERE c.id IN (m.winner_id, m.loser_id))
           FROM mine m"""
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH mine AS MATERIALIZED (SELECT id, winner_id, loser_id FROM crm_contactmerge WHERE id = ANY(%s)),
                     found (merge_id, "table", moved, before) AS ({" UNION ALL ".join(parts)})
                INSERT INTO crm_mergejournal (merge_id, "table", moved, before, after)
                SELECT merge_id, "table", coalesce(moved, '{{}}'), coalesce(before, '[]'), '[]' FROM found
                WHERE moved <> '{{}}' OR before IS NOT NULL""",  # noqa: S608 - our own names
            [list(merges)],
        )


def _moving(table: str, column: str, picture: str | None) -> str:
    """One table: the ids that will move; with a `picture` (which rows), the rows of both."""
    moved = f"array(SELECT t.id FROM {table} t WHERE t.{column} = m.loser_id ORDER BY t.id)"  # noqa: S608
    if picture is None:
        return f"SELECT m.id, '{table}', {moved}, NULL::jsonb FROM mine m"  # noqa: S608
    return f"""SELECT m.id, '{table}', {moved}, (SELECT jsonb_agg(to_jsonb(t) ORDER BY t.id) FROM {table} t
               WHERE t.{column} = ANY(ARRAY[m.winner_id, m.loser_id]) AND ({picture})) FROM mine m"""  # noqa: S608


def _standing(table: str, key: str) -> str:
    return f"""SELECT m.id, '{table}', '{{}}'::bigint[], (SELECT jsonb_agg(to_jsonb(t)) FROM {table} t
               WHERE t.{key} = ANY(ARRAY[m.winner_id, m.loser_id])) FROM mine m"""  # noqa: S608


def settle(merges: Sequence[int], tables: dict[str, str]) -> None:
    """After the join: of the pictures only those that differ from what is there now, with how that looks."""
    pictured = images()
    columns = {table: f"- '{tables[table]}'" for table in pictured if table in tables}
    columns |= {table: "" for table in KEYS if table in pictured}
    parts = []
    for table, moves in columns.items():
        key = KEYS.get(table, "id")
        parts.append(
            f"""SELECT j.id, jsonb_agg(b.row) AS before,
                       jsonb_agg(to_jsonb(t)) FILTER (WHERE t.{key} IS NOT NULL) AS after
                FROM crm_mergejournal j CROSS JOIN jsonb_array_elements(j.before) AS b(row)
                LEFT JOIN {table} t ON t.{key} = (b.row->>'{key}')::bigint
                WHERE j.merge_id = ANY(%s) AND j."table" = '{table}'
                  AND (t.{key} IS NULL OR to_jsonb(t) {moves} <> b.row {moves}) GROUP BY j.id"""  # noqa: S608
        )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH changed AS ({" UNION ALL ".join(parts)})
                UPDATE crm_mergejournal j SET before = coalesce(c.before, '[]'), after = coalesce(c.after, '[]')
                FROM crm_mergejournal mine LEFT JOIN changed c ON c.id = mine.id
                WHERE j.id = mine.id AND mine.merge_id = ANY(%s) AND mine."table" <> 'crm_contact'""",  # noqa: S608
            [*[list(merges)] * len(parts), list(merges)],
        )
        cursor.execute(
            "DELETE FROM crm_mergejournal WHERE merge_id = ANY(%s) AND moved = '{}' AND before = '[]'", [list(merges)]
        )


def finish(merge: int) -> None:
    """How the two contacts themselves look when all is done: what is different later was changed later."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_mergejournal j
               SET after = (SELECT jsonb_agg(to_jsonb(c)) FROM crm_contact c WHERE c.id IN (m.winner_id, m.loser_id))
               FROM crm_contactmerge m WHERE m.id = j.merge_id AND j.merge_id = %s AND j."table" = 'crm_contact'""",
            [merge],
        )


def contacts(merge: int) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """How the contacts were before the join, and as it left them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT before::text, after::text FROM crm_mergejournal
               WHERE merge_id = %s AND "table" = 'crm_contact'""",
            [merge],
        )
        row = cursor.fetchone() or ("[]", "[]")
    before, after = ({int(each["id"]): each for each in json.loads(text)} for text in row)
    return before, after


def put_back(merge: int, loser: int, winner: int, tables: dict[str, str]) -> None:
    """All as it was: what moved and is still the winner's goes back; then what was changed or taken away."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT "table", moved, before::text, after::text FROM crm_mergejournal WHERE merge_id = %s', [merge]
        )
        found = {table: (moved, before, after) for table, moved, before, after in cursor.fetchall()}
        for table in (each for each in tables if each in found and found[each][0]):
            cursor.execute(
                f"""UPDATE {table} SET {tables[table]} = %s
                    WHERE {tables[table]} = %s AND id = ANY(%s::bigint[])""",  # noqa: S608
                [loser, winner, arrays.numbers(found[table][0])],
            )
        # Only now: a run that was ended may be active again when the other one is not in its place any more.
        for table in (each for each in (*tables, *KEYS) if each in found):
            _restore(table, tables.get(table, ""), *found[table][1:])
        # Who had been joined to the loser before is theirs again.
        earlier: list[int] = found.get("crm_contact", ([],))[0]
        cursor.execute("UPDATE crm_contact SET merged_into_id = %s WHERE id = ANY(%s::bigint[])",
                       [loser, arrays.numbers(earlier)])  # fmt: skip
        cursor.execute(
            "UPDATE crm_reaction SET contact = %s, shard = %s WHERE contact = %s AND event = ANY(%s::bigint[])",
            [loser, loser % 16, winner, arrays.numbers(found.get("crm_event", ([],))[0])],
        )


def _restore(table: str, column: str, before: str, after: str) -> None:
    """Rows as they were before, where they are as the join left them; those it took away are there again."""
    if before == "[]":
        return
    key, moves = KEYS.get(table, "id"), f"- '{column}'" if column else ""
    names = _columns(table)
    sets = ", ".join(f'"{name}" = was."{name}"' for name in names if name != key)
    listed = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE {table} t SET {sets} FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb) AS was
                WHERE t.{key} = was.{key} AND EXISTS (
                  SELECT FROM jsonb_array_elements(%s::jsonb) AS left_as(row)
                  WHERE (left_as.row->>'{key}')::bigint = t.{key}
                    AND left_as.row {moves} = to_jsonb(t) {moves})""",  # noqa: S608
            [before, after],
        )
        cursor.execute(
            f"""INSERT INTO {table} ({listed})
                SELECT {", ".join(f'was."{name}"' for name in names)}
                FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb) AS was
                WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(%s::jsonb) AS left_as(row)
                                  WHERE (left_as.row->>'{key}')::bigint = was.{key})
                ON CONFLICT DO NOTHING""",  # noqa: S608
            [before, after],
        )


def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
               AND attgenerated = '' ORDER BY attnum""",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]


def forget(before: datetime, limit: int = 1000) -> int:
    """Joins that are too old to be undone leave only that they were made. One batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM crm_mergejournal WHERE id IN (
                 SELECT j.id FROM crm_mergejournal j JOIN crm_contactmerge m ON m.id = j.merge_id
                 WHERE m.at < %s ORDER BY j.id LIMIT %s)""",
            [before, limit],
        )
        return int(cursor.rowcount)
