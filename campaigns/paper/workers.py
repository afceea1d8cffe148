"""Workers on paper: generators that stop at each point where a real one could be killed. Pure.

Closing a generator is the kill: what it had not written never was, its row locks are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

from campaigns import engine
from campaigns.paper.ledger import ENDED, LEASE, Ledger
from campaigns.paper.rows import Broken, Journeyer, Letter

Worker = Callable[[Ledger, Random, int], Iterator[bool]]


def runner(ledger: Ledger, rng: Random, name: int) -> Iterator[bool]:
    """Claims a due run, reads its facts, advances it, writes. Yields whether it did something."""
    while True:
        run = ledger.due()
        if run is None:
            yield False
            continue
        run.locked_by = name
        try:
            yield True
            if not ledger.ended_already(run):
                now, traveller, facts = ledger.now, ledger.traveller(run), ledger.ask(run)
                yield True
                result = engine.advance(ledger.versions[run.version], traveller, facts, now)
                yield True
                ledger.move(run, result, now)
        finally:
            run.locked_by = 0
        yield True


def reactor(ledger: Ledger, rng: Random, name: int) -> Iterator[bool]:
    """Answers events in order. It first locks the person's active runs, waiting for who holds them."""
    while True:
        if not ledger.unanswered:
            yield False
            continue
        fact = ledger.facts[ledger.unanswered[0] - 1]
        locked: list[Journeyer] = []
        try:
            while any(run.locked_by for run in ledger.active(fact.person)):
                yield True
            locked = ledger.active(fact.person)
            for run in locked:
                run.locked_by = name
            yield True
            ledger.answer(fact)
        finally:
            for run in locked:
                run.locked_by = 0
        yield True


def deliverer(ledger: Ledger, rng: Random, name: int) -> Iterator[bool]:
    """Claim, hand-off, mark, the network, outcome: each a transaction of its own."""
    while True:
        letter = next((one for one in ledger.letters.values() if one.state == "due" and one.due_at <= ledger.now), None)
        if letter is None or ledger.paused:
            yield False
            continue
        token = rng.getrandbits(62) + 1
        letter.state, letter.lease, letter.lease_until = "claimed", token, ledger.now + LEASE
        yield True
        if letter.lease != token or not hand_off(ledger, letter):
            yield True
            continue
        yield True
        if letter.lease != token or letter.state != "handing_off" or letter.started:
            continue
        letter.started = True
        yield True
        said = network(ledger, letter, rng)
        yield True
        if letter.lease == token and letter.state == "handing_off":
            outcome(ledger, letter, said)
        yield True


def hand_off(ledger: Ledger, letter: Letter) -> bool:
    if letter.state != "claimed":
        return False
    if ledger.paused:
        letter.state, letter.lease = "due", 0
        return False
    refused = ledger.veto(letter)
    if refused:
        ledger.settle(letter, *refused)
        return False
    letter.state, letter.lease_until = "handing_off", ledger.now + LEASE
    return True


def network(ledger: Ledger, letter: Letter, rng: Random) -> str:
    """The carrier. It may take the message and lose the reply."""
    said = rng.choice(["accepted", "accepted", "accepted", "lost", "retry", "refused"])
    if said in ("accepted", "lost"):
        ledger.handed_over[letter.id] += 1
        if ledger.handed_over[letter.id] > 1:
            raise Broken(f"message {letter.id} was handed over twice")
        if letter.held_out:
            raise Broken(f"message {letter.id} went to somebody who is held out")
    return said


def outcome(ledger: Ledger, letter: Letter, said: str) -> None:
    if letter.state in ENDED:
        raise Broken(f"message {letter.id} has two fates")
    if said == "accepted":
        ledger.settle(letter, "accepted")
    elif said == "lost":
        ledger.settle(letter, "unknown")
    elif said == "refused":
        ledger.settle(letter, "failed", "provider_reject")
    else:
        letter.state, letter.lease, letter.started = "due", 0, False
        letter.due_at = ledger.now + timedelta(minutes=5)
