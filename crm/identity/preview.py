"""What a merge would come to, before it is made. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from crm import replay
from crm.identity import rows
from crm.identity.people import COLUMNS
from crm.models import Address, Contact
from crm.permission import Folded

# What somebody is asked to choose between; the rest follows from them.
FIELDS: Final = tuple(COLUMNS)
# What is counted, as far as a floor has brought it in.
COUNTED: Final = (
    "crm_order", "crm_event", "channels_message", "campaigns_enrolment", "crm_cart", "crm_contacttag",
    "crm_listmember", "crm_groupmember", "crm_note", "crm_task",
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """A field that both or one of them has. `pick`: whose it will be if nobody says otherwise."""

    name: str
    mine: Any
    theirs: Any
    pick: str

    @property
    def differs(self) -> bool:
        return bool(self.mine != self.theirs and self.mine not in (None, "") and self.theirs not in (None, ""))


@dataclass(frozen=True)
class Permission:
    """What each said for one purpose, channel and address, and what will count."""

    purpose: str
    channel: str
    address: str
    mine: str
    theirs: str
    after: str


def choices(winner: Contact, loser: Contact) -> list[Choice]:
    found = [_choice(name, getattr(winner, name), getattr(loser, name)) for name in FIELDS]
    names = [*winner.fields, *(name for name in loser.fields if name not in winner.fields)]
    found += [_choice(f"fields.{name}", winner.fields.get(name), loser.fields.get(name)) for name in names]
    return [each for each in found if each.mine not in (None, "") or each.theirs not in (None, "")]


def _choice(name: str, mine: Any, theirs: Any) -> Choice:
    empty = (None, "")
    return Choice(name, mine, theirs, "loser" if mine in empty and theirs not in empty else "winner")


def permissions(winner: int, loser: int) -> list[Permission]:
    """The stricter of the two for each key, as the merge will have it."""
    states = replay.states([winner, loser])
    mine = {key[1:]: folded for key, folded in states.items() if key[0] == winner}
    theirs = {key[1:]: folded for key, folded in states.items() if key[0] == loser}
    after = replay.joined_states(mine, theirs)
    values = dict(Address.objects.filter(pk__in=[place[0] for place in after if place[0]]).values_list("pk", "value"))
    return [
        Permission(purpose, channel, values.get(address or 0, ""), *(
            _word(side, (address, purpose, channel)) for side in (mine, theirs, after)))
        for address, purpose, channel in sorted(after, key=lambda place: (place[1], place[2], place[0] or 0))
    ]  # fmt: skip


def _word(states: Mapping[replay.Place, Folded], place: replay.Place) -> str:
    return states[place].state if place in states else ""


def counts(contacts: Sequence[int]) -> dict[str, dict[int, int]]:
    """How much of what each has: table -> contact -> rows. One query."""
    tables = [table for table in COUNTED if table in rows.tables()]
    question = " UNION ALL ".join(
        f"""SELECT '{table}', c.id, (SELECT count(*) FROM {table} t WHERE t.{rows.tables()[table]} = c.id)
            FROM unnest(%s::bigint[]) AS c(id)"""  # noqa: S608 - our own names
        for table in tables
    )
    found: dict[str, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(question, [list(contacts)] * len(tables))
        for table, contact, number in cursor.fetchall():
            found.setdefault(table, {})[contact] = number
    return found
