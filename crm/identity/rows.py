"""The SQL of contacts, identifiers and addresses."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from crm import arrays, consent, registry, suppression
from crm.identity import claims, journal
from crm.normalise import Trace

FOR_CHANGE = "FOR NO KEY UPDATE"
FOR_JOIN = "FOR UPDATE"
FOR_USE = "FOR KEY SHARE"

CONTACT = {
    "given_name": "text",
    "family_name": "text",
    "language": "text",
    "timezone": "text",
    "zone": "text",
    "zone_source": "text",
    "country": "text",
    "region": "text",
    "city": "text",
    "postal_code": "text",
    "birth_date": "date",
    "home_store_id": "bigint",
}
IDENTIFIER = {
    "contact_id": "bigint",
    "kind": "text",
    "value": "text",
    "address_id": "bigint",
    "identifying": "boolean",
    "source": "text",
    "created_at": "timestamptz",
}


def draw_numbers(count: int) -> list[int]:
    """Contact ids before their rows: the identifiers are claimed first."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('crm_contact', 'id')) FROM generate_series(1, %s)", [count]
        )
        return [number for (number,) in cursor.fetchall()]


def put_addresses(places: Sequence[tuple[str, str]], now: datetime) -> dict[tuple[str, str], int]:
    """The ids of these (medium, value), made where they are new."""
    unique = sorted(set(places))
    arrays.insert(
        "crm_address",
        {"medium": "text", "value": "text", "hash": "text", "created_at": "timestamptz"},
        sorted(
            ((medium, value, suppression.address_hash(medium, value), now) for medium, value in unique),
            key=lambda row: (row[0], row[2]),
        ),
        conflict="(medium, hash) DO NOTHING",
    )
    ids, erased = _addresses(unique)
    if erased:
        _refill([(ids[place], place[1]) for place in erased])
    return ids


def address_ids(places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return _addresses(places)[0]


def _addresses(places: Sequence[tuple[str, str]]) -> tuple[dict[tuple[str, str], int], list[tuple[str, str]]]:
    """The ids of these, and those whose text was erased."""
    if not places:
        return {}, []
    hashes = {(medium, suppression.address_hash(medium, value)): (medium, value) for medium, value in places}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT a.medium, a.hash, a.id, a.value = '' FROM unnest(%s::text[], %s::text[]) AS n(medium, hash)
               JOIN crm_address a ON a.medium = n.medium AND a.hash = n.hash""",
            [[medium for medium, _ in hashes], [value for _, value in hashes]],
        )
        found = cursor.fetchall()
    ids = {hashes[medium, hashed]: number for medium, hashed, number, _ in found}
    return ids, [hashes[medium, hashed] for medium, hashed, _, empty in found if empty]


def _refill(texts: Sequence[tuple[int, str]]) -> None:
    """The text of addresses that had been erased, now that somebody has said them again."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_address a SET value = n.value FROM unnest(%s::bigint[], %s::text[]) AS n(id, value)
               WHERE a.id = n.id AND a.value = ''""",
            [[number for number, _ in texts], [text for _, text in texts]],
        )


def put_identifiers(claims: Sequence[tuple[int, Trace, int | None, str]], now: datetime) -> bool:
    """Claim identifiers; False when another transaction was first with one of them."""
    ordered = sorted(claims, key=lambda claim: (claim[1].kind, claim[1].value, claim[0]))
    inserted = arrays.insert(
        "crm_identifier",
        IDENTIFIER,
        [
            (number, trace.kind, trace.value, address, trace.identifying, source[:120], now)
            for number, trace, address, source in ordered
        ],
        conflict="DO NOTHING",
        returning="id",
    )
    return len(inserted) == len(claims)


def hold(numbers: Collection[int], strength: str) -> dict[int, dict[str, Any]]:
    """Lock contacts that are there (not merged away, not erased) in id order, and read them."""
    if not numbers:
        return {}
    names = [*CONTACT, "fields"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, {", ".join(names)} FROM crm_contact
                WHERE id = ANY(%s) AND merged_into_id IS NULL AND erased_at IS NULL ORDER BY id {strength}""",  # noqa: S608
            [sorted(numbers)],
        )
        held = {row[0]: dict(zip(names, row[1:], strict=True)) for row in cursor.fetchall()}
    for row in held.values():
        row["fields"] = json.loads(row["fields"]) if isinstance(row["fields"], str) else row["fields"]
    return held


