"""Rules put to the database.

Two forms of the same question (decision B11): over the base (`few=False`), where
events are aggregated once, and for a batch of contacts (`few=True`), correlated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from crm import arrays
from crm.segments.grammar import PEOPLE, Rule
from crm.segments.sql import Sql, every, join


def query(rule: Rule, now: datetime, *, known_at: datetime | None = None) -> Sql:
    """A SELECT of the ids of all contacts the rule finds, to be put into other statements."""
    return join("SELECT crm_contact.id FROM crm_contact WHERE {}", every([PEOPLE, rule.q(now, known_at=known_at)]))


def answers(rules: Sequence[Rule], contact_ids: Sequence[int], now: datetime) -> dict[int, tuple[bool, ...]]:
    """Each rule for each contact, in one query. Somebody who is not there (any more) matches nothing."""
    found = {contact: (False,) * len(rules) for contact in contact_ids}
    if not rules or not contact_ids:
        return found
    asked = ask_few([rule.q(now, few=True) for rule in rules], contact_ids)
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        found.update((row[0], row[1:]) for row in cursor.fetchall())
    return found


def ask_few(conditions: Sequence[Sql], contact_ids: Sequence[int]) -> Sql:
    """Conditions in their correlated form, for some contacts: rows of an id and an answer each.

    Asked of one contact at a time: in a plain list of columns PostgreSQL may decide to answer an
    EXISTS once for the whole base and look the few contacts up in that.
    """
    columns = ", ".join(f"({{}}) AS answer_{place}" for place in range(len(conditions)))
    return join(
        "SELECT crm_contact.id, told.* FROM crm_contact"  # noqa: S608 - our own words
        " CROSS JOIN LATERAL (SELECT " + columns + " OFFSET 0) AS told WHERE crm_contact.id = ANY({}::bigint[]) AND {}",
        *conditions,
        arrays.numbers(contact_ids),
        PEOPLE,
    )


@contextmanager
def whole_base() -> Iterator[None]:
    """Settings for a statement over all contacts: room for its hash tables, and no compiling of it,
    which costs more than it saves in statements of a second."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'; SET LOCAL jit = off")
        yield
