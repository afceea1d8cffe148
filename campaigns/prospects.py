"""Who would come in: counted for a draft before it is published, and who of them can be reached.

A big audience is looked at through some of its people (`campaigns.crowd`): what was reckoned so is marked
`about`, with how far it may be off. Nothing that refuses a publication is said from a part of the people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from campaigns import crowd, forecast, journey, plans, terms
from campaigns.crowd import Crowd
from campaigns.plan import Plan
from campaigns.reading import Notes
from channels import accounts
from channels.kinds import sms
from channels.models import Account
from crm import moments, patience, publicids, standings, workspace
from crm.errors import Problem, Problems
from crm.models import Contact
from crm.segments import audience, parse, spread
from crm.segments.grammar import Rule
from crm.segments.sql import Sql, every, join

MONTH: Final = {"value": forecast.WINDOW, "unit": "days"}
# So many people are walked through the journey.
WALKED: Final = 400
PATIENCE_MS: Final = 2_500
CHANNELS: Final = ("email", "sms")
INSIDE: Final = "EXISTS (SELECT FROM campaigns_enrolment e WHERE e.campaign_id = {} AND e.contact_id = crm_contact.id)"


@dataclass(frozen=True)
class Audience:
    """The numbers beside the form. `at_once`: come in when it is published; `month`: came by, or would
    have, in the last 30 days; None where nobody can know. `people` are those that the rest is about.
    `about`: reckoned from `looked` of them, `off` people more or less. `crowd`: those who are eligible."""

    at_once: int | None = None
    month: int | None = None
    people: int = 0
    about: bool = False
    too_many: bool = False
    reach: Mapping[str, int] = field(default_factory=dict)
    unreachable: int = 0
    ineligible: int = 0
    inside: int = 0
    held_out: int = 0
    globally_held_out: int = 0
    looked: int = 0
    off: int = 0
    crowd: Crowd | None = None


@dataclass(frozen=True)
class Seen:
    """Those looked at: not eligible, here before, on no channel, reached on each; `ids` of the eligible, if few."""

    looked: int
    ineligible: int
    inside: int
    unreachable: int
    reach: Sequence[int]
    ids: Sequence[int] | None = None

    @property
    def refuses(self) -> bool:
        """Whether a publication would be refused for want of people."""
        return self.unreachable >= self.looked - self.ineligible


@dataclass(frozen=True)
class Ways:
    """How people come in, as rules: `now` those of standing audiences, `month` what happened lately."""

    now: tuple[Any, ...] = ()
    month: tuple[Any, ...] = ()
    joined: tuple[int, ...] = ()
    after: float = 0.0
    unknown: bool = False

    def base(self) -> Any:
        """Everybody the numbers are about: who comes at once, else who came by in the last 30 days."""
        found = self.now or self.month
        return {"any": list(found)} if found else None


def ways(settings: terms.Terms, now: datetime) -> Ways:
    """The entries of a draft as rules of the segment grammar; what is not complete is left out."""
    at_once: list[Any] = []
    month: list[Any] = []
    joined: list[int] = []
    after = 0.0
    unknown = False
    for entry in settings.entries:
        if entry.type == "event" and entry.event:
            month.append({"event": entry.event, "did": True, "in_last": MONTH, "where": list(entry.where)})
        elif entry.type == "manual":
            unknown = True
        elif number := _number(entry.segment):
            leaf = {"segment": publicids.encode("seg", number), "member": True}
            if entry.type == "schedule":
                at_once.append(leaf)
                after = _until(entry, now)
                continue
            (month if entry.mode == "joins" else at_once).append(leaf)
            if entry.mode != "current":
                joined.append(number)
    return Ways(tuple(at_once), tuple(month), tuple(joined), after, unknown)


def _until(entry: terms.Entry, now: datetime) -> float:
    if entry.at is None:
        return 0.0
    return forecast.seconds_until(moments.at_local(entry.at.date(), entry.at.time(), workspace.current().zone), now)


def _number(segment: str) -> int:
    try:
        return plans.segment_id(segment)
    except (Problem, ValueError):
        return 0


def read(document: Mapping[str, Any]) -> terms.Terms:
    """The settings of a draft, whatever is wrong with it."""
    return terms.read(terms.reader_of(dict(document), Notes()))


def of(campaign_id: int, settings: terms.Terms, channels: Sequence[str], now: datetime) -> Audience:
    """All numbers beside the form, in a fixed number of queries. `channels`: those it writes on."""
    coming = ways(settings, now)
    rule = _rule(coming.base())
    if rule is None:
        return Audience(at_once=None if coming.unknown else 0)
    try:
        with patience.within(PATIENCE_MS):
            return _count(campaign_id, settings, coming, rule, channels or CHANNELS, now)
    except patience.TooSlow:
        return Audience(too_many=True, about=True)


def _count(
    campaign_id: int, settings: terms.Terms, coming: Ways, rule: Rule, channels: Sequence[str], now: datetime
) -> Audience:
    those = crowd.of(rule, now)
    seen = _look(campaign_id, settings, those, channels, now)
    if those.ids is not None and seen.refuses:
        those = crowd.whole(rule, now)
        seen = _look(campaign_id, settings, those, channels, now)
    found = those.people
    joined = _joined(coming.joined, now) if coming.joined else 0
    scale = found / seen.looked if seen.looked else 1.0
    ineligible = round(seen.ineligible * scale)
    eligible = found - ineligible
    world = workspace.current().global_holdout_pct if settings.respect_global_holdout else 0
    month: int | None = found if coming.month and not coming.now else 0
    if coming.joined:
        month = joined if not coming.now else None
    return Audience(
        at_once=found if coming.now else (None if coming.unknown else 0),
        month=month if (coming.month or coming.joined) else None,
        people=found,
        about=those.ids is not None,
        reach={channel: round(number * scale) for channel, number in zip(channels, seen.reach, strict=True)},
        unreachable=round(seen.unreachable * scale),
        ineligible=ineligible,
        inside=round(seen.inside * scale),
        held_out=round(eligible * settings.holdout_pct / 100),
        globally_held_out=round(eligible * world / 100),
        looked=those.looked,
        off=those.margin,
        crowd=Crowd(people(settings, now) or rule, eligible, seen.ids, those.off),
    )


def _look(campaign_id: int, settings: terms.Terms, those: Crowd, channels: Sequence[str], now: datetime) -> Seen:
    eligible = _rule(settings.eligibility)
    few = those.ids is not None
    may = [Sql(*_allowed(settings, channel, now)) for channel in channels]
    columns = join(", ".join(["{} AS c%d" % place for place in range(len(may))]), *may)  # noqa: UP031
    some = " OR ".join(f"c{place}" for place in range(len(may)))
    counts = ", ".join(f"count(*) FILTER (WHERE eligible AND c{place})" for place in range(len(may)))
    ids = "array_agg(id) FILTER (WHERE eligible)" if few else "NULL"
    told = "SELECT crm_contact.id, {} AS eligible, {} AS inside, {} FROM crm_contact WHERE {}"
    if few:
        # One by one: left to itself the planner may answer for the whole base and look these few up in that.
        told = (
            "SELECT crm_contact.id, told.* FROM crm_contact CROSS JOIN LATERAL"
            " (SELECT {} AS eligible, {} AS inside, {} OFFSET 0) AS told WHERE {}"
        )
    asked = join(
        "SELECT count(*), count(*) FILTER (WHERE NOT eligible), count(*) FILTER (WHERE eligible AND inside),"  # noqa: S608
        f" count(*) FILTER (WHERE eligible AND NOT ({some})), {ids}, {counts} FROM ({told}) AS seen",
        eligible.q(now, few=few) if eligible else Sql("true"),
        join(INSIDE, campaign_id),
        columns,
        those.q(now),
    )
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        looked, ineligible, inside, unreachable, found, *reach = cursor.fetchone()
    return Seen(looked, ineligible, inside, unreachable, reach, (found or []) if few else None)


def _allowed(settings: terms.Terms, channel: str, now: datetime) -> tuple[str, tuple[Any, ...]]:
    text, params = standings.allowed_sql(settings.purpose, channel, settings.message_class, now)
    return text, tuple(params)


def counted(settings: terms.Terms, seen: Audience) -> Crowd | None:
    """Whom `people` finds, if that is known from what was seen before."""
    return None if seen.too_many else seen.crowd


def _rule(data: Any) -> Rule | None:
    """A rule that can be asked, or None: what is wrong with it is said elsewhere."""
    if data is None:
        return None
    try:
        return parse.parse(data)
    except Problems:
        return None


def _joined(segments: Sequence[int], now: datetime) -> int:
    """How many people came into these segments in the last 30 days."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(DISTINCT contact_id) FROM crm_segmentmember
               WHERE segment_id = ANY(%s) AND since > %s AND since <= %s""",
            [list(segments), now - timedelta(days=forecast.WINDOW), now],
        )
        return int(cursor.fetchone()[0])


def people(settings: terms.Terms, now: datetime) -> Rule | None:
    """Who it is about, as a rule: for others that ask about the same people. None: nobody can know."""
    base = ways(settings, now).base()
    if base is None or settings.eligibility is None:
        return _rule(base)
    return _rule({"all": [base, settings.eligibility]}) or _rule(base)


# --- for the forecast --------------------------------------------------------------------------------


def outlook(
    campaign_id: int, document: Mapping[str, Any], now: datetime, seen: Audience | None = None
) -> forecast.Forecast | None:
    """The next seven days of a draft; None while it cannot be read as a journey. `seen`: what `of` says of it."""
    try:
        plan = journey.compile(dict(document))
    except Problems:
        return None
    channels = sorted({sending.channel for sending in plan.sendings()})
    seen = seen or of(campaign_id, plan.terms, channels, now)
    coming = ways(plan.terms, now)
    eligible = 1 - seen.ineligible / seen.people if seen.people else 1.0
    arrivals = forecast.Arrivals(
        at_once=(seen.at_once or 0) * eligible,
        month=_by_key(plan.terms, seen.month or 0, now) * eligible,
        after=coming.after,
    )
    sample = _sample(plan, channels, now, counted(plan.terms, seen))
    return forecast.of(plan, arrivals, sample, _price(plan), known(campaign_id, now))


def _by_key(settings: terms.Terms, people: int, now: datetime) -> float:
    """A campaign with a key starts once a key: two carts of one person are two arrivals."""
    keyed = [entry for entry in settings.entries if entry.type == "event" and entry.key_path and entry.event]
    if not keyed or settings.concurrency != "one_per_key":
        return people
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(DISTINCT (contact_id, properties #>> %s)) FROM crm_event
               WHERE name = %s AND occurred_at > %s AND occurred_at <= %s AND properties #>> %s IS NOT NULL""",
            [
                keyed[0].key_path.split("."), keyed[0].event, now - timedelta(days=forecast.WINDOW), now,
                keyed[0].key_path.split("."),
            ],
        )  # fmt: skip
        return max(people, int(cursor.fetchone()[0])) if people else 0


