"""Who may be the same person: pairs looked for in SQL, scored by what they have in common.

A pair is only looked at where something brings two people together: an address or phone that both have, the same
day of birth or post code with names alike (`pg_trgm`), or e-mails alike before the @. `rapidfuzz` then says how
alike the names are. The round looks at contacts that are new or changed since the last look, so its work is
proportional to what changed. The one writer of Duplicate and DuplicateLook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from rapidfuzz import fuzz

from crm import arrays, audit, clock, folding, publicids
from crm.models import Duplicate

ROUND: Final = "crm.duplicates"
BATCH: Final = 300
# Numbers are drawn before they are committed: the last few are looked at once more.
OVERLAP: Final = 100
# A phone that more people than this have is a shop's or a switchboard's, and tells nothing.
SHARED_BY: Final = 12
BLOCK: Final = 25
# From here on a pair is shown.
ENOUGH: Final = 60
ALIKE: Final = 75
CODES: Final = ("same_email", "same_phone", "names", "same_birth_date", "same_postal_code", "email_alike")
# Local parts that stand for an office, not for a person.
OFFICES: Final = ("info", "admin", "office", "contact", "hello", "ventas", "sales", "mail", "test", "shop", "pedidos")
LOCAL: Final = "replace(split_part(split_part({}, '@', 1), '+', 1), '.', '')"


@dataclass(frozen=True)
class Traits:
    """What two people are compared by."""

    name: str = ""
    birth_date: date | None = None
    postal_code: str = ""
    known: frozenset[tuple[str, str]] = frozenset()  # kind and value

    @property
    def locals(self) -> set[str]:
        parts = {value.split("@")[0].split("+")[0].replace(".", "") for kind, value in self.known if kind == "email"}
        return {part for part in parts if len(part) >= 5 and part not in OFFICES}


@dataclass(frozen=True)
class Pair:
    a: int
    b: int
    score: int
    reasons: list[dict[str, Any]]


# --- scoring: pure -------------------------------------------------------------------------


def score(one: Traits, other: Traits) -> tuple[int, list[dict[str, Any]]]:
    """0 to 99, and what speaks for it."""
    reasons: list[dict[str, Any]] = []
    points = 0
    for kind in sorted({each[0] for each in one.known & other.known}):
        reasons.append({"code": f"same_{kind}"})
        points += 50
    if one.locals & other.locals:
        reasons.append({"code": "email_alike"})
        points += 35
    percent = _names(one.name, other.name)
    if percent >= ALIKE:
        reasons.append({"code": "names", "percent": percent})
        points += round((percent - 60) * 45 / 40)
    if one.birth_date and one.birth_date == other.birth_date:
        reasons.append({"code": "same_birth_date"})
        points += 30
    elif one.birth_date and other.birth_date:
        points -= 25
    if one.postal_code and one.postal_code == other.postal_code:
        reasons.append({"code": "same_postal_code"})
        points += 15
    return max(0, min(99, points)), reasons


def _names(one: str, other: str) -> int:
    if not one or not other:
        return 0
    return round(fuzz.token_sort_ratio(folding.fold(one), folding.fold(other)))


def words(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    """Reasons as people read them."""
    said = {
        "same_email": _("same e-mail"),
        "same_phone": _("same phone"),
        "email_alike": _("e-mails alike before the @"),
        "same_birth_date": _("same birth date"),
        "same_postal_code": _("same postal code"),
    }
    return [
        _("names %(percent)s %% alike") % {"percent": each["percent"]}
        if each["code"] == "names"
        else str(said.get(each["code"], each["code"]))
        for each in reasons
    ]


# --- looking -------------------------------------------------------------------------------

BLOCKS: Final = f"""
WITH mine AS (
  SELECT c.id, cauce_fold(c.sort_name) AS name, c.birth_date, c.postal_code FROM crm_contact c
  WHERE c.id = ANY(%s) AND c.merged_into_id IS NULL AND c.archived_at IS NULL AND NOT c.restricted)
SELECT mine.id, o.id FROM mine JOIN crm_identifier i ON i.contact_id = mine.id AND i.kind IN ('email', 'phone')
  CROSS JOIN LATERAL (
    SELECT contact_id AS id FROM crm_identifier WHERE address_id = i.address_id AND i.address_id IS NOT NULL
      AND contact_id <> mine.id LIMIT {SHARED_BY + 1}) o
UNION
SELECT mine.id, o.id FROM mine JOIN crm_identifier i ON i.contact_id = mine.id AND i.kind = 'email'
  AND i.address_id IS NOT NULL
  CROSS JOIN LATERAL (
    SELECT contact_id AS id FROM crm_identifier l WHERE l.kind = 'email' AND {LOCAL.format("l.value")}
      = {LOCAL.format("i.value")} AND l.contact_id <> mine.id AND l.address_id IS NOT NULL LIMIT {BLOCK}) o
  WHERE length({LOCAL.format("i.value")}) >= 5 AND {LOCAL.format("i.value")} <> ALL(%s)
