"""A campaign with two versions and people who came in different weeks, some of them twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from campaigns import lifecycle
from campaigns.models import Campaign
from channels.models import Message
from channels.outbox import delivery
from crm import clock
from crm.models import Contact
from tests.campaigns import cast

SPANISH = {"none": [{"f": "contact.country", "op": "is", "v": "FR"}]}


def twice() -> Campaign:
    """20 on 10 June in version 1; on 30 June version 2 with 12 more, two who come back and three who are refused.

    Of the first three buy (one of them five days later), of the second two. It is 3 July.
    """
    cast.at_noon()
    made = cast.publish(
        cast.mail(), cast.wait(), entry=[{"type": "manual", "reentry": "after_exit"}], eligibility=SPANISH,
        holdout_pct=25, **cast.BOUGHT_IS_THE_END,
    )  # fmt: skip
    Campaign.objects.filter(pk=made.pk).update(salt=UUID(int=7))
    first = [*_people(16), *_people(4, addresses=False)]
    french = _french(3)
    cast.allow(first[:14], "email")
    _come(made, first, french)
    for contact in first[4:6]:
        cast.order(contact)
    cast.work()
    cast.later(days=5)
    cast.order(first[6])
    cast.work()
    cast.later(days=15)
    lifecycle.publish(Campaign.objects.get(pk=made.pk), cast.ADA, clock.now())
    made = Campaign.objects.select_related("version").get(pk=made.pk)
    second = _people(12)
    cast.allow(second[:9], "email")
    _come(made, [*second, *first[:2]], [*_french(2), french[0]])
    for contact in second[:2]:
        cast.order(contact)
    cast.work()
    cast.later(days=3)
    return made


def _people(count: int, *, addresses: bool = True) -> list[Contact]:
    """With their draws in a row, so that the same of them are held out each time."""
    made = cast.people(count, addresses=addresses)
    for contact in made:
        Contact.objects.filter(pk=contact.pk).update(draw=UUID(int=contact.pk - made[0].pk + count))
    return made


def _french(count: int) -> list[Contact]:
    made = cast.people(count)
    Contact.objects.filter(pk__in=[each.pk for each in made]).update(country="FR")
    return made


def _come(campaign: Campaign, entering: Sequence[Contact], refused: Sequence[Contact]) -> None:
    for contact in entering:
        cast.enter(campaign, contact)
    for contact in refused:
        cast.refused(campaign, contact)
    cast.work()
    while delivery.deliver():
        pass
    cast.react()
    Message.objects.filter(state="accepted").update(cost=Decimal("0.01"))
