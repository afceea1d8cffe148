"""Celery: it wakes workers up; what is to be done stands in PostgreSQL.

Each round of `crm.registry.rounds` is one task under the round's name, without
arguments. A lost, doubled or late message changes only when somebody looks.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("cauce")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery closes the database connection after every task unless told otherwise, by
# this very name; closing stale ones is then left to RoundTask.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000


class RoundTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task that keeps its database connection, but never a broken or an old one."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from django.db import close_old_connections  # noqa: PLC0415  (Django is not set up when this file is read)

        if self.request.called_directly or self.request.is_eager:
            return super().__call__(*args, **kwargs)  # within somebody's transaction
        close_old_connections()
        try:
            return super().__call__(*args, **kwargs)
        finally:
            close_old_connections()


def register_rounds() -> None:
    """Make a task of every round; called when all apps are ready."""
    from crm.registry import rounds  # noqa: PLC0415

    for name in rounds.names():
        if name not in app.tasks:
            _register(name)


def _register(name: str) -> None:
    @app.task(base=RoundTask, name=name)
    def do_round() -> int:
        from django.conf import settings  # noqa: PLC0415

        from config import work  # noqa: PLC0415

        return work.run(name, settings.ROUND_BUDGET_SECONDS)


@setup_logging.connect
def _log_as_django_does(**_: Any) -> None:
    """Being connected keeps Celery from setting up logging its own way."""
