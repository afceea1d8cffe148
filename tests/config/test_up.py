"""`manage.py up`, for real: it starts, heals, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from config import embedded
from tests.config.installation import Installation, wait_for

pytestmark = [pytest.mark.real_processes, pytest.mark.slow]


@pytest.fixture
def installation() -> Iterator[Installation]:
    here = Installation()
    yield here
    here.remove()


def test_it_starts_where_nothing_is_and_makes_its_database() -> None:
    here = Installation(bare=True)
    try:
        here.up("--no-demo", "--workers", "1")
        assert here.get("/readyz")[0] == 200
    finally:
        here.remove()


def test_it_starts_heals_a_killed_worker_and_ends_without_a_trace(installation: Installation) -> None:
    installation.up("--no-demo")
    status, body = installation.get("/readyz")
    assert status == 200, body
    assert installation.get("/healthz")[0] == 200
    assert "/setup/ makes the first admin" in installation.said()

    first = installation.workers()
    assert len(first) == 2
    pool = first[0].children()
    first[0].send_signal(signal.SIGKILL)
    wait_for(lambda: len(installation.workers()) == 2 and first[0] not in installation.workers(), 15)
    # Killed before the new one starts; the system may take a moment to bury them.
    wait_for(lambda: not {each.pid for each in installation.processes()} & {each.pid for each in pool}, 10)

    assert installation.stop() == 0
    assert installation.processes() == []
    assert not embedded.is_alive(installation.home)


def test_what_a_killed_start_left_is_ended_and_its_database_adopted(installation: Installation) -> None:
    installation.up("--no-demo", "--workers", "1")
    server = embedded.postmaster(installation.home)
    installation.stop(signal.SIGKILL)
    assert embedded.is_alive(installation.home), "a killed start cannot stop its database"
    assert "running without `up`" in installation.manage("doctor").stdout

    installation.up("--no-demo", "--workers", "1")
    assert embedded.postmaster(installation.home) == server
    assert len(installation.workers()) == 1
    wait_for(lambda: sum("beat" in each.cmdline() for each in installation.processes()) == 1, 10)
    assert installation.stop(signal.SIGINT) == 0
    assert installation.processes() == []


def test_a_second_start_of_the_same_home_says_what_to_do(installation: Installation) -> None:
    installation.up("--no-demo", "--workers", "1")
    twin = installation.manage("up", "--port", "1")
    assert twin.returncode == 1
    assert "already up" in twin.stderr


def test_the_database_is_started_again_when_it_is_killed(installation: Installation) -> None:
    installation.up("--no-demo", "--workers", "1")
    server = embedded.postmaster(installation.home)
    assert server is not None
    os.kill(server, signal.SIGINT)
    wait_for(lambda: embedded.postmaster(installation.home) not in {None, server}, 30, installation.said)
    wait_for(lambda: installation.get("/readyz")[0] == 200, 30, lambda: installation.get("/readyz"))
    assert installation.stop() == 0
