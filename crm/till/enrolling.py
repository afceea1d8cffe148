"""Somebody becomes a customer at the till: what they are known by, and what they said yes to, word for word.

A yes typed by somebody else is asked to be confirmed at its address (`crm.confirming`); the card works at once. Who
is known already is found by what is whole; where two people are meant, or staff said it is another one, somebody
decides later: link, or keep both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from crm import audit, capture, confirming, consent, duplicates, folding, normalise, publicids, workspace
from crm.duplicates import Traits
from crm.errors import Problem, Problems
from crm.models import Contact, Store, TillEntry
from crm.normalise import MEDIUM, Trace
from crm.till import aloud, people
from crm.till.desk import Desk
from crm.till.entries import Done
from crm.till.people import Customer
from crm.words import MEDIUM as MEDIUM_OF

KIND: Final = "enrol"
CHANNELS: Final = ("email", "whatsapp", "sms", "call")
# Whose address is proved by a link or a code before anything of a campaign goes there.
ASKED: Final = ("email", "whatsapp", "sms")
FIELDS: Final = {
    "card", "phone", "phone_country", "email", "given_name", "family_name", "language", "wording",
    "profiling_wording", "yes", "profiling", "same_as", "different", "unasked",
}  # fmt: skip
# Where two are meant, or it is told to be somebody else than whom it belongs to.
OF_TWO: Final = ("identifiers_of_two_contacts", "too_many_identifiers")


@dataclass(frozen=True)
class Form:
    """What was typed, in normal form."""

    traces: Sequence[Trace]
    fields: Mapping[str, Any]
    yes: Sequence[str]
    profiling: bool
    wording: str
    profiling_wording: str
    same_as: int | None
    different: bool
    # Whether they are known could not be asked while it was typed: there was no network.
    unasked: bool = False


def enrol(desk: Desk, body: Mapping[str, Any], key: str, happened: datetime, now: datetime) -> Done:
    """The handler of an entry. Raises Problems, each at its field."""
    del key
    form = read(body, desk.store)
    why = _doubt(form)
    if why:
        return Done(None, {"why": why}, TillEntry.State.WAITING)
    return put(desk, form, happened, now)


def _doubt(form: Form) -> str:
    """Why somebody has to decide whom it means; "" if it is clear."""
    owners = people.holders(form.traces) if form.same_as is None else []
    if len(owners) > 1:
        return "two"
    if owners and form.different:
        return "different"
    return "known" if form.unasked and not form.different and form.same_as is None and (owners or _likely(form)) else ""


def put(desk: Desk, form: Form, happened: datetime, now: datetime) -> Done:
    """Take it in. Whoever is known keeps what we know of them: a name is filled in, never replaced."""
    traces: list[Any] = list(form.traces)
    if form.same_as is not None:
        if not people.sees(desk.store, form.same_as):
            raise Problem("/same_as", "not_found", "This customer is not one of this store.")
        traces = [{"kind": "id", "value": publicids.encode("ctc", form.same_as)}, *traces]
    known = people.holders(form.traces) if form.same_as is None else [form.same_as]
    if known and not people.sees(desk.store, known[0]):
        audit.record(desk.actor, "till.serve", publicids.encode("ctc", known[0]), None, {"store": desk.store.code})
    arrival = capture.Arrival(
        traces, {**_unknown(known[0] if known else None, form.fields), **_home(known, desk.store)},
        _consents(desk, form, happened), (), desk.source, desk.actor, in_person=True,
        happened_at=happened,
    )  # fmt: skip
    received = capture.receive([arrival], now=now)[0]
    if received.problems:
        if any(each.code in OF_TWO for each in received.problems):
            return Done(None, {"why": "two"}, TillEntry.State.WAITING)
        raise Problems([_placed(each) for each in received.problems])
    if received.contact_id is None:
        raise AssertionError("who was taken in has a number")
    return Done(received.contact_id, {
        "contact": publicids.encode("ctc", received.contact_id), "created": received.created,
        "yes": _states(received.receipts),
    })  # fmt: skip


def read(body: Mapping[str, Any], store: Store) -> Form:
    """What was typed. Raises Problems with everything that is wrong, each at its field."""
    problems = [Problem(f"/{name}", "unknown", "There is no such field.") for name in sorted(set(body) - FIELDS)]
    country = str(body.get("phone_country") or store.country or workspace.current().country)
    traces: list[Trace] = []
    for kind in people.KINDS:
        text = body.get(kind)
        if text in (None, ""):
            continue
        try:
            traces.append(normalise.trace(kind, text, country))
        except Problem as wrong:
            problems.append(Problem(f"/{kind}", wrong.code, wrong.detail))
    if not traces and not problems:
        problems.append(Problem("/card", "required", "A card, a phone or an e-mail is needed: one is enough."))
    media = {MEDIUM[trace.kind] for trace in traces if trace.kind in MEDIUM}
    yes = [channel for channel in CHANNELS if channel in _list(body.get("yes"))]
    problems += [
        Problem("/email" if channel == "email" else "/phone", "no_address", _ADDRESS[MEDIUM_OF[channel]])
        for channel in yes if MEDIUM_OF[channel] not in media
    ][:1]  # fmt: skip
    if problems:
        raise Problems(problems)
    names = {name: str(body.get(name) or "").strip()[:100] for name in ("given_name", "family_name", "language")}
    profiling = body.get("profiling") is True
    return Form(
        traces, {name: text for name, text in names.items() if text}, yes, profiling,
        aloud.kept(str(body.get("wording") or ""), "offers") if yes else "",
        aloud.kept(str(body.get("profiling_wording") or ""), "profiling") if profiling else "",
        publicids.decode("ctc", str(body["same_as"])) if body.get("same_as") else None, body.get("different") is True,
        body.get("unasked") is True,
    )  # fmt: skip


def alike(store: Store, typed: Mapping[str, Any]) -> tuple[list[Customer], bool]:
    """Whom what is typed may be, for the hint: customers of this store, masked; and whether whole things of it are
    somebody's of another store. A fixed number of queries."""
    traces = []
    country = str(typed.get("phone_country") or store.country or workspace.current().country)
    for kind in people.KINDS:
        if typed.get(kind):
            try:
                traces.append(normalise.trace(kind, str(typed[kind]), country))
            except Problem:
                continue
    owners = people.holders(traces)
    numbers = [*owners, *(number for number in _resembling(traces, typed) if number not in owners)]
    rows = people.visible(people.living().filter(pk__in=numbers, restricted=False), [store.pk])
    mine = sorted(rows, key=lambda row: numbers.index(row.pk))
    known = any(row.pk in owners for row in mine)
    elsewhere = not known and people.living().filter(pk__in=owners, restricted=False).exists()
    return people.customers(mine[:3]), elsewhere


