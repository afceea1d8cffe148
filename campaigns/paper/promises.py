"""What must hold of the ledger, said independently of the code that made it. Pure.

Where a run may go is read from the nested document itself, not from the compiled plan.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from campaigns.paper.ledger import ENDED, Ledger
from campaigns.paper.rows import Broken, Fact, Journeyer, Line

SECONDS = {"minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
WALL_TIME = timedelta(hours=1)  # a day of a change of clocks has 23 hours
RESTS = {"planned", "until", "event"}
ENDS_PAGE = {"changed", "stage", "holdout_campaign"}


class Atlas:
    """The ways through a nested document, looked up by walking it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self.after: dict[str, str] = {}
        self._walk(document["steps"], "")
        self.first = document["steps"][0]["id"]

    def _walk(self, steps: list[dict[str, Any]], after: str) -> None:
        for place, here in enumerate(steps):
            self.steps[here["id"]] = here
            self.after[here["id"]] = steps[place + 1]["id"] if place + 1 < len(steps) else after
            for lane in here.get("lanes", []):
                self._walk(lane["steps"], self.after[here["id"]])

    def onward(self, step: str, port: str) -> str:
        here = self.steps[step]
        if port == "jump":
            return str(here["config"]["step"])
        for lane in here.get("lanes", []):
            if lane["label"] == port and lane["steps"]:
                return str(lane["steps"][0]["id"])
        return self.after[step]


def check_while(ledger: Ledger) -> None:
    """What holds at every moment."""
    lanes = Counter((run.person, run.key) for run in ledger.runs.values() if run.state != "done")
    if lanes and max(lanes.values()) > 1:
        raise Broken(f"two active runs in one lane: {lanes.most_common(1)}")
    for run in ledger.runs.values():
        cause = (run.state in ("due", "waiting")) == (run.due_at is not None) and (run.letter is not None) == (
            run.state == "in_effect"
        )
        if not cause or (run.state == "done") != bool(run.outcome):
            raise Broken(f"run {run.id} is {run.state} without exactly one cause")


def check_at_rest(ledger: Ledger, atlas: Atlas) -> None:
    """What holds when everything that is due has been done, and nothing waits any more."""
    check_while(ledger)
    for run in ledger.runs.values():
        if run.state != "done":
            raise Broken(f"run {run.id} never ends: {run.state} at {run.step!r}")
        check_way(run, atlas)
        _held_out(run)
        _never_missed(ledger, run, atlas)
        _found(ledger, run)
    _letters(ledger)
    _arms(ledger)
    _exits(ledger)
    _counts(ledger)
    for key, times in ledger.carried_out.items():
        if times > 1:
            raise Broken(f"an effect was carried out {times} times: {key}")


def check_way(run: Journeyer, atlas: Atlas) -> None:
    """The trace of a run is a way through the document, each wait as long as it says."""
    at, arrived, visits = atlas.first, None, Counter[str]()
    before: Line | None = None
    for line in run.lines:
        trace = line.trace
        if trace.step != at:
            raise Broken(f"run {run.id} came to {trace.step!r}, the document leads to {at!r}")
        visits[at] += arrived is None
        _check_line(run, line, before, visits[at])
        resting = trace.port == "" and trace.reason in RESTS
        if arrived is not None:
            check_wait(run, atlas.steps[at], arrived, line)
        arrived, before = (line if resting else None), line
        at = atlas.onward(at, trace.port) if trace.port else at
    if run.outcome == "completed" and run.lines and run.lines[-1].trace.reason != "exit" and at != "":
        raise Broken(f"run {run.id} is completed, but {at!r} was still to come")


def _check_line(run: Journeyer, line: Line, before: Line | None, visits: int) -> None:
    trace = line.trace
    if trace.visit not in (1, visits) or (trace.visit == 1 and visits > 1):
        raise Broken(f"run {run.id} visits {trace.step!r} for the {visits}th time and wrote {trace.visit}")
    if before is None:
        return
    if before.page == line.page and before.trace.reason in ENDS_PAGE:
        raise Broken(f"run {run.id} went on from {before.trace.step!r} with facts from before a change")
    if before.trace.port == "" and before.trace.reason not in RESTS:
        raise Broken(f"run {run.id} went on after its end at {before.trace.step!r}")


def check_wait(run: Journeyer, step: dict[str, Any], arrived: Line, left: Line) -> None:
    span = step["config"] if step["type"] == "wait.duration" else step["config"].get("timeout")
    if step["type"] not in ("wait.duration", "wait.event") or left.trace.reason not in ("elapsed", "timeout"):
        return
    if left.at < arrived.at + _least(span):
        raise Broken(f"run {run.id} left {step['id']!r} before its time")


def _least(span: dict[str, Any]) -> timedelta:
    least = timedelta(seconds=span["value"] * SECONDS[span["unit"]])
    return least - WALL_TIME if span["unit"] in ("days", "weeks") else least