def cluster(contact_id: int, strength: str = "") -> list[int]:
    """The survivor of a contact and all who were joined into it, itself first, locked if asked; without those who
    were erased."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH RECURSIVE up AS (
                  SELECT id, merged_into_id FROM crm_contact WHERE id = %s
                  UNION SELECT c.id, c.merged_into_id FROM crm_contact c JOIN up ON c.id = up.merged_into_id
                ), who AS (
                  SELECT id FROM up WHERE merged_into_id IS NULL
                  UNION SELECT c.id FROM crm_contact c JOIN who ON c.merged_into_id = who.id)
                SELECT c.id, c.merged_into_id FROM crm_contact c
                WHERE c.id IN (SELECT id FROM who) AND c.erased_at IS NULL ORDER BY c.id {strength}""",  # noqa: S608
            [contact_id],
        )
        found = cursor.fetchall()
    return [number for number, into in sorted(found, key=lambda row: row[1] is not None)]


def store_zones(numbers: Collection[int]) -> dict[int, str]:
    if not numbers:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, zone FROM crm_store WHERE id = ANY(%s)", [sorted(numbers)])
        return dict(cursor.fetchall())


def stores(codes: Collection[str]) -> dict[str, int]:
    """The ids of stores by their codes."""
    if not codes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, id FROM crm_store WHERE code = ANY(%s)", [sorted(codes)])
        return dict(cursor.fetchall())


def insert_contacts(people: Sequence[tuple[int, dict[str, Any], dict[str, Any], str]], now: datetime) -> None:
    arrays.insert(
        "crm_contact",
        {
            "id": "bigint",
            **CONTACT,
            "sort_name": "text",
            "fields": "jsonb",
            "source": "text",
            "created_at": "timestamptz",
            "updated_at": "timestamptz",
        },
        [
            (number, *(values[name] for name in CONTACT), sort_name(values), fields, source[:120], now, now)
            for number, values, fields, source in people
        ],
    )


