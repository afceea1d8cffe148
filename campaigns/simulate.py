"""The engine under a seeded scheduler: workers interleave, crash anywhere, and every promise is
checked. Virtual clock, carriers of paper, no database. The same seed gives the same history. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from campaigns import journey
from campaigns.paper import promises, specimens, workers
from campaigns.paper.ledger import Ledger
from campaigns.paper.rows import Broken, Person

START: Final = datetime(2026, 3, 27, 9, tzinfo=UTC)  # clocks change two days later
ZONES: Final = ("Europe/Madrid", "America/New_York", "Asia/Kolkata")
CREW: Final = (workers.runner, workers.runner, workers.reactor, workers.deliverer, workers.deliverer)
MOST_DRAIN: Final = 20_000
CHECK_EVERY: Final = 25
SKUS: Final = ("shoe", "hat", "coat")


@dataclass(frozen=True)
class Report:
    """What a range of seeds came to. `broken`: (seed, the promise that did not hold)."""

    seeds: int
    operations: int
    crashes: int
    runs: int
    handed_over: int
    outcomes: Counter[str]
    reasons: Counter[str]
    broken: tuple[tuple[int, str], ...]


@dataclass
class World:
    """One seed: a journey, a few people, and the workers that serve them."""

    seed: int
    rng: Random = field(init=False)
    ledger: Ledger = field(init=False)
    atlas: promises.Atlas = field(init=False)
    crew: list[Iterator[bool]] = field(init=False)
    crashes: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)  # noqa: S311 - it shall repeat
        document = specimens.journey(self.rng)
        versions = [journey.compile(one, salt="salt") for one in (document, specimens.reweighted(document, self.rng))]
        people = {
            number: Person(number, f"draw-{self.seed}-{number}", self.rng.choice(ZONES)) for number in range(1, 4)
        }
        self.ledger = Ledger(START, versions[:1], people)
        self.second = versions[1]
        self.atlas = promises.Atlas(document)
        self.crew = [work(self.ledger, self.rng, 1 + number) for number, work in enumerate(CREW)]

    def operate(self, count: int) -> None:
        """`count` steps of the scheduler."""
        for number in range(count):
            if number == count // 2:
                self.ledger.versions.append(self.second)
            self.one()
            if number % CHECK_EVERY == 0:
                promises.check_while(self.ledger)

    def one(self) -> None:
        chance = self.rng.random()
        if chance < 0.70:
            next(self.crew[int(chance * 1_000_003) % len(self.crew)])
        elif chance < 0.75:
            self.crash(self.rng.randrange(len(self.crew)))
        elif chance < 0.88:
            self.happen()
        elif chance < 0.96:
            self.ledger.now += timedelta(seconds=self.rng.choice([1, 70, 900, 7_200, 90_000]))
        elif chance < 0.98:
            self.ledger.reap()
        elif chance < 0.99:
            self.ledger.paused = not self.ledger.paused
        elif self.rng.random() < 0.3:
            self.ledger.withdraw(self.rng.choice(list(self.ledger.people)))

    def crash(self, number: int) -> None:
        """Kill a worker where it stands, and start another in its place."""
        self.crew[number].close()  # type: ignore[attr-defined]
        self.crew[number] = CREW[number](self.ledger, self.rng, 1 + number)
        self.crashes += 1

    def happen(self) -> None:
        """Somebody does something; a tenth of it is only told later."""
        person = self.rng.choice(list(self.ledger.people))
        if self.rng.random() < 0.15:
            self.ledger.people[person].fields[self.rng.choice(specimens.FIELDS)] = self.rng.random() < 0.5
            return
        name = self.rng.choice(["Cart Updated", "Cart Updated", "Product Viewed", "Link Clicked", "Order Completed"])
        properties: dict[str, object] = {"products": [{"sku": self.rng.choice(SKUS)}]}
        if self.rng.random() < 0.6 or name == "Cart Updated":
            properties["cart_id"] = self.rng.choice(["A", "B"])
        late = timedelta(minutes=30) if self.rng.random() < 0.1 else timedelta()
        self.ledger.record(person, name, properties, self.ledger.now - late)

    def drain(self) -> None:
        """No more happens: work until nothing is due and nothing waits."""
        self.ledger.paused = False
        idle = 0
        for _ in range(MOST_DRAIN):
            worked = [next(worker) for worker in self.crew]
            idle = 0 if any(worked) else idle + 1
            if idle > 1 and not self._pass_time():
                return
        raise Broken("the journey goes on for ever")

    def _pass_time(self) -> bool:
        ledger = self.ledger
        coming = [run.due_at for run in ledger.runs.values() if run.due_at]
        for letter in ledger.letters.values():
            if letter.state == "due":
                coming.append(letter.due_at)
            elif letter.state in ("claimed", "handing_off") and letter.lease_until:
                coming.append(letter.lease_until)
        if not coming:
            return False
        ledger.now = max(ledger.now, min(coming))
        ledger.reap()
        return True


def simulate(seed: int, operations: int = 200) -> World:
    """One seed to its end; raises `Broken` where a promise does not hold."""
    world = World(seed)
    world.operate(operations)
    world.drain()
    promises.check_at_rest(world.ledger, world.atlas)
    return world


def run(seeds: Iterable[int], operations: int = 200) -> Report:
    """Many seeds; a broken one does not stop the others."""
    broken, count, crashes, runs, handed = [], 0, 0, 0, 0
    outcomes, reasons = Counter[str](), Counter[str]()
    for seed in seeds:
        count += 1
        try:
            world = simulate(seed, operations)
        except Exception as error:  # noqa: BLE001 - whatever breaks is the finding
            broken.append((seed, f"{type(error).__name__}: {error}"))
            continue
        crashes += world.crashes
        runs += len(world.ledger.runs)
        handed += sum(world.ledger.handed_over.values())
        outcomes.update(one.outcome for one in world.ledger.runs.values())
        reasons.update(line.trace.reason for one in world.ledger.runs.values() for line in one.lines)
    return Report(count, count * operations, crashes, runs, handed, outcomes, reasons, tuple(broken))
