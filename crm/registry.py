"""Named sets that upper floors add to, so that lower floors never import upwards.

An upper app fills these from its `rounds.py`, `reactions.py`, `segment_rules.py`
or `invariants.py`, which `crm.apps` discovers at start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class Named(Generic[Item]):
    """An ordered set of things under unique names."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, tuple[int, Item]] = {}

    def add(self, name: str, item: Item, *, order: int = 100) -> None:
        """Add `item`; a name that is taken by something else is a mistake in code."""
        if name in self._items and self._items[name][1] is not item:
            raise ValueError(f"two {self.kind} are called {name!r}")
        self._items[name] = (order, item)

    def get(self, name: str) -> Item | None:
        found = self._items.get(name)
        return found[1] if found else None

    def names(self) -> list[str]:
        return [name for name, _ in self.items()]

    def items(self) -> list[tuple[str, Item]]:
        """Pairs of name and item, by `order`, then by name."""
        ranked = sorted(self._items.items(), key=lambda pair: (pair[1][0], pair[0]))
        return [(name, item) for name, (_, item) in ranked]

    def __iter__(self) -> Iterator[Item]:
        return iter([item for _, item in self.items()])


@dataclass(frozen=True)
class Round:
    """One kind of work that waits in rows. Celery only says when to look.

    `work()` does one bounded batch and returns how many rows it moved (0: nothing
    was due). `pending()` counts what is due or leased at this moment; `drain` ends
    when every round answers 0. `every_seconds` is how often beat rings.
    """

    name: str
    work: Callable[[], int]
    pending: Callable[[], int]
    every_seconds: int = 1


@dataclass(frozen=True)
class Invariant:
    """A promise as a query that must return no row (`verify_ledger`).

    `sql` returns the offending rows; its first column names the row. It runs with
    all others in one REPEATABLE READ snapshot. `params` are passed as they are.
    `rows` replaces `sql` where the proof needs Python (a hash chain, a report).
    """

    name: str
    promise: str
    sql: str = ""
    params: Sequence[Any] = ()
    rows: Callable[[], list[tuple[Any, ...]]] | None = None


# Called in the transaction that takes facts off the timeline, because the import that told them is taken back:
# `(facts: list[crm.timeline.Fact]) -> None` (analytics counts their days again).
withdrawn_facts: Named[Callable[[list[Any]], None]] = Named("withdrawals of facts")
# What is due: rounds of work, in the order in which one tick does them.
rounds: Named[Round] = Named("rounds")
# Answers to events: callables `(events: list[crm.timeline.Fact]) -> None`, in floor order.
reactors: Named[Callable[[list[Any]], None]] = Named("reactors")
# Leaves of the rule grammar, by the key that marks them in JSON (see crm/segments).
leaves: Named[Any] = Named("rule leaves")
# Called in the transaction that changes membership: `(changes: list[MembershipChange]) -> None`.
membership_listeners: Named[Callable[[list[Any]], None]] = Named("membership listeners")
# Called in the transaction that takes a permission away:
# `(withdrawals: list[crm.consent.Withdrawal]) -> None` (the outbox revokes queued messages).
withdrawal_listeners: Named[Callable[[list[Any]], None]] = Named("withdrawal listeners")
# Called in the transaction that changes contacts: `({contact_id: names of what changed}, now) -> None`. Imports
# tell nothing.
change_listeners: Named[Callable[[dict[int, list[str]], Any], None]] = Named("listeners to changes of contacts")
# Called in the transaction after which nothing is left of these contacts: `(contact_ids, now) -> None`.
erasure_listeners: Named[Callable[[Sequence[int], Any], None]] = Named("erasure listeners")
# Fields that upper floors add to a contact's representation: `(contact_ids) -> {id: value}`.
contact_fields: Named[Callable[[Sequence[int]], dict[int, Any]]] = Named("contact fields")
# Tables that carry a contact, for merge and erasure: name -> column.
contact_tables: Named[str] = Named("contact tables")
# Called before the tables above are rewritten, for what only their floor can solve (two runs of one
# campaign): `(pairs: list[(loser, winner)]) -> None`.
contact_joins: Named[Callable[[list[tuple[int, int]]], None]] = Named("contact joins")
# Of these tables, the rows that a join may change or take away (an SQL condition): they are kept as they were.
contact_images: Named[str] = Named("contact images")
# Called when a join was undone and all rows are back: `(pairs: list[(loser, winner)]) -> None`.
contact_splits: Named[Callable[[list[tuple[int, int]]], None]] = Named("contact splits")
# Promises as queries, for `verify_ledger`.
invariants: Named[Invariant] = Named("invariants")
# Called once, in the transaction that sets this place up: `() -> None` (channels make their accounts).
founders: Named[Callable[[], None]] = Named("founders")
# Parts of the evidence of one contact that upper floors know: `(contact_id, now, full) -> plain data`
# (channels: by which receipt each message went).
evidence_parts: Named[Callable[[int, Any, bool], Any]] = Named("parts of the evidence")
# Parts of the copy of somebody's data that upper floors know: `(contact_ids) -> plain data` (channels: messages).
access_parts: Named[Callable[[Sequence[int]], Any]] = Named("parts of a copy of somebody's data")
# What becomes of the tables of upper floors when somebody is erased: `crm.rights.treatment` objects, in order.
erasures: Named[Sequence[Any]] = Named("treatments of tables at an erasure")
# Called in the transaction that takes somebody out of all processing (restricted, about to be erased):
# `(contact_ids, now) -> None` (the outbox revokes what is queued, journeys end).
contact_stops: Named[Callable[[Sequence[int], Any], None]] = Named("stops of processing")
# Classes of data with how long they are kept: `crm.retention.Kept`.
retention: Named[Any] = Named("classes of data")
# Who gets personal data through an upper floor: `() -> list[crm.processing.Recipient]`.
processors: Named[Callable[[], list[Any]]] = Named("recipients of data")
