"""What must always be true of the figures."""

from __future__ import annotations

from analytics import rollup
from crm import registry
from crm.registry import Invariant

registry.invariants.add(
    "F1", Invariant("F1", "The figure of a closed day is what its rows come to.", rows=rollup.differing)
)
