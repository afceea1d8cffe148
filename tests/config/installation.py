"""A real installation in a folder of its own, for tests that start and stop processes."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent


class Installation:
    """`manage.py` with its own `CAUCE_HOME`, embedded servers and port.

    Its database has its tables already, copied from one that was made once; `bare`: it is to be made from nothing.
    """

    def __init__(self, *, bare: bool = False, **environment: str) -> None:
        # Short and passable for the database's own user: pytest's folders are neither under root.
        self.home = Path(tempfile.mkdtemp(prefix="cauce-test-", dir="/tmp")).resolve()
        self.home.chmod(0o711)
        made = None if bare else _made_once()
        if made:
            subprocess.run(["cp", "-a", str(made), str(self.home / "postgres")], check=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "CAUCE_"))}
        for name in ("DATABASE_URL", "CELERY_BROKER_URL", "BASE_URL", "TESTING_CLOCK", "DEBUG", "EMAIL_URL"):
            kept.pop(name, None)
        self.environment = kept | {"CAUCE_HOME": str(self.home), "CAUCE_ENV_FILE": "none"} | environment
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None

    def manage(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip

    def up(self, *arguments: str) -> None:
        """Start it and wait until it says that it is up."""
        output = self.home / "up.out"
        with output.open("a") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port), *arguments],
                cwd=ROOT, env=self.environment, stdout=out, stderr=out, text=True, start_new_session=True,
            )  # fmt: skip
        before = output.read_text().count("stops everything")
        wait_for(
            lambda: output.read_text().count("stops everything") > before or self.process.poll() is not None,  # type: ignore[union-attr]
            60, output.read_text,
        )  # fmt: skip
        assert self.process.poll() is None, output.read_text()

    def said(self) -> str:
        return (self.home / "up.out").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(40)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except URLError as error:
            return getattr(error, "code", 0), str(error)

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this installation, its servers too."""
        found = []
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                mine = str(self.home) in words or process.environ().get("CAUCE_HOME") == str(self.home)
                if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def workers(self) -> list[psutil.Process]:
        """The leading process of each worker."""
        return [process for process in self.processes() if self._leads(process)]

    def _leads(self, process: psutil.Process) -> bool:
        try:
            words = process.cmdline()
            mine = self.process is not None and process.ppid() == self.process.pid
        except psutil.NoSuchProcess:  # a zombie, too: it is dead, and not buried yet
            return False
        return mine and "celery" in words and "worker" in words

    def remove(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        for process in self.processes():
            process.kill()
        shutil.rmtree(self.home, ignore_errors=True)


@cache
def _made_once() -> Path | None:
    """The data folder of an empty installation, for this process; None where it is kept somewhere else than at home."""
    first = Installation(bare=True)
    done = first.manage("migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    atexit.register(first.remove)
    data = first.home / "postgres"
    return None if data.is_symlink() else data


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(happened: Callable[[], object], seconds: float, explain: Callable[[], object] = str) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"did not happen within {seconds} s: {explain()}"
        time.sleep(0.1)
