"""The one path of an answer: through `crm.capture`, with its permission and its proof, once per page.

What a stranger may learn is the same whether an address is known or not: who is known already keeps what we know
of them, a second address that belongs to somebody else stays in the answer alone, and the page says the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from crm import capture, moments, workspace
from crm.capturing import counts, letters, seats
from crm.capturing.reading import Sent
from crm.capturing.trap import Ticket
from crm.errors import Problem
from crm.models import Confirmation, Contact, Form, FormAnswer, Identifier, Wording
from crm.normalise import MEDIUM
from crm.words import MEDIUM as MEDIUM_OF

EVENT: Final = "Form Submitted"
# What would tell a stranger whether somebody is known; then the first address alone is theirs.
TELLING: Final = ("identifiers_of_two_contacts", "too_many_identifiers")
KEEP: Final = """
INSERT INTO crm_formanswer (form_id, token, answers, score, result, placement, utm, receipts, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (token) DO NOTHING RETURNING id"""


@dataclass
class Taken:
    """What became of it. `answer` is None where `problems` say why."""

    answer: FormAnswer | None = None
    problems: list[Problem] = field(default_factory=list)


def submit(form: Form, sent: Sent, ticket: Ticket, evidence: Mapping[str, Any], now: datetime) -> Taken:
    """Take in what was read. Sending the same page twice is answering once."""
    if sent.problems:
        return Taken(problems=sent.problems)
    known = FormAnswer.objects.filter(token=ticket.nonce).first()
    if known is not None:
        return Taken(known)
    with transaction.atomic():
        answer = _keep(form, sent, ticket, now)
        if answer is None:  # the same page, sent twice at once: the other one was first
            return Taken(FormAnswer.objects.get(token=ticket.nonce))
        contact, receipts, problems = _capture(form, sent, ticket, evidence, now)
        if problems:
            transaction.set_rollback(True)
            return Taken(problems=problems)
        answer.contact_id, answer.receipts = contact, receipts
        answer.save(update_fields=["contact", "receipts"])
        _follow(form, answer, sent, now)
    return Taken(answer)


def _capture(
    form: Form, sent: Sent, ticket: Ticket, evidence: Mapping[str, Any], now: datetime
) -> tuple[int | None, list[int], list[Problem]]:
    if not sent.traces:
        return None, [], []
    received = capture.receive([_arrival(form, sent, ticket, evidence, len(sent.traces))], now=now)[0]
    if any(problem.code in TELLING for problem in received.problems) and len(sent.traces) > 1:
        received = capture.receive([_arrival(form, sent, ticket, evidence, 1)], now=now)[0]
    if received.problems:
        return None, [], [_placed(sent, problem) for problem in received.problems]
    receipts = sorted({number for each in received.receipts for number in each.receipt_ids})
    return received.contact_id, receipts, []


def _arrival(form: Form, sent: Sent, ticket: Ticket, evidence: Mapping[str, Any], traces: int) -> capture.Arrival:
    source = source_of(form, ticket.placement)
    named = sent.traces[:traces]
    media = {MEDIUM[trace.kind] for trace in named}
    purposes = dict(
        Wording.objects.filter(code__in=[code for _, code, _ in sent.consents]).values_list("code", "purpose")
    )
    consents = [
        {"purpose": purposes[code], "channel": channel, "action": "granted", "basis": "consent", "method": "web_form",
         "source": source, "wording": code, "evidence": {**evidence, "form": form.slug}}
        for _, code, channels in sent.consents if code in purposes
        for channel in channels if MEDIUM_OF.get(channel) not in MEDIUM.values() or MEDIUM_OF[channel] in media
    ]  # fmt: skip
    properties: dict[str, Any] = {
        "form": form.name, "form_id": form.slug, "kind": form.kind, "placement": ticket.placement,
        "language": form.language,
    }  # fmt: skip
    if sent.score is not None:
        properties["score"] = sent.score
    if sent.result:
        properties["result"] = sent.result
    return capture.Arrival(
        named,
        _unknown(sent, form),
        consents,
        [{"name": EVENT, "properties": properties, "event_id": f"form:{ticket.nonce}", "channel": "web",
          "source": source[:120], "context": {"utm": dict(ticket.utm), "referrer": ticket.referrer}}],
        source,
        f"form:{form.slug}",
    )  # fmt: skip


def source_of(form: Form, placement: str) -> str:
    """How receipts and contacts name where it came from."""
    return f"form:{form.slug}:{placement}".rstrip(":")


def _unknown(sent: Sent, form: Form) -> dict[str, Any]:
    """The fields of this person that we do not know yet: nobody renames somebody else by knowing their address."""
    first = sent.traces[0]
    person = (
        Contact.objects.filter(
            identifiers__kind=first.kind, identifiers__value=first.value, identifiers__identifying=True
        ).first()
        or Contact()
    )
    told = {**sent.fields, "language": form.language}
    fields: dict[str, Any] = {name: value for name, value in told.items() if not getattr(person, name)}
    own = {key: value for key, value in sent.own.items() if (person.fields or {}).get(key) in (None, "", [])}
    return {**fields, "fields": own} if own else fields


def _placed(sent: Sent, problem: Problem) -> Problem:
    """At the block it is about."""
    for trace, block in zip(sent.traces, sent.named, strict=True):
        if problem.pointer.startswith(f"/{trace.kind}"):
            return Problem(f"/{block}", problem.code, problem.detail)
    return Problem(f"/{sent.named[0]}", problem.code, problem.detail)


def _keep(form: Form, sent: Sent, ticket: Ticket, now: datetime) -> FormAnswer | None:
    """Its row, None if this page was answered. Of two at once the later one waits here for the first."""
    row: list[Any] = [form.pk, ticket.nonce, _json(sent.answers), sent.score, sent.result, ticket.placement,
           _json(dict(ticket.utm)), "[]", now]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(KEEP, row)
        found = cursor.fetchone()
    return FormAnswer.objects.get(pk=found[0]) if found else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _follow(form: Form, answer: FormAnswer, sent: Sent, now: datetime) -> None:
    """What the kind of form promises, and the count of the day."""
    if form.kind == "event" and answer.contact_id:
        seats.take(form, answer, now)
    if form.kind == "leadmagnet" and answer.contact_id:
        letters.want("file", answer, None if _is_to_confirm(answer, sent) else now)
    counts.answered(form.pk, answer.placement, moments.local_day(now, workspace.current().zone))


def _is_to_confirm(answer: FormAnswer, sent: Sent) -> bool:
    """Whether they were asked to confirm the address that the letter would go to."""
    mine = Identifier.objects.filter(contact=answer.contact_id, kind="email", verified_at__isnull=True)
    asked = Confirmation.objects.filter(
        contact=answer.contact_id, channel="email", confirmed_at__isnull=True, address__in=mine.values("address")
    )
    return bool(sent.consents) and asked.exists()