def update_contacts(people: Sequence[tuple[int, dict[str, Any], dict[str, Any]]], now: datetime) -> None:
    if not people:
        return
    columns = {"id": "bigint", **CONTACT, "sort_name": "text", "fields": "jsonb"}
    sets = ", ".join(f"{name} = new.{name}" for name in columns if name != "id")
    rows = [
        (number, *(values[name] for name in CONTACT), sort_name(values), fields)
        for number, values, fields in sorted(people, key=lambda person: person[0])
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE crm_contact c SET {sets}, updated_at = %s
                FROM {arrays.unnest(columns)} WHERE c.id = new.id""",  # noqa: S608 - our own names
            [now, *arrays.parameters(rows, len(columns))],
        )


def written_by(numbers: Collection[int]) -> dict[int, tuple[dict[str, str], str]]:
    """Which source said each field last, and where the contact came from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, field_sources, source FROM crm_contact WHERE id = ANY(%s)", [sorted(numbers)])
        return {
            number: (json.loads(told) if isinstance(told, str) else told, source)
            for number, told, source in cursor.fetchall()
        }


def note_writers(writers: Sequence[tuple[int, dict[str, str]]]) -> None:
    columns = {"id": "bigint", "field_sources": "jsonb"}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE crm_contact c SET field_sources = new.field_sources FROM {arrays.unnest(columns)}
                WHERE c.id = new.id""",  # noqa: S608 - our own names
            arrays.parameters(sorted(writers), len(columns)),
        )


def sort_name(values: dict[str, Any]) -> str:
    return f"{values['family_name']} {values['given_name']}".strip().lower()[:250]


def note_changes(
    changes: Sequence[tuple[int, dict[str, Any], str]],
    now: datetime,
    *,
    learned: Collection[int] = (),
    silent: Collection[int] = (),
) -> None:
    """Keep what fields were, and say which changed to whom it concerns. `learned`: who is known by more than before;
    `silent`: of whom nobody is told."""
    arrays.insert(
        "crm_contactchange",
        {"contact_id": "bigint", "at": "timestamptz", "before": "jsonb", "actor": "text"},
        [(number, now, before, actor[:120]) for number, before, actor in changes],
    )
    names = {number: _names(before) for number, before, _ in changes if number not in silent}
    for number in learned:
        if number not in silent:
            names.setdefault(number, []).append("identifiers")
    tell_changes(names, now)


def tell_changes(names: Mapping[int, list[str]], now: datetime) -> None:
    """Of each contact, the names of what changed; in the transaction that changes it."""
    told = {number: sorted(set(each)) for number, each in names.items() if each}
    for listen in registry.change_listeners if told else ():
        listen(told, now)


def _names(before: Mapping[str, Any]) -> list[str]:
    """A merge is told as such; own fields by their names."""
    plain = [name.removesuffix("_id") for name in before if name not in ("fields", "merged")]
    return plain + [f"fields.{name}" for name in before.get("fields", ())]


def mark_dirty(mentions: Sequence[tuple[int, str]]) -> None:
    arrays.insert("crm_dirty", {"contact": "bigint", "mention": "text"}, sorted(set(mentions)))


# --- joining ---------------------------------------------------------------------------------

# Where winner and loser may have the same row, the loser's one goes (a table's own unique key).
TWINS = {
    "crm_identifier": "w.kind = l.kind AND w.value = l.value",
    "crm_cart": "w.key = l.key",
    "crm_segmentmember": "w.segment_id = l.segment_id",
    "crm_contacttag": "w.tag_id = l.tag_id",
    "crm_listmember": "w.list_id = l.list_id",
    "crm_groupmember": "w.group_id = l.group_id",
    "crm_wish": "true",
    "crm_evidencefile": "w.sha256 = l.sha256",
    # What both asked for and nobody has answered is answered once.
    "crm_rightsrequest": "w.kind = l.kind AND w.state = 'open' AND l.state = 'open'",
}
TABLES = {
    "crm_identifier": "contact_id",
    "crm_cart": "contact_id",
    "crm_segmentmember": "contact_id",
    "crm_contacttag": "contact_id",
    "crm_listmember": "contact_id",
    "crm_groupmember": "contact_id",
    "crm_wish": "contact_id",
    "crm_confirmation": "contact_id",
    "crm_evidencefile": "contact_id",
    "crm_consentreceipt": "contact_id",
    "crm_event": "contact_id",
    "crm_order": "contact_id",
    "crm_contactchange": "contact_id",
    "crm_segmentchange": "contact_id",
    "crm_formanswer": "contact_id",
    "crm_formseat": "contact_id",
    "crm_formletter": "contact_id",
    "crm_tillentry": "contact_id",
    "crm_dirty": "contact",
    "crm_reaction": "contact",
}


# Where both have the same row, the loser's one stays with the loser.
STAYS = {"crm_evidencefile": "w.sha256 = l.sha256"}


def tables() -> dict[str, str]:
    """Every table in which a contact stands, and the column."""
    return {**TABLES, **dict(registry.contact_tables.items())}


def merge(winner: int, loser: int, *, now: datetime) -> None:
    """Join `loser` into `winner`; for somebody known only by an anonymous id. The caller is in a transaction."""
    hold({winner, loser}, FOR_JOIN)
    join([(loser, winner)], now)


def join(pairs: Sequence[tuple[int, int]], now: datetime, rule: str = "anonymous", actor: str = "") -> list[int]:
    """All that belongs to each loser belongs to its winner; upper floors solve their collisions first.

    Answers the numbers of the joins, by which each can be undone (`crm.identity.merging`).
    """
    merges = journal.begin(pairs, rule, actor, now)
    journal.note(merges, tables())
    losers, winners = [loser for loser, _ in pairs], [winner for _, winner in pairs]
    claims.settle(losers, winners)
    for solve in registry.contact_joins:
        solve(list(pairs))
    with connection.cursor() as cursor:
        for table, column in tables().items():
            if table in TWINS:
                cursor.execute(
                    f"""DELETE FROM {table} l USING unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner), {table} w
                        WHERE l.{column} = p.loser AND w.{column} = p.winner AND {TWINS[table]}""",  # noqa: S608
                    [losers, winners],
                )
            twin = STAYS.get(table, "false")
            held = f"AND NOT EXISTS (SELECT FROM {table} w WHERE w.{column} = p.winner AND {twin})"
            cursor.execute(
                f"""UPDATE {table} l SET {column} = p.winner
                    FROM unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner)
                    WHERE l.{column} = p.loser {held if table in STAYS else ""}""",  # noqa: S608 - our own registry
                [losers, winners],
            )
        cursor.execute("UPDATE crm_reaction SET shard = contact %% 16 WHERE contact = ANY(%s)", [winners])
        # Kept and not used: so is whoever they turn out to be.
        cursor.execute(
            """UPDATE crm_contact c SET restricted = true FROM unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner)
               JOIN crm_contact w ON w.id = p.winner JOIN crm_contact l ON l.id = p.loser
               WHERE (w.restricted OR l.restricted) AND c.id IN (p.loser, p.winner) AND NOT c.restricted""",
            [losers, winners],
        )
        cursor.execute(
            """UPDATE crm_contact c SET merged_into_id = p.winner, updated_at = %s
               FROM unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner)
               WHERE c.id = p.loser OR c.merged_into_id = p.loser""",
            [now, losers, winners],
        )
        cursor.execute("SELECT DISTINCT contact_id FROM crm_consentstate WHERE contact_id = ANY(%s)", [losers])
        told = [number for (number,) in cursor.fetchall()]
    if told:
        consent.rebuild([*told, *(winner for loser, winner in pairs if loser in told)])
    journal.settle(merges, tables())
    return merges
