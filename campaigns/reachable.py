"""Who can receive a message step, before it is sent: the people next in line, each judged by the gate itself.

Next in line are those who are inside the live version and have this step still before them; of a draft
those who would come in. Everybody gets exactly one bucket, so the buckets add up:

`now` it would go at once · `later.cap` `later.quiet_hours` it would be put off · `apart` held out ·
`via.<reason>` it may not go for this reason, but the step in the lane "not sent" may reach them ·
`not.<reason>` it may not go. A number and its list of people come from the same judgement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from campaigns import audience, chance, commands, plans, prospects, terms, vetoes
from campaigns.models import Campaign
from campaigns.plan import Plan
from campaigns.reading import SECONDS
from campaigns.types import END
from channels import gate, limits
from channels.types import Defer, Go
from crm import clock, consent, reach, whereabouts, workspace
from crm.segments.grammar import PEOPLE
from crm.segments.question import whole_base
from crm.segments.sql import every, join

MOST: Final = 10_000
SENDS: Final = "send."
APART: Final = "apart"

# Each of these people once, newest first; who has several runs is held out only where all of them are.
LINE: Final = """
SELECT c.id, c.zone, bool_and(r.held_out) FROM campaigns_enrolment r JOIN crm_contact c ON c.id = r.contact_id
WHERE r.campaign_id = %s AND r.state <> 'done'
  AND (r.step = ANY(%s) OR (r.step = %s AND r.port = '' AND r.state <> 'waiting'))
