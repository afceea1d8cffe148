"""Workers, connections and PostgreSQL are killed while messages leave; nobody notices but the clock."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime

import pytest

from tests.faults.scene import Scene

# `make faults`: FAULTS_MESSAGES=20000 FAULTS_KILLS=25
MESSAGES = int(os.environ.get("FAULTS_MESSAGES", "2000"))
KILLS = int(os.environ.get("FAULTS_KILLS", "5"))
PATIENCE = max(60.0, MESSAGES / 40)

pytestmark = pytest.mark.real_processes


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


def test_killed_workers_lose_nobody_and_write_to_nobody_twice() -> None:
    drops = 500
    with Scene(workers=2, drop_every=drops) as scene:
        scene.run("prepare", MESSAGES)
        scene.work()
        leaving = scene.start("withdraw", MESSAGES // 10)
        for number in range(KILLS):
            scene.kill_worker_in_a_call(number, parent_too=number % 2 == 0)
        scene.kill_backend()
        withdrawn = withdrawals(scene, leaving)
        scene.wait_until_settled(PATIENCE)
        states = check(scene, withdrawn)
        assert len(withdrawn) == MESSAGES // 10
        assert states["blocked"] > 0, "the withdrawals came too late to mean anything"
        assert 0 < states["unknown"] <= scene.kills + len(scene.taken()) // drops
