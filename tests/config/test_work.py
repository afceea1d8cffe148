"""Rounds of work: bounded batches until nothing is due, the pressing ones in between."""

from __future__ import annotations

import pytest

from config import pumps, work
from config.celery import app, register_rounds
from crm import registry

pytestmark = pytest.mark.django_db


class Heap:
    """Rows of one kind that wait to be done, two per batch."""

    def __init__(self, name: str, rows: int, done: list[str]) -> None:
        self.name, self.rows, self.done = name, rows, done

    def work(self) -> int:
        batch = min(2, self.rows)
        self.rows -= batch
        if batch:
            self.done.append(self.name)
        return batch

    def pending(self) -> int:
        return self.rows


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> registry.Named[registry.Round]:
    """A registry of its own, so that the rounds of the product stay out of it."""
    own: registry.Named[registry.Round] = registry.Named("rounds")
    for module in (work, pumps, registry):
        monkeypatch.setattr(module, "rounds", own)
    return own


def _add(rounds: registry.Named[registry.Round], heap: Heap, order: int, every: int = 1) -> None:
    rounds.add(heap.name, registry.Round(heap.name, heap.work, heap.pending, every), order=order)


def test_an_event_is_answered_while_a_long_sending_goes_on(rounds: registry.Named[registry.Round]) -> None:
    done: list[str] = []
    _add(rounds, Heap("react", 2, done), 1)
    _add(rounds, Heap("nightly", 2, done), 2, every=3600)
    _add(rounds, Heap("send", 5, done), 3)
    assert work.run("send", budget=5) == 5
    assert done == ["react", "send", "send", "send"]


def test_a_round_stops_when_its_time_is_over(rounds: registry.Named[registry.Round]) -> None:
    _add(rounds, Heap("send", 10, []), 1)
    assert work.run("send", budget=0) == 0


def test_a_drain_ends_when_nothing_is_due_and_says_what_it_moved(rounds: registry.Named[registry.Round]) -> None:
    _add(rounds, Heap("react", 3, []), 1)
    _add(rounds, Heap("send", 5, []), 2)
    tally = work.drain(timeout=5)
    assert tally.moved == {"react": 3, "send": 5}
    assert tally.pending == {"react": 0, "send": 0}


def test_a_drain_gives_up_on_what_never_becomes_free(rounds: registry.Named[registry.Round]) -> None:
    rounds.add("leased", registry.Round("leased", lambda: 0, lambda: 1))
    assert work.drain(timeout=0.2).pending == {"leased": 1}


def test_beat_rings_what_the_registry_says_and_forgets_what_it_no_longer_says(
    rounds: registry.Named[registry.Round],
) -> None:
    from django_celery_beat.models import PeriodicTask

    _add(rounds, Heap("crm.test", 0, []), 1, every=60)
    pumps.ensure()
    pumps.ensure()
    row = PeriodicTask.objects.get(name="crm.test")
    assert (row.task, row.interval.every, row.expire_seconds) == ("crm.test", 60, 60)  # type: ignore[union-attr]
    empty: registry.Named[registry.Round] = registry.Named("rounds")
    pumps.rounds = empty  # undone by the fixture
    pumps.ensure()
    assert not PeriodicTask.objects.filter(name="crm.test").exists()
    assert PeriodicTask.objects.filter(name=pumps.HEARTBEAT, enabled=False).exists()


def test_a_round_is_a_task_without_arguments_under_its_own_name(rounds: registry.Named[registry.Round]) -> None:
    done: list[str] = []
    _add(rounds, Heap("crm.test_task", 3, done), 1)
    register_rounds()
    try:
        assert app.tasks["crm.test_task"]() == 3
    finally:
        app.tasks.pop("crm.test_task")
    assert done == ["crm.test_task"] * 2


def test_the_silence_of_beat_is_measured_by_the_machine_not_by_the_moved_clock() -> None:
    from datetime import timedelta

    from crm import clock

    pumps.ensure()
    pumps.beat()
    clock.advance(timedelta(days=30))
    silence = pumps.silence()
    assert silence is not None
    assert silence < timedelta(minutes=1)
