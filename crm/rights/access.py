"""Everything we know of one person, as plain data: what a copy of their data holds (GDPR art. 15).

A fixed number of queries, however much there is; what happened is streamed (`events`). Upper floors add their parts
(`registry.access_parts`). Other people are not in it: who works here stands as a role, who shares an address not at
all. No token, no link and no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from crm import directory, evidence, publicids, registry, retention
from crm.identity import rows
from crm.models import (
    AuditEntry,
    Cart,
    Confirmation,
    Contact,
    ContactChange,
    ContactMerge,
    ContactTag,
    Event,
    EvidenceFile,
    FieldDefinition,
    FormAnswer,
    FormSeat,
    GroupMember,
    Identifier,
    ListMember,
    Membership,
    Note,
    Order,
    RightsRequest,
    Segment,
    SegmentChange,
    SegmentMember,
    Store,
    Task,
    Topic,
    Wish,
)

FORM: Final = 1
CHUNK: Final = 2_000
FIELDS: Final = (
    "given_name", "family_name", "language", "timezone", "zone", "country", "region", "city", "postal_code",
    "birth_date", "source", "restricted", "archived_at", "created_at", "updated_at",
)  # fmt: skip
# Who works here, as the audit trail and the timeline name them.
STAFF: Final = re.compile(r"user:(\d+)")


class Roles:
    """Who works here stands as what they are, not as who: asked once for all of them."""

    def __init__(self) -> None:
        rows = Membership.objects.order_by("user_id", "role").values_list("user_id", "role")
        self._of: dict[int, str] = {}
        for user, role in rows:
            self._of.setdefault(user, role)

    def of(self, user: int | None) -> str:
        return f"staff: {self._of[user]}" if user in self._of else "staff"

    def without_names(self, value: Any) -> Any:
        """The same data with roles where somebody of the staff is named."""
        if isinstance(value, str):
            found = STAFF.fullmatch(value)
            return self.of(int(found[1])) if found else value
        if isinstance(value, dict):
            return {key: self.without_names(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.without_names(each) for each in value]
        return value


def pack(contact: Contact, now: datetime, roles: Roles | None = None) -> dict[str, Any]:
    """All but the events, ready for JSON."""
    roles = roles or Roles()
    people = rows.cluster(contact.pk)
    proof = evidence.pack(contact, now, full=True)
    identifiers = _identifiers(people)
    consents = {"now": proof["now"], "receipts": proof["receipts"], "chain": proof["chain"]}
    told = {
        "form": FORM,
        "made_at": now.isoformat(),
        "controller": proof["controller"],
        "person": _person(contact, people),
        "identifiers": identifiers,
        "changes": _changes(people),
        "joined": _joined(people),
        "consents": consents,
        "confirmations": _confirmations(people),
        "consent_files": _files(people),
        "wishes": _wishes(people),
        "tags": _tags(people),
        "lists": _lists(people),
        "segments": _segments(people),
        "groups": _groups(people),
        "tasks": _tasks(people, roles),
        "notes": _notes(people, roles),
        "carts": _carts(people),
        "orders": orders(people),
        "forms": _forms(people),
        "requests": _requests(people),
        "handled": _handled(people),
        **{name: ask(people) for name, ask in registry.access_parts.items()},
    }
    told["why"] = _why(consents, identifiers, told)
    return dict(roles.without_names(told))


def events(contact_ids: Sequence[int], roles: Roles | None = None) -> Iterator[dict[str, Any]]:
    """All that happened, the oldest first, a piece at a time. One query."""
    roles = roles or Roles()
    rows = Event.objects.filter(contact__in=contact_ids).order_by("occurred_at", "pk")
    for event in rows.iterator(chunk_size=CHUNK):
        yield roles.without_names(
            {
                "id": publicids.encode("evt", event.pk),
                "name": event.name,
                "occurred_at": event.occurred_at.isoformat(),
                "recorded_at": event.recorded_at.isoformat(),
                "channel": event.channel,
                "source": event.source,
                "session": event.session,
                "properties": event.properties,
                "context": event.context,
            }
        )


def orders(contact_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Purchases with their lines. Two queries."""
    rows = Order.objects.filter(contact__in=contact_ids).select_related("store").prefetch_related("lines")
    return [
        {
            "order_id": row.order_id, "occurred_at": row.occurred_at.isoformat(), "state": row.state,
            "total": str(row.total), "refunded": str(row.refunded), "discount": str(row.discount),
            "currency": row.currency, "coupon": row.coupon, "channel": row.channel,
            "store": row.store.code if row.store else "", "cart_id": row.cart_key,
            "lines": [
                {"sku": line.sku, "name": line.name, "quantity": plain(line.quantity), "price": str(line.price)}
                for line in sorted(row.lines.all(), key=lambda line: line.pk)
            ],
        }
        for row in rows.order_by("occurred_at", "pk")
    ]  # fmt: skip


