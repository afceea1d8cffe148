"""Workers, connections and PostgreSQL are killed while messages leave; nobody notices but the clock."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.faults.scene import Scene

# `make faults`: FAULTS_MESSAGES=20000 FAULTS_KILLS=25
MESSAGES = int(os.environ.get("FAULTS_MESSAGES", "2000"))
KILLS = int(os.environ.get("FAULTS_KILLS", "5"))
SLOW = 0.04 if MESSAGES < 10_000 else 0.004
PATIENCE = max(60.0, MESSAGES / 40)

pytestmark = pytest.mark.real_processes


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with Scene() as found:
        yield found


def check(scene: Scene, withdrawn: dict[int, datetime]) -> Counter[str]:
    """What must be true however the run went. Answers how many messages ended in which state."""
    taken = Counter(scene.taken())
    rows = scene.ledger()
    states = Counter(row[2] for row in rows)
    keys = {row[6]: row for row in rows}
    assert {key: count for key, count in taken.items() if count > 1} == {}, "somebody got it twice"
    assert set(taken) <= set(keys)
    lost = [row[0] for row in rows if row[2] == "accepted" and row[6] not in taken]
    assert lost == [], "said to be sent, never arrived"
    silent = [row[0] for row in rows if row[6] in taken and row[2] not in ("accepted", "unknown")]
    assert silent == [], "arrived, and the ledger does not say so"
    arrived_unknown = sum(row[2] == "unknown" for key, row in keys.items() if key in taken)
    assert len(taken) == states["accepted"] + arrived_unknown
    assert set(states) <= {"accepted", "unknown", "blocked"}
    assert all(row[1] in withdrawn for row in rows if row[2] == "blocked"), "blocked without a withdrawal"
    disobeyed = [
        row[0] for row in rows
        if row[1] in withdrawn and row[4] is not None and datetime.fromisoformat(row[4]) > withdrawn[row[1]]
    ]  # fmt: skip
    assert disobeyed == [], "started after the withdrawal had returned"
    assert scene.run("verify").strip() == "{}"
    return states


def withdrawals(scene: Scene, process: object) -> dict[int, datetime]:
    output = process.communicate(timeout=PATIENCE)[0]  # type: ignore[attr-defined]
    return {int(line.split()[0]): datetime.fromisoformat(line.split()[1]) for line in output.splitlines()}


def test_killed_workers_lose_nobody_and_write_to_nobody_twice(scene: Scene) -> None:
    drops = 500
    # Slow enough for messages to be left at the last kill, however fast the machine is.
    with scene.play(workers=2, drop_every=drops, delay=SLOW):
        scene.run("prepare", MESSAGES)
        scene.work()
        leaving = scene.start("withdraw", MESSAGES // 10)
        scene.kill_backend()  # the workers live, and know what they have sent
        for number in range(KILLS):
            scene.kill_worker_in_a_call(number, parent_too=number % 2 == 0)
        scene.hurry()
        withdrawn = withdrawals(scene, leaving)
        scene.wait_until_settled(PATIENCE)
        states = check(scene, withdrawn)
        assert len(withdrawn) == MESSAGES // 10
        assert states["blocked"] > 0, "the withdrawals came too late to mean anything"
        assert 0 < states["unknown"] <= scene.kills + len(scene.taken()) // drops


def test_a_crash_after_a_kill_declares_the_rest_of_that_batch_unknown_and_nothing_twice(scene: Scene) -> None:
    """Asynchronous marks may be lost with PostgreSQL: of the dead worker's batch nobody knows (C1)."""
    with scene.play(workers=1):
        scene.run("prepare", 300)
        scene.work()
        scene.kill_worker_in_a_call(0, parent_too=True)
        scene.kill_backend(waits=False)
        scene.wait_until_settled(PATIENCE)
        states = check(scene, {})
        assert 1 < states["unknown"] <= 50


def test_fifty_campaigns_want_dario_at_once_and_he_gets_what_the_cap_allows(scene: Scene) -> None:
    with scene.play(workers=3, delay=0.02):
        scene.run("capped", 50)
        scene.work()
        scene.wait_until_settled(PATIENCE)
        rows = scene.ledger()
        assert len(scene.taken()) == 1
        assert Counter((row[2], row[3]) for row in rows) == {("accepted", ""): 1, ("blocked", "cap"): 49}
        assert scene.run("verify").strip() == "{}"


@pytest.mark.slow
@pytest.mark.skipif("FAULTS_KILLS" not in os.environ, reason="make faults")
def test_stopped_workers_a_restarted_database_five_bells_each_and_no_broker_change_nothing(scene: Scene) -> None:
    with scene.play(workers=3, drop_every=1000, times=5, delay=0.02):
        scene.run("prepare", MESSAGES)
        scene.work()
        leaving = scene.start("withdraw", MESSAGES // 10)
        for number in range(3):
            scene.stop_past_the_lease(number)
            scene.empty_broker()
        scene.restart_postgresql()
        for number in range(KILLS):
            scene.kill_worker_in_a_call(number, parent_too=number % 2 == 0)
        withdrawn = withdrawals(scene, leaving)
        scene.wait_until_settled(PATIENCE)
        states = check(scene, withdrawn)
        assert states["unknown"] <= scene.kills + len(scene.taken()) // 1000
