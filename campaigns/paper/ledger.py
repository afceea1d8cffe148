"""Tables in memory with the same state machines and claims as the real ones. Pure.

Each method is one transaction: it does all or, by raising `Broken`, shows a broken promise.
Locks are held by workers between their transactions, as row locks are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from campaigns import chance, matching
from campaigns.paper.rows import Broken, Fact, Journeyer, Letter, Line, Person
from campaigns.plan import Plan
from campaigns.terms import Watch
from campaigns.types import (
    Advance,
    Again,
    AskStage,
    Change,
    Deal,
    Done,
    Facts,
    InEffect,
    Listen,
    ReachGoal,
    Send,
    Traveller,
    Wait,
)

LEASE = timedelta(seconds=60)
ENDED = frozenset({"accepted", "unknown", "blocked", "expired", "failed", "cancelled"})
COUNTS_AS_SENT = frozenset({"accepted", "unknown"})


@dataclass
class Ledger:
    """Everything there is. `versions` are the plans; the last one is what people enter."""

    now: datetime
    versions: list[Plan]
    people: dict[int, Person]
    salt: str = "salt"
    runs: dict[int, Journeyer] = field(default_factory=dict)
    letters: dict[int, Letter] = field(default_factory=dict)
    letter_keys: dict[tuple[int, str, int, str], int] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    unanswered: list[int] = field(default_factory=list)
    arms: dict[tuple[str, int], str] = field(default_factory=dict)
    carried_out: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    handed_over: Counter[int] = field(default_factory=Counter)
    converted: set[int] = field(default_factory=set)
    counted: Counter[str] = field(default_factory=Counter)
    answered: dict[int, datetime] = field(default_factory=dict)
    paused: bool = False

    # --- facts come in ---
    def record(self, person: int, name: str, properties: dict[str, Any], at: datetime | None = None) -> Fact:
        fact = Fact(len(self.facts) + 1, at or self.now, person, name, properties)
        self.facts.append(fact)
        self.unanswered.append(fact.id)
        return fact

    def active(self, person: int) -> list[Journeyer]:
        return [run for run in self.runs.values() if run.person == person and run.state != "done"]

    # --- runs go on ---
    def due(self) -> Journeyer | None:
        if self.paused:
            return None
        for run in self.runs.values():
            if run.state in ("due", "waiting") and not run.locked_by and run.due_at and run.due_at <= self.now:
                return run
        return None

    def traveller(self, run: Journeyer) -> Traveller:
        waited = run.state == "waiting"
        person = self.people[run.person]
        return Traveller(
            run.id,
            run.person,
            person.draw,
            person.zone,
            run.key,
            run.entry_seq,
            run.held_out,
            run.entry,
            run.entry_at,
            run.entered_at,
            run.rested_at,
            run.step,
            run.wait_port if waited else run.port,
            dict(run.loops),
            run.due_at if waited else run.left_at,
        )

    def ask(self, run: Journeyer) -> Facts:
        """What the engine may know: only the rules and events that the plan says this page asks for."""
        plan, fields = self.versions[run.version], self.people[run.person].fields
        port = run.wait_port if run.state == "waiting" else run.port
        names = plan.page_events(run.step, port)
        since = run.rested_at or run.entry_at
        return Facts(
            rules={one: holds(plan.rules[one], fields) for one in plan.page_rules(run.step, port)},
            arms={step: arm for (step, person), arm in self.arms.items() if person == run.person},
            events=tuple(
                (fact.at, fact.name, fact.properties, fact.id)
                for fact in self.facts
                if fact.person == run.person and fact.name in names and fact.at >= since
            ),
            workspace_zone="Europe/Madrid",
            siblings=tuple(other.skus for other in self.active(run.person) if other.id != run.id),
        )

    def move(self, run: Journeyer, result: Advance, now: datetime) -> None:
        """Write a page, read at `now`: its effects, its trace, and where the run now rests.

        Where another run of this person has meanwhile been dealt another lane, the page is thrown
        away: the run stays as it was, and reads again.
        """
        deals = [effect for effect in result.effects if isinstance(effect, Deal)]
        if any(self.arms.get((deal.step, run.person), deal.lane) != deal.lane for deal in deals):
            return
        run.pages += 1
        run.lines += [Line(now, run.pages, trace) for trace in result.trace]
        for effect in result.effects:
            self.carry_out(run, effect)
        run.loops, run.rested_at = dict(result.loops), result.since
        run.left_at, run.listens, run.port, run.wait_port, run.letter = None, (), "", "", None
        rest = result.rest
        if isinstance(rest, Done):
            self.end(run, rest.outcome)
            return
        run.step = rest.step
        if isinstance(rest, Wait):
            run.state, run.due_at, run.wait_port, run.listens = "waiting", rest.until, rest.port, rest.listens
        elif isinstance(rest, InEffect):
            send = next(effect for effect in result.effects if isinstance(effect, Send))
            run.state, run.due_at = "in_effect", None
            run.letter = self.letter_keys[run.id, send.step, send.visit, send.slot]
        elif isinstance(rest, Again):
            run.state, run.due_at, run.port = "due", self.now, rest.port

    def carry_out(self, run: Journeyer, effect: Any) -> None:
        if isinstance(effect, Send):
            self.enqueue(run, effect)
        elif isinstance(effect, Deal):
            self.arms.setdefault((effect.step, run.person), effect.lane)
        elif isinstance(effect, ReachGoal):
            self.converted.add(run.id)
        elif isinstance(effect, (Change, AskStage)):
            if run.held_out:
                raise Broken(f"run {run.id} is held out, but {effect.step} changed the contact")
            self.carried_out[run.id, effect.step, effect.visit] += 1
            if isinstance(effect, Change):
                for path, value in effect.changes.get("set", {}).items():
                    self.people[run.person].fields[path.removeprefix("fields.")] = value

    def enqueue(self, run: Journeyer, send: Send) -> None:
        key = (run.id, send.step, send.visit, send.slot)
        if key in self.letter_keys:
            return
        letter = Letter(
            len(self.letters) + 1,
            run.id,
            run.person,
            send.step,
            send.visit,
            send.slot,
            run.held_out,
            self.now,
            self.now + timedelta(seconds=send.expires_after_s),
        )
        self.letters[letter.id] = letter
        self.letter_keys[key] = letter.id
        self.counted["planned"] += 1
        if run.held_out:
            self.settle(letter, "blocked", "holdout_campaign")

    def end(self, run: Journeyer, outcome: str) -> None:
        """A run is over: what has not started for it does not start."""
        run.state, run.outcome, run.due_at, run.letter, run.listens = "done", outcome, None, None, ()
        self.counted[f"ended.{outcome}"] += 1
        for letter in self.letters.values():
            if letter.run == run.id and letter.state not in ENDED and not letter.started:
                self.settle(letter, "cancelled", "exit_rule")

    # --- an event is answered ---
    def answer(self, fact: Fact) -> None:
        """What the reactor does with one event: exits first, then waits, messages, entries."""
        if fact.name == "Message Settled":
            self.settled(fact)
        else:
            self.exits(fact)
            self.waits(fact)
            self.entries(fact)
        self.unanswered.remove(fact.id)
        self.answered[fact.id] = self.now

    def exits(self, fact: Fact) -> None:
        for run in self.found(fact, exits_of):
            self.end(run, matching.exit_outcome(*self.exit_of(run, fact), fact.properties))

    def exit_of(self, run: Journeyer, fact: Fact) -> tuple[Any, Any]:
        plan = self.versions[run.version]
        rule = next(one for one in plan.exits if one.watch and matching.happened(one.watch, fact.name, fact.properties))
        return plan.terms, rule

    def found(self, fact: Fact, watches_of: Any) -> list[Journeyer]:
        runs = self.active(fact.person)
        candidates = [matching.Candidate(run.id, run.key, run.skus) for run in runs]
        hit = []
        for run in runs:
            for watch in watches_of(self, run):
                if (
                    fact.at >= run.entry_at
                    and fact.id != run.entry.get("id")
                    and matching.happened(watch, fact.name, fact.properties)
                    and run.id in matching.find(watch, fact.properties, candidates)
                ):
                    hit.append(run)
                    break
        return hit

    def waits(self, fact: Fact) -> None:
        for run in self.active(fact.person):
            if run.state != "waiting":
                continue
            for listen in run.listens:
                if listen.event == fact.name and fact.at >= listen.since and self.hears(run, listen, fact):
                    run.state, run.port, run.left_at = "due", listen.port, fact.at
                    run.due_at, run.listens, run.wait_port = min(fact.at, self.now), (), ""
                    break

    def hears(self, run: Journeyer, listen: Listen, fact: Fact) -> bool:
        watch = self.versions[run.version].instructions[run.step].step.watches[listen.branch]  # type: ignore[attr-defined]
        others = [other.skus for other in self.active(run.person) if other.id != run.id]
        mine = matching.Candidate(run.id, run.key, run.skus)
        return fact.id != run.entry.get("id") and matching.heard(watch, fact.name, fact.properties, mine, others)

    def settled(self, fact: Fact) -> None:
        letter = self.letters[fact.properties["letter"]]
        run = self.runs[letter.run]
        if run.state == "in_effect" and run.letter == letter.id:
            run.state, run.due_at, run.letter = "due", self.now, None
            run.port = "sent" if letter.state in COUNTS_AS_SENT else "not_sent"

    def entries(self, fact: Fact) -> None:
        plan = self.versions[-1]
        entry = plan.entries[0]
        if fact.name != entry.event:
            return
        self.counted["candidates"] += 1
        key = (matching.value_at(fact.properties, entry.key_path) or "") if entry.key_path else ""
        if any(run.key == key for run in self.active(fact.person)):
            self.counted["not_entered.already_inside"] += 1
            return
        before = [run for run in self.runs.values() if run.person == fact.person and run.key == key]
        held = chance.held_out(self.salt, self.people[fact.person].draw, plan.terms.holdout_pct)
        run = Journeyer(
            len(self.runs) + 1,
            fact.person,
            key,
            len(before) + 1,
            len(self.versions) - 1,
            held,
            {"event": fact.name, "id": fact.id, "properties": fact.properties},
            fact.at,
            self.now,
            self.now,
        )
        self.runs[run.id] = run
        self.counted["entered"] += 1

    def ended_already(self, run: Journeyer) -> bool:
        """Before its first page: whether what ends it has happened since its entry, recorded earlier."""
        if run.pages:
            return False
        for fact in self.facts:
            if fact.person == run.person and fact.id not in self.unanswered and run in self.found(fact, exits_of):
                self.end(run, matching.exit_outcome(*self.exit_of(run, fact), fact.properties))
                return True
        return False

    # --- messages leave ---
    def settle(self, letter: Letter, state: str, reason: str = "") -> None:
        """The message's fate, and the fact that tells the timeline of it, in one transaction."""
        if letter.state in ENDED:
            raise Broken(f"message {letter.id} was {letter.state} and became {state}")
        letter.state, letter.reason, letter.lease = state, reason, 0
        self.record(letter.person, "Message Settled", {"letter": letter.id})

    def veto(self, letter: Letter) -> tuple[str, str] | None:
        """Why a message may not go: its state and reason then."""
        run = self.runs[letter.run]
        if run.state == "done":
            return "cancelled", "exit_rule"
        if letter.held_out:
            return "blocked", "holdout_campaign"
        if self.people[letter.person].withdrawn_at:
            return "blocked", "consent_withdrawn"
        return ("expired", "expired") if letter.expires_at <= self.now else None

    def withdraw(self, person: int) -> None:
        self.people[person].withdrawn_at = self.people[person].withdrawn_at or self.now
        for letter in self.letters.values():
            if letter.person == person and letter.state not in ENDED and not letter.started:
                self.settle(letter, "blocked", "consent_withdrawn")

    def reap(self) -> None:
        for letter in self.letters.values():
            underway = letter.state in ("claimed", "handing_off")
            if not underway or not letter.lease_until or letter.lease_until > self.now:
                continue
            if letter.started:
                self.settle(letter, "unknown")
            else:
                letter.state, letter.lease = "due", 0


def exits_of(ledger: Ledger, run: Journeyer) -> list[Watch]:
    return [rule.watch for rule in ledger.versions[run.version].exits if rule.watch]


def holds(rule: dict[str, Any], fields: dict[str, Any]) -> bool:
    """The one rule that specimens use: a field that is true."""
    return fields.get(rule["f"].removeprefix("fields.")) is True
