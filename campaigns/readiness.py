"""All that stands between a draft and its publication, and what is worth a second look, at once.

`of` looks at the draft and the workspace; `of_audience` at the people it would reach, which takes
counting. What is blocking in either refuses publication.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import commands, drafts, forecast, journey, prospects, remedies, wording
from campaigns.models import Campaign
from campaigns.overlap import Overlap
from campaigns.plan import Plan
from campaigns.steps.wait_until_time import WaitUntilTime
from campaigns.types import END
from channels import accounts, complaints, domains, sender_words
from channels.kinds import sms
from channels.models import SenderDomain
from crm import moments, sending, workspace
from crm.errors import Problem, Problems
from crm.models import Workspace

HREF: Final = re.compile(r"""<a\b[^>]*?\bhref\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE)
GOOD: Final = re.compile(
    r"(https?://[^\s/.]+(\.[^\s/.]+)*([/?#:][^\s]*)?|mailto:[^\s@]+@[^\s]+|tel:\+?[\d ()-]+|#\S*)", re.IGNORECASE
)
LIQUID: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
PLACEHOLDER: Final = re.compile(r"https?://([\w-]+\.)*example(\.\w+)?([/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """`place` is a pointer into the document, `step` the id of its step ('': a setting of the campaign);
    `where` names a page of the settings instead ("account", "workspace")."""

    code: str
    title: str
    detail: str = ""
    blocking: bool = False
    step: str = ""
    step_name: str = ""
    place: str = ""
    where: str = ""


def of(campaign: Campaign, now: datetime) -> list[Finding]:
    """What the draft itself lacks, what is doubtful in it, and what the workspace must have for it."""
    document = campaign.document
    problems, warnings = drafts.problems(campaign)
    found = [_finding(document, each, blocking=True) for each in problems]
    found += _links(document)
    found += _house(document)
    found += _senders(document)
    found += _once(_finding(document, each, blocking=False) for each in warnings)
    plan = _plan(document)
    if plan is not None:
        found += _moments(document, plan, now)
        found += _messages(document, plan)
    return list(dict.fromkeys(found))


def of_audience(
    document: Mapping[str, Any],
    seen: prospects.Audience,
    overlaps: Sequence[Overlap],
    coming: forecast.Forecast | None,
    now: datetime,
) -> list[Finding]:
    """What the people it would reach say against it."""
    settings = prospects.read(document)
    found = []
    eligible = seen.people - seen.ineligible
    if seen.too_many:
        return []
    if seen.people and not eligible:
        text = _("Nobody fits the rule who may come in")
        found.append(Finding("nobody_eligible", text, blocking=True, place="/eligibility"))
    elif eligible and seen.unreachable >= eligible and wording.sendings(document):
        text = _("Nobody of them allows this purpose on a channel it uses.")
        found.append(Finding("unreachable", _("Nobody may be written to"), text, blocking=True, place="/purpose"))
    kinds = {entry.type for entry in settings.entries}
    if not seen.people and prospects.ways(settings, now).base() is not None:
        found.append(_empty(kinds))
    found += [_overlapping(each) for each in overlaps if each.is_worth_saying]
    if coming is not None and settings.budget and coming.cost > settings.budget:
        found.append(
            Finding(
                "over_budget",
                _("It will cost more than its budget"),
                _("By the forecast of the next 7 days."),
                place="/budget",
            )
        )
    return found


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """The same doubt about the same step once, however many words it is about."""
    return list({(each.code, each.step): each for each in reversed(list(findings))}.values())[::-1]


def blocking(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if each.blocking]


def _finding(document: Mapping[str, Any], problem: Problem, *, blocking: bool) -> Finding:
    step = drafts.place(document, problem.pointer)
    return Finding(
        problem.code,
        remedies.title(problem),
        remedies.detail(problem),
        blocking,
        step,
        remedies.step_name(commands.find(document, step)) if step else "",
        problem.pointer,
    )


def _at(document: Mapping[str, Any], step: str, code: str, title: str, detail: str = "", **more: Any) -> Finding:
    return Finding(code, title, detail, step=step, step_name=remedies.step_name(commands.find(document, step)), **more)


def _plan(document: Mapping[str, Any]) -> Plan | None:
    try:
        return journey.compile(dict(document))
    except Problems:
        return None


# --- the words ---------------------------------------------------------------------------------------


def _links(document: Mapping[str, Any]) -> Iterator[Finding]:
    for one in wording.sendings(document):
        place = f"{one.pointer}/config/html"
        targets = [unescape(each[1:-1]).strip() for each in HREF.findall(str(one.config.get("html") or ""))]
        written = " ".join(str(one.config.get(name) or "") for name in ("html", "text"))
        broken = [each for each in targets if not LIQUID.search(each) and not GOOD.fullmatch(each)]
        if broken:
            shown = ", ".join(repr(each[:60]) for each in dict.fromkeys(broken))
            yield _at(document, one.step, "broken_link", _("A link leads nowhere"), shown, blocking=True, place=place)
        if PLACEHOLDER.search(written):
            yield _at(
                document,
                one.step,
                "example_link",
                _("A link still leads to the example shop"),
                _("Put the address of your own page there."),
                place=place,
            )


def _messages(document: Mapping[str, Any], plan: Plan) -> Iterator[Finding]:
    sendings = wording.sendings(document)
    if not sendings:
        yield Finding("sends_nothing", _("It sends nothing"), _("There is no message in its journey."))
    texts = {each.step: (each.channel, str(each.body.get("text") or "")) for each in sendings}
    for one, other in wording.alike(texts):
        names = {"step": remedies.step_name(commands.find(document, one))}
        yield _at(
            document,
            other,
            "same_text",
            _("Two channels say the same"),
            _("Its text is nearly that of “%(step)s”; adapt it.") % names,
        )
    for each in sendings:
        if each.channel == "sms" and each.body.get("text"):
            yield from _parts(document, each)
    yield from _over_limit(plan)


def _parts(document: Mapping[str, Any], sending: wording.Sending) -> Iterator[Finding]:
    size = sms.measure(LIQUID.sub("", str(sending.body["text"])))
    if size.parts > 1:
        text = ngettext("It is billed as %(n)d message.", "It is billed as %(n)d messages.", size.parts)
        yield _at(document, sending.step, "many_parts", _("The SMS is longer than one part"), text % {"n": size.parts})


def _over_limit(plan: Plan) -> Iterator[Finding]:
    rules = sending.current()
    if plan.terms.message_class != "marketing" or not plan.terms.obeys_caps or rules.messages is None:
        return
    most = most_within(plan, timedelta(days=rules.days))
    if most > rules.messages:
        text = _("Up to %(n)d messages in %(days)d days; the limit is %(cap)d. Those above it wait or are dropped.")
        yield Finding(
            "over_limit",
            _("It sends more than the limit allows"),
            text % {"n": most, "days": rules.days, "cap": rules.messages},
        )


def most_within(plan: Plan, window: timedelta) -> int:
    """The most messages somebody gets within a window on any way through the journey."""
    best, moves = 0, 0
    todo: list[tuple[str, float, tuple[float, ...]]] = [(plan.start, 0.0, ())]
    seconds = window / timedelta(seconds=1)
    while todo and moves < forecast.MOST_MOVES:
        moves += 1
        name, now, sent = todo.pop()
        one = plan.instructions.get(name)
        if name == END or one is None:
            continue
        if one.step.body():
            sent = (*[each for each in sent if now - each < seconds], now)
            best = max(best, len(sent))
        for port, onward in one.next.items():
            if port not in ("jump", "not_sent"):
                todo.append((onward, now + forecast.lasts(one, port), sent))
    return best


# --- the house ---------------------------------------------------------------------------------------


def _house(document: Mapping[str, Any]) -> Iterator[Finding]:
    channels = {each.channel for each in wording.sendings(document)}
    marketing = document.get("class", "marketing") == "marketing"
    ready = {each.channel for each in accounts.active() if each.is_default and not (marketing and each.paused)}
    for channel in sorted(channels - ready):
        yield Finding(
            "no_sender",
            _("There is no account that sends: %(channel)s") % {"channel": channel},
            _("Set one up, or switch it on again."),
            blocking=True,
            where="account",
        )
    if marketing and "email" in channels and not workspace.current().postal_address.strip():
        yield Finding(
            "no_postal_address",
            _("Your postal address is missing"),
            _("Marketing e-mails must show it in their footer."),
            blocking=True,
            where="workspace",
        )


def _senders(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the domains its mails come from are set up, as far as they were looked at, and not complained of."""
    mails = [each for each in wording.sendings(document) if each.channel == "email"]
    wanted = {domains.domain_of(str(each.body.get("from_address") or "")) or domains.ours() for each in mails}
    known = {row.domain: row for row in SenderDomain.objects.filter(domain__in=wanted)} if wanted else {}
    for domain in sorted(wanted - {""}):
        row = known.get(domain)
        name = {"domain": domain}
        verdict = domains.worst(row.checks) if row else ""
        if not verdict:
            text = _("Nobody has checked the domain %(domain)s") % name
            yield Finding("domain_unchecked", text, _("Check it, so that mails do not land in spam."), where="account")
        elif verdict != domains.OK and row is not None:
            yield Finding("domain_weak", _("The domain %(domain)s is not set up") % name, _remedy(row), where="account")
        if row is not None and complaints.judge(row.sent, row.complained) != complaints.FINE:
            text = _("Too many mails from %(domain)s were called spam") % name
            detail = _("%(complained)s of %(sent)s in seven days.") % {"complained": row.complained, "sent": row.sent}
            yield Finding("complaints", text, detail, where="account")


def _remedy(row: SenderDomain) -> str:
    """What would help first."""
    codes = [str(each.get("remedy") or "") for each in row.checks.values()]
    return next((words for code in codes if (words := sender_words.remedy(code, row.domain))), "")


# --- moments -----------------------------------------------------------------------------------------


def _moments(document: Mapping[str, Any], plan: Plan, now: datetime) -> Iterator[Finding]:
    house = workspace.current()
    kept = plan.terms.message_class == "marketing" and plan.terms.quiet == "inherit"
    for entry in plan.entries:
        if entry.type != "schedule" or entry.at is None:
            continue
        at = moments.at_local(entry.at.date(), entry.at.time(), house.zone)
        place = f"/entry/{entry.index}/at"
        if at <= now and entry.if_past == "skip":
            yield Finding(
                "in_the_past", _("Its date has passed"), _("Nobody would come in."), blocking=True, place=place
            )
        first = plan.instructions.get(plan.start)
        if kept and first is not None and first.step.body() and _dropped(plan, first.id, at, house):
            yield Finding(
                "quiet_impossible",
                _("Every message would fall into the quiet hours and be dropped"),
                _("Choose another time, or let messages wait longer."),
                blocking=True,
                place=place,
            )
    if kept:
        yield from _waits(document, plan, now, house)


def _waits(document: Mapping[str, Any], plan: Plan, now: datetime, house: Workspace) -> Iterator[Finding]:
    """Waits for a time of day after which a message is due in the quiet hours and drops before their end."""
    for one in plan.instructions.values():
        if not isinstance(one.step, WaitUntilTime) or one.step.at is None:
            continue
        target = plan.instructions.get(one.next.get("next", END))
        if target is None or not target.step.body():
            continue
        at = moments.at_local(moments.local_day(now, house.zone), one.step.at, house.zone)
        if _dropped(plan, target.id, at, house):
            yield _at(
                document,
                one.id,
                "quiet_impossible",
                _("Every message would fall into the quiet hours and be dropped"),
                _("Choose another time, or let messages wait longer."),
                blocking=True,
            )


def _dropped(plan: Plan, step: str, at: datetime, house: Workspace) -> bool:
    ends = moments.quiet_end(at, house.zone, house.quiet_from, house.quiet_until)
    expiry = getattr(plan.instructions[step].step, "expiry", None) or plan.terms.send_expiry
    return ends is not None and ends - at >= timedelta(seconds=expiry.seconds)


# --- people ------------------------------------------------------------------------------------------


def _empty(kinds: set[str]) -> Finding:
    if kinds <= {"schedule"}:
        return Finding(
            "empty_audience",
            _("Nobody is in the segment"),
            _("Nobody would get anything."),
            blocking=True,
            place="/entry/0/segment",
        )
    if kinds & {"event"}:
        return Finding(
            "never_happened",
            _("Nobody has come by in the last 30 days"),
            _("The event has not been seen: ask whether the shop sends it."),
            place="/entry/0/event",
        )
    return Finding(
        "empty_audience",
        _("Nobody is in the segment"),
        _("Nobody comes in before somebody is."),
        place="/entry/0/segment",
    )


def _overlapping(each: Overlap) -> Finding:
    text = ngettext("%(n)d person is also in %(name)s", "%(n)d people are also in %(name)s", each.people)
    order = (
        _("It goes first when the limit is reached.")
        if each.goes_first
        else _("This one goes first when the limit is reached.")
    )
    return Finding("overlap", text % {"n": each.people, "name": each.name}, order, place="/priority")
