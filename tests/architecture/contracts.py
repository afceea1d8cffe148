"""Two kinds of import contract that import-linter has not: pure modules, and edges.

Its own `forbidden` and `protected` fail on names that do not exist yet; these pass
them over, so that `pyproject.toml` can hold the whole list from the first day.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class PureContract(Contract):
    """None of `modules` (nor what is inside them) may reach any of `impure`, however indirectly."""

    modules = fields.ListField(subfield=fields.StringField())
    impure = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        del verbose
        chains = [
            chain
            for module in _existing(graph, self.modules)
            for target in _existing(graph, self.impure)
            if (chain := graph.find_shortest_chain(module, target, as_packages=True))
        ]
        return ContractCheck(kept=not chains, metadata={"chains": chains})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for chain in check.metadata["chains"]:
            output.print_error(" -> ".join(chain))
            output.new_line()


class EdgesContract(Contract):
    """An app's `edges` may be imported by its own `urls`, by their own package and by `config`."""

    apps = fields.ListField(subfield=fields.StringField())
    edges = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        del verbose
        broken = [
            (importer, module)
            for app in self.apps
            for edge in _existing(graph, [f"{app}.{name}" for name in self.edges])
            for module in {edge, *graph.find_descendants(edge)}
            for importer in graph.find_modules_that_directly_import(module)
            if not _may(importer, app, edge)
        ]
        return ContractCheck(kept=not broken, metadata={"broken": sorted(broken)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, module in check.metadata["broken"]:
            output.print_error(f"{importer} -> {module}")
            output.new_line()


def _may(importer: str, app: str, edge: str) -> bool:
    return (importer + ".").startswith((f"{app}.urls.", f"{edge}.", "config."))


def _existing(graph: ImportGraph, names: list[str]) -> list[str]:
    return [name for name in names if name in graph.modules]
