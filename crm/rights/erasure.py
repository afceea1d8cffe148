"""Somebody is erased: nothing says any more who it was, and every sum stays what it was.

`ask` ends all processing at once: nothing queued goes out, no journey goes on. A round does the rest as soon as no
message of theirs is on the wire, in one transaction: rows go or are emptied (`crm.rights.treatment`), the contact
stays as an empty row for what is counted, and each address becomes its HMAC, by which an import that brings it again
is refused. Whoever comes back by themselves is somebody new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from crm import audit, bell, clock, deadlocks, publicids, registry, suppression
from crm.errors import Problem
from crm.identity import claims, kept_out, removal, rows
from crm.models import Erasure, RightsRequest
from crm.rights import clues, files
from crm.rights.treatment import SWEPT, TREATED, Swept, Treated

ROUND: Final = "crm.erasures"
LOOKED: Final = 20


@dataclass(frozen=True)
class Who:
    """Somebody and all they were merged from, with what they were known by: (kind, value, address or None)."""

    people: list[int]
    known_by: list[tuple[str, str, int | None]]

    @property
    def params(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "names": [publicids.encode("ctc", number) for number in self.people],
            "clues": clues.pattern((kind, value) for kind, value, _ in self.known_by),
        }


@deadlocks.patiently
def ask(contact_id: int, *, actor: str, via: str, now: datetime) -> Erasure:
    """End all processing now, and erase as soon as nothing of theirs is on the wire. Raises Problem."""
    people = rows.cluster(contact_id, rows.FOR_JOIN)
    if not people:
        raise Problem("", "no_such_contact", "This contact is not there any more.")
    number = people[0]
    erasure, fresh = Erasure.objects.get_or_create(
        contact_id=number, defaults={"asked_at": now, "asked_by": actor[:120], "via": via}
    )
    if not fresh:
        return erasure
    for stop in registry.contact_stops:
        stop(people, now)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_contact SET restricted = true, archived_at = coalesce(archived_at, %s), updated_at = %s
               WHERE id = ANY(%s)""",
            [now, now, people],
        )
    rows.mark_dirty([(each, "*") for each in people])
    audit.record(actor, "contact.erase", publicids.encode("ctc", number), None, {"via": via})
    bell.ring(ROUND)
    return erasure


def work() -> int:
    """Erase those who wait; whoever has a message on the wire is looked at again. Answers how many went."""
    waiting = Erasure.objects.filter(state=Erasure.State.WAITING).order_by("pk").values_list("pk", flat=True)
    return sum(_finish(number) for number in waiting[:LOOKED])


def finish(contact_id: int) -> bool:
    """Erase one who waits, now. Answers whether nothing is left of them."""
    number = (
        Erasure.objects.filter(contact=contact_id, state=Erasure.State.WAITING).values_list("pk", flat=True).first()
    )
    return number is not None and bool(_finish(number))


def clues_of(contact_id: int) -> str:
    """The pattern by which traces of somebody are found (`crm.rights.walk`), to be asked before they are erased."""
    with transaction.atomic():
        people = rows.cluster(contact_id, rows.FOR_JOIN)
        return str(Who(people, _known_by(people)).params["clues"])


def pending() -> int:
    return Erasure.objects.filter(state=Erasure.State.WAITING).count()


def treated() -> list[Treated | Swept]:
    """Every table, in the order in which they are treated: what hangs on other rows before those go."""
    upper = [each for part in reversed(list(registry.erasures)) for each in part]
    return [*upper, *TREATED, *SWEPT]


@deadlocks.patiently
def _finish(number: int) -> int:
    erasure = Erasure.objects.select_for_update(skip_locked=True).filter(pk=number, state="waiting").first()
    if erasure is None:
        return 0
    people = rows.cluster(erasure.contact_id, rows.FOR_JOIN)
    if removal.on_the_wire(people):
        return 0
    who = Who(people, _known_by(people))
    removed, emptied = _treat(who)
    _addresses(who, clock.now())
    claims.withdraw([(kind, value) for kind, value, _ in who.known_by])
    now = clock.now()
    gone = files.forget(people, who.params["clues"])
    # Whatever else they asked: there is nothing left to answer about.
    RightsRequest.objects.filter(contact__in=people, state="open").update(
        state="done", settled_at=now, settled_by=erasure.asked_by
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE crm_contact SET erased_at = %s, restricted = true, updated_at = %s WHERE id = ANY(%s)",
            [now, now, people],
        )
    for listen in registry.erasure_listeners:
        listen(people, now)
    audit.record("erasure", "contact.erased", publicids.encode("ctc", people[0]), None, {"files": gone})
    Erasure.objects.filter(pk=number).update(state="done", done_at=now, removed=removed, emptied=emptied)
    return 1


