"""Infrastructure of the suite. The cast of people lives beside the factories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.backends.signals import connection_created
from hypothesis import settings

from tests import emptying
from tests.architecture import writers


def pytest_configure(config: pytest.Config) -> None:
    del config
    connection_created.connect(writers.record, dispatch_uid="writers")
    # A busy machine fails nothing: speed is measured in `benchmarks/`.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
    emptying.install()


@pytest.fixture(scope="session", autouse=True)
def _pins_are_hashed_cheaply() -> None:
    """As passwords are in tests: the same hash, without the tenth of a second that keeps guessing slow."""
    from crm.till import pins

    pins.HASHER.time_cost, pins.HASHER.memory_cost, pins.HASHER.parallelism = 1, 8, 1


@pytest.fixture(autouse=True)
def _business_time_is_real() -> Iterator[None]:
    """No test sees the clock another test has moved (the row goes with the test's database changes)."""
    from crm import clock

    clock._shift = timedelta(0)
    yield
    clock._shift = timedelta(0)


@pytest.fixture(autouse=True)
def _what_is_held_stays_fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a process holds for a few seconds must not run out in the middle of a test that counts queries."""
    from channels import accounts
    from channels.webhooks import endpoints
    from crm import confirming, ownfields, workspace
    from crm.rest import keys

    # Nobody listens until a test sets an endpoint up: what is counted elsewhere is no question about webhooks.
    monkeypatch.setattr(endpoints, "FRESH_SECONDS", 3_600.0)
    endpoints.none_yet()
    held = (workspace, accounts, keys, ownfields, confirming)
    for each in held:
        monkeypatch.setattr(each, "FRESH_SECONDS", 3_600.0)
        each.forget()
    yield
    for each in held:
        each.forget()


# What takes minutes, the longest first.
LONG = ("tests/browser/test_every_page.py", "tests/flows/", "tests/browser/", "tests/faults/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no test process is left alone with it at the end."""
    items.sort(key=lambda item: next((place for place, part in enumerate(LONG) if part in item.nodeid), len(LONG)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Compare who wrote what with `docs/map.md`; xdist's workers hand theirs over first."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["writes"] = sorted(writers.seen)
        return
    session.config.stash[_OFFENCES] = found = writers.offences(writers.seen, writers.described())
    if found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    writers.seen.update(tuple(write) for write in getattr(node, "workeroutput", {}).get("writes", ()))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for offence in config.stash.get(_OFFENCES, []):
        terminalreporter.write_line(f"WRITER {offence}", red=True)
    if not hasattr(config, "workerinput") and config.option.verbose > 0:
        for line in writers.unnamed(writers.seen, writers.described()):
            terminalreporter.write_line(f"not in docs/map.md: {line}", yellow=True)


_OFFENCES = pytest.StashKey[list[str]]()