GROUP BY c.id ORDER BY c.id DESC LIMIT %s"""


@dataclass(frozen=True)
class Somebody:
    contact: int
    zone: str
    apart: bool = False


@dataclass(frozen=True)
class Bucket:
    """`first`, `last`: between when those who are put off would get it."""

    key: str
    count: int
    first: datetime | None = None
    last: datetime | None = None

    @property
    def kind(self) -> str:
        return self.key.partition(".")[0]

    @property
    def reason(self) -> str:
        return self.key.partition(".")[2]


@dataclass(frozen=True)
class Outlook:
    """`basis`: "line" (inside the live version) or "audience" (who would come in); `cut`: only the newest
    were looked at; `unknown`: nobody can say who comes in. `other`: the channel of those who are rerouted."""

    channel: str
    other: str
    basis: str
    total: int
    cut: bool
    unknown: bool
    buckets: tuple[Bucket, ...]

    def of(self, kind: str) -> int:
        return sum(bucket.count for bucket in self.buckets if bucket.kind == kind)


@dataclass
class Judged:
    """Contact → bucket, and when a message that is put off would go."""

    outlook: tuple[str, str, str, bool, bool]
    where: dict[int, str] = field(default_factory=dict)
    until: dict[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ask:
    """What is judged: one message for many people. `when_quiet`: what the step says of quiet hours."""

    channel: str
    other: str
    purpose: str
    message_class: str
    expires_at: datetime
    now: datetime
    campaign: int
    group: str
    topic: str
    when_quiet: str


@dataclass(frozen=True)
class _Known:
    """What was read of the people once: the same for a message and for the one in the other lane."""

    people: Mapping[int, whereabouts.Person]
    counted: Mapping[int, list[gate.Counted]]
    wished: Mapping[int, gate.Cap]
    vetoed: Mapping[int, str]


def of(campaign: Campaign, step: str, now: datetime) -> Outlook | None:
    """The bar of a step; None for one that sends nothing. A fixed number of queries."""
    judged = _judged(campaign, step, now)
    if judged is None:
        return None
    counts = Counter(judged.where.values())
    times: dict[str, list[datetime]] = {}
    for contact, until in judged.until.items():
        times.setdefault(judged.where[contact], []).append(until)
    buckets = [
        Bucket(key, number, min(times[key]) if key in times else None, max(times[key]) if key in times else None)
        for key, number in sorted(counts.items(), key=lambda item: (_rank(item[0]), -item[1], item[0]))
    ]
    channel, other, basis, cut, unknown = judged.outlook
    return Outlook(channel, other, basis, len(judged.where), cut, unknown, tuple(buckets))


def people(
    campaign: Campaign, step: str, bucket: str, after: int = 0, limit: int | None = None, now: datetime | None = None
) -> list[int]:
    """The contacts in a bucket by id, from after `after` on; `bucket` '' are all that were looked at."""
    judged = _judged(campaign, step, now or clock.now())
    if judged is None:
        return []
    found = sorted(contact for contact, key in judged.where.items() if bucket in ("", key) and contact > after)
    return found[:limit]


def count(campaign: Campaign, step: str, bucket: str, now: datetime | None = None) -> int:
    """How many `people` would list."""
    return len(people(campaign, step, bucket, now=now))


def other_way(step: Mapping[str, Any]) -> str:
    """The channel of the first message in the lane of those to whom this one was not sent; '' without."""
    for lane in commands.lanes_of(step):
        if lane.get("label") == "not_sent":
            for _path, inner in commands.walk({"steps": commands.inside(lane)}):
                kind = str(inner.get("type"))
                if kind.startswith(SENDS):
                    return kind.removeprefix(SENDS)
    return ""


# --- inner ---------------------------------------------------------------------------------------


def _rank(key: str) -> int:
    return ("now", "later", "via", "not", APART).index(key.partition(".")[0])


def _judged(campaign: Campaign, step: str, now: datetime) -> Judged | None:
    found = commands.find(campaign.document, step) if isinstance(campaign.document, dict) else None
    kind = str(found.get("type")) if found else ""
    if found is None or not kind.startswith(SENDS):
        return None
    settings = prospects.read(campaign.document)
    ask = _Ask(
        kind.removeprefix(SENDS), other_way(found), settings.purpose, settings.message_class,
        now + timedelta(seconds=_useful(found, settings)), now, campaign.pk, settings.group, settings.topic,
        _when_quiet(found),
    )  # fmt: skip
    line = _line(campaign, step)
    basis, unknown = "line", False
    if not line:
        basis = "audience"
        line, unknown = _audience(campaign, settings, now)
    cut = len(line) > MOST
    judged = Judged((ask.channel, ask.other, basis, cut, unknown))
    _judge(judged, line[:MOST], ask)
    return judged


def _useful(step: Mapping[str, Any], settings: terms.Terms) -> int:
    """Seconds after which this message is no longer sent."""
    config = step.get("config")
    own = config.get("send_expiry") if isinstance(config, dict) else None
    if isinstance(own, dict) and type(own.get("value")) is int and own.get("unit") in SECONDS:
        return int(own["value"] * SECONDS[own["unit"]])
    return settings.send_expiry.seconds


def _when_quiet(step: Mapping[str, Any]) -> str:
    config = step.get("config")
    return limits.when_quiet(config if isinstance(config, dict) else None)


def _line(campaign: Campaign, step: str) -> list[Somebody]:
    """Who is inside and has the step before them; nobody while it is not live."""
    if campaign.version_id is None or campaign.state not in ("live", "paused", "finished"):
        return []
    plan = plans.of(campaign.version_id).plan
    if step not in plan.instructions:
        return []
    with connection.cursor() as cursor:
        cursor.execute(LINE, [campaign.pk, sorted(_above(plan, step)), step, MOST + 1])
        return [Somebody(*row) for row in cursor.fetchall()]


def _above(plan: Plan, step: str) -> set[str]:
    """The steps from which one can come to this one; '' (the start) among them."""
    comes: dict[str, set[str]] = {}
    for one in plan.instructions.values():
        for onward in one.next.values():
            if onward != END:
                comes.setdefault(onward, set()).add(one.id)
    found: set[str] = set()
    todo = [step]
    while todo:
        for before in comes.get(todo.pop(), set()) - found:
            found.add(before)
            todo.append(before)
    return (found - {step}) | {""}


def _audience(campaign: Campaign, settings: terms.Terms, now: datetime) -> tuple[list[Somebody], bool]:
    """(those who would come in, whether nobody can know who they are): the newest of them."""
    rule = prospects.people(settings, now)
    if rule is None:
        return [], True
    asked = join(
        "SELECT crm_contact.id, crm_contact.zone, crm_contact.draw::text FROM crm_contact WHERE {}"
        " ORDER BY crm_contact.id DESC LIMIT {}",
        every([PEOPLE, rule.q(now)]), MOST + 1,
    )  # fmt: skip
    with whole_base(), connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        rows = cursor.fetchall()
    world = workspace.current().global_holdout_pct if settings.respect_global_holdout else 0
    return [
        Somebody(contact, zone, _held_out(str(campaign.salt), draw, settings.holdout_pct, world))
        for contact, zone, draw in rows
    ], False


def _held_out(salt: str, draw: str, pct: float, world: float) -> bool:
    return chance.held_out(salt, draw, pct) or bool(world and chance.held_out(audience.WORKSPACE_SALT, draw, world))


def _judge(judged: Judged, line: Sequence[Somebody], ask: _Ask) -> None:
    """Put everybody into a bucket."""
    asked, house_rules = [each for each in line if not each.apart], limits.house()
    judged.where.update({each.contact: APART for each in line if each.apart})
    contacts = [each.contact for each in asked]
    known = _read(contacts, house_rules, ask)
    standings = _standings(contacts, ask.channel, ask)
    refused: list[tuple[Somebody, str]] = []
    for each in asked:
        verdict = gate.judge(_facts(each, ask.channel, standings, known, ask), house_rules, ask.now)
        if isinstance(verdict, Go):
            judged.where[each.contact] = "now"
        elif isinstance(verdict, Defer):
            judged.where[each.contact] = f"later.{verdict.reason}"
            judged.until[each.contact] = verdict.until
        else:
            refused.append((each, verdict.reason))
    second = _standings([each.contact for each, _reason in refused], ask.other, ask) if ask.other else {}
    for each, reason in refused:
        goes = each.contact in second and isinstance(
            gate.judge(_facts(each, ask.other, second, known, ask), house_rules, ask.now), Go | Defer
        )
        judged.where[each.contact] = f"{'via' if goes else 'not'}.{reason}"


def _read(contacts: Sequence[int], house_rules: gate.House, ask: _Ask) -> _Known:
    """Four queries at most."""
    wished = limits.wished(contacts)
    return _Known(
        whereabouts.people(contacts), limits.counted(contacts, house_rules, ask.now, wished.values()), wished,
        vetoes.unwanted(contacts, ask.topic, ask.message_class),
    )  # fmt: skip


def _standings(contacts: Sequence[int], channel: str, ask: _Ask) -> dict[int, consent.Standing]:
    """Contact → how they stand to this message at the address it would go to. Two queries."""
    places = reach.addresses(contacts, channel, ask.purpose, ask.message_class, ask.now)
    purpose = consent.purpose_of(ask.purpose, ask.message_class)
    keys = {
        contact: (contact, places[contact].address_id if contact in places else None, purpose, channel)
        for contact in contacts
    }
    known = consent.standings(list(keys.values()))
    return {contact: known[key] for contact, key in keys.items()}


def _facts(
    each: Somebody,
    channel: str,
    standings: Mapping[int, consent.Standing],
    known: _Known,
    ask: _Ask,
) -> gate.Facts:
    person = known.people.get(each.contact, whereabouts.NOBODY)
    place = person.place()
    return gate.Facts(
        channel, ask.message_class, standings[each.contact], each.zone,
        veto=known.vetoed.get(each.contact, ""), expires_at=ask.expires_at,
        counted=known.counted.get(each.contact, ()), purpose=ask.purpose, country=place.country, region=place.region,
        zones=person.zones(), campaign=ask.campaign, group=ask.group,
        when_quiet=ask.when_quiet if channel == ask.channel else gate.WAIT, wish=known.wished.get(each.contact),
    )  # fmt: skip
