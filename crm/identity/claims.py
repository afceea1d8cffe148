"""What a page says of its visitor, and nobody has confirmed: kept beside the visitor, believed by nobody.

A claim is an identifier that names nobody and leads to no address: nothing is sent there, no
permission covers it, and two visitors may claim the same. When somebody who is trusted (the shop's
server, a form, a till, a file) speaks of that e-mail, phone or number, `crm.identity.people` takes up
the visitor who claimed it, without what else was claimed; whoever is known already stays as they are
(decision 0035).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from crm import arrays
from crm.models import Identifier

Claim = tuple[int, str, str]  # contact, kind, value

KINDS: Final = ("email", "phone", "external_id")
IS_ONE: Final = "(NOT {0}.identifying AND {0}.address_id IS NULL AND {0}.kind IN ('email', 'phone', 'external_id'))"
# A page that says of one visitor that they are everybody is not listened to for ever.
MOST: Final = 20

_NOTE: Final = f"""
INSERT INTO crm_identifier (contact_id, kind, value, identifying, source, created_at)
SELECT n.contact_id, n.kind, n.value, false, %s, %s
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n(contact_id, kind, value)
WHERE NOT EXISTS (SELECT FROM crm_identifier o WHERE o.contact_id = n.contact_id
                  AND o.kind <> 'anonymous_id' AND NOT {IS_ONE.format("o")})
  AND (SELECT count(*) FROM crm_identifier o WHERE o.contact_id = n.contact_id AND o.kind <> 'anonymous_id') < %s
ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of our own words


def is_one(row: Identifier) -> bool:
    return not row.identifying and row.address_id is None and row.kind in KINDS


def note(claims: Sequence[Claim], source: str, now: datetime) -> None:
    """Keep what was said of visitors; of whoever is known by more than a browser nothing is kept."""
    unique = sorted(set(claims))
    if unique:
        columns = [list(column) for column in zip(*unique, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [source[:120], now, arrays.literal([str(each) for each in columns[0]]),
                                   arrays.literal(columns[1]), arrays.literal(columns[2]), MOST])  # fmt: skip


def forget(contacts: Collection[int]) -> None:
    """What was claimed of them: now somebody who is trusted says who they are."""
    if contacts:
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM crm_identifier i WHERE i.contact_id = ANY(%s) AND {IS_ONE.format('i')}",  # noqa: S608
                [sorted(contacts)],
            )


def settle(losers: Sequence[int], winners: Sequence[int]) -> None:
    """Two become one: where either is known by more than a browser, what pages claimed of the other counts no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""DELETE FROM crm_identifier i USING unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner)
                WHERE i.contact_id IN (p.loser, p.winner) AND {IS_ONE.format("i")} AND EXISTS (
                  SELECT FROM crm_identifier o WHERE o.contact_id IN (p.loser, p.winner)
                    AND o.kind <> 'anonymous_id' AND NOT {IS_ONE.format("o")})""",  # noqa: S608
            [list(losers), list(winners)],
        )


def withdraw(places: Sequence[tuple[str, str]]) -> None:
    """Nobody says any more of any visitor that they have these (kind, value)."""
    if places:
        kinds, values = zip(*places, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""DELETE FROM crm_identifier i USING unnest(%s::text[], %s::text[]) AS n(kind, value)
                    WHERE i.kind = n.kind AND i.value = n.value AND NOT i.identifying AND {IS_ONE.format("i")}""",  # noqa: S608
                [arrays.literal(kinds), arrays.literal(values)],
            )
