"""Wait until something happens, or until it has not happened for long enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from campaigns import matching
from campaigns.reading import Duration, Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Stay, Step, step
from campaigns.terms import Watch
from campaigns.terms import watch as read_watch
from campaigns.types import Listen, Wait
from crm import moments

TIMEOUT = "timeout"
MOST_BRANCHES = 9
MOMENT = timedelta(microseconds=1)


@step
@dataclass(frozen=True)
class WaitEvent(Step):
    """`labels[i]` is the port of `watches[i]`. `looks_back`: what happened since the last wait counts."""

    labels: tuple[str, ...]
    watches: tuple[Watch, ...]
    timeout: Duration
    looks_back: bool

    kind = "wait.event"
    reserved = frozenset({TIMEOUT})
    is_wait = True

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        labels: list[str] = []
        watches = []
        for pointer, item in config.items("branches", low=1, high=MOST_BRANCHES, of="branches"):
            inner = Reader(item, pointer, config.notes, config.subject)
            labels.append(_label(inner, labels))
            watches.append(read_watch(inner, config.key_path))
            inner.close()
        timeout = config.duration("timeout", required=True) or Duration(1, "minutes")
        back = config.choice("lookback", ("since_rest", "none"), default="since_rest")
        return cls(tuple(labels), tuple(watches), timeout, back == "since_rest")

    def ports(self) -> tuple[str, ...]:
        return (*self.labels, TIMEOUT)

    def timed(self) -> frozenset[str]:
        return frozenset({TIMEOUT})

    def onward(self) -> frozenset[str]:
        return frozenset(self.labels) if self.looks_back else frozenset()

    def hears(self) -> frozenset[str]:
        return frozenset(watch.event for watch in self.watches) if self.looks_back else frozenset()

    def decide(self, look: Look) -> Decision:
        earlier = self._already(look) if self.looks_back else None
        if earlier:
            return earlier
        until = moments.add(look.now, self.timeout.value, self.timeout.unit, look.traveller.zone)
        since = look.since if self.looks_back else look.now
        key = look.traveller.key
        listens = tuple(
            Listen(
                branch,
                watch.event,
                self.labels[branch],
                watch.key_path if key and watch.key_path else None,
                key or None if watch.key_path else None,
                since,
            )
            for branch, watch in enumerate(self.watches)
        )
        detail = {"events": sorted({watch.event for watch in self.watches}), "until": until.isoformat()}
        return Stay(Wait(look.step, until, TIMEOUT, listens), "event", detail)

    def _already(self, look: Look) -> Go | None:
        """The earliest event since the last wait that ends this one, and the first branch it suits."""
        own = look.traveller.entry.get("id")
        run = matching.Candidate(
            look.traveller.run_id, look.traveller.key, matching.skus_of_entry(look.traveller.entry)
        )
        for at, name, properties, event in sorted(look.facts.events, key=lambda fact: (fact[0], fact[3])):
            if at < look.since or event == own:
                continue
            for branch, watch in enumerate(self.watches):
                if matching.heard(watch, name, properties, run, look.facts.siblings):
                    detail = {"branch": branch, "event": event, "name": name}
                    return Go(self.labels[branch], "branch", detail, since=at + MOMENT)
        return None

    def left_by(self, port: str) -> str:
        return TIMEOUT if port == TIMEOUT else "branch"


def _label(inner: Reader, taken: list[str]) -> str:
    label = inner.text("label", required=True, longest=64)
    if label in ("else", TIMEOUT):
        inner.refuse("label", "reserved_label", f"{label!r} is reserved; rename the branch.")
    if label and label in taken:
        inner.refuse("label", "duplicate_label", f"two branches are called {label!r}; rename one.")
    return label if label and label not in taken else f"{inner.pointer[-40:]}?"
