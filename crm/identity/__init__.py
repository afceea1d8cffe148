"""Many traces, one contact. The one writer of Contact, Identifier and Address.

`upsert()` takes a batch and answers one outcome per draft, in order, as if the drafts
had come one by one; but it asks and writes set by set. Two callers that create the
same person at once meet in the unique key of the identifiers: the later one waits,
and then finds the person the other made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import OperationalError, transaction

from crm import errors, normalise, publicids, workspace
from crm.identity import office, people, resolution, rows
from crm.identity.drafts import Draft, Outcome
from crm.identity.resolution import Raced
from crm.normalise import Trace

__all__ = [
    "Draft",
    "Outcome",
    "Raced",
    "archive",
    "find",
    "merge",
    "read_reference",
    "remove_identifiers",
    "resolve",
    "restore",
    "set_restricted",
    "upsert",
]

ATTEMPTS = 6

merge = rows.merge
archive = office.archive
restore = office.restore
remove_identifiers = office.remove_identifiers
set_restricted = office.set_restricted


def read_reference(reference: Any, pointer: str = "") -> Trace:
    """`{"id": …}` or one of the identifier kinds as a trace in normal form (kind `id`: the number as text)."""
    if not isinstance(reference, Mapping) or len(reference) != 1:
        raise errors.Problem(
            pointer,
            "not_a_reference",
            'A contact is named by one of {"id": …}, ' + ", ".join(f'{{"{kind}": …}}' for kind in normalise.KINDS),
        )
    ((kind, value),) = reference.items()
    if kind == "id" and isinstance(value, int):
        return Trace("id", str(value))  # in its normal form already (`crm.references`)
    if kind == "id":
        return Trace("id", str(publicids.decode("ctc", value, f"{pointer}/id")))
    if kind not in normalise.KINDS:
        raise errors.Problem(f"{pointer}/{kind}", "not_a_reference", f"A contact is not named by {kind!r}.")
    try:
        return normalise.trace(kind, value, workspace.current().country)
    except errors.Problem as problem:
        raise problem.under(f"{pointer}/{kind}") from None


def find(reference: Mapping[str, Any] | Sequence[Trace]) -> int | None:
    """The contact that a reference or any of some traces names; a merged one answers with the survivor."""
    traces = [read_reference(reference)] if isinstance(reference, Mapping) else list(reference)
    return resolve([traces])[0]


def resolve(batch: Sequence[Sequence[Trace]]) -> list[int | None]:
    """For each list of traces the contact that the first known one names (strong kinds first). One query."""
    known = resolution.load([trace for traces in batch for trace in traces])
    return [known.first(traces) for traces in batch]


def upsert(drafts: Sequence[Draft], *, now: datetime) -> list[Outcome]:
    """Find or make the contact of each draft and bring its fields and identifiers up to date.

    The contacts are locked when this returns: those that changed (or will, see
    `Draft.hold`) for update, the others against being merged away. A draft whose
    identifiers belong to two known people gets its `problem` and changes nothing.
    """
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return people.upsert(drafts, now)
        except Raced:
            continue  # somebody else made one of these people a moment ago: look again
        except OperationalError as error:
            if attempt + 1 == ATTEMPTS or "deadlock" not in str(error):
                raise
    raise OperationalError("these identifiers keep changing hands; try again")
