"""What must always be true of the figures."""

from __future__ import annotations

from analytics import rollup, stages
from crm import registry
from crm.registry import Invariant

registry.invariants.add(
    "F1", Invariant("F1", "The figure of a closed day is what its rows come to.", rows=rollup.differing)
)
registry.invariants.add("F2", Invariant("F2", "Nobody who said no to being profiled has a stage.", rows=stages.unheard))
