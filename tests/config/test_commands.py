"""The commands somebody at a terminal uses, in processes of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from config import embedded
from tests.config.installation import Installation

pytestmark = [pytest.mark.real_processes, pytest.mark.slow]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    here = Installation(TESTING_CLOCK="1")
    # Held here, so that not every command starts and stops a server of its own.
    embedded.ensure(here.home, durable=False)
    done = here.manage("migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    yield here
    embedded.release(here.home)
    here.remove()


def test_a_moved_clock_is_seen_by_the_next_process(installation: Installation) -> None:
    assert installation.manage("clock", "set", "2026-03-28T09:00:00Z").returncode == 0
    assert installation.manage("clock", "advance", "2d").returncode == 0
    shown = installation.manage("clock", "show").stdout.strip()
    assert shown.startswith("2026-03-30T09:00"), shown
    assert installation.manage("clock", "reset").returncode == 0
    assert not installation.manage("clock", "show").stdout.startswith("2026-03-30")


@pytest.mark.parametrize(
    "words", [("set", "yesterday"), ("set", "2026-03-28T09:00:00"), ("advance", "soon")], ids=" ".join
)
def test_a_time_that_cannot_be_read_is_refused_with_an_example(
    installation: Installation, words: tuple[str, str]
) -> None:
    done = installation.manage("clock", *words)
    assert done.returncode == 1
    assert "Write it like" in done.stderr


def test_without_the_variable_the_clock_stays(installation: Installation) -> None:
    installation.environment.pop("TESTING_CLOCK")
    try:
        done = installation.manage("clock", "advance", "2d")
    finally:
        installation.environment["TESTING_CLOCK"] = "1"
    assert done.returncode == 1
    assert "TESTING_CLOCK=1" in done.stderr


def test_a_tick_and_a_drain_say_what_they_did_as_json(installation: Installation) -> None:
    ticked = json.loads(installation.manage("tick", "--once").stdout.splitlines()[-1])
    assert set(ticked) == {"moved"}
    done = installation.manage("drain", "--until-idle", "--timeout", "60")
    drained = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    assert drained["idle"]


def test_the_doctor_names_what_is_wrong_and_the_remedy(installation: Installation) -> None:
    assert installation.manage("doctor").returncode == 0
    installation.environment["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/none"
    try:
        done = installation.manage("doctor")
    finally:
        del installation.environment["DATABASE_URL"]
    assert done.returncode == 1
    assert "Check DATABASE_URL" in done.stdout


def test_the_url_of_the_database_is_printed_alone(installation: Installation) -> None:
    assert installation.manage("database_url").stdout.startswith("postgres://postgres@/cauce?host=/")
