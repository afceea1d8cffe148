"""Two contacts become one by hand, and for a while two again.

The merge picks fields, joins everything else (`rows.join`) and keeps what it changed (`crm.identity.journal`). Undo
puts all of it back: fields and rows that were changed again meanwhile keep their newer value. Facts that came after
the merge stay with the survivor; only what was said for an address that goes back goes back with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from crm import arrays, audit, clock, consent, duplicates, publicids, registry, timeline, workspace, zones
from crm.errors import Problem
from crm.identity import journal, rows
from crm.identity.people import COLUMNS
from crm.segments import upkeep

KEPT: Final = timedelta(days=30)
WINNER: Final = "winner"
LOSER: Final = "loser"
MERGED: Final = "Contacts Merged"
SPLIT: Final = "Contacts Separated"
# Columns of a contact that a join may change, as they stand in its pictures.
PICKED: Final = (*rows.CONTACT, "sort_name", "fields")


@dataclass(frozen=True)
class Merged:
    """One join as the page of a contact tells it."""

    number: int
    loser_id: int
    winner_id: int
    rule: str
    actor: str
    at: datetime
    undone_at: datetime | None
    until: datetime

    def can_undo(self, now: datetime) -> bool:
        return self.undone_at is None and now < self.until


def chosen(
    winner: Mapping[str, Any], loser: Mapping[str, Any], picks: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns and own fields of the survivor. Pure. What was not picked is the survivor's, and the other's where
    the survivor has nothing. Fields are picked as `fields.size`."""
    values = {name: _pick(name, winner[name], loser[name], picks) for name in COLUMNS}
    names = [*winner["fields"], *(name for name in loser["fields"] if name not in winner["fields"])]
    fields = {
        name: _pick(f"fields.{name}", winner["fields"].get(name), loser["fields"].get(name), picks) for name in names
    }
    return values, {name: value for name, value in fields.items() if value is not None}


def _pick(name: str, mine: Any, theirs: Any, picks: Mapping[str, str]) -> Any:
    empty = (None, "")
    pick = picks.get(name) or (LOSER if mine in empty and theirs not in empty else WINNER)
    return theirs if pick == LOSER else mine


def merge(winner: int, loser: int, picks: Mapping[str, str], *, actor: str, now: datetime) -> int:
    """`loser` becomes `winner`. Answers the number of the merge, by which it can be undone."""
    if winner == loser:
        raise Problem("", "same_contact", "This is one contact already.")
    with transaction.atomic():
        held = rows.hold({winner, loser}, rows.FOR_JOIN)
        if held.keys() != {winner, loser}:
            raise Problem("", "no_such_contact", "One of the two is not there any more, or was merged already.")
        _refuse_restricted([winner, loser])
        (number,) = rows.join([(loser, winner)], now, rule="person", actor=actor)
        values, fields = chosen(held[winner], held[loser], picks)
        before = _keep(winner, held[winner], values, fields, now)
        rows.note_changes([(winner, before | {"merged": publicids.encode("ctc", loser)}, actor)], now)
        rows.mark_dirty([(winner, "*"), (loser, "*")])
        with connection.cursor() as cursor:
            picked = {name: pick for name, pick in picks.items() if pick == LOSER}
            cursor.execute("UPDATE crm_contactmerge SET picked = %s::jsonb WHERE id = %s", [json.dumps(picked), number])
        journal.finish(number)
        duplicates.settle(winner, loser, actor=actor, now=now)
        _tell(MERGED, "contact.merge", number, winner, loser, [winner], actor, now)
    return number


def _refuse_restricted(contacts: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM crm_contact WHERE id = ANY(%s) AND restricted)", [list(contacts)])
        if cursor.fetchone()[0]:
            raise Problem("", "restricted", "One of the two is restricted: kept, and not used. Use them again first.")


def _keep(
    number: int, held: Mapping[str, Any], values: dict[str, Any], fields: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """The survivor's fields as they were picked. Answers how those that changed were."""
    store = rows.store_zones({values["home_store_id"]} - {None}).get(values["home_store_id"], "")
    here = workspace.current().zone
    values["zone"], values["zone_source"] = zones.resolve(
        values["timezone"], values["country"], values["postal_code"], store, here
    )
    rows.update_contacts([(number, values, fields)], now)
    before = {name: value for name, value in held.items() if name in values and values[name] != value}
    own = {name: held["fields"].get(name) for name in fields if held["fields"].get(name) != fields[name]}
    return {**before, **({"fields": own} if own else {})}


def undo(number: int, *, actor: str, now: datetime) -> Merged:
    """Two contacts again."""
    with transaction.atomic():
        found = _held(number, now)
        both = [found.loser_id, found.winner_id]
        upkeep.lock(both)
        members = _members(both)
        _contacts(found, now)
        journal.put_back(number, found.loser_id, found.winner_id, rows.tables())
        _give_back(found)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE crm_contactmerge SET undone_at = %s, undone_by = %s WHERE id = %s", [now, actor[:120], number]
            )
            cursor.execute("DELETE FROM crm_mergejournal WHERE merge_id = %s", [number])
        consent.rebuild(both)
        _recount(members, _members(both))
        for part in registry.contact_splits:
            part([(found.loser_id, found.winner_id)])
        rows.mark_dirty([(each, "*") for each in both])
        if found.rule == "person":
            duplicates.reopen(found.winner_id, found.loser_id, now)
        _tell(SPLIT, "contact.split", number, found.winner_id, found.loser_id, both, actor, now)
    return found


