"""Random journeys that are valid, for simulation and tests. Pure; the same seed, the same journey."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

UNITS = ("minutes", "hours", "days")
HEARD = ("Product Viewed", "Link Clicked", "Order Completed")
FIELDS = ("vip", "lapsed")
LANES_DEEP = 2


def journey(rng: Random) -> dict[str, Any]:
    """A document of a few steps of every kind."""
    maker = _Maker(rng)
    keyed = rng.random() < 0.5
    entry: dict[str, Any] = {"type": "event", "event": "Cart Updated", "reentry": "after_exit"}
    if keyed:
        entry["key"] = "properties.cart_id"
    return {
        "name": "Specimen",
        "purpose": "offers",
        "entry": [entry],
        "exit": [{"event": "Order Completed"}] if rng.random() < 0.7 else [],
        "goal": {"event": "Order Completed"},
        "holdout_pct": rng.choice([0, 10, 30]),
        "send_expiry": {"value": rng.choice([2, 24]), "unit": "hours"},
        "steps": maker.trunk(),
    }


def reweighted(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The next version: the same journey with other weights."""
    document = deepcopy(document)
    todo = [document["steps"]]
    while todo:
        for one in todo.pop():
            lanes = one.get("lanes", [])
            todo.extend(lane["steps"] for lane in lanes)
            if one["type"] == "split.random":
                rng.shuffle(weights := [0, 0, 100][-len(lanes) :])
                for lane, weight in zip(lanes, weights, strict=True):
                    lane["weight"] = weight
    return document


class _Maker:
    def __init__(self, rng: Random) -> None:
        self.rng, self.count, self.trunk_ids = rng, 0, [""]

    def trunk(self) -> list[dict[str, Any]]:
        steps = [self.one(LANES_DEEP)]
        self.trunk_ids = [steps[0]["id"]]  # lanes may go back to the first step
        steps += self.some(0, 1, 5)
        self.trunk_ids = [one["id"] for one in steps]
        if self.rng.random() < 0.4:
            steps += self.back(self.rng.choice(self.trunk_ids))
            steps += self.some(1, 0, 2)
        return steps

    def some(self, depth: int, low: int, high: int) -> list[dict[str, Any]]:
        return [self.one(depth) for _ in range(self.rng.randint(low, high))]

    def back(self, target: str) -> list[dict[str, Any]]:
        """Round again, with a wait so that it takes time."""
        config = {"step": target, "max_visits": self.rng.randint(1, 3)}
        return [self.wait_duration(0), self.made("goto", config)]

    def made(self, kind: str, config: dict[str, Any], lanes: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        self.count += 1
        step: dict[str, Any] = {"id": f"{kind.split('.')[-1]}{self.count}", "type": kind, "config": config}
        return {**step, "lanes": lanes} if lanes else step

    def lane(self, depth: int, label: str, **more: Any) -> dict[str, Any]:
        return {"label": label, **more, "steps": self.some(depth + 1, 0, 2)}

    def one(self, depth: int) -> dict[str, Any]:
        names = _FLAT if depth >= LANES_DEEP else _FLAT + _BRANCHING
        return getattr(self, self.rng.choice(names))(depth)  # type: ignore[no-any-return]

    def span(self) -> dict[str, Any]:
        return {"value": self.rng.randint(1, 5), "unit": self.rng.choice(UNITS)}

    def send_email(self, depth: int) -> dict[str, Any]:
        return self.made("send.email", {"subject": "Hello", "text": "Still yours"})

    def send_sms(self, depth: int) -> dict[str, Any]:
        lanes = [self.lane(depth, "not_sent")] if depth < LANES_DEEP and self.rng.random() < 0.3 else None
        return self.made("send.sms", {"text": "Still yours"}, lanes)

    def wait_duration(self, depth: int) -> dict[str, Any]:
        return self.made("wait.duration", self.span())

    def wait_until_time(self, depth: int) -> dict[str, Any]:
        config: dict[str, Any] = {"at": f"{self.rng.randint(0, 23):02}:30"}
        if self.rng.random() < 0.5:
            config = {"window": {"from": "09:00", "to": "21:00"}, "weekdays": ["mon", "wed", "sat"]}
        return self.made("wait.until_time", {**config, "zone": self.rng.choice(["contact", "workspace"])})

    def wait_event(self, depth: int) -> dict[str, Any]:
        names = self.rng.sample(HEARD, self.rng.randint(1, 2))
        branches = [{"label": f"b{index}", "event": name} for index, name in enumerate(names)]
        labels = self.rng.sample(["timeout", *(branch["label"] for branch in branches)], self.rng.randint(0, 2))
        lanes = [self.lane(depth, label) for label in labels] if depth < LANES_DEEP else None
        config = {"branches": branches, "timeout": self.span(), "lookback": self.rng.choice(["since_rest", "none"])}
        return self.made("wait.event", config, lanes)

    def split_rule(self, depth: int) -> dict[str, Any]:
        fields = self.rng.sample(FIELDS, self.rng.randint(1, 2))
        lanes = [self.lane(depth, name, when={"f": f"fields.{name}", "op": "is", "v": True}) for name in fields]
        if self.rng.random() < 0.5:
            lanes.append(self.lane(depth, "else"))
        ending = self.rng.random()
        if ending < 0.3:
            outcome = self.rng.choice(["completed", "converted", "dropped"])
            lanes[0]["steps"].append(self.made("exit", {"outcome": outcome}))
        elif ending < 0.4 and self.trunk_ids[0]:
            lanes[0]["steps"] += self.back(self.trunk_ids[0])
        return self.made("split.rule", {}, lanes)

    def split_random(self, depth: int) -> dict[str, Any]:
        labels = ["a", "b", "c"][: self.rng.randint(2, 3)]
        lanes = [self.lane(depth, label, weight=self.rng.randint(1, 10)) for label in labels]
        return self.made("split.random", {}, lanes)

    def holdout(self, depth: int) -> dict[str, Any]:
        lanes = [self.lane(depth, "held_out")] if self.rng.random() < 0.5 else None
        return self.made("holdout", {"pct": self.rng.choice([5, 50])}, lanes)

    def contact_update(self, depth: int) -> dict[str, Any]:
        action = {"set": {f"fields.{self.rng.choice(FIELDS)}": self.rng.random() < 0.5}, "increment": {"fields.n": 1}}
        return self.made("contact.update", action)

    def contact_stage(self, depth: int) -> dict[str, Any]:
        return self.made("contact.stage", {"stage": "engaged"})

    def goal(self, depth: int) -> dict[str, Any]:
        return self.made("goal", {})


_FLAT = ["send_email", "send_sms", "wait_duration", "wait_until_time", "contact_update", "contact_stage", "goal"]
_BRANCHING = ["wait_event", "wait_event", "split_rule", "split_rule", "split_random", "split_random", "holdout"]
