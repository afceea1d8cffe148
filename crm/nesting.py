"""How deep JSON is nested, whoever sends it. Pure."""

from __future__ import annotations

from typing import Any


def is_deeper(data: Any, most: int) -> bool:
    """Level by level, so that a hostile body costs no recursion."""
    level = [data]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer if type(outer) is list else ())
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True
