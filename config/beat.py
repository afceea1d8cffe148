"""Beat's scheduler: django-celery-beat's, with a sign of life for `/readyz`."""

from __future__ import annotations

import time
from typing import Any

from django.db import DatabaseError, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from config import pumps

_BEAT_SECONDS = 5


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the package has no types
    """Rings the pumps by the machine's clock; the testing clock is none of its business."""

    _spoke = -1.0 * _BEAT_SECONDS

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() - self._spoke >= _BEAT_SECONDS:
            close_old_connections()
            try:
                pumps.beat()
                self._spoke = time.monotonic()
            except DatabaseError:
                self._spoke = time.monotonic() - _BEAT_SECONDS + 1  # again in a second
        return super().tick(*args, **kwargs)
