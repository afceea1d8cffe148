"""Runs as they once went still go that way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaigns.steps import kinds
from tests.campaigns import histories

REASONS = {
    "planned",
    "settled",
    "until",
    "elapsed",
    "event",
    "branch",
    "timeout",
    "else",
    "random",
    "treated",
    "held_out",
    "changed",
    "stage",
    "goal",
    "exit",
    "jump",
    "max_visits",
    "holdout_campaign",
}


@pytest.mark.parametrize("path", histories.stories(), ids=lambda path: path.stem)
def test_a_recorded_run_goes_the_same_way(path: Path) -> None:
    story = json.loads(path.read_text())
    for number, (page, answer) in enumerate(zip(story["pages"], histories.play(story), strict=True), 1):
        assert answer == page["expect"], f"{story['story']}: page {number}"


def test_thirty_histories_visit_every_step_and_every_reason() -> None:
    told = [json.loads(path.read_text()) for path in histories.stories()]
    lines = [line for story in told for page in story["pages"] for line in page["expect"]["trace"]]
    texts = json.dumps([story["document"] for story in told])
    assert len(told) >= 30
    assert {line["reason"] for line in lines} == REASONS
    assert all(f'"type": "{kind}"' in texts for kind in kinds)
