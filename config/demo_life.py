"""Weeks in the life of the demo shop, lived through in a minute.

Nothing is written that a real shop would not have caused: people come and buy through `crm.capture`, the rounds
do what is due, the sandbox carries, and what readers do comes back through `channels.intake`. Only business time
is elsewhere (`clock.at`), in one transaction: workers see nothing of it before it has come to today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from django.db import connection, transaction

from analytics import rollup, running
from campaigns import chance, lifecycle, plans
from campaigns.models import Campaign
from channels import accounts, intake
from channels.models import Account
from channels.types import DeliveryEvent
from config import demo, demo_habits
from config.demo_habits import Customer, Deed
from crm import capture, clock, consent, errands, team
from crm import demo as marks
from crm.models import Contact, Segment
from crm.registry import rounds

HOURS: Final = (8, 12, 17)  # when time stops for a moment, UTC
BEFORE: Final = timedelta(days=14)  # in the year before, so often is enough
BUSY: Final = ("crm.react", "crm.segments", "campaigns.sweep", "campaigns.entries", "campaigns.run", "channels.deliver")
DAILY: Final = ("analytics.stages", "campaigns.fold", "analytics.rollup")
ACTOR: Final = "seed_demo"
# Campaign, share of people held out, share of the weeks after which it begins.
CAMPAIGNS: Final = (("abandoned_cart", 30, 0.0), ("welcome", 20, 0.0), ("win_back", 20, 0.35), ("thank_you", 0, 0.85))
PRICES: Final = {"email": Decimal("0.0009"), "sms": Decimal("0.065")}
ARRIVED: Final = """
SELECT m.id, m.contact_id, m.address_id, m.channel, c.name,
       (SELECT min(l.id) FROM channels_link l WHERE l.content_id = m.content_id)
FROM channels_message m JOIN campaigns_campaign c ON c.id = m.campaign_id
WHERE m.state = 'accepted' AND m.contact_id = ANY(%s) ORDER BY m.id"""
Progress = Callable[[float], None]


@dataclass
class Shop:
    """The story as far as it is told: who is here, what is still to happen, and which carts stand open."""

    seed: int
    begin: datetime
    end: datetime
    waiting: list[tuple[datetime, int, Any]] = field(default_factory=list)
    here: dict[int, Customer] = field(default_factory=dict)
    carts: dict[int, Deed] = field(default_factory=dict)
    bought: set[str] = field(default_factory=set)
    marta: int = 0
    turn: Iterator[int] = field(default_factory=count)

    def plan(self, at: datetime, what: Any) -> None:
        """It will happen, if its time comes before the end of the story."""
        if at <= self.end:
            heappush(self.waiting, (at, next(self.turn), what))

    def due(self, now: datetime) -> list[Any]:
        found = []
        while self.waiting and self.waiting[0][0] <= now:
            found.append(heappop(self.waiting)[2])
        return found


def seed(
    contacts: int, weeks: int, number: int, now: datetime, *, people: bool = True, progress: Progress | None = None
) -> dict[str, int]:
    """Tell `weeks` weeks of a shop with `contacts` customers, all of it or nothing; answers what was made."""
    begin = now - timedelta(weeks=weeks)
    shop = Shop(number, begin, now)
    for customer in demo_habits.people(contacts, number, begin, now):
        shop.plan(customer.since, customer)
        for deed in demo_habits.deeds(customer, number, begin, now):
            shop.plan(deed.at, deed)
    try:
        with transaction.atomic():
            made = _tell(shop, progress or (lambda _: None), people=people)
    finally:
        plans.forget()  # what a story that broke off had published is nowhere
        accounts.look_again()
    return made


def _tell(shop: Shop, progress: Progress, *, people: bool) -> dict[str, int]:
    moments = list(_moments(shop.begin, shop.end))
    with clock.at(moments[0]):
        demo.open_shop(moments[0], people=people)
        _price()
    openings = _openings(shop)
    segments: list[Segment] = []
    for place, moment in enumerate(moments):
        progress(place / len(moments))
        with clock.at(moment):
            if moment >= shop.begin and not segments:
                segments = demo.segments(moment)
                _analyse()
            while openings and openings[0][0] <= moment:
                campaign = _publish(*openings.pop(0)[1:], segments[0], moment)
                if campaign and not shop.marta:
                    _introduce(shop, campaign, moment)
            _live(shop, moment, new_day=not place or moments[place - 1].date() != moment.date())
    _tasks(shop)
    _rounds(("campaigns.fold",))
    rollup.bring_up(shop.end)
    running.refresh(shop.end)
    return {"contacts": len(shop.here), "segments": len(segments), "campaigns": len(CAMPAIGNS)}


def _moments(begin: datetime, end: datetime) -> Iterator[datetime]:
    """A few in the year before, then some a day, and at last now."""
    moment = begin - demo_habits.YEAR_BEFORE
    while moment < begin:
        yield moment
        moment += BEFORE
    day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        for hour in HOURS:
            minute = (day.toordinal() * 7 + hour * 13) % 60
            if begin <= (moment := day.replace(hour=hour, minute=minute)) < end:
                yield moment
        day += demo_habits.DAY
    yield end


def _price() -> None:
    """What a message costs, where nobody has said so and nothing is paid: the sandbox's."""
    accounts.ensure()
    for account in Account.objects.filter(channel__in=PRICES, is_default=True, cost=0):
        if accounts.carrier_of(account) == "sandbox":
            accounts.put(account, {"cost": PRICES[account.channel]}, None, ACTOR)
            marks.remember("price", [account.pk])


