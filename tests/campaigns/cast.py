"""People and campaigns for the tests of the runner, through the real doors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns import entries, lifecycle, plans, runner, sweeps, triggers
from campaigns.models import Campaign, Enrolment, Refusal, Visit
from channels.models import Message
from crm import clock, consent, suppression, timeline
from crm.models import Address, Contact, Identifier, Segment, SegmentMember
from crm.timeline import NewFact

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
ADA = "ada@cauce.example"
MAIL = {"subject": "Hello {{ contact.given_name | default: 'you' }}", "text": "Come and see https://shop.example/a"}


def at_noon() -> datetime:
    """Business time is a noon that is in nobody's quiet hours."""
    clock.set_to(NOON)
    return clock.now()


def later(**span: float) -> datetime:
    clock.advance(timedelta(**span))
    return clock.now()


# --- people ----------------------------------------------------------------------------------


def person(name: str = "Elena", *, email: bool = True, sms: bool = True, zone: str = "Europe/Madrid") -> Contact:
    """Somebody with an e-mail and a phone, who allows offers on both, on one, or on none."""
    contact = people(1, name=name, zone=zone)[0]
    for channel, yes in (("email", email), ("sms", sms)):
        allow([contact], channel, "granted" if yes else "refused")
    return contact


def people(count: int, *, name: str = "Dario", zone: str = "Europe/Madrid", addresses: bool = True) -> list[Contact]:
    """Many at once, with addresses and without a word about consent."""
    contacts = Contact.objects.bulk_create([Contact(given_name=name, zone=zone) for _ in range(count)])
    for medium, pattern in (("email", "p{}@example.com"), ("phone", "+3460{:07d}")) if addresses else ():
        values = [pattern.format(contact.pk) for contact in contacts]
        rows = Address.objects.bulk_create(
            [Address(medium=medium, value=each, hash=suppression.address_hash(medium, each)) for each in values]
        )
        Identifier.objects.bulk_create(
            [
                Identifier(contact=contact, kind=medium, value=row.value, address=row)
                for contact, row in zip(contacts, rows, strict=True)
            ]
        )
    return contacts


def allow(contacts: Sequence[Contact], channel: str, action: str = "granted") -> None:
    now = clock.now()
    consent.record(
        [
            consent.Statement(
                contact_id=contact.pk, purpose="offers", channel=channel, action=action, basis="consent",
                method="web_form", source="https://shop.example/form", occurred_at=now,
            )
            for contact in contacts
        ],
        now=now,
    )  # fmt: skip


def segment(contacts: Sequence[Contact] = (), name: str = "Chosen") -> Segment:
    """A segment that is built and holds these people."""
    row = Segment.objects.create(
        name=name, rule={"all": [{"f": "contact.country", "op": "is", "v": "ES"}]}, built_revision=1, revision=1
    )
    SegmentMember.objects.bulk_create(
        [SegmentMember(segment=row, contact=contact, since=clock.now()) for contact in contacts]
    )
    return row


# --- campaigns ---------------------------------------------------------------------------------


def mail(step: str = "e1") -> dict[str, Any]:
    return {"id": step, "type": "send.email", "config": dict(MAIL)}


def wait(step: str = "w1", value: int = 2, unit: str = "days") -> dict[str, Any]:
    return {"id": step, "type": "wait.duration", "config": {"value": value, "unit": unit}}


def wait_for(event: str, step: str = "w1", **more: Any) -> dict[str, Any]:
    return {
        "id": step, "type": "wait.event",
        "config": {
            "branches": [{"label": "came", "event": event, **more}], "timeout": {"value": 2, "unit": "days"},
        },
        "lanes": [{"label": "came", "steps": [leave("in_time")]}, {"label": "timeout", "steps": []}],
    }  # fmt: skip


def leave(step: str, outcome: str = "dropped") -> dict[str, Any]:
    return {"id": step, "type": "exit", "config": {"outcome": outcome}}


