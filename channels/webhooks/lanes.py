"""How many calls each endpoint may have at once. Pure.

Whoever took the last call well gets several. All others share a part of the threads, one call each, and of them those
come first of whom nothing is known yet: a receiver that is asleep holds a thread for as long as a call may take, and a
hundred of them would hold all threads for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# They wait for the network and do nothing else.
THREADS: Final = 64
OF_EACH: Final = 4
# Of the threads, for endpoints that did not take their last call well, or were not tried yet.
SHARED: Final = 48


def rooms(
    due: Sequence[tuple[int, bool]], well: Mapping[int, bool], busy: Mapping[int, int], *, proven_only: bool = False
) -> dict[int, int]:
    """How many more calls each endpoint may have now.

    `due`: (endpoint, whether nothing arrives there as far as is written down), those who come first before the others.
    `well`: whether the last call this process made there arrived. `busy`: how many calls are under way there.
    """
    free = THREADS - sum(busy.values())
    shared = SHARED - sum(count for endpoint, count in busy.items() if not well.get(endpoint))
    proven = [endpoint for endpoint, _ in due if well.get(endpoint)]
    untried = [endpoint for endpoint, failing in due if endpoint not in well and not failing]
    ill = [endpoint for endpoint, failing in due if well.get(endpoint) is False or (endpoint not in well and failing)]
    found: dict[int, int] = {}
    for endpoint in [] if proven_only else [*untried, *ill]:
        if shared > 0 and free > 0 and not busy.get(endpoint):
            found[endpoint] = 1
            shared, free = shared - 1, free - 1
    for endpoint in proven:
        room = min(OF_EACH - busy.get(endpoint, 0), free)
        if room > 0:
            found[endpoint] = room
            free -= room
    return found
