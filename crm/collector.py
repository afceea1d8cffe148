"""Python's search for garbage in cycles, put off while a batch is on its way.

A batch is thousands of small objects that live until it is written and are freed without the
collector. Looking through them again and again as they are made costs a third of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """No search for cycles inside; afterwards as before."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
