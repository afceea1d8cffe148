"""What must always be true of this floor, as questions that answer with no row."""

from __future__ import annotations

from crm import audit, receipts, registry, replay
from crm.registry import Invariant
from crm.rights import erasure

registry.invariants.add(
    "I6", Invariant("I6", "Every consent state is the replay of its receipts.", rows=replay.differing)
)
registry.invariants.add("I7", Invariant("I7", "The chain of consent receipts is whole.", rows=receipts.broken))
registry.invariants.add("I7-audit", Invariant("I7-audit", "The chain of the audit log is whole.", rows=audit.broken))
registry.invariants.add("I14", Invariant("I14", "Nothing is left of somebody who was erased.", rows=erasure.broken))
