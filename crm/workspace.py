"""The one company this installation speaks for, read once every few seconds by each process."""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save

from crm import audit
from crm.models import Workspace

FRESH_SECONDS = 5.0
_held: tuple[float, Workspace] | None = None


def current() -> Workspace:
    """The workspace; its defaults while nobody has set anything."""
    global _held
    moment = time.monotonic()
    if _held is None or moment - _held[0] > FRESH_SECONDS:
        _held = (moment, Workspace.objects.filter(only=True).first() or Workspace())
    return _held[1]


def change(values: dict[str, Any], actor: str) -> Workspace:
    """Set some of its fields."""
    with transaction.atomic():
        Workspace.objects.get_or_create(only=True)
        space = Workspace.objects.select_for_update().get(only=True)
        before = {name: getattr(space, name) for name in values}
        for name, value in values.items():
            setattr(space, name, value)
        space.save()
        if before != values:
            audit.record(actor, "workspace.change", "workspace", before, values)
    transaction.on_commit(forget)
    return space


def forget(**_: Any) -> None:
    """Read it again at the next question (it was saved, or a test changed it)."""
    global _held
    _held = None


post_save.connect(forget, sender=Workspace, dispatch_uid="crm.workspace.forget")