def of(contact_id: int, limit: int = 20) -> list[Merged]:
    """The joins that made this contact what it is, the newest first; also those that were undone."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_READ} WHERE winner_id = %s ORDER BY id DESC LIMIT %s", [contact_id, limit])
        return [_merged(row) for row in cursor.fetchall()]


def get(number: int) -> Merged | None:
    with connection.cursor() as cursor:
        cursor.execute(f"{_READ} WHERE id = %s", [number])
        row = cursor.fetchone()
        return _merged(row) if row else None


def _merged(row: tuple[Any, ...]) -> Merged:
    number, loser, winner, rule, actor, at, undone_at = row
    return Merged(number, loser, winner, rule, actor, at, undone_at, at + KEPT)


_READ: Final = "SELECT id, loser_id, winner_id, rule, actor, at, undone_at FROM crm_contactmerge"


def clean() -> int:
    """Pictures of joins that cannot be undone any more go, a batch at a time."""
    return journal.forget(clock.now() - KEPT)


def cleaning_due() -> int:
    return 0


# --- undoing -------------------------------------------------------------------------------


def _held(number: int, now: datetime) -> Merged:
    """The merge and both contacts, locked; refused when it cannot be undone (any more, or yet)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT loser_id, winner_id FROM crm_contactmerge WHERE id = %s", [number])
        pair = cursor.fetchone()
        if pair is None:
            raise Problem("", "not_found", "There is no such merge.")
        cursor.execute(
            """SELECT id, merged_into_id FROM crm_contact c WHERE id = ANY(%s) AND erased_at IS NULL
               AND NOT EXISTS (SELECT FROM crm_erasure WHERE contact_id = c.id) ORDER BY id FOR UPDATE""",
            [sorted(pair)],
        )
        into = dict(cursor.fetchall())
        cursor.execute(
            """SELECT EXISTS (SELECT FROM crm_contactmerge WHERE id > %s AND undone_at IS NULL AND rule = 'person'
                              AND winner_id = %s)""",
            [number, pair[1]],
        )
        later = cursor.fetchone()[0]
    found = get(number)
    if found is None or found.undone_at is not None:
        raise Problem("", "undone", "This was undone already.")
    if now >= found.until:
        raise Problem("", "too_late", "A merge can be undone for 30 days.")
    if pair[1] not in into or pair[0] not in into:
        raise Problem("", "no_such_contact", "One of the two is not there any more.")
    if later or into[pair[1]] is not None or into[pair[0]] != pair[1]:
        raise Problem("", "later_first", "Another merge came after it: undo that one first.")
    return found


def _contacts(found: Merged, now: datetime) -> None:
    """The fields of both as they were, but for what somebody changed since."""
    before, after = journal.contacts(found.number)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE crm_contact SET merged_into_id = NULL, updated_at = %s WHERE id = %s", [now, found.loser_id]
        )
        cursor.execute("SELECT to_jsonb(c)::text FROM crm_contact c WHERE id = %s", [found.winner_id])
        is_now = json.loads(cursor.fetchone()[0])
        was, left = before.get(found.winner_id, {}), after.get(found.winner_id, {})
        back = {name: was[name] for name in PICKED if name in left and left[name] != was[name]}
        if "fields" in back:
            back["fields"] = _fields_back(was["fields"], left["fields"], is_now["fields"])
        back = {name: value for name, value in back.items() if name == "fields" or is_now[name] == left[name]}
        sets = "".join(f", {name} = was.{name}" for name in back)
        cursor.execute(
            f"""UPDATE crm_contact c SET updated_at = %s{sets}
                FROM jsonb_populate_record(NULL::crm_contact, %s::jsonb) AS was WHERE c.id = %s""",  # noqa: S608
            [now, arrays.as_json(back), found.winner_id],
        )
    if back:
        rows.note_changes([(found.winner_id, {name: is_now[name] for name in back}, "")], now)


def _fields_back(was: Mapping[str, Any], left: Mapping[str, Any], is_now: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(is_now)
    for name in was.keys() | left.keys():
        if was.get(name) != left.get(name) and is_now.get(name) == left.get(name):
            fields.pop(name, None)
            if name in was:
                fields[name] = was[name]
    return fields


def _give_back(found: Merged) -> None:
    """What was said since then for an address that is the other's alone again belongs to the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_consentreceipt r SET contact_id = %s
               FROM crm_contactmerge m WHERE m.id = %s AND r.contact_id = %s AND r.id > m.receipt_high
                 AND r.address_id IN (SELECT address_id FROM crm_identifier WHERE contact_id = %s)
                 AND r.address_id NOT IN (SELECT address_id FROM crm_identifier
                                          WHERE contact_id = %s AND address_id IS NOT NULL)""",
            [found.loser_id, found.number, found.winner_id, found.loser_id, found.winner_id],
        )


def _members(contacts: Sequence[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT segment_id, count(*) FROM crm_segmentmember WHERE contact_id = ANY(%s) GROUP BY 1", [list(contacts)]
        )
        return dict(cursor.fetchall())


def _recount(before: Mapping[int, int], after: Mapping[int, int]) -> None:
    moved = {each: after.get(each, 0) - before.get(each, 0) for each in before.keys() | after.keys()}
    upkeep.move_counts({segment: number for segment, number in moved.items() if number})


def _tell(
    name: str, action: str, number: int, winner: int, loser: int, contacts: Sequence[int], actor: str, now: datetime
) -> None:
    told: dict[str, Any] = {
        "merge": number,
        "winner": publicids.encode("ctc", winner),
        "loser": publicids.encode("ctc", loser),
    }
    audit.record(actor, action, told["winner"], None, told)
    timeline.record([timeline.NewFact(contact, name, told, source=actor) for contact in contacts], now=now)
