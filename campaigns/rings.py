"""Which steps lie in a cycle (Kosaraju, without recursion). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping


def rings(names: Iterable[str], onward: Callable[[str], Iterable[str]]) -> dict[str, int]:
    """Step -> number of the cycle it lies in. Steps in no cycle are absent; a step may be its own."""
    order = list(names)
    graph = {name: [to for to in dict.fromkeys(onward(name)) if to != name] for name in order}
    alone = {name for name in order if name in set(onward(name))}
    graph = {name: [to for to in targets if to in graph] for name, targets in graph.items()}
    back: dict[str, list[str]] = {name: [] for name in graph}
    for name, targets in graph.items():
        for to in targets:
            back[to].append(name)
    found: dict[str, int] = {}
    seen: set[str] = set()
    for number, name in enumerate(reversed(_finished(graph))):
        members = _reach(name, back, seen)
        if len(members) > 1 or name in alone:
            found.update(dict.fromkeys(members, number))
    return found


def _finished(graph: Mapping[str, list[str]]) -> list[str]:
    """All steps in the order in which a walk has done with them."""
    done: list[str] = []
    seen: set[str] = set()
    for root in graph:
        if root in seen:
            continue
        seen.add(root)
        work = [(root, iter(graph[root]))]
        while work:
            name, targets = work[-1]
            unseen = next((to for to in targets if to not in seen), None)
            if unseen is None:
                done.append(name)
                work.pop()
            else:
                seen.add(unseen)
                work.append((unseen, iter(graph[unseen])))
    return done


def _reach(root: str, graph: Mapping[str, list[str]], seen: set[str]) -> list[str]:
    """What can be reached and was not seen before; marks it seen."""
    members, todo = [], [root]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            members.append(name)
            todo.extend(graph[name])
    return members