def document(*steps: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {
        "name": "Test", "purpose": "offers", "holdout_pct": 0, "entry": [{"type": "manual", "reentry": "after_exit"}],
        "steps": list(steps), **settings,
    }  # fmt: skip


CART = {
    "entry": [
        {"type": "event", "event": "Cart Updated", "key": "properties.cart_id",
         "debounce": {"value": 1, "unit": "hours"}, "reentry": "every_key"}
    ],
    "exit": [{"event": "Order Completed"}, {"event": "Cart Emptied"}],
    "goal": {"event": "Order Completed", "window_days": 7, "value": "properties.total.amount"},
}  # fmt: skip
BOUGHT_IS_THE_END = {
    "exit": [{"event": "Order Completed"}],
    "goal": {"event": "Order Completed", "window_days": 7, "value": "properties.total.amount"},
}


def publish(*steps: dict[str, Any], **settings: Any) -> Campaign:
    campaign = lifecycle.create(document(*steps, **settings), actor=ADA, now=clock.now())
    lifecycle.publish(campaign, actor=ADA, now=clock.now())
    return campaign


def enter(campaign: Campaign, contact: Contact, key: str = "", **properties: Any) -> int:
    run, reason = triggers.trigger(campaign, _named(contact), key, properties, clock.now())
    assert run, reason
    return run


def refused(campaign: Campaign, contact: Contact, key: str = "") -> str:
    run, reason = triggers.trigger(campaign, _named(contact), key, {}, clock.now())
    assert run is None
    return reason


def _named(contact: Contact) -> dict[str, str]:
    from crm import publicids

    return {"id": publicids.encode("ctc", contact.pk)}


# --- what happens --------------------------------------------------------------------------------


def happen(
    contact: Contact, name: str, *, occurred_at: datetime | None = None, historic: bool = False, **properties: Any
) -> int:
    """Something on the timeline, not answered yet."""
    fact = NewFact(contact.pk, name, properties, occurred_at=occurred_at, historic=historic)
    event = timeline.record([fact], now=clock.now())[0]
    assert event
    return event


def order(contact: Contact, *skus: str, amount: str = "42.50", **more: Any) -> int:
    return happen(
        contact, "Order Completed", lines=[{"sku": sku} for sku in skus],
        total={"amount": amount, "currency": "EUR"}, **more,
    )  # fmt: skip


def react() -> None:
    """Answer all events."""
    while timeline.drain():
        pass
    assert timeline.parked() == []


def work() -> None:
    """Do everything that is due, but send nothing."""
    for _ in range(200):
        react()
        if not (sweeps.tick() + entries.tick() + runner.tick()) and not timeline.pending():
            return
    raise AssertionError("it never comes to rest")


def settle(message_id: int, *, sent: bool = True, reason: str = "") -> None:
    """The outbox tells that a message is on its way, or never will be."""
    message = Message.objects.get(pk=message_id)
    properties: dict[str, Any] = {"message_id": message.pk, "run_id": message.run_id}
    name = "Message Sent" if sent else "Message Skipped"
    fact = NewFact(message.contact_id, name, properties | ({} if sent else {"reason": reason}))
    timeline.record([fact], now=clock.now())
    react()


# --- what can be seen ----------------------------------------------------------------------------


def run(number: int) -> Enrolment:
    return Enrolment.objects.get(pk=number)


def only_run(campaign: Campaign) -> Enrolment:
    return Enrolment.objects.get(campaign=campaign)


def way(number: int) -> list[tuple[str, str, str]]:
    """(step, port, reason) of each visit."""
    return list(Visit.objects.filter(run=number).order_by("at", "id").values_list("step", "port", "reason"))


def messages(campaign: Campaign) -> list[tuple[str, str]]:
    """(state, reason) of each message."""
    return list(Message.objects.filter(campaign_id=campaign.pk).order_by("id").values_list("state", "reason"))


def reasons(campaign: Campaign) -> list[str]:
    return list(Refusal.objects.filter(campaign=campaign).order_by("id").values_list("reason", flat=True))


def forget() -> None:
    plans.forget()
