"""Two real connections at the same moment. Each race is shown to be lost when its lock is taken away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections

from campaigns import entries, exits, facts, lifecycle, reactions, runner, runs, vetoes
from campaigns.models import Enrolment
from channels import content
from channels.models import Message
from crm import clock, timeline
from crm.models import Event
from tests.campaigns import cast

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 20.0


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    cast.forget()
    content.forget()
    cast.at_noon()
    yield
    cast.forget()
    content.forget()


class Side:
    """Something done in a thread with a connection of its own."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self.error: BaseException | None = None
        self.pid = 0
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=[do], daemon=True)
        self.thread.start()
        assert self.ready.wait(SECONDS)

    def _run(self, do: Callable[[], Any]) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self.pid = cursor.fetchone()[0]
            self.ready.set()
            do()
        except BaseException as error:  # noqa: BLE001 - shown by join()
            self.error = error
        finally:
            self.ready.set()
            connections.close_all()

    def is_stuck(self) -> bool:
        """Whether PostgreSQL lets it wait for a lock."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", [self.pid])
            row = cursor.fetchone()
        return bool(row and row[0])

    def settles(self) -> str:
        """Wait until it is over, or waits for somebody else's lock."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if not self.thread.is_alive():
                return "over"
            if self.is_stuck():
                return "stuck"
            time.sleep(0.01)
        raise AssertionError("it neither ends nor waits")

    def join(self) -> None:
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error


class Gate:
    """Stops the thread that comes to a function, after it, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        real = getattr(module, name)

        def wait(*args: Any, **kwargs: Any) -> Any:
            result = real(*args, **kwargs)
            if threading.current_thread() is not threading.main_thread() and not self.reached.is_set():
                self.reached.set()
                assert self.opened.wait(SECONDS)
            return result

        monkeypatch.setattr(module, name, wait)

    def wait(self) -> None:
        assert self.reached.wait(SECONDS)

    def open(self) -> None:
        self.opened.set()


def answer_all() -> None:
    while timeline.drain():
        pass


# --- B1: an event between looking back and listening ------------------------------------------------


def race_of_the_wait(monkeypatch: pytest.MonkeyPatch) -> tuple[Enrolment, str]:
    """The runner has looked back and not yet subscribed, when the event comes and is answered."""
    campaign, elena = cast.publish(cast.wait_for("Product Viewed")), cast.person()
    answer_all()
    run = cast.enter(campaign, elena)
    gate = Gate(monkeypatch, facts, "gather")
    resting = Side(runner.tick)
    gate.wait()
    cast.happen(elena, "Product Viewed")
    answering = Side(answer_all)
    met = answering.settles()
    gate.open()
    resting.join()
    answering.join()
    return cast.run(run), met


def test_an_event_between_looking_back_and_listening_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    run, met = race_of_the_wait(monkeypatch)
    assert met == "stuck"  # the answer waited for the runner
    assert (run.state, run.port) == ("due", "came")


def test_without_the_lock_that_event_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "lock", lambda contact_ids: [])
    run, met = race_of_the_wait(monkeypatch)
    assert met == "over"
    assert run.state == "waiting"  # for two days, for something that has happened


# --- B2: the purchase is answered while the cart's run is not there yet ----------------------------------


def race_of_the_purchase(monkeypatch: pytest.MonkeyPatch) -> int:
    """The purchase is answered between the answer to the view and its commit. Answers the messages planned."""
    entry = {"entry": [{"type": "event", "event": "Product Viewed"}], **cast.BOUGHT_IS_THE_END}
    campaign, elena = cast.publish(cast.mail(), **entry), cast.person()
    answer_all()
    viewed = fact(cast.happen(elena, "Product Viewed"))
    gate = Gate(monkeypatch, reactions.triggers, "answer")
    starting = Side(lambda: in_one_transaction(lambda: reactions.react([viewed])))
    gate.wait()
    bought = fact(cast.order(elena))
    reactions.react([bought])
    # Two drainers at once would have done this; both events have been answered now.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_reaction")
    gate.open()
    starting.join()
    assert cast.only_run(campaign).state == "due"
    runner.tick()
    return Message.objects.count()


def in_one_transaction(do: Callable[[], Any]) -> None:
    from django.db import transaction

    with transaction.atomic():
        do()


def fact(event: int) -> timeline.Fact:
    row = Event.objects.get(pk=event)
    return timeline.Fact(
        row.pk, row.contact_id, row.name, row.properties, row.occurred_at, row.recorded_at, "", "", None, False
    )


def test_who_has_bought_is_not_written_to_though_the_purchase_was_answered_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert race_of_the_purchase(monkeypatch) == 0
    assert Enrolment.objects.get().outcome == "converted"


def test_without_the_look_back_of_the_first_page_they_are_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_look_back", lambda *args: None)
    assert race_of_the_purchase(monkeypatch) == 1


def test_one_contact_is_answered_by_one_drainer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"entry": [{"type": "event", "event": "Product Viewed"}], **cast.BOUGHT_IS_THE_END}
    campaign, elena = cast.publish(cast.mail(), **entry), cast.person()
    answer_all()
    cast.happen(elena, "Product Viewed")
    gate = Gate(monkeypatch, reactions.triggers, "answer")
    first = Side(timeline.drain)
    gate.wait()
    cast.order(elena)
    assert timeline.drain() == 0  # the shard is taken: the purchase waits for its turn
    gate.open()
    first.join()
    answer_all()
    assert cast.only_run(campaign).outcome == "converted"


def test_at_the_hand_off_an_unanswered_purchase_is_seen() -> None:
    campaign, elena = cast.publish(cast.mail(), **cast.BOUGHT_IS_THE_END), cast.person()
    answer_all()
    cast.enter(campaign, elena)
    runner.tick()
    message = Message.objects.get().pk
    Side(lambda: cast.order(elena)).join()
    assert vetoes.may_not_go([message], clock.now()) == {message: "recalled"}


# --- the quiet hour ends while the purchase is answered ---------------------------------------------------


def race_of_the_quiet_hour(monkeypatch: pytest.MonkeyPatch) -> int:
    """The cart's hour is over and its run is being started, when the purchase is answered."""
    campaign, elena = cast.publish(cast.mail(), **cast.CART), cast.person()
    cast.happen(elena, "Cart Updated", cart_id="c1", lines=[{"sku": "boot"}])
    answer_all()
    cast.later(hours=1, minutes=1)
    gate = Gate(monkeypatch, entries.audience, "enter")
    firing = Side(entries.tick)
    gate.wait()
    cast.order(elena, "boot")
    answering = Side(answer_all)
    answering.settles()
    gate.open()
    firing.join()
    answering.join()
    runner.tick()
    assert cast.only_run(campaign)
    return Message.objects.filter(state="due").count()