UNION
SELECT mine.id, o.id FROM mine CROSS JOIN LATERAL (
    SELECT c.id FROM crm_contact c WHERE c.birth_date = mine.birth_date AND c.id <> mine.id
      AND c.merged_into_id IS NULL AND similarity(cauce_fold(c.sort_name), mine.name) > 0.3 LIMIT {BLOCK}) o
  WHERE mine.birth_date IS NOT NULL AND mine.name <> ''
UNION
SELECT mine.id, o.id FROM mine CROSS JOIN LATERAL (
    SELECT c.id FROM crm_contact c WHERE c.postal_code = mine.postal_code AND c.postal_code <> '' AND c.id <> mine.id
      AND c.merged_into_id IS NULL AND similarity(cauce_fold(c.sort_name), mine.name) > 0.6 LIMIT {BLOCK}) o
  WHERE mine.postal_code <> '' AND mine.name <> ''
"""  # noqa: S608 - our own words

TRAITS: Final = """
SELECT c.id, trim(c.given_name || ' ' || c.family_name), c.birth_date, c.postal_code,
       array(SELECT i.kind || ' ' || i.value FROM crm_identifier i
             WHERE i.contact_id = c.id AND i.kind IN ('email', 'phone') AND i.address_id IS NOT NULL
             ORDER BY i.id LIMIT 20)
FROM crm_contact c WHERE c.id = ANY(%s) AND c.merged_into_id IS NULL AND c.archived_at IS NULL AND NOT c.restricted
"""


def traits(contact_ids: Iterable[int]) -> dict[int, Traits]:
    with connection.cursor() as cursor:
        cursor.execute(TRAITS, [sorted(set(contact_ids))])
        return {
            number: Traits(name, born, post, frozenset(tuple(each.split(" ", 1)) for each in known))
            for number, name, born, post, known in cursor.fetchall()
        }


def pairs(contact_ids: Sequence[int]) -> list[Pair]:
    """The pairs these contacts are in. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(BLOCKS, [list(contact_ids), list(OFFICES)])
        blocks = {(min(pair), max(pair)) for pair in cursor.fetchall()}
    known = traits({each for pair in blocks for each in pair})
    found = []
    for a, b in sorted(blocks):
        if a in known and b in known:
            points, reasons = score(known[a], known[b])
            if points >= ENOUGH:
                found.append(Pair(a, b, points, reasons))
    return found


def look(contact_ids: Sequence[int], now: datetime) -> int:
    """Bring the open pairs of these contacts up to date; what somebody decided stays decided. Answers how many."""
    if not contact_ids:
        return 0
    found = pairs(contact_ids)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM crm_duplicate WHERE state = 'open' AND (a_id = ANY(%s) OR b_id = ANY(%s))
               AND NOT (a_id, b_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))""",
            [list(contact_ids), list(contact_ids), [pair.a for pair in found], [pair.b for pair in found]],
        )
        arrays.insert(
            "crm_duplicate",
            {"a_id": "bigint", "b_id": "bigint", "score": "int", "reasons": "jsonb", "state": "text",
             "found_at": "timestamptz", "decided_by": "text"},
            [(pair.a, pair.b, pair.score, pair.reasons, "open", now, "") for pair in found],
            conflict="""(a_id, b_id) DO UPDATE SET score = excluded.score, reasons = excluded.reasons
                        WHERE crm_duplicate.state = 'open'""",
        )  # fmt: skip
    return len(found)


def work() -> int:
    """One batch of those who are new or changed. Nobody waits for it, so a tick does one and a drain goes on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO crm_duplicatelook (id, identifier, change) VALUES (1, 0, 0) ON CONFLICT DO NOTHING")
        cursor.execute("SELECT identifier, change FROM crm_duplicatelook WHERE id = 1 FOR UPDATE SKIP LOCKED")
        row = cursor.fetchone()
        if row is None:  # another worker looks
            return 0
        contacts: set[int] = set()
        reached = []
        for table, last in (("crm_identifier", row[0]), ("crm_contactchange", row[1])):
            cursor.execute(f"SELECT coalesce(max(id), 0) > %s FROM {table}", [last])  # noqa: S608 - our own names
            upto, mine = last, []
            if cursor.fetchone()[0]:
                cursor.execute(
                    f"SELECT id, contact_id FROM {table} WHERE id > %s ORDER BY id LIMIT %s",  # noqa: S608
                    [max(last - OVERLAP, 0), BATCH + OVERLAP],
                )
                mine = cursor.fetchall()
                upto = max([last, *(number for number, _ in mine)])
            contacts |= {contact for _, contact in mine}
            reached.append(upto)
        if contacts:
            look(sorted(contacts), clock.now())
            cursor.execute("UPDATE crm_duplicatelook SET identifier = %s, change = %s WHERE id = 1", reached)
    return 0


