"""Consent: what people said is recorded here and nowhere else, and asked here by everybody.

Receipts are the proof (append-only, chained), states are their fold. A statement is one
transaction: contact rows are locked in id order, then address rows in id order (the same
rows a hand-off locks), and only then is the clock read (decision B5). What takes a
permission away is told to `registry.withdrawal_listeners` in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from crm import (
    arrays,
    confirmations,
    errors,
    moments,
    permission,
    places,
    reach,
    receipts,
    registry,
    replay,
    timeline,
    words,
)
from crm.permission import (
    NOTHING,
    Allow,
    Deny,
    Folded,
    Key,
    Said,
    Standing,
    Statement,
    Withdrawal,
    decide,
    fold,
    problems,
)
from crm.places import Ledger
from crm.standings import allowed_sql, purpose_of
from crm.standings import ask as standings_of

__all__ = [
    "Allow",
    "Deny",
    "Folded",
    "Key",
    "Recorded",
    "Said",
    "Standing",
    "Statement",
    "Withdrawal",
    "allowed",
    "allowed_sql",
    "bind",
    "decide",
    "fold",
    "problems",
    "purpose_of",
    "rebuild",
    "record",
    "standings",
]

# What ends a permission that may have been there: queued messages go. One that ran out ends for this person
# alone, not for all who hold the address; the hand-off looks at its end.
ENDING = (*permission.NO, "paused")


@dataclass(frozen=True)
class Recorded:
    """What one statement came to. Without an address it may have made several receipts."""

    receipt_id: int
    state: str
    contact_id: int
    purpose: str
    channel: str
    folded: Folded
    recorded_at: datetime
    receipt_ids: tuple[int, ...]
    address_ids: tuple[int | None, ...]


def standings(keys: Sequence[Key]) -> dict[Key, Standing]:
    """The standing of each (contact, address, purpose, channel): ONE query."""
    return standings_of(keys)


def allowed(
    contact_id: int, purpose: str, channel: str, at: datetime, message_class: str = "marketing"
) -> Allow | Deny:
    """May a message of this class go to this contact? Asked of the address it would go to."""
    purpose = purpose_of(purpose, message_class)
    found = reach.addresses([contact_id], channel, purpose, message_class, at).get(contact_id)
    key = (contact_id, found.address_id if found else None, purpose, channel)
    return decide(standings([key])[key], message_class, at)


def record(statements: Sequence[Statement], *, now: datetime) -> list[Recorded]:
    """Record what people said. One answer per statement, in order.

    With `address_id` a statement is about that address. Without, a yes or a no covers
    the addresses the contact has for the channel now; while there is none it waits and
    binds to the first one that is added (`bind`). An objection without one covers those they
    have and those they will have.
    """
    wrong = [
        problem.under(f"/{index}")
        for index, statement in enumerate(statements)
        for problem in problems(statement, now + moments.FUTURE)
    ]
    if wrong:
        raise errors.Problems(wrong)
    if not statements:
        return []
    with transaction.atomic():
        contacts = places.lock_contacts(statements)
        ledger = places.read(contacts, statements)
        answers = _write(statements, ledger, now)
        _store(ledger)
        _tell(statements, answers, now)
        said = zip(statements, answers, strict=True)
        confirmations.ask([(each, answer.receipt_ids, answer.address_ids) for each, answer in said], now)
    return answers


def bind(added: Sequence[tuple[int, int]], *, now: datetime) -> list[Recorded]:
    """Carry statements that waited for an address over to it: `(contact, address)` pairs just added.

    Only where it is the contact's first address of its medium, and an objection wherever they have said
    no yes since; each gets a receipt of its own that names the one it comes from.
    """
    if not added:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.contact_id, s.purpose, s.channel, a.id, s.state, r.action, s.basis, r.method, s.since,
                      s.paused_until, s.expires_at, s.receipt_id
               FROM unnest(%s::bigint[], %s::bigint[]) AS n(contact, address)
               JOIN crm_address a ON a.id = n.address
               JOIN crm_consentstate s ON s.contact_id = n.contact AND s.address_id IS NULL
               JOIN unnest(%s::text[], %s::text[]) AS m(channel, medium)
                    ON m.channel = s.channel AND m.medium = a.medium
               JOIN crm_consentreceipt r ON r.id = s.receipt_id
               WHERE NOT EXISTS (
                 SELECT FROM crm_identifier i JOIN crm_address o ON o.id = i.address_id
                 WHERE i.contact_id = n.contact AND o.medium = a.medium
                   AND NOT (i.contact_id, o.id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[])))
                 OR (r.action = 'objected' AND NOT EXISTS (
                   SELECT FROM crm_consentstate y WHERE y.contact_id = s.contact_id AND y.purpose = s.purpose
                     AND y.channel = s.channel AND y.state IN ('granted', 'soft') AND y.since > s.since))
               ORDER BY s.receipt_id, a.id""",
            [*_columns(added), list(words.MEDIUM), list(words.MEDIUM.values()), *_columns(added)],
        )
        rows = cursor.fetchall()
    return record([statement for row in rows for statement in _carried(*row)], now=now)


