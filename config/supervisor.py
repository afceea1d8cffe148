"""Processes of one installation: started, watched, started again, stopped together.

Every child leads a process group of its own, so that when a worker is killed what
it left (a pool process in mid-batch) is killed too before a new one starts. If the
supervisor itself is killed, Linux ends its children; elsewhere the next start does,
from the note it keeps in `CAUCE_HOME`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.2
_LOG_BYTES = 20_000_000


@dataclass
class Child:
    """One process to keep alive: its name, command line and extra environment."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    serves_others: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0


class Supervisor:
    """Keeps `children` alive until told to stop; `say` gets one line per happening."""

    def __init__(self, home: Path, say: Callable[[str], None]) -> None:
        self.home = home
        self.say = say
        self.children: list[Child] = []
        self.stopping = False
        self._library = ctypes.CDLL(None) if sys.platform == "linux" else None

    def add(self, child: Child) -> None:
        self.children.append(child)
        self._start(child)

    def watch(self, each_second: Callable[[], None]) -> None:
        """Stay until `stopping`; start again what ended, and call `each_second`."""
        last = 0.0
        while not self.stopping:
            for child in self.children:
                self.look_at(child)
            if time.monotonic() - last >= 1:
                last = time.monotonic()
                each_second()
            time.sleep(_LOOK_SECONDS)

    def stop(self, patience: float = 10.0) -> None:
        """End all children, those that serve the others last; what does not end in time is killed."""
        for phase in (False, True):
            leaving = [child for child in self.children if child.serves_others is phase]
            for child in leaving:
                _ask_to_end(child)
            _wait(leaving, patience)
            for child in leaving:
                _kill_group(child)
        self._note_path().unlink(missing_ok=True)

    def kill_leftovers(self) -> int:
        """Kill what a killed supervisor of this home left behind; how many groups."""
        killed = 0
        with suppress(FileNotFoundError, json.JSONDecodeError):
            for pid, created in json.loads(self._note_path().read_text()).items():
                with suppress(psutil.Error, ProcessLookupError):
                    # The time of birth tells our process from a later one with its number.
                    if abs(psutil.Process(int(pid)).create_time() - created) < 1:
                        os.killpg(int(pid), signal.SIGKILL)
                        killed += 1
        return killed

    def look_at(self, child: Child) -> None:
        if child.process is not None and child.process.poll() is not None:
            _kill_group(child)
            lived = time.monotonic() - child.started
            child.failures = child.failures + 1 if lived < 5 else 0
            wait = min(10.0, 0.5 * 2**child.failures) if child.failures else 0.0
            child.start_at = time.monotonic() + wait
            self.say(f"{child.name} ended with {child.process.returncode}; starting it again")
            child.process = None
        if child.process is None and time.monotonic() >= child.start_at:
            self._start(child)

    def _start(self, child: Child) -> None:
        log = self.home / "logs" / f"{child.name}.log"
        log.parent.mkdir(exist_ok=True)
        too_long = log.exists() and log.stat().st_size > _LOG_BYTES
        with open(log, "w" if too_long else "a") as output:
            child.process = subprocess.Popen(  # noqa: S603  (our own command lines, no shell)
                child.command,
                env={**os.environ, **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=self._die_with_parent,  # noqa: PLW1509  (this process has one thread)
            )
        child.started = time.monotonic()
        self._write_note()

    def _die_with_parent(self) -> None:
        if self._library is not None:
            self._library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    def _write_note(self) -> None:
        born: dict[str, float] = {}
        for child in self.children:
            if child.process is not None:
                with suppress(psutil.Error):
                    born[str(child.process.pid)] = psutil.Process(child.process.pid).create_time()
        self._note_path().write_text(json.dumps(born))

    def _note_path(self) -> Path:
        return self.home / "processes.json"


def _ask_to_end(child: Child) -> None:
    # The leader alone: it ends its own pool in order.
    if child.process is not None and child.process.poll() is None:
        child.process.terminate()


def _wait(children: list[Child], patience: float) -> None:
    end = time.monotonic() + patience
    for child in children:
        if child.process is not None:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, end - time.monotonic()))


def _kill_group(child: Child) -> None:
    if child.process is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
