"""A draft walked through by one person on paper: the real engine, the real gate, a clock that jumps.

Nothing is written and nothing is sent. What is true of the person is read once, at the start, in a
fixed number of queries; what they do on the way (open, click, buy) is chosen by who rehearses. A draft
that is not complete is walked as far as it can be; where it stops, its problem is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from campaigns import chance, engine, matching, mending, traces, vetoes
from campaigns.paper.ledger import Ledger
from campaigns.paper.rows import Fact, Journeyer, Letter, Line, Person
from campaigns.plan import Plan
from campaigns.types import Facts
from channels import gate, limits
from channels.types import Defer, Refuse
from crm import consent, moments, reach, whereabouts, workspace
from crm.errors import Problem
from crm.segments import audience, parse, sentence

MOST_MOVES: Final = 400
MADE_UP: Final = "made-up"
OPENS_AFTER, CLICKS_AFTER = timedelta(minutes=20), timedelta(minutes=22)
BOUGHT: Final = "Order Completed"


@dataclass(frozen=True)
class Choices:
    """What the person does on the way. `buys_after`: days after the start, None: does not buy.
    `holds`: how rules answer for a made-up person. `treated`: walk on although they would be held out."""

    opens: bool = True
    clicks: bool = False
    buys_after: int | None = None
    holds: bool = True
    treated: bool = True


@dataclass(frozen=True)
class Traveler:
    """Who walks. `contact` 0 is made up: may be written to, has had no messages."""

    contact: int
    zone: str
    draw: str = MADE_UP


@dataclass(frozen=True)
class Post:
    """A message on the walk: `state` sent, not_sent or held_out; `put_off`: (until, why) each time."""

    channel: str
    state: str
    reason: str = ""
    detail: Mapping[str, Any] | None = None
    put_off: tuple[tuple[datetime, str], ...] = ()
    at: datetime | None = None


@dataclass
class Stop:
    """One visit of a step. `why` are rules in words: the one that held; `not_these` those that did not."""

    step: str
    visit: int
    at: datetime
    kind: str
    reason: str = ""
    port: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    until: datetime | None = None
    left_at: datetime | None = None
    left_by: str = ""
    why: str = ""
    not_these: tuple[str, ...] = ()
    post: Post | None = None
    did: str = ""
    broken: bool = False


@dataclass
class Walk:
    """`outcome` '' where it stopped before its end; `did`: what ended it. `problems` by step, '' the settings."""

    begins: datetime
    enters: datetime
    stops: list[Stop] = field(default_factory=list)
    outcome: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    converted: bool = False
    held_out: bool = False
    eligible: bool = True
    problems: dict[str, list[Problem]] = field(default_factory=dict)
    readable: bool = True


@dataclass
class _Known:
    """What was read of the person at the start."""

    answers: Mapping[str, bool]
    arms: Mapping[str, str]
    words: Mapping[str, str]
    standings: Mapping[str, consent.Standing]
    counted: list[gate.Counted]
    person: whereabouts.Person | None
    house: gate.House
    zone: str
    wish: gate.Cap | None = None
    veto: str = ""


def walk(
    document: Mapping[str, Any],
    traveler: Traveler,
    entry: Mapping[str, Any],
    choices: Choices,
    start: datetime,
    *,
    salt: str = "",
    campaign_id: int = 0,
    unwritten: Mapping[str, str] | None = None,
) -> Walk:
    """The whole way of one person. `entry`: {"event", "properties"} of what brings them in. `unwritten`: step →
    why its message cannot be written for them (a value is missing, nothing is in stock)."""
    plan, problems, broken = mending.complete(document, salt)
    found = Walk(start, start, problems=problems)
    if plan is None:
        found.readable = False
        return found
    known = _read(plan, traveler, choices, start, campaign_id)
    stage = _Stage(plan, traveler, known, entry, choices, start, found, unwritten or {}, campaign_id or None)
    stage.play(broken)
    return found


# --- what is true of the person ------------------------------------------------------------------


def _read(plan: Plan, traveler: Traveler, choices: Choices, now: datetime, campaign_id: int) -> _Known:
    names = list(plan.rules)
    contact = traveler.contact
    answers = dict.fromkeys(names, choices.holds)
    arms: Mapping[str, str] = {}
    if contact and names:
        told = audience.answers([parse.parse(plan.rules[name]) for name in names], [contact], now)
        answers = dict(zip(names, told.get(contact, (False,) * len(names)), strict=True))
    if contact and campaign_id:
        arms = traces.dealt(campaign_id, [contact]).get(contact, {})
    house = limits.house()
    those = [contact] if contact else []
    wish = limits.wished(those).get(contact)
    said = sentence.say_many([plan.rules[name] for name in names]) if names else []
    return _Known(
        answers, arms, dict(zip(names, said, strict=True)), _standings(plan, traveler, now),
        list(limits.counted(those, house, now, [wish] if wish else ()).get(contact, ())),
        whereabouts.people(those).get(contact), house, workspace.current().zone, wish,
        vetoes.unwanted(those, plan.terms.topic, plan.terms.message_class).get(contact, ""),
    )  # fmt: skip


def _standings(plan: Plan, traveler: Traveler, now: datetime) -> dict[str, consent.Standing]:
    """How the person stands to each channel of the journey; a made-up one has said yes to all."""
    channels = sorted({sending.channel for sending in plan.sendings()})
    terms = plan.terms
    if not traveler.contact:
        return {
            channel: consent.Standing(state="granted", basis="consent", method="web_form", confirmed=True)
            for channel in channels
        }
    purpose = consent.purpose_of(terms.purpose, terms.message_class)
    keys = {}
    for channel in channels:
        place = reach.addresses([traveler.contact], channel, terms.purpose, terms.message_class, now)
        found = place.get(traveler.contact)
        keys[channel] = (traveler.contact, found.address_id if found else None, purpose, channel)
    known = consent.standings(list(keys.values()))
    return {channel: known[key] for channel, key in keys.items()}


# --- the walk ------------------------------------------------------------------------------------


class _Paper(Ledger):
    """The tables on paper, with the answers of one real person. Nobody comes in but they."""

    known: _Known

    def ask(self, run: Journeyer) -> Facts:
        facts = super().ask(run)
        return replace(facts, workspace_zone=self.known.zone)

    def entries(self, fact: Fact) -> None:
        """What happens on the way begins no second journey."""


@dataclass
class _Stage:
    """One rehearsal under way."""

    plan: Plan
    traveler: Traveler
    known: _Known
    entry: Mapping[str, Any]
    choices: Choices
    start: datetime
    found: Walk
    unwritten: Mapping[str, str]
    campaign: int | None = None
    coming: list[tuple[datetime, str, dict[str, Any]]] = field(default_factory=list)
    told: int = 0

    def __post_init__(self) -> None:
        self.paper = _Paper(self.start, [_with_fields(self.plan)], self._people())
        self.paper.known = self.known
        self.paper.arms.update({(step, 1): lane for step, lane in self.known.arms.items()})

    def _people(self) -> dict[int, Person]:
        """The person, with each answer as a field of its own that the rule of the same name asks for."""
        person = Person(1, self.traveler.draw, self.traveler.zone)
        person.fields = dict(self.known.answers)
        return {1: person}

    def play(self, broken: Mapping[str, Problem]) -> None:
        run = self._enter()
        for _ in range(MOST_MOVES):
            if run.state == "done":
                break
            self._move(run)
            self._tell(run)
        if run.state == "done":
            self.found.outcome, self.found.ended_at = run.outcome, self.paper.now
        self.found.converted = run.id in self.paper.converted or run.outcome == "converted"
        last = self.found.stops[-1] if self.found.stops else None
        if last is not None and last.post is not None and last.post.state == "put_off":
            last.post = replace(last.post, state="not_sent", reason="recalled", at=self.paper.now)
        if last is not None and last.step in broken and last.reason == "exit":
            last.broken, self.found.outcome = True, ""

    def _enter(self) -> Journeyer:
        entries = self.plan.entries
        quiet = next((each.debounce for each in entries if each.event == self.entry.get("event")), None)
        if quiet is not None:
            self.paper.now = moments.add(self.start, quiet.value, quiet.unit, self.traveler.zone)
        self.found.enters = self.paper.now
        self.found.held_out = chance.held_out(self.plan.salt, self.traveler.draw, self.plan.terms.holdout_pct)
        self.found.eligible = self.known.answers.get("eligibility", True)
        held = self.found.held_out and not self.choices.treated
        run = Journeyer(1, 1, self._key(), 1, 0, held, dict(self.entry), self.start, self.paper.now, self.paper.now)
        self.paper.runs[1] = run
        if self.choices.buys_after is not None:
            at = moments.add(self.start, self.choices.buys_after, "days", self.traveler.zone)
            self._expect(max(at, self.paper.now + timedelta(minutes=1)), BOUGHT, self._purchase())
        return run

    def _key(self) -> str:
        properties = self.entry.get("properties")
        path = self.plan.key_path
        return (matching.value_at(properties, path) or "") if path and isinstance(properties, Mapping) else ""

    def _purchase(self) -> dict[str, Any]:
        """An order of what brought them in."""
        given = self.entry.get("properties")
        properties = given if isinstance(given, Mapping) else {}
        return {key: properties[key] for key in ("cart_id", "products", "lines", "currency") if key in properties}

    def _expect(self, at: datetime, name: str, properties: dict[str, Any]) -> None:
        self.coming.append((at, name, properties))
        self.coming.sort(key=lambda each: each[0])

    def _move(self, run: Journeyer) -> None:
        """One thing that happens: a page, a message, or time."""
        if run.state == "in_effect" and run.letter:
            self._post(run, self.paper.letters[run.letter])
        elif run.due_at is not None and run.due_at <= self.paper.now:
            result = engine.advance(self.plan, self.paper.traveller(run), self.paper.ask(run), self.paper.now)
            self.paper.move(run, result, self.paper.now)
            self._answer()
        elif run.due_at is not None:
            self._pass(run.due_at)

    def _pass(self, until: datetime) -> None:
        """Time goes on until then, or until the next thing that the person does."""
        if self.coming and self.coming[0][0] <= until:
            at, name, properties = self.coming.pop(0)
            self.paper.now = max(self.paper.now, at)
            fact = self.paper.record(1, name, properties, at)
            before = self.paper.runs[1].state
            self._count(fact)
            self._answer()
            run = self.paper.runs[1]
            if run.state == "done" and before != "done":
                self.found.ended_by = fact.name
            elif run.state == "due" and before == "waiting" and self.found.stops:
                self.found.stops[-1].did = fact.name
        else:
            self.paper.now = max(self.paper.now, until)

    def _count(self, fact: Fact) -> None:
        """The goal is reached by what happens, whatever becomes of the run."""
        goal, enters = self.plan.goal, self.found.enters
        inside = goal is not None and fact.at <= enters + timedelta(days=goal.window_days)
        if goal and inside and matching.happened(goal.watch, fact.name, fact.properties):
            self.paper.converted.add(1)

    def _answer(self) -> None:
        while self.paper.unanswered:
            self.paper.answer(self.paper.facts[self.paper.unanswered[0] - 1])

    # --- messages ---

    def _post(self, run: Journeyer, letter: Letter) -> None:
        channel = self._channel(letter.step)
        stop = self.found.stops[-1]
        put_off: tuple[tuple[datetime, str], ...] = stop.post.put_off if stop.post else ()
        verdict = gate.judge(self._facts(channel, letter), self.known.house, self.paper.now)
        if letter.step in self.unwritten:
            verdict = Refuse(self.unwritten[letter.step])
        if isinstance(verdict, Defer):
            stop.post = Post(channel, "put_off", put_off=(*put_off, (verdict.until, verdict.reason)))
            letter.due_at = verdict.until
            self._pass(verdict.until)
            return
        if isinstance(verdict, Refuse):
            stop.post = Post(channel, "not_sent", verdict.reason, verdict.detail, put_off, self.paper.now)
            self.paper.settle(letter, "expired" if verdict.expired else "blocked", verdict.reason)
        else:
            stop.post = Post(channel, "sent", put_off=put_off, at=self.paper.now)
            terms = self.plan.terms
            self.known.counted.append(gate.Counted(self.paper.now, channel, terms.purpose, terms.group, self.campaign))
            self._look_at_it(letter)
            self.paper.settle(letter, "accepted")
        self._answer()

    def _facts(self, channel: str, letter: Letter) -> gate.Facts:
        terms, person = self.plan.terms, self.known.person
        step = self.plan.instructions[letter.step].step
        place = person.place() if person else None
        return gate.Facts(
            channel, terms.message_class, self.known.standings[channel], self.traveler.zone,
            veto=self.known.veto, expires_at=letter.expires_at, counted=self.known.counted, purpose=terms.purpose,
            country=place.country if place else workspace.current().country, region=place.region if place else "",
            zones=person.zones() if person else (), campaign=self.campaign, group=terms.group,
            when_quiet=getattr(step, "when_quiet", "") or gate.WAIT, wish=self.known.wish,
        )  # fmt: skip

    def _channel(self, step: str) -> str:
        body = self.plan.instructions[step].step.body()
        return body[0] if body else ""

    def _look_at_it(self, letter: Letter) -> None:
        about = {"step": letter.step, "channel": self._channel(letter.step), "message_id": letter.id}
        if self.choices.opens and about["channel"] == "email":
            self._expect(self.paper.now + OPENS_AFTER, "Message Opened", dict(about))
        if self.choices.clicks:
            self._expect(self.paper.now + CLICKS_AFTER, "Message Clicked", dict(about))

    # --- what is told ---

    def _tell(self, run: Journeyer) -> None:
        """Turn the new lines of the trace into stops."""
        for line in run.lines[self.told :]:
            last = self.found.stops[-1] if self.found.stops else None
            settled = last is not None and (last.step, last.visit) == (line.trace.step, line.trace.visit)
            if settled and last is not None and not last.port:
                last.port, last.left_by, last.left_at = line.trace.port, line.trace.reason, line.at
            else:
                self.found.stops.append(self._stop(line))
        self.told = len(run.lines)

    def _stop(self, line: Line) -> Stop:
        trace = line.trace
        one = self.plan.instructions[trace.step]
        detail = dict(trace.detail or {})
        until = detail.get("until")
        failed = tuple(self.known.words.get(name, "") for name in detail.get("failed", ()) if isinstance(name, str))
        stop = Stop(
            trace.step, trace.visit, line.at, one.kind, trace.reason, trace.port, detail,
            datetime.fromisoformat(until) if isinstance(until, str) else None,
            why=self.known.words.get(f"{trace.step}:{trace.port}", ""),
            not_these=tuple(each for each in failed if each),
        )  # fmt: skip
        if trace.reason == "holdout_campaign" and one.kind.startswith("send."):
            stop.post = Post(self._channel(trace.step), "held_out", "holdout_campaign", at=line.at)
        return stop


def _with_fields(plan: Plan) -> Plan:
    """The plan with each rule asking for one field of its own name, which holds the answer that was read."""
    rules = {name: {"f": f"fields.{name}", "op": "is", "v": True} for name in plan.rules}
    return replace(plan, rules=rules)