def _carried(
    contact: int,
    purpose: str,
    channel: str,
    address: int,
    state: str,
    action: str,
    basis: str,
    method: str,
    since: datetime,
    paused_until: datetime | None,
    expires_at: datetime | None,
    receipt: int,
) -> list[Statement]:
    first = Statement(
        contact,
        purpose,
        channel,
        action,
        basis,
        method or "operator",
        f"{permission.BOUND}{receipt}",
        occurred_at=since,
        address_id=address,
        expires_at=expires_at,
    )
    if state == "granted_unconfirmed":
        return [replace(first, action="requested"), replace(first, action="granted")]
    if state == "paused":
        return [first, replace(first, action="paused", until=paused_until)]
    return [first]


# --- how ---------------------------------------------------------------------------------------


def _columns(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [left for left, _ in pairs], [right for _, right in pairs]


def _write(statements: Sequence[Statement], ledger: Ledger, now: datetime) -> list[Recorded]:
    covered = [places.covered(statement, ledger) for statement in statements]
    rows = [
        _receipt(statement, address, ledger, now)
        for statement, addresses in zip(statements, covered, strict=True)
        for address in addresses
    ]
    ids = iter(receipts.append(rows))
    answers = []
    for statement, addresses in zip(statements, covered, strict=True):
        mine = [next(ids) for _ in addresses]
        folded = [
            _step(statement, address, receipt, ledger, now) for address, receipt in zip(addresses, mine, strict=True)
        ]
        answers.append(
            Recorded(
                mine[0],
                folded[0].state,
                statement.contact_id,
                statement.purpose,
                statement.channel,
                folded[0],
                ledger.recorded_at,
                tuple(mine),
                tuple(addresses),
            )
        )
    return answers


def _receipt(statement: Statement, address: int | None, ledger: Ledger, now: datetime) -> dict[str, Any]:
    return {
        "contact_id": statement.contact_id,
        "purpose": statement.purpose,
        "channel": statement.channel,
        "address_id": address,
        "address_hash": ledger.hashes.get(address, "") if address else "",
        "action": statement.action,
        "basis": _basis(statement),
        "method": statement.method or "api",
        "source": statement.source,
        "wording": statement.wording,
        "evidence": _evidence(statement, ledger),
        "until": statement.until,
        "expires_at": statement.expires_at,
        "occurred_at": _occurred(statement, now),
        "recorded_at": ledger.recorded_at,
    }


def _evidence(statement: Statement, ledger: Ledger) -> Mapping[str, Any]:
    """With the hash of the text they were shown, where it is kept here."""
    text = ledger.texts.get(statement.wording)
    return {**statement.evidence, "wording_sha256": text} if text else statement.evidence


def _basis(statement: Statement) -> str:
    return statement.basis or ("consent" if statement.action == "granted" else "")


def _occurred(statement: Statement, now: datetime) -> datetime:
    """A sender's clock may run ahead; what was said was said by now."""
    return min(statement.occurred_at or now, now)


def _step(statement: Statement, address: int | None, receipt: int, ledger: Ledger, now: datetime) -> Folded:
    key = (statement.contact_id, address, statement.purpose, statement.channel)
    said = Said(
        receipt,
        statement.action,
        _basis(statement),
        statement.method or "api",
        _occurred(statement, now),
        statement.until,
        statement.expires_at,
        statement.source,
    )
    before = ledger.states.get(key, NOTHING)
    after = permission.step(before, said)
    if after != before:
        ledger.states[key] = after
        ledger.changed.add(key)
    place = (address or 0, statement.purpose, statement.channel)
    if address is not None and replay.step_stop(ledger.stops, place, said):
        ledger.changed_stops.add(place)
    return after


def rebuild(contacts: Sequence[int]) -> None:
    """Fold the states of these contacts anew (two histories became one). They are locked by the caller."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_consentstate WHERE contact_id = ANY(%s)", [list(contacts)])
    _store_states(replay.states(contacts))


def _store(ledger: Ledger) -> None:
    _store_states({key: ledger.states[key] for key in ledger.changed})
    _store_stops({key: ledger.stops[key] for key in ledger.changed_stops})
    _mark_dirty(ledger)


def _store_states(states: Mapping[Key, Folded]) -> None:
    arrays.insert(
        "crm_consentstate",
        {
            "contact_id": "bigint",
            "address_id": "bigint",
            "purpose": "text",
            "channel": "text",
            "state": "text",
            "basis": "text",
            "since": "timestamptz",
            "expires_at": "timestamptz",
            "paused_until": "timestamptz",
            "receipt_id": "bigint",
        },
        [
            (*key, f.state, f.basis, f.since, f.expires_at, f.paused_until, f.receipt_id)
            for key, f in sorted(states.items(), key=lambda item: str(item[0]))
        ],
        conflict="""(contact_id, purpose, channel, address_id) DO UPDATE SET state = excluded.state,
            basis = excluded.basis, since = excluded.since, expires_at = excluded.expires_at,
            paused_until = excluded.paused_until, receipt_id = excluded.receipt_id""",
    )


def _store_stops(stops: Mapping[tuple[int, str, str], replay.Stop]) -> None:
    arrays.insert(
        "crm_addressconsent",
        {
            "address_id": "bigint",
            "purpose": "text",
            "channel": "text",
            "stopped": "boolean",
            "since": "timestamptz",
            "receipt_id": "bigint",
        },
        [(*key, *stop) for key, stop in sorted(stops.items())],
        conflict="""(address_id, purpose, channel) DO UPDATE SET stopped = excluded.stopped,
            since = excluded.since, receipt_id = excluded.receipt_id""",
    )


def _mark_dirty(ledger: Ledger) -> None:
    """Rules about consent: the contacts themselves, and everybody who shares a stopped address."""
    contacts = sorted({key[0] for key in ledger.changed})
    shared = sorted({key[0] for key in ledger.changed_stops})
    if not contacts and not shared:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_dirty (contact, mention)
               SELECT contact, 'consent' FROM unnest(%s::bigint[]) AS mine(contact)
               UNION SELECT contact_id, 'consent' FROM crm_identifier WHERE address_id = ANY(%s)""",
            [contacts, shared],
        )


