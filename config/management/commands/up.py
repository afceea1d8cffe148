"""`manage.py up`: the whole product on this machine, with nothing to install by hand."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import time
from argparse import ArgumentParser
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError

from config import broker, embedded, health, places, processes, pumps
from config.supervisor import Child, Supervisor
from crm import clock

_READY_SECONDS = 60


BRUNO = "bruno@example.com"


class Command(BaseCommand):
    help = "Start web, workers and beat (and PostgreSQL and Valkey where no URL is given); Ctrl-C stops all."
    requires_system_checks: list[str] = []  # the workers check; twice costs a second of every start

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=2)
        parser.add_argument("--no-demo", action="store_true", help="start without demo data")

    def handle(self, *args: Any, **options: Any) -> None:
        self.home: Path = settings.CAUCE_HOME
        self.supervisor = Supervisor(self.home, self._say)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        self.home.mkdir(parents=True, exist_ok=True)
        lock = self._lock_home()
        try:
            self._run(options)
        except _Stopped:
            pass
        except places.CannotStart as error:
            raise CommandError(f"{error}\n`manage.py doctor` looks at the whole set-up.") from error
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._end()
            lock.close()

    def _run(self, options: dict[str, Any]) -> None:
        url = self._public_url(options["port"])
        left = self.supervisor.kill_leftovers()
        if left:
            self._say(f"ended {left} processes that a killed start had left")
        self._check_port(options["host"], options["port"])
        if settings.EMBEDDED_DATABASE:
            embedded.ensure(self.home)
        if settings.EMBEDDED_BROKER:
            places.make_private(places.broker_folder(self.home), owner=places.me())
            self.supervisor.add(Child("broker", broker.command(self.home), serves_others=True))
        # Here, not in children: setting up Django costs each process a second.
        call_command("migrate", verbosity=0, interactive=False)
        self._seed(demo=not options["no_demo"])
        self.supervisor.add(processes.web(options["host"], options["port"]))
        for number in range(1, options["workers"] + 1):
            self.supervisor.add(processes.worker(number))
        self.supervisor.add(processes.beat())
        self._wait_until_ready(url, options["port"])
        self.supervisor.watch(self._keep_database)

    def _public_url(self, port: int) -> str:
        if not os.environ.get("BASE_URL"):
            os.environ["BASE_URL"] = settings.BASE_URL = f"http://localhost:{port}"
        return str(settings.BASE_URL)

    def _lock_home(self) -> TextIO:
        lock = open(self.home / "up.lock", "a")  # noqa: SIM115  (held until this process ends)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Cauce is already up with {self.home}. Stop it first, or set CAUCE_HOME to another folder."
            ) from None
        return lock

    def _check_port(self, host: str, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(f"Port {port} is not free ({error.strerror}). Try --port {port + 1}.") from error

    def _seed(self, *, demo: bool) -> None:
        from crm.models import Contact, User  # noqa: PLC0415  (models need a set-up Django)

        if demo and not Contact.objects.exists() and "seed_demo" in get_commands():
            self._say("filling in demo data: eight weeks of a shop, about half a minute")
            call_command("seed_demo", verbosity=0)
        self.empty = not User.objects.exists()

    def _wait_until_ready(self, url: str, port: int) -> None:
        began = clock.real()
        wrong = _not_ready(port, began)
        while wrong and (clock.real() - began).total_seconds() < _READY_SECONDS:
            for child in self.supervisor.children:
                self.supervisor.look_at(child)
            time.sleep(0.1)
            wrong = _not_ready(port, began)
        self._say(f"not ready yet: {wrong}; see {self.home}/logs" if wrong else f"Cauce is up: {url}")
        for line in self._logins():
            self._say(line)
        if self.empty:
            self._say(f"Nobody works here yet: {url}/setup/ makes the first admin.")
        self._say(f"Logs are in {self.home / 'logs'}. Ctrl-C stops everything.")

    def _logins(self) -> list[str]:
        from config import demo  # noqa: PLC0415  (models need a set-up Django)
        from crm.models import User  # noqa: PLC0415

        if not settings.DEBUG:
            return []
        people = User.objects.filter(is_active=True).order_by("pk").prefetch_related("memberships")[:8]
        logins = [
            f"  {person.email}  password {settings.DEMO_PASSWORD}  "
            f"({', '.join(each.role for each in person.memberships.all()) or 'no role'})"
            for person in people
            if person.check_password(settings.DEMO_PASSWORD)
        ]
        code = demo.till_code() if logins else ""
        if code:
            logins.append(
                f"  the till: {settings.BASE_URL}/store/  code {code}, then Bruno with PIN {demo.PINS[BRUNO]}"
            )
        return logins

    def _keep_database(self) -> None:
        if settings.EMBEDDED_DATABASE and not embedded.is_alive(self.home):
            self._say("PostgreSQL ended; starting it again")
            with suppress(places.CannotStart):
                embedded.ensure(self.home)

    def _stop(self, *_: Any) -> None:
        if self.supervisor.stopping:
            return
        self.supervisor.stopping = True
        raise _Stopped

    def _end(self) -> None:
        if self.supervisor.children:
            self._say("stopping")
        self.supervisor.stop()
        shutil.rmtree(places.broker_folder(self.home), ignore_errors=True)
        from django.db import connections  # noqa: PLC0415

        connections.close_all()
        if settings.EMBEDDED_DATABASE:
            embedded.release(self.home)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _not_ready(port: int, began: datetime) -> dict[str, str]:
    """What is not ready yet; a heartbeat from before `began` is an earlier beat's."""
    wrong = {name: answer for name, answer in health.ready().items() if answer != "ok"}
    silence = pumps.silence()
    if silence is None or clock.real() - silence < began:
        wrong["beat"] = "not yet"
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            answer.read()
    except OSError as error:
        wrong["web"] = str(error)
    return wrong


class _Stopped(Exception):
    """Somebody asked us to stop."""
