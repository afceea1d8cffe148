"""A campaign that has run for a while, for tests of what came of it."""

from __future__ import annotations

from decimal import Decimal

from campaigns.models import Campaign
from channels.models import Message
from channels.outbox import delivery
from crm.models import Contact
from tests.campaigns import cast
from tests.channels import people


def sent() -> Campaign:
    """Forty people: some refused, held out, without address, sent to, converted."""
    cast.at_noon()
    contacts = [*cast.people(34), *cast.people(6, addresses=False)]
    Contact.objects.filter(pk__in=[each.pk for each in contacts[:4]]).update(country="FR")
    people.allow(contacts[:30], "email")
    spanish = {"none": [{"f": "contact.country", "op": "is", "v": "FR"}]}
    entry = {"type": "segment", "segment": str(cast.segment(contacts).pk), "mode": "current"}
    made = cast.publish(
        cast.mail(),
        cast.wait(),
        entry=[entry],
        eligibility=spanish,
        holdout_pct=25,
        **cast.BOUGHT_IS_THE_END,
    )
    cast.work()
    while delivery.deliver():
        pass
    cast.react()
    Message.objects.filter(state="accepted").update(cost=Decimal("0.01"))
    for contact in contacts[10:13]:
        cast.order(contact)
    cast.work()
    made.refresh_from_db()
    return made
