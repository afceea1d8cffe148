"""What somebody here is to do: asked for, done, taken up again. The one writer of Task."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from crm import audit, moments, workspace
from crm.models import Task, User

# What Home shows of what is open; somebody with more has a list of their own.
SHOWN: Final = 8


def add(
    title: str, due_at: datetime, *, assignee: User, made_by: User, actor: str, contact_id: int | None = None
) -> Task:
    with transaction.atomic():
        task = Task.objects.create(
            title=title.strip()[:200], due_at=due_at, contact_id=contact_id, assignee=assignee, made_by=made_by
        )
        audit.record(actor, "task.create", _subject(task), None, _shown(task))
    return task


def tick(task: Task, now: datetime, actor: str) -> Task:
    """It is done; ticked twice, it was done the first time."""
    return _set(task, now, actor, "task.done")


def untick(task: Task, actor: str) -> Task:
    """It is to be done after all."""
    return _set(task, None, actor, "task.open")


def open_of(user: User) -> list[Task]:
    """What is open for somebody, the most urgent first."""
    return list(Task.objects.filter(assignee=user, done_at=None).select_related("contact").order_by("due_at")[:SHOWN])


def overdue(user: User, now: datetime) -> int:
    return Task.objects.filter(assignee=user, done_at=None, due_at__lt=now).count()


def about(contact_id: int) -> list[Task]:
    """Tasks about a contact: open ones first, by when they are due."""
    rows = Task.objects.filter(contact_id=contact_id).select_related("assignee")
    return sorted(rows.order_by("-due_at")[:50], key=lambda task: (task.done_at is not None, task.due_at))


def urgency(task: Task, now: datetime, today_ends: datetime) -> str:
    """ "overdue", "today" or "next"."""
    if task.due_at < now:
        return "overdue"
    return "today" if task.due_at < today_ends else "next"


def remove_about(contact_ids: list[int]) -> int:
    """Tasks about contacts that are taken away whole."""
    return Task.objects.filter(contact_id__in=contact_ids).delete()[0]


def end_of_day(now: datetime) -> datetime:
    """When today is over, where the workspace is."""
    zone = workspace.current().zone
    return moments.at_local(moments.local_day(now, zone) + timedelta(days=1), moments.MIDNIGHT, zone)


def default_due(now: datetime) -> datetime:
    """Tomorrow at this hour."""
    return (now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


def _set(task: Task, done_at: datetime | None, actor: str, action: str) -> Task:
    with transaction.atomic():
        held = Task.objects.select_for_update().get(pk=task.pk)
        if (held.done_at is None) != (done_at is None):
            before = _shown(held)
            held.done_at = done_at
            held.save(update_fields=["done_at"])
            audit.record(actor, action, _subject(held), before, _shown(held))
    return held


def _subject(task: Task) -> str:
    return f"task:{task.pk}"


def _shown(task: Task) -> dict[str, object]:
    """No title: what is written there may name a person, and the trail is kept for ever."""
    return {
        "due_at": task.due_at.isoformat(),
        "contact": task.contact_id,
        "assignee": task.assignee_id,
        "done_at": task.done_at.isoformat() if task.done_at else None,
    }
