"""A till sends what happens now."""

from __future__ import annotations

from datetime import datetime

import pytest

from crm import clock


@pytest.fixture
def now() -> datetime:
    return clock.now()
