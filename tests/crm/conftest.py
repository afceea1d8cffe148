"""The cast, and the ways to ask what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crm import partitions, timeline, workspace

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    workspace.forget()
    partitions.forget()
    yield
    workspace.forget()
    partitions.forget()


@pytest.fixture
def now() -> datetime:
    return NOON


def drain_all() -> int:
    done = 0
    while moved := timeline.drain():
        done += moved
    return done