def pending() -> int:
    return 0


# --- deciding ------------------------------------------------------------------------------


def decide(number: int, state: str, *, actor: str, now: datetime) -> Duplicate | None:
    """Dismiss an open pair, or open a dismissed one again. None when it is not in the other state (any more)."""
    before = {"dismissed": "open", "open": "dismissed"}[state]
    with transaction.atomic():
        row = Duplicate.objects.select_for_update().filter(pk=number, state=before).first()
        if row is None:
            return None
        row.state = state
        row.decided_at, row.decided_by = (now, actor[:120]) if state == "dismissed" else (None, "")
        row.save(update_fields=["state", "decided_at", "decided_by"])
        both = {"a": publicids.encode("ctc", row.a_id), "b": publicids.encode("ctc", row.b_id)}
        audit.record(actor, f"duplicate.{'dismiss' if state == 'dismissed' else 'reopen'}", both["a"], None, both)
    return row


def settle(winner: int, loser: int, *, actor: str, now: datetime) -> None:
    """The two became one: their pair is decided, and other pairs of the one that is gone are looked for anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_duplicate SET state = 'merged', decided_at = %s, decided_by = %s
               WHERE a_id = %s AND b_id = %s""",
            [now, actor[:120], min(winner, loser), max(winner, loser)],
        )
        cursor.execute("DELETE FROM crm_duplicate WHERE state = 'open' AND (a_id = %s OR b_id = %s)", [loser, loser])
    look([winner], now)


def reopen(winner: int, loser: int, now: datetime) -> None:
    """They are two again: their pair is undecided."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_duplicate SET state = 'open', decided_at = NULL, decided_by = ''
               WHERE state = 'merged' AND a_id = %s AND b_id = %s""",
            [min(winner, loser), max(winner, loser)],
        )
    look([winner, loser], now)


def open_of(contact_id: int) -> dict[int, list[dict[str, Any]]]:
    """Who may be the same as this one: contact -> reasons, the likeliest first."""
    rows = Duplicate.objects.filter(Q(a=contact_id) | Q(b=contact_id), state="open").order_by("-score")[:8]
    return {row.b_id if row.a_id == contact_id else row.a_id: row.reasons for row in rows}


# --- while somebody types ------------------------------------------------------------------

TYPED: Final = f"""
SELECT i.contact_id FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
  CROSS JOIN LATERAL (SELECT contact_id FROM crm_identifier WHERE kind = t.kind AND value = t.value AND identifying
    UNION ALL (SELECT contact_id FROM crm_identifier WHERE kind = t.kind AND value = t.value AND NOT identifying
               AND address_id IS NOT NULL LIMIT {SHARED_BY})) i
UNION
SELECT i.contact_id FROM unnest(%s::text[]) AS t(local) CROSS JOIN LATERAL (
    SELECT l.contact_id FROM crm_identifier l WHERE l.kind = 'email' AND {LOCAL.format("l.value")} = t.local
      AND l.address_id IS NOT NULL LIMIT {BLOCK}) i
UNION
(SELECT id FROM crm_contact WHERE birth_date = %s AND merged_into_id IS NULL
   AND similarity(cauce_fold(sort_name), %s) > 0.3 LIMIT {BLOCK})
UNION
(SELECT id FROM crm_contact WHERE %s <> '' AND postal_code = %s AND merged_into_id IS NULL
   AND similarity(cauce_fold(sort_name), %s) > 0.6 LIMIT {BLOCK})
"""  # noqa: S608 - our own words


def like(typed: Traits, without: int | None = None, limit: int = 3) -> list[tuple[int, int, list[dict[str, Any]]]]:
    """Whom what somebody types may be: (contact, score, reasons), the likeliest first. Two queries."""
    known = sorted(typed.known)
    backwards = " ".join(reversed(typed.name.split(" ", 1)))
    name = folding.fold(backwards)
    with connection.cursor() as cursor:
        cursor.execute(
            TYPED,
            [[kind for kind, _ in known], [value for _, value in known], sorted(typed.locals),
             typed.birth_date, name, typed.postal_code, typed.postal_code, name],
        )  # fmt: skip
        ids = {number for (number,) in cursor.fetchall()} - {without}
    if not ids:
        return []
    found = [(number, *score(typed, other)) for number, other in traits(ids).items()]
    # A whole address that is theirs is worth saying whatever else was typed.
    near = [each for each in found if each[1] >= ENOUGH - 10]
    return sorted(near, key=lambda each: (-each[1], each[0]))[:limit]