def _tell(statements: Sequence[Statement], answers: Sequence[Recorded], now: datetime) -> None:
    """Listeners in this transaction, the timeline after it. Imports tell no event per row (B15)."""
    ended = [
        Withdrawal(answer.contact_id, address, answer.channel, answer.purpose, receipt, answer.recorded_at)
        for statement, answer in zip(statements, answers, strict=True)
        if statement.action in ENDING
        for address, receipt in zip(answer.address_ids, answer.receipt_ids, strict=True)
    ]
    if ended:
        for listen in registry.withdrawal_listeners:
            listen(ended)
    timeline.record(
        [
            _fact(statement, answer, now)
            for statement, answer in zip(statements, answers, strict=True)
            if statement.method != permission.IMPORTED
            and not statement.quiet
            and not statement.source.startswith(permission.RENEWED)
        ],
        now=now,
    )


def _fact(statement: Statement, answer: Recorded, now: datetime) -> timeline.NewFact:
    return timeline.NewFact(
        statement.contact_id,
        "Consent Requested" if statement.action == "requested" else "Consent Changed",
        {
            "purpose": statement.purpose,
            "channel": statement.channel,
            "action": statement.action,
            "state": answer.state,
            "receipt_id": answer.receipt_id,
        },
        occurred_at=_occurred(statement, now),
        source=statement.source[:120],
    )