def _openings(shop: Shop) -> list[tuple[datetime, str, int]]:
    span = shop.end - shop.begin
    return sorted((shop.begin + span * after, name, held_out) for name, held_out, after in CAMPAIGNS)


def _publish(name: str, held_out: int, segment: Segment, now: datetime) -> Campaign | None:
    document = demo.example(name, segment)
    if Campaign.objects.filter(name=document["name"]).exists():
        return None
    document["holdout_pct"] = held_out
    if name == "abandoned_cart":  # everybody gets as far as the text message, and who said no is told of there
        document["steps"][2] = document["steps"][2]["lanes"][0]["steps"][0]
    campaign = lifecycle.create(document, ACTOR, now)
    marks.remember("campaign", [campaign.pk])
    lifecycle.publish(campaign, ACTOR, now)
    return campaign


def _introduce(shop: Shop, campaign: Campaign, now: datetime) -> None:
    """Who is called Marta: somebody the campaign writes to, so that there is something to be found out about her."""
    calm = [number for number, each in shop.here.items() if each.number < len(demo_habits.CALM)]
    draws = Contact.objects.filter(pk__in=calm).in_bulk()
    share = float(campaign.document["holdout_pct"])
    ranked = sorted(calm, key=lambda number: chance.held_out(str(campaign.salt), str(draws[number].draw), share))
    named = [
        capture.Arrival({"email": shop.here[number].email}, {"given_name": given, "family_name": family}, actor=ACTOR)
        for number, (given, family) in zip(ranked, demo_habits.CALM, strict=False)
    ]
    capture.receive(named, now=now)
    shop.marta = ranked[0] if ranked else 0


# --- one moment ----------------------------------------------------------------------------------


def _live(shop: Shop, now: datetime, *, new_day: bool) -> None:
    """What has happened since the moment before, and all that is due because of it."""
    happened = shop.due(now)
    _come([each for each in happened if isinstance(each, Customer)], shop, now)
    _do([each for each in happened if isinstance(each, Deed)], shop, now)
    _hear([each for each in happened if isinstance(each, DeliveryEvent)], now)
    for _ in range(20):
        moved = _rounds(BUSY)
        letters = _letters(shop)
        if letters:
            _read(letters, shop, now)
        if not moved and not letters:
            break
    if new_day and now >= shop.begin:
        _rounds(DAILY)


def _rounds(names: Sequence[str]) -> int:
    moved = 0
    for name in names:
        each = rounds.get(name)
        while each is not None and (count_ := each.work()):
            moved += count_
            if name in DAILY:
                break
    return moved


def _come(people: Sequence[Customer], shop: Shop, now: datetime) -> None:
    """New faces; those of the year before were known already, which is told to nobody."""
    arrivals = [
        capture.Arrival(
            each.traces, each.fields, each.consents, source="demo", actor=ACTOR, quiet=each.since < shop.begin
        )
        for each in people
    ]
    for start in range(0, len(arrivals), capture.MOST):
        received = capture.receive(arrivals[start : start + capture.MOST], now=now)
        marks.remember("contact", [each.contact_id for each in received if each.created and each.contact_id])
        for customer, each in zip(people[start:], received, strict=False):
            if each.created and each.contact_id:
                shop.here[each.contact_id] = customer