def _sample(plan: Plan, channels: Sequence[str], now: datetime, those: Crowd | None) -> list[forecast.Somebody]:
    """Some of the people it is about, each with their answers; a fair few where there are many."""
    rule = people(plan.terms, now)
    if rule is None:
        return [forecast.Somebody(reach=frozenset(channels))]
    those = those or crowd.of(rule, now)
    ids = _few(those, now) if those.ids is None else spread.thinned(those.ids, WALKED)
    names = list(plan.rules)
    rules = [parse.parse(plan.rules[name]) for name in names]
    answers = audience.answers(rules, ids, now)
    reach = {channel: _reachable(plan.terms, channel, ids, now) for channel in channels}
    return [
        forecast.Somebody(
            dict(zip(names, answers[number], strict=True)),
            frozenset(channel for channel in channels if number in reach[channel]),
        )
        for number in ids
    ]


def _few(those: Crowd, now: datetime) -> list[int]:
    share = min(1.0, WALKED / those.people) if those.people else 1.0
    asked = join(
        "SELECT crm_contact.id FROM crm_contact WHERE {} ORDER BY crm_contact.draw LIMIT {}",
        every([those.q(now), crowd.drawn(share)]),
        WALKED * 2,
    )
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        return [number for (number,) in cursor.fetchall()]