def _letters(ledger: Ledger) -> None:
    sends = Counter[tuple[int, str, int]]()
    for run in ledger.runs.values():
        sends.update(
            (run.id, line.trace.step, line.trace.visit)
            for line in run.lines
            if line.trace.reason == "planned" or (line.trace.reason == "holdout_campaign" and line.trace.port == "sent")
        )
    planned = Counter((one.run, one.step, one.visit) for one in ledger.letters.values())
    if sends != planned:
        raise Broken(f"messages lost or made up: {(sends - planned) or (planned - sends)}")
    for letter in ledger.letters.values():
        if letter.state not in ENDED:
            raise Broken(f"message {letter.id} never ends: {letter.state}")
        went = ledger.handed_over[letter.id]
        if letter.state in ("accepted", "unknown") and letter.state == "accepted" and went != 1:
            raise Broken(f"message {letter.id} is accepted and was handed over {went} times")
        if letter.state not in ("accepted", "unknown") and went:
            raise Broken(f"message {letter.id} is {letter.state}, yet it was handed over")


def _arms(ledger: Ledger) -> None:
    dealt: dict[tuple[str, int], str] = {}
    for run in ledger.runs.values():
        for line in run.lines:
            if line.trace.reason == "random":
                first = dealt.setdefault((line.trace.step, run.person), line.trace.port)
                if first != line.trace.port:
                    second = line.trace.port
                    raise Broken(f"person {run.person} was dealt {first} and then {second} at {line.trace.step}")


def _exits(ledger: Ledger) -> None:
    """Nobody goes on after the event that ends their run has been answered."""
    for run in ledger.runs.values():
        ended = ended_at(ledger, run)
        if ended is not None and run.lines and run.lines[-1].at > ended:
            raise Broken(f"run {run.id} went on after what ends it")


def _held_out(run: Journeyer) -> None:
    for line in run.lines:
        if run.held_out and line.trace.reason in ("planned", "changed", "stage"):
            raise Broken(f"run {run.id} is held out, and {line.trace.step!r} was {line.trace.reason}")


def _never_missed(ledger: Ledger, run: Journeyer, atlas: Atlas) -> None:
    """Nobody times out of a wait for what had happened, and been answered, since their last wait."""
    left_at, arrived = run.entry_at, None
    for line in run.lines:
        step = atlas.steps[line.trace.step]
        if step["type"].startswith("wait."):
            if line.trace.port == "":
                arrived = line
                continue
            if line.trace.reason == "timeout" and arrived is not None:
                since = left_at if step["config"]["lookback"] == "since_rest" else arrived.at
                _missed(ledger, run, step, since, line)
            left_at, arrived = line.at, None


def _missed(ledger: Ledger, run: Journeyer, step: dict[str, Any], since: datetime, left: Line) -> None:
    names = {branch["event"] for branch in step["config"]["branches"]}
    for fact in ledger.facts:
        answered = ledger.answered.get(fact.id)
        if (
            fact.person == run.person
            and fact.name in names
            and since < fact.at
            and answered is not None
            and answered < left.at
            and bears_key(run, fact)
            and fact.id != run.entry["id"]
        ):
            raise Broken(f"run {run.id} timed out at {step['id']!r} although event {fact.id} had happened")


def bears_key(run: Journeyer, fact: Fact) -> bool:
    return not run.key or fact.properties.get("cart_id") == run.key


def _found(ledger: Ledger, run: Journeyer) -> None:
    """A run that an exit rule ended has an event that may end it: of its key, or of none."""
    by_step = run.lines and run.lines[-1].trace.reason in ("exit", "goal")
    if run.outcome not in ("exited", "converted") or by_step:
        return
    watched = {rule.watch.event for rule in ledger.versions[run.version].exits if rule.watch}
    for fact in ledger.facts:
        if (
            fact.person == run.person
            and fact.name in watched
            and (bears_key(run, fact) or "cart_id" not in fact.properties)
        ):
            return
    raise Broken(f"run {run.id} was ended by an event of another key")


def ended_at(ledger: Ledger, run: Journeyer) -> datetime | None:
    """When the first event had been answered that must end this run: one that bears its key."""
    watched = {rule.watch.event for rule in ledger.versions[run.version].exits if rule.watch}
    for fact in ledger.facts:
        mine = fact.person == run.person and bears_key(run, fact)
        if fact.name in watched and mine and fact.at >= run.entry_at:
            answered = ledger.answered.get(fact.id)
            if answered is not None and answered >= run.entered_at:
                return answered
    return None


def _counts(ledger: Ledger) -> None:
    counted = ledger.counted
    ended = sum(number for name, number in counted.items() if name.startswith("ended."))
    refused = sum(number for name, number in counted.items() if name.startswith("not_entered."))
    states = Counter(letter.state for letter in ledger.letters.values())
    differences = (
        counted["candidates"] - counted["entered"] - refused,
        counted["entered"] - ended,
        counted["entered"] - len(ledger.runs),
        counted["planned"] - sum(states.values()),
    )
    if any(differences):
        raise Broken(f"the counts do not reconcile: {differences}")