def test_a_purchase_while_the_run_is_being_started_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert race_of_the_quiet_hour(monkeypatch) == 0
    assert Enrolment.objects.get().outcome == "converted"


def test_without_the_lock_of_what_is_pending_it_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exits, "lock_pending", lambda events: None)
    assert race_of_the_quiet_hour(monkeypatch) == 1


# --- a pause while a batch is under way ------------------------------------------------------------------


def race_of_the_pause(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    campaign, elena = cast.publish(cast.mail()), cast.person()
    answer_all()
    cast.enter(campaign, elena)
    gate = Gate(monkeypatch, facts, "gather")
    resting = Side(runner.tick)
    gate.wait()
    pausing = Side(lambda: lifecycle.pause(campaign, actor=cast.ADA, now=clock.now()))
    met = pausing.settles()
    gate.open()
    resting.join()
    pausing.join()
    return met, Message.objects.get().state


def test_a_pause_waits_for_the_batch_and_holds_what_it_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert race_of_the_pause(monkeypatch) == ("stuck", "planned")


def test_without_the_lock_a_message_stays_due_in_a_paused_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "_close", lambda campaign: None)
    assert race_of_the_pause(monkeypatch) == ("over", "due")


# --- two workers at the same runs --------------------------------------------------------------------------


def test_two_workers_share_the_runs_and_write_to_everybody_once() -> None:
    campaign = cast.publish(cast.mail())
    contacts = cast.people(120)
    answer_all()
    for each in contacts:
        cast.enter(campaign, each)

    def work() -> None:
        while runner.tick(7):
            pass

    sides = [Side(work), Side(work)]
    for side in sides:
        side.join()
    assert Message.objects.count() == 120
    assert set(Enrolment.objects.values_list("state", flat=True)) == {"in_effect"}


def test_two_triggers_at_once_make_one_run() -> None:
    campaign, elena = cast.publish(cast.mail()), cast.person()
    answer_all()
    barrier = threading.Barrier(2)
    said: list[Any] = []

    def trigger() -> None:
        from campaigns import triggers

        barrier.wait(SECONDS)
        said.append(triggers.trigger(campaign, cast._named(elena), "", {}, clock.now()))

    sides = [Side(trigger), Side(trigger)]
    for side in sides:
        side.join()
    assert sorted(reason for _, reason in said) == ["", "already_inside"]
    assert Enrolment.objects.count() == 1