def _reachable(settings: terms.Terms, channel: str, ids: Sequence[int], now: datetime) -> set[int]:
    text, params = _allowed(settings, channel, now)
    return set(
        Contact.objects.filter(pk__in=ids).extra(where=[text], params=params).values_list("pk", flat=True)  # noqa: S610
    )


def _price(plan: Plan) -> forecast.Price:
    """What the default account of each channel takes; a text message by the parts of its words."""
    accounts.active()
    costs = dict(Account.objects.filter(is_default=True, active=True).values_list("channel", "cost"))
    parts = {
        sending.step: sms.measure(str(sending.body.get("text", ""))).parts
        for sending in plan.sendings()
        if sending.channel == "sms"
    }
    return forecast.Price({channel: float(cost) for channel, cost in costs.items()}, parts)


def known(campaign_id: int, now: datetime) -> dict[str, dict[str, int]]:
    """Step -> port -> how many left by it in the last 30 days; of a campaign that runs already."""
    found: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT step, port, count(*) FROM campaigns_visit
               WHERE campaign_id = %s AND at > %s AND at <= %s AND port <> '' AND step <> '' GROUP BY step, port""",
            [campaign_id, now - timedelta(days=forecast.WINDOW), now],
        )
        for step, port, number in cursor.fetchall():
            found.setdefault(step, {})[port] = number
    return found
