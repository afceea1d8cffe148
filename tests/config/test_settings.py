"""An installation that is not safe does not start, and says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SECRETS = {"SECRET_KEY": "s" * 50, "SUPPRESSION_PEPPER": "p" * 50}


def load(**environment: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of their own, under `environment` alone."""
    return subprocess.run(
        [sys.executable, "-c", "from config import settings; print(settings.TESTING_CLOCK, settings.DATABASE_URL)"],
        cwd=ROOT, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "CAUCE_ENV_FILE": "none", "CAUCE_HOME": "/tmp/cauce-nowhere"} | environment,
    )  # fmt: skip


@pytest.mark.parametrize("missing", ["SECRET_KEY", "SUPPRESSION_PEPPER"])
def test_production_refuses_the_secret_of_development(missing: str) -> None:
    done = load(DEBUG="0", **{name: value for name, value in SECRETS.items() if name != missing})
    assert done.returncode != 0
    assert f"{missing} is missing or too short" in done.stderr


def test_production_starts_with_its_own_secrets() -> None:
    assert load(DEBUG="0", **SECRETS).returncode == 0


def test_production_refuses_a_clock_that_can_be_moved() -> None:
    done = load(DEBUG="0", TESTING_CLOCK="1", **SECRETS)
    assert "TESTING_CLOCK=1 is refused" in done.stderr
    assert load(DEBUG="0", TESTING_CLOCK="1", CAUCE_MODE="test", **SECRETS).stdout.startswith("True")


def test_without_a_url_the_database_is_the_embedded_one_of_this_home() -> None:
    first, second = load().stdout, load(CAUCE_HOME="/tmp/cauce-elsewhere").stdout
    assert "?host=/tmp/cauce-" in first
    assert first != second
    assert load(DATABASE_URL="postgres://u@db/cauce").stdout.split()[1] == "postgres://u@db/cauce"
