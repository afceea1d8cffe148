"""A trace as it is shown and as REST gives it: the same content, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import palette, trace_facts, trace_origin, tracing
from campaigns.models import Version
from channels import states
from channels.models import Message
from crm import reasons, statements, workspace
from crm.display import money
from crm.telling import stage

KINDS: Final[dict[str, Promise]] = {
    "id": gettext_lazy("their id"),
    "email": gettext_lazy("e-mail"),
    "phone": gettext_lazy("phone"),
    "card": gettext_lazy("card"),
    "external_id": gettext_lazy("the shop's own id"),
    "anonymous_id": gettext_lazy("the browser's id"),
}
VERDICTS: Final[dict[str, Promise]] = {
    tracing.STARTED: gettext_lazy("Started"),
    tracing.HELD_OUT: gettext_lazy("Started, and held out to compare: nothing is sent to them"),
    tracing.QUIET: gettext_lazy("Waits until it has been quiet for long enough"),
    tracing.RESTARTED: gettext_lazy("A later event of the same kind began the waiting anew"),
    tracing.EXIT_MET: gettext_lazy("What came later ended it before it began"),
    tracing.NOT_YET: gettext_lazy("Not worked on yet"),
    tracing.FAILED: gettext_lazy("Working on it failed"),
    tracing.NOT_PUBLISHED: gettext_lazy("Was not published at that time"),
    tracing.OVER: gettext_lazy("Had ended at that time"),
    tracing.HISTORIC: gettext_lazy("The event is marked as historic: it starts nothing"),
    tracing.FILTER: gettext_lazy("The event does not meet the filter of the entry"),
    tracing.NOT_KEPT: gettext_lazy("Why not is kept for 90 days; this is older"),
    tracing.UNKNOWN: gettext_lazy("Nothing was written down of it"),
}
MOVES: Final[dict[str, Promise]] = {
    "ended": gettext_lazy("Ended the run"),
    "goal": gettext_lazy("Reached the goal"),
    "woken": gettext_lazy("Went on from its wait"),
}
MESSAGES: Final[dict[str, Promise]] = {
    states.PLANNED: gettext_lazy("Waits for the campaign"),
    states.DUE: gettext_lazy("Waits for its moment"),
    states.CLAIMED: gettext_lazy("Is being sent"),
    states.HANDING_OFF: gettext_lazy("Is being sent"),
    states.ACCEPTED: gettext_lazy("Sent"),
    states.DELIVERED: gettext_lazy("Arrived"),
    states.BOUNCED: gettext_lazy("Came back"),
    states.COMPLAINED: gettext_lazy("Reported as spam"),
    states.UNKNOWN: gettext_lazy("May have been sent"),
    states.BLOCKED: gettext_lazy("Not sent"),
    states.EXPIRED: gettext_lazy("Not sent"),
    states.FAILED: gettext_lazy("Not sent"),
    states.CANCELLED: gettext_lazy("Not sent"),
}
STARTING: Final = (tracing.STARTED, tracing.HELD_OUT)
WAITING: Final = (tracing.QUIET, tracing.NOT_YET)


@dataclass(frozen=True)
class Line:
    """What one campaign made of it."""

    campaign: int
    name: str
    version: int | None
    verdict: str  # started, waiting, not_started
    reason: str
    says: str
    run: int | None = None
    until: datetime | None = None
    by: int | None = None
    detail: Any = None
    segment: int | None = None
    segment_name: str = ""


@dataclass(frozen=True)
class Moved:
    run: int
    campaign: int
    name: str
    what: str
    says: str
    step: str = ""
    outcome: str = ""
    step_id: str = ""
    outcome_code: str = ""


@dataclass(frozen=True)
class Sent:
    message: Message
    name: str
    step: str

    @property
    def says(self) -> str:
        return str(MESSAGES.get(self.message.state, self.message.state))


@dataclass(frozen=True)
class Change:
    kind: str
    id: str
    says: str


@dataclass
class Trace:
    """Everything a page or an answer of the API shows."""

    known: trace_facts.Known
    state: str
    created: bool
    origin: trace_origin.Origin | None
    identifiers: list[tuple[str, str]] = field(default_factory=list)
    request_url: str = ""
    changes: list[Change] = field(default_factory=list)
    segments: list[tuple[tracing.Joined, str]] = field(default_factory=list)
    campaigns: list[Line] = field(default_factory=list)
    runs: list[Moved] = field(default_factory=list)
    messages: list[Sent] = field(default_factory=list)

    @property
    def hints(self) -> list[tuple[str, str]]:
        return [(str(KINDS.get(kind, kind)), shown) for kind, shown in self.identifiers]

    @property
    def by(self) -> str:
        return str(KINDS.get(self.origin.kind, self.origin.kind)) if self.origin else ""


def trace(number: int, now: datetime) -> Trace | None:
    """The whole story of an event; None where there is none. A fixed number of queries."""
    known = trace_facts.read(number)
    if known is None:
        return None
    decided, moved = tracing.verdicts(known.facts, now), tracing.moves(known.facts)
    trace_facts.follow(known, decided, moved)
    steps = _steps(known)
    origin = _origin(known)
    return Trace(
        known,
        known.facts.standing,
        known.facts.created,
        origin,
        [(each.kind, trace_origin.hint(each.kind, each.value)) for each in known.identifiers],
        _request_url(origin.request) if origin else "",
        _changes(known),
        [(each, known.segments.get(each.segment, "")) for each in tracing.changes(known.facts)],
        [_line(known, each) for each in decided],
        [_moved(known, each, steps) for each in moved],
        [_sent(known, each, steps) for each in known.messages],
    )


def says(reason: str) -> str:
    """A verdict in words; refusals have those of `crm.reasons`."""
    return str(VERDICTS[reason]) if reason in VERDICTS else reasons.words(reason, reasons.NOT_ENTERED)


def _request_url(number: int) -> str:
    """The page of a request in the log of requests."""
    try:
        return reverse("crm:request", args=[number])
    except NoReverseMatch:
        return ""


def _origin(known: trace_facts.Known) -> trace_origin.Origin | None:
    identifiers = {(each.kind, each.value): True for each in known.identifiers}
    asked = [(each.id, each.body) for each in known.requests]
    event = known.event
    return trace_origin.read(
        asked, event.name, event.properties, event.contact_id, identifiers, workspace.current().country
    )


def _changes(known: trace_facts.Known) -> list[Change]:
    """The cart, the order, the permission, the stage."""
    found: list[Change] = []
    if known.cart:
        value = money(known.cart.value, known.cart.currency)
        found.append(Change("cart", known.cart.key, _("Cart of %(amount)s") % {"amount": value}))
    if known.order:
        total = money(known.order.total, known.order.currency)
        found.append(Change("order", known.order.order_id, _("Order of %(amount)s") % {"amount": total}))
    event = known.facts.group[0]
    for told in (event, *known.facts.later):
        change = _told_change(told, event)
        if change:
            found.append(change)
    return found


def _told_change(told: tracing.Told, event: tracing.Told) -> Change | None:
    """What was told with the event, or because of it."""
    if told.name in ("Consent Changed", "Consent Requested") and told.recorded_at == event.recorded_at:
        said = told.properties
        words = _("%(action)s: %(purpose)s by %(channel)s") % {
            "action": statements.ACTIONS.get(str(said.get("action")), said.get("action")),
            "purpose": statements.PURPOSES.get(str(said.get("purpose")), said.get("purpose")),
            "channel": said.get("channel"),
        }
        return Change("consent", str(said.get("receipt_id") or ""), words)
    if told.name == "Stage Changed" and told.occurred_at == event.occurred_at and told.id != event.id:
        after = str(told.properties.get("to") or "")
        return Change("stage", after, _("Stage: %(stage)s") % {"stage": stage(after)})
    return None


def _line(known: trace_facts.Known, each: tracing.Verdict) -> Line:
    version = known.versions.get(each.campaign_id)
    verdict = "started" if each.reason in STARTING else "waiting" if each.reason in WAITING else "not_started"
    return Line(
        each.campaign_id,
        known.campaigns.get(each.campaign_id, ""),
        version[1] if version else None,
        verdict,
        each.reason,
        says(each.reason),
        each.run_id,
        each.until,
        each.by,
        each.detail,
        each.segment or None,
        known.segments.get(each.segment, ""),
    )


def _moved(known: trace_facts.Known, each: tracing.Move, steps: Mapping[int, Mapping[str, str]]) -> Moved:
    run = next(one for one in known.facts.runs if one.id == each.run_id)
    return Moved(
        each.run_id,
        each.campaign_id,
        known.campaigns.get(each.campaign_id, ""),
        each.what,
        str(MOVES[each.what]),
        steps.get(run.version_id, {}).get(each.step, each.step),
        reasons.words(each.outcome, reasons.RUNS) if each.outcome else "",
        each.step,
        each.outcome,
    )


def _sent(known: trace_facts.Known, message: Message, steps: Mapping[int, Mapping[str, str]]) -> Sent:
    run = next((one for one in known.facts.runs if one.id == message.run_id), None)
    names = steps.get(run.version_id, {}) if run else {}
    return Sent(message, known.campaigns.get(message.campaign_id or 0, ""), names.get(message.step, message.step))


def _steps(known: trace_facts.Known) -> dict[int, Mapping[str, str]]:
    """What the steps of the versions travelled are called. One query."""
    wanted: Sequence[int] = sorted({run.version_id for run in known.facts.runs})
    return {row.pk: palette.names(row.document) for row in Version.objects.filter(pk__in=wanted)}
