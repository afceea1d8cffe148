"""Contacts made and changed by hand: through the one door in, with what only a person may do (taking off)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from crm import audit, capture, evidence_files, identity, publicids
from crm.errors import Problem
from crm.normalise import Trace


class _Refused(Exception):
    """Something is wrong: nothing of it is kept."""

    def __init__(self, answer: capture.Received) -> None:
        super().__init__()
        self.answer = answer


def save(
    arrival: capture.Arrival, removed: Sequence[int] = (), *, now: datetime, proof: evidence_files.File | None = None
) -> capture.Received:
    """Take in what was typed, and take identifiers off. All of it, or (with `problems`) nothing.

    `proof`: a scan or a recording that the consents name in their evidence.
    """
    try:
        with transaction.atomic():
            (answer,) = capture.receive([arrival], now=now)
            if answer.problems or answer.contact_id is None:
                raise _Refused(answer)
            try:
                identity.remove_identifiers(answer.contact_id, removed, actor=arrival.actor, now=now)
            except Problem as problem:
                answer.problems.append(problem)
                raise _Refused(answer) from problem
            if proof is not None and arrival.consents:
                evidence_files.keep(answer.contact_id, proof, arrival.actor)
            verb = "contact.create" if answer.created else "contact.update"
            audit.record(arrival.actor, verb, publicids.encode("ctc", answer.contact_id), None, _said(arrival, removed))
    except _Refused as refused:
        return refused.answer
    return answer


def holders(traces: Sequence[Trace], but: int | None = None) -> list[int]:
    """Contacts who are known by one of these already, each once."""
    found = identity.resolve([[trace] for trace in traces])
    return sorted({number for number in found if number is not None and number != but})


def _said(arrival: capture.Arrival, removed: Sequence[int]) -> dict[str, object]:
    """What was changed, by name: the values stand in the contact's own history."""
    return {
        "fields": sorted(arrival.fields),
        "identifiers": max(0, len(arrival.traces) - 1),
        "removed": len(removed),
        "consents": [f"{told['purpose']}.{told['channel']}.{told['action']}" for told in arrival.consents],
    }
