"""What must always be true of this floor, as questions that answer with no row."""

from __future__ import annotations

from crm import audit, receipts, registry, replay
from crm.registry import Invariant

registry.invariants.add(
    "I6", Invariant("I6", "Every consent state is the replay of its receipts.", rows=replay.differing)
)
registry.invariants.add("I7", Invariant("I7", "The chain of consent receipts is whole.", rows=receipts.broken))
registry.invariants.add("I7-audit", Invariant("I7-audit", "The chain of the audit log is whole.", rows=audit.broken))