def _do(deeds: Sequence[Deed], shop: Shop, now: datetime) -> None:
    arrivals = []
    for deed in deeds:
        name = str(deed.event["properties"].get("order_id", ""))
        if name in shop.bought:
            continue
        if name:
            shop.bought.add(name)
            shop.carts.pop(deed.number, None)
        elif deed.cart:
            shop.carts[deed.number] = deed
        # What came before the campaigns is history: nothing answers to it any more.
        event = {**deed.event, "historic": deed.at < shop.begin}
        who = {"email": f"customer{deed.number}@example.com"}
        arrivals.append(capture.Arrival(who, events=[event], source="demo", actor=ACTOR))
    for start in range(0, len(arrivals), capture.MOST):
        capture.receive(arrivals[start : start + capture.MOST], now=now)


def _hear(words: Sequence[DeliveryEvent], now: datetime) -> None:
    for start in range(0, len(words), capture.MOST):
        intake.receive(words[start : start + capture.MOST], now)


# --- letters -------------------------------------------------------------------------------------


def _letters(shop: Shop) -> list[tuple[Any, ...]]:
    """What the sandbox has taken and nobody has read yet."""
    with connection.cursor() as cursor:
        cursor.execute(ARRIVED, [list(shop.here)])
        return list(cursor.fetchall())


def _read(letters: Sequence[tuple[Any, ...]], shop: Shop, now: datetime) -> None:
    """The carrier's word at once; what readers do, in their time. Who is not to be followed leaves no trace."""
    keys = [(contact, address, "tracking", channel) for _, contact, address, channel, *_ in letters]
    standings = consent.standings(keys)
    first: list[DeliveryEvent] = []
    for key, (message, contact, _, channel, campaign, link) in zip(keys, letters, strict=True):
        customer = shop.here[contact]
        dice = demo_habits.dice(shop.seed, "reads", customer.number, campaign, channel, now.date())
        calm = customer.number < len(demo_habits.CALM)
        answer = demo_habits.answer(campaign, channel, now, dice, calm=calm)
        followed = isinstance(consent.decide(standings[key], "marketing", now), consent.Allow)
        for kind, at in answer.words:
            said = DeliveryEvent(kind, at, f"demo:{kind}", message_id=message, detail=_detail(kind, link))
            if at <= now:
                first.append(said)
            elif kind == "unsubscribed" or (followed and (kind != "clicked" or link)):
                shop.plan(at, said)
        if answer.buys_at:
            _plan_order(shop, customer, answer.buys_at, campaign, dice.choice(demo_habits.PRODUCTS))
    _hear(first, now)


def _detail(kind: str, link: int | None) -> Mapping[str, Any]:
    return {"link": link, "url": "https://shop.example/"} if kind == "clicked" else {}


def _plan_order(shop: Shop, customer: Customer, at: datetime, campaign: str, product: demo_habits.Product) -> None:
    left = shop.carts.get(customer.number)
    if left is not None:
        sku = left.event["properties"]["sku"]
        product = next(each for each in demo_habits.PRODUCTS if each[0] == sku)
        shop.plan(at, demo_habits.order(customer, left.cart, product, at, cart=left.cart))
    elif campaign != "Abandoned cart":
        name = f"demo-{customer.number}-{campaign.split()[0].lower()}"
        shop.plan(at, demo_habits.order(customer, name, product, at))


# --- the end -------------------------------------------------------------------------------------


def _tasks(shop: Shop) -> None:
    """Something to do for who runs the place."""
    admin = team.admins().order_by("pk").first()
    if admin is None:
        return
    marta = shop.marta or None
    others = [number for number, each in shop.here.items() if each.number in (5, 6)]
    early, late = (others[0], others[-1]) if others else (None, None)
    wanted = (("Ask Marta about the mountain boots in her cart", marta, timedelta(hours=3)),
              ("Call back about an exchange", early, timedelta(hours=-20)),
              ("Invite to the autumn evening in the shop", late, timedelta(days=3)))  # fmt: skip
    for title, contact, after in wanted:
        if contact is not None:
            errands.add(title, shop.end + after, assignee=admin, made_by=admin, actor=ACTOR, contact_id=contact)


def _analyse() -> None:
    """In one transaction nobody else counts rows for the planner."""
    with connection.cursor() as cursor:
        for table in ("crm_contact", "crm_identifier", "crm_address", "crm_consentstate", "crm_order", "crm_event"):
            cursor.execute(f"ANALYZE {table}")
