"""Where people are, as far as rules go: one query for many, the same for the gate and for renewals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from crm import regions

# Declared, else by a phone of theirs, else by their store. In North America the phone counts beside it.
PEOPLE: Final = """
SELECT c.id, c.zone, c.zone_source, c.country, c.region,
       CASE WHEN c.country IN ('', 'US', 'CA') THEN coalesce((
         SELECT i.value FROM crm_identifier i WHERE i.contact_id = c.id AND i.kind = 'phone' ORDER BY i.value LIMIT 1
       ), '') ELSE '' END,
       CASE WHEN c.country = '' THEN coalesce((
         SELECT s.country FROM crm_store s WHERE s.id = c.home_store_id
       ), '') ELSE '' END
FROM crm_contact c WHERE c.id = ANY(%s)"""
LOCKED: Final = f"{PEOPLE} ORDER BY c.id FOR NO KEY UPDATE OF c"


@dataclass(frozen=True, slots=True)
class Person:
    """What says where somebody is."""

    zone: str
    zone_source: str
    country: str
    region: str
    phone: str
    store_country: str

    def place(self, recipient: str = "") -> regions.Place:
        """For a message to this address: a phone that is written to counts before the others."""
        return regions.place(self.country, self.region, self._number(recipient), self.store_country)

    def zones(self, recipient: str = "") -> tuple[str, ...]:
        country = self.place(recipient).country
        return regions.zones(self.zone, self.zone_source, country, self._number(recipient))

    def _number(self, recipient: str) -> str:
        return recipient if recipient.startswith("+") else self.phone


NOBODY: Final = Person("UTC", "", "", "", "", "")


def people(contacts: Sequence[int]) -> dict[int, Person]:
    """Where these contacts are. One query."""
    return _ask(PEOPLE, contacts)


def lock(contacts: Sequence[int]) -> dict[int, Person]:
    """The same with their rows locked, in id order."""
    return _ask(LOCKED, contacts)


def _ask(sql: str, contacts: Sequence[int]) -> dict[int, Person]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [sorted(set(contacts))])
        return {row[0]: Person(*row[1:]) for row in cursor.fetchall()}