def plain(number: Decimal) -> str:
    """2.000 is 2, as people write it."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- part by part -------------------------------------------------------------------------------


def _person(contact: Contact, people: Sequence[int]) -> dict[str, Any]:
    labels = dict(FieldDefinition.objects.values_list("key", "label"))
    store = Store.objects.filter(pk=contact.home_store_id or 0).values("code", "name").first()
    return {
        "id": publicids.encode("ctc", contact.pk),
        "also_known_as": [publicids.encode("ctc", number) for number in people if number != contact.pk],
        **{name: _value(getattr(contact, name)) for name in FIELDS},
        "home_store": store,
        "fields": [{"key": key, "label": labels.get(key, key), "value": value}
                   for key, value in sorted(contact.fields.items())],
    }  # fmt: skip


def _identifiers(people: Sequence[int]) -> list[dict[str, Any]]:
    """`shared`: others use it too. Who they are is theirs."""
    return [
        {
            "kind": row.kind, "value": row.value, "shared": not row.identifying, "since": row.created_at.isoformat(),
            "verified_at": _value(row.verified_at), "source": row.source,
            "health": row.address.health if row.address else "",
        }
        for row in Identifier.objects.filter(contact__in=people).select_related("address").order_by("pk")
    ]  # fmt: skip


def _changes(people: Sequence[int]) -> list[dict[str, Any]]:
    rows = ContactChange.objects.filter(contact__in=people).order_by("at", "pk")
    return [{"at": row.at.isoformat(), "before": row.before, "by": row.actor} for row in rows]


def _joined(people: Sequence[int]) -> list[dict[str, Any]]:
    rows = ContactMerge.objects.filter(winner__in=people).order_by("pk")
    return [
        {
            "contact": publicids.encode("ctc", row.loser_id), "how": row.rule, "at": row.at.isoformat(),
            "undone_at": _value(row.undone_at),
        }
        for row in rows
    ]  # fmt: skip


def _confirmations(people: Sequence[int]) -> list[dict[str, Any]]:
    rows = Confirmation.objects.filter(contact__in=people).select_related("address").order_by("pk")
    return [
        {
            "address": row.address.value, "channel": row.channel, "asked_at": row.asked_at.isoformat(),
            "for": [{"purpose": each.get("purpose"), "channel": each.get("channel")} for each in row.items],
            "sent": row.sent, "confirmed_at": _value(row.confirmed_at),
        }
        for row in rows
    ]  # fmt: skip


def _files(people: Sequence[int]) -> list[dict[str, Any]]:
    """Scans and recordings; they themselves stand beside this data."""
    rows = EvidenceFile.objects.filter(contact__in=people).order_by("pk")
    return [
        {"name": row.name, "type": row.media_type, "size": row.size, "sha256": row.sha256,
         "added_at": row.added_at.isoformat()}
        for row in rows.defer("content")
    ]  # fmt: skip


def _wishes(people: Sequence[int]) -> list[dict[str, Any]]:
    names = {topic.key: topic.names for topic in Topic.objects.all()}
    return [
        {
            "often": row.often, "favourite_channel": row.favourite, "updated_at": row.updated_at.isoformat(),
            "without_topics": [{"key": key, "names": names.get(key, {})} for key in row.without],
        }
        for row in Wish.objects.filter(contact__in=people)
    ]  # fmt: skip


def _tags(people: Sequence[int]) -> list[dict[str, Any]]:
    rows = ContactTag.objects.filter(contact__in=people).select_related("tag").order_by("pk")
    return [{"tag": row.tag.name, "since": row.at.isoformat()} for row in rows]


def _lists(people: Sequence[int]) -> list[dict[str, Any]]:
    rows = ListMember.objects.filter(contact__in=people).select_related("list__segment").order_by("pk")
    return [{"list": row.list.segment.name if row.list.segment else "", "since": row.since.isoformat()} for row in rows]


def _segments(people: Sequence[int]) -> dict[str, Any]:
    names = dict(Segment.objects.values_list("pk", "name"))
    members = SegmentMember.objects.filter(contact__in=people).order_by("pk")
    # No index leads from a contact to its changes: by the segments, of which there are few.
    changes = SegmentChange.objects.filter(segment__in=list(names), contact__in=people).order_by("at", "pk")
    return {
        "now": [{"segment": names.get(row.segment_id, ""), "since": row.since.isoformat()} for row in members],
        "before": [
            {"segment": names[row.segment_id], "joined": row.joined, "at": row.at.isoformat(), "why": row.why}
            for row in changes
        ],
    }


def _groups(people: Sequence[int]) -> list[dict[str, Any]]:
    """That they belong to one, not who else does."""
    rows = GroupMember.objects.filter(contact__in=people).select_related("group").order_by("pk")
    return [{"group": row.group.name, "kind": row.group.kind, "since": row.since.isoformat()} for row in rows]


def _tasks(people: Sequence[int], roles: Roles) -> list[dict[str, Any]]:
    return [
        {
            "title": row.title, "due_at": row.due_at.isoformat(), "done_at": _value(row.done_at),
            "for": roles.of(row.assignee_id), "by": roles.of(row.made_by_id),
        }
        for row in Task.objects.filter(contact__in=people).order_by("pk")
    ]  # fmt: skip


def _notes(people: Sequence[int], roles: Roles) -> list[dict[str, Any]]:
    return [
        {
            "text": row.text, "at": row.at.isoformat(), "by": roles.of(row.author_id),
            "edited_at": _value(row.edited_at), "removed_at": _value(row.removed_at),
        }
        for row in Note.objects.filter(contact__in=people).order_by("pk")
    ]  # fmt: skip


def _carts(people: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"state": row.state, "lines": row.lines, "value": str(row.value), "currency": row.currency,
         "touched_at": row.touched_at.isoformat()}
        for row in Cart.objects.filter(contact__in=people).order_by("pk")
    ]  # fmt: skip


def _forms(people: Sequence[int]) -> dict[str, Any]:
    answers = list(FormAnswer.objects.filter(contact__in=people).select_related("form").order_by("pk"))
    seats = FormSeat.objects.filter(contact__in=people).select_related("form").order_by("pk")
    return {
        "answers": [
            {"form": row.form.name, "at": row.at.isoformat(), "answers": _asked(row), "score": row.score,
             "result": row.result, "placement": row.placement, "utm": row.utm}
            for row in answers
        ],
        "seats": [
            {"form": row.form.name, "state": row.state, "booked_at": _value(row.booked_at),
             "checked_in_at": _value(row.checked_in_at), "asked_at": row.created_at.isoformat()}
            for row in seats
        ],
    }  # fmt: skip


def _asked(answer: FormAnswer) -> list[dict[str, Any]]:
    """What they answered, with the question as it stands in the form today."""
    blocks = (answer.form.live or answer.form.document).get("blocks", [])
    labels = {str(each.get("id")): str(each.get("label") or each.get("text") or "") for each in blocks}
    return [{"question": labels.get(key, "") or key, "answer": value} for key, value in answer.answers.items()]


def _requests(people: Sequence[int]) -> list[dict[str, Any]]:
    rows = RightsRequest.objects.filter(contact__in=people).order_by("pk")
    return [
        {"kind": row.kind, "via": row.via, "asked_at": row.asked_at.isoformat(), "state": row.state,
         "words": row.words, "answer": row.answer, "settled_at": _value(row.settled_at)}
        for row in rows
    ]  # fmt: skip


def _handled(people: Sequence[int]) -> list[dict[str, Any]]:
    """What was done with their data by people and systems here, and when."""
    names = [publicids.encode("ctc", number) for number in people]
    rows = AuditEntry.objects.filter(subject__in=names).order_by("at", "pk").values_list("at", "action", "actor")
    return [{"at": at.isoformat(), "action": action, "by": actor} for at, action, actor in rows]


def _why(consents: dict[str, Any], identifiers: list[dict[str, Any]], told: dict[str, Any]) -> dict[str, Any]:
    """What the data serve, where they come from, who else gets them, how long they stay (GDPR art. 15.1)."""
    said = {each["purpose"] for each in consents["receipts"]}
    sources = {each["source"] for each in [*identifiers, told["person"], *consents["receipts"]] if each.get("source")}
    return {
        "purposes": sorted(said | {"service"}),
        "sources": sorted(str(each) for each in sources),
        "recipients": told.get("recipients", []),
        "kept_for_days": {key: retention.days(key) for key in registry.retention.names()},
        "rights": ["access", "correction", "erasure", "restriction", "objection", "portability", "complaint"],
    }


def name_of(contact: Contact) -> str:
    return directory.name_of(contact, directory.identifiers([contact.pk], full=True).get(contact.pk, {}))


def _value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
