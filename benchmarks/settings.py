"""Settings of the benchmarks: `DATABASE_URL` if given, else an embedded server of their own, durable."""

from __future__ import annotations

import os

os.environ.setdefault("CAUCE_ENV_FILE", "none")
os.environ.setdefault("CAUCE_MODE", "test")
os.environ.setdefault("CAUCE_PROCESS", "bench")
os.environ.setdefault("TESTING_CLOCK", "0")

from config import embedded, places

os.environ.setdefault("CAUCE_HOME", str(places.CHECKOUT / ".cauce" / "bench"))

from config.settings import *  # noqa: F403 - settings are inherited so
from config.settings import CAUCE_HOME, EMBEDDED_DATABASE

if EMBEDDED_DATABASE:
    embedded.ensure(CAUCE_HOME)
    embedded.release_at_exit(CAUCE_HOME)

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or "memory://"
