"""An installation to be hurt: its own PostgreSQL, broker, SMTP sink and Celery workers.

Nothing here runs inside the test's process but the ringing of the bell, so that everything may be
killed. The shared database server of the suite is never touched.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg2
from celery import Celery

from config import broker, embedded, places

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = ("channels.reap", "channels.deliver")
# Started, and no outcome stands on the row of the next.
IN_A_CALL = """state = 'handing_off' AND started_at IS NOT NULL AND NOT EXISTS (
  SELECT FROM channels_message n WHERE n.lease = channels_message.lease
  AND (n.receipt->>'of')::bigint = channels_message.id)"""


class Scene:
    """`with Scene() as scene: with scene.play(…):`; everything that was started is gone afterwards."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="cauce-faults-", dir="/tmp"))
        self.home.chmod(0o711)
        self._noise = None if os.environ.get("FAULTS_LOG") else subprocess.DEVNULL
        self.lease = 6
        self._broker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            embedded.ensure(self.home, durable=False)
            self._broker = broker.start(self.home)
            wait_until(lambda: broker.answers(self.home), 20)
            self.run("migrate")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._broker is not None:
            _kill_tree(self._broker.pid)
            self._broker.wait()
        embedded.release(self.home)
        data = (self.home / "postgres").resolve()
        shutil.rmtree(self.home, ignore_errors=True)
        if data.parent != self.home:
            shutil.rmtree(data, ignore_errors=True)

    @contextmanager
    def play(
        self, *, workers: int = 2, lease: int = 6, delay: float = 0.004, drop_every: int = 0, times: int = 1
    ) -> Iterator[Scene]:
        """One act: an empty database and a new sink; `work()` brings the workers on."""
        self.workers: list[subprocess.Popen[bytes]] = []
        self._children: list[subprocess.Popen[Any]] = []
        self._ringing = threading.Event()
        self.wanted, self.lease, self.times, self.kills, self._last_kill = workers, lease, times, 0, "1990-01-01"
        self._empty()
        self._sink(delay, drop_every)
        try:
            yield self
        finally:
            self._ringing.set()
            for each in [*self.workers, *self._children]:
                _kill_tree(each.pid)
                each.wait()

    # --- its parts ---------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        port = self.home / "port"
        return {
            **{name: value for name, value in os.environ.items() if name not in {"TEST_DB_NAME", "TESTING_CLOCK"}},
            "DJANGO_SETTINGS_MODULE": os.environ.get("FAULTS_SETTINGS", "config.settings"),
            "CAUCE_ENV_FILE": "none",
            "CAUCE_MODE": "live",
            "CAUCE_HOME": str(self.home),
            "DATABASE_URL": embedded.url(self.home),
            "CELERY_BROKER_URL": broker.url(self.home),
            "EMAIL_URL": f"smtp://127.0.0.1:{port.read_text()}" if port.exists() else "",
            "LEASE_SECONDS": str(self.lease),
            "PROVIDER_TIMEOUT": "3",
            "PYTHONPATH": os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)]),
        }

    def _sink(self, delay: float, drop_every: int) -> None:
        for name in ("log", "port", "hurry"):
            (self.home / name).unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.faults.sink", str(self.home / "log"), str(self.home / "port"),
                   "--delay", str(delay), "--drop-every", str(drop_every)]  # fmt: skip
        self._children.append(subprocess.Popen(command, cwd=ROOT))
        wait_until(lambda: (self.home / "port").exists(), 20)

    def _empty(self) -> None:
        tables = self.ask(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename ~ '^(crm|channels|campaigns|analytics)_' AND tablename <> 'channels_epoch'"
        )
        self.ask(f"TRUNCATE {tables[0][0]} CASCADE; SELECT 1", commit=True)

    def run(self, *command: object) -> str:
        """A command of `tests.faults.stage` inside the installation."""
        return subprocess.run(
            [sys.executable, "-m", "tests.faults.stage", *map(str, command)],
            cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip

    def start(self, *command: object) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.stage", *map(str, command)],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._children.append(child)
        return child

    def work(self) -> None:
        """Start the workers, and ring until the scene is over."""
        while len(self.workers) < self.wanted:
            self.workers.append(self._worker())
        threading.Thread(target=self._ring, daemon=True).start()

    def _worker(self) -> subprocess.Popen[bytes]:
        name = f"faults-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-n", f"{name}@%h", "--pool=prefork",
                   "--concurrency=1", "--without-mingle", "--without-gossip", "--without-heartbeat",
                   "--loglevel=CRITICAL"]  # fmt: skip
        environment = {**self.environment, "CAUCE_PROCESS": name, "LOG_LEVEL": os.environ.get("FAULTS_LOG", "CRITICAL")}
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, start_new_session=True, stdout=self._noise, stderr=self._noise
        )

    def _ring(self) -> None:
        """Beat's part; `times` delivers each task that often."""
        app = Celery(broker=broker.url(self.home))
        app.conf.task_default_queue = "cauce"
        while not self._ringing.wait(0.3):
            for name in ROUNDS * self.times:
                try:
                    app.send_task(name, expires=2, retry=False, ignore_result=True)
                except Exception:  # noqa: BLE001 - a broker that is gone loses a bell, nothing else
                    pass

    # --- what is hurt ------------------------------------------------------------------------

    def in_a_call(self) -> int:
        """How many messages are on the wire since the last kill: what the dead left behind is older."""
        return self.count(f"{IN_A_CALL} AND started_at > '{self._last_kill}'")

    def kill_worker_in_a_call(self, place: int, *, parent_too: bool) -> None:
        """SIGKILL a worker that surely has a started, unresolved message; another takes its place.

        All workers are stopped first: while as many messages are in a call as there are workers,
        each of them has one.
        """
        trees = self._stopped_in_calls()
        victim = self.workers[place % len(self.workers)]
        tree = _tree(victim.pid)
        _signal(tree if parent_too else [each for each in tree if each.pid != victim.pid], signal.SIGKILL)
        self.kills += 1
        self._from_now_on()
        _signal(trees, signal.SIGCONT)
        if parent_too:
            victim.wait()
            self.workers[self.workers.index(victim)] = self._worker()

    def _from_now_on(self) -> None:
        self._last_kill = self.ask("SELECT clock_timestamp()::text")[0][0]

    def _stopped_in_calls(self) -> list[psutil.Process]:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            wait_until(lambda: self.in_a_call() >= self.wanted, 60)
            trees = [each for worker in self.workers for each in _tree(worker.pid)]
            _signal(trees, signal.SIGSTOP)
            if self.in_a_call() >= self.wanted:
                return trees
            _signal(trees, signal.SIGCONT)
        raise AssertionError("no moment at which every worker was in a call")

    def kill_backend(self, *, waits: bool = True) -> None:
        """SIGKILL a PostgreSQL backend: the whole server goes through recovery.

        That of a worker in a call (`waits`), or of a connection of our own where no worker may be left.
        """
        if waits:
            wait_until(lambda: self.in_a_call() > 0, 60)
            wait_until(self._kill_a_workers, 60)
        else:
            own = psycopg2.connect(embedded.url(self.home).replace("postgres://", "postgresql://"))
            os.kill(own.info.backend_pid, signal.SIGKILL)
            own.close()
        wait_until(self._answers, 60)
        self._from_now_on()

    def _kill_a_workers(self) -> bool:
        """Whether one was there to be killed: it may end by itself between the question and the signal."""
        whose = "application_name LIKE 'cauce faults-%'"
        found = self.ask(f"SELECT pid FROM pg_stat_activity WHERE {whose} ORDER BY state_change DESC LIMIT 1")
        try:
            os.kill(found[0][0], signal.SIGKILL)
        except (IndexError, ProcessLookupError):
            return False
        return True

    def hurry(self) -> None:
        """All that was to be hurt is hurt: from now on the sink answers at once."""
        (self.home / "hurry").touch()

    def restart_postgresql(self) -> None:
        data = (self.home / "postgres").resolve()
        log = str(data / "server.log")
        embedded._run(data, "pg_ctl", "restart", "--wait", "--mode=fast", "-D", str(data), "-l", log)
        self._from_now_on()

    def empty_broker(self) -> None:
        import redis

        redis.Redis(unix_socket_path=str(places.broker_folder(self.home) / "valkey.sock")).flushall()

    def stop_past_the_lease(self, place: int) -> None:
        """SIGSTOP a worker in a call until its lease is over and reaped, then let it go on."""
        wait_until(lambda: self.in_a_call() >= self.wanted, 60)
        tree = _tree(self.workers[place % len(self.workers)].pid)
        _signal(tree, signal.SIGSTOP)
        self.kills += 1  # it may leave one `unknown`, as a killed one does
        time.sleep(self.lease + 2)
        _signal(tree, signal.SIGCONT)

    # --- what is seen ------------------------------------------------------------------------

    def ask(self, sql: str, *, commit: bool = False) -> list[tuple[Any, ...]]:
        while True:
            try:
                connection = psycopg2.connect(embedded.url(self.home).replace("postgres://", "postgresql://"))
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(sql)
                        rows = cursor.fetchall()
                    if commit:
                        connection.commit()
                    return rows
                finally:
                    connection.close()
            except psycopg2.OperationalError:
                time.sleep(0.1)

    def count(self, condition: str) -> int:
        return int(self.ask(f"SELECT count(*) FROM channels_message WHERE {condition}")[0][0])

    def settled(self) -> bool:
        return self.count("state IN ('due', 'claimed', 'handing_off')") == 0

    def wait_until_settled(self, seconds: float) -> None:
        wait_until(self.settled, seconds)

    def taken(self) -> list[str]:
        """The keys of the messages the sink took, in order."""
        log = self.home / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split()[2].partition("@")[0] for line in lines]

    def ledger(self) -> list[tuple[Any, ...]]:
        """(id, contact, state, reason, started_at, attempts, key) of every message."""
        return [tuple(row) for row in json.loads(self.run("ledger"))]

    def _answers(self) -> bool:
        try:
            psycopg2.connect(embedded.url(self.home).replace("postgres://", "postgresql://")).close()
        except psycopg2.OperationalError:
            return False
        return True


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for each in processes:
        try:
            each.send_signal(number)
        except psutil.NoSuchProcess:
            pass


def _kill_tree(pid: int) -> None:
    tree = _tree(pid)
    _signal(tree, signal.SIGKILL)
    psutil.wait_procs(tree, timeout=5)
