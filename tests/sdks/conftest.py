"""The real SDKs of others, unmodified, on a real server: only the host is another one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from crm import apikeys
from tests.sdks import doorman
from tests.sdks.doorman import Door

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
NODE = shutil.which("node") or shutil.which("node", path=str(HERE.parents[1] / ".venv" / "bin"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real_processes)


@pytest.fixture
def door(live_server: LiveServer) -> Iterator[Door]:
    with doorman.guarded(live_server.url) as found:
        yield found


@pytest.fixture(params=["tracking", "admin"], ids=["write key", "secret key"])
def key(request: pytest.FixtureRequest, transactional_db: None) -> str:
    return apikeys.create(request.param, "shop")


@pytest.fixture
def secret(transactional_db: None) -> str:
    return apikeys.create("admin", "shop")


@pytest.fixture
def node() -> Callable[..., str]:
    """Run a script with what `npm ci` put beside it."""
    if NODE is None or not MODULES.is_dir():
        pytest.skip("no node here, or its SDKs are not installed: make setup")

    def run(script: str, *arguments: str) -> str:
        done: Any = subprocess.run(
            [str(NODE), str(HERE / script), *arguments], capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return run