def _likely(form: Form) -> list[int]:
    return _resembling(form.traces, form.fields)


def _resembling(traces: Sequence[Trace], fields: Mapping[str, Any]) -> list[int]:
    """Who may be the same by name and what they are known by, though nothing whole of it is theirs."""
    name = folding.fold(" ".join(str(fields.get(part) or "") for part in ("given_name", "family_name")).strip())
    found = duplicates.like(Traits(name, known=frozenset((each.kind, each.value) for each in traces)))
    return [number for number, *_ in found]


def asks_back(store: Store, channel: str) -> bool:
    """Whether a yes that was typed at a till is asked to be confirmed there: by default it is, unless a rule of the
    shop says otherwise. A call is left to the rules."""
    country = store.country or workspace.current().country
    rule = confirming.policy().rule("offers", channel, country)
    return channel in ASKED and (rule is None or rule.ask != confirming.OFF)


def _consents(desk: Desk, form: Form, happened: datetime) -> list[dict[str, Any]]:
    said = {
        "action": "granted", "basis": "consent", "method": "pos_screen", "source": desk.source,
        "occurred_at": happened.isoformat(), "evidence": {"store": desk.store.code, "staff": desk.actor},
    }  # fmt: skip
    given = [{**said, "purpose": "offers", "channel": each, "wording": form.wording,
              "confirm": asks_back(desk.store, each)} for each in form.yes]  # fmt: skip
    if form.profiling:
        given.append({**said, "purpose": "profiling", "channel": "till", "wording": form.profiling_wording})
    return given


def _states(receipts: Sequence[consent.Recorded]) -> dict[str, str]:
    """Per channel: whether the yes holds, or waits for their word."""
    return {each.channel: "on" if each.state == "granted" else "waiting"
            for each in receipts if each.purpose == "offers"}  # fmt: skip


def _unknown(contact_id: int | None, told: Mapping[str, Any]) -> dict[str, Any]:
    person = Contact.objects.filter(pk=contact_id).first() if contact_id else None
    return {name: value for name, value in told.items() if person is None or not getattr(person, name)}


def _home(known: Sequence[int], store: Store) -> dict[str, Any]:
    """Who is new is at home where they joined."""
    stays = known and Contact.objects.filter(pk=known[0]).exclude(home_store=None).exists()
    return {} if stays else {"home_store": store.code}


def _placed(problem: Problem) -> Problem:
    place = next((kind for kind in people.KINDS if kind in problem.pointer), "")
    return Problem(f"/{place}" if place else problem.pointer, problem.code, problem.detail)


def _list(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


_ADDRESS: Final = {
    "email": "They said yes to e-mail: type the e-mail, or take the tick away.",
    "phone": "They said yes by phone: type the mobile phone, or take the tick away.",
}
