"""The command lines of an installation's processes, the same in `up` and in `Procfile`."""

from __future__ import annotations

import sys

from config.supervisor import Child


def web(host: str, port: int) -> Child:
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application",
        "--host", host, "--port", str(port), "--workers", "1", "--blocking-threads", "8",
        "--respawn-failed-workers", "--no-access-log",
    ]  # fmt: skip
    return Child("web", command, {"CAUCE_PROCESS": "web"})


def worker(number: int) -> Child:
    name = f"worker-{number}"
    command = [
        sys.executable, "-m", "celery", "-A", "config", "worker", "-n", f"{name}@%h", "--pool=prefork",
        "--concurrency=1", "--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel=WARNING",
    ]  # fmt: skip
    return Child(name, command, {"CAUCE_PROCESS": name})


def beat() -> Child:
    command = [sys.executable, "-m", "celery", "-A", "config", "beat", "--pidfile=", "--loglevel=WARNING"]
    return Child("beat", command, {"CAUCE_PROCESS": "beat"})
