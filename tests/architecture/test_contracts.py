"""Our own import contracts notice what they are there for."""

from __future__ import annotations

from grimp import ImportGraph

from tests.architecture.contracts import EdgesContract, PureContract


def _graph(*imports: tuple[str, str]) -> ImportGraph:
    graph = ImportGraph()
    for importer, imported in imports:
        graph.add_module(importer)
        graph.add_module(imported)
        graph.add_import(importer=importer, imported=imported)
    return graph


def _contract(kind: type, **options: object):
    return kind(name="x", session_options={}, contract_options={"type": "x", "name": "x", **options})


def test_a_pure_module_that_reaches_django_by_a_detour_is_seen() -> None:
    contract = _contract(PureContract, modules=["campaigns.engine", "not.there.yet"], impure=["django"])
    assert not contract.check(_graph(("campaigns.engine", "crm.middle"), ("crm.middle", "django")), False).kept
    assert contract.check(_graph(("campaigns.engine", "crm.middle")), False).kept


def test_a_verb_that_imports_a_view_is_seen_and_urls_may() -> None:
    contract = _contract(EdgesContract, apps=["crm"], edges=["views"])
    assert not contract.check(_graph(("crm.consent", "crm.views")), False).kept
    assert not contract.check(
        _graph(("channels.urls", "crm.views.pages"), ("crm.views", "crm.views.pages")), False
    ).kept
    assert contract.check(_graph(("crm.urls", "crm.views"), ("config.api", "crm.views")), False).kept