def _known_by(people: Sequence[int]) -> list[tuple[str, str, int | None]]:
    """What they are known by, and every address that was ever said or written to of theirs. What a page only claimed
    of them may be somebody else's."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT i.kind, i.value, i.address_id FROM crm_identifier i WHERE i.contact_id = ANY(%(people)s)
                 AND NOT {claims.IS_ONE.format("i")}
               UNION SELECT a.medium, a.value, a.id FROM crm_address a WHERE a.value <> '' AND a.id IN (
                 SELECT address_id FROM crm_consentreceipt WHERE contact_id = ANY(%(people)s)
                 UNION SELECT address_id FROM crm_confirmation WHERE contact_id = ANY(%(people)s)
                 UNION SELECT address_id FROM channels_message WHERE contact_id = ANY(%(people)s))""",  # noqa: S608
            {"people": list(people)},
        )
        return [(kind, value, address) for kind, value, address in cursor.fetchall()]


def _treat(who: Who) -> tuple[dict[str, int], dict[str, int]]:
    """How many rows went, and how many were emptied, by table."""
    removed: Counter[str] = Counter()
    emptied: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for each in treated():
            if each.empty == {}:
                continue
            cursor.execute(each.statement, who.params)
            if cursor.rowcount > 0:
                (removed if each.empty is None else emptied)[each.table] += cursor.rowcount
    return dict(removed), dict(emptied)


def _addresses(who: Who, now: datetime) -> None:
    """Addresses that nobody else has become their HMAC, and are not written to again."""
    numbers = sorted({address for _, _, address in who.known_by if address is not None})
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT medium, hash, id FROM crm_address a WHERE id = ANY(%s)
               AND NOT EXISTS (SELECT FROM crm_identifier i WHERE i.address_id = a.id) ORDER BY id FOR UPDATE""",
            [numbers],
        )
        free = cursor.fetchall()
        cursor.execute("UPDATE crm_address SET value = '' WHERE id = ANY(%s)", [[number for *_, number in free]])
    places = {(medium, hashed) for medium, hashed, _ in free}
    for kind, value, address in who.known_by:
        if address is None and kind in kept_out.KINDS:
            places.add(kept_out.place(kind, value))
    for medium in sorted({medium for medium, _ in places}):
        hashes = sorted(hashed for each, hashed in places if each == medium)
        suppression.suppress(medium, hashes, kept_out.REASON, source="erasure", now=now)


def broken() -> list[tuple[Any, ...]]:
    """Rows that still say something of somebody who was erased (invariant I14)."""
    erased = "ANY(ARRAY(SELECT id FROM crm_contact WHERE erased_at IS NOT NULL))"
    asked = [
        f"SELECT '{each.table}', count(*) FROM {each.table} t WHERE ({_of(each, erased)}) AND NOT ({each.done})"  # noqa: S608
        for each in treated()
        if isinstance(each, Treated) and not each.queue and each.empty != {}
    ]  # fmt: skip
    asked.append(_WRITTEN)
    found = []
    with connection.cursor() as cursor:
        for each in asked:
            cursor.execute(each.replace("%%", "%"))
            table, count = cursor.fetchone()
            if count:
                found.append((table, count, "rows of people who were erased"))
    return found


def _of(each: Treated, erased: str) -> str:
    return each.who.replace("ANY(%(people)s)", erased)


# An address that was erased, is nobody's now, and stands in clear again.
_WRITTEN: Final = """
SELECT 'crm_address', count(*) FROM crm_suppression s JOIN crm_address a ON a.medium = s.medium AND a.hash = s.hash
WHERE s.reason = 'erased' AND s.until IS NULL AND a.value <> ''
  AND NOT EXISTS (SELECT FROM crm_identifier i WHERE i.address_id = a.id)"""
