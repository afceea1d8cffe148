"""Which number of a campaign somebody clicked on, and who stands behind it.

`number`: a term of the waterfall ("entered", "not_entered.paused", "sent.email", "runs.active.waiting").
`what`: a number of a step on the canvas (`campaigns.figures.PEOPLE`), with `step`, `port`, `since`, `version`,
and for what was not sent a `reason`.
Both: `from`, `until` and `in_version` narrow it to a cohort (`campaigns.cohorts`).
A number and its list are read from the same definition, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns import cohorts, commands, figures, reachable, waterfall
from campaigns.cohorts import Cohort
from campaigns.models import Campaign
from campaigns.palette import tiles
from crm import publicids, reasons
from crm.display import CHANNELS
from crm.errors import Problem

TERMS: Final[dict[str, Promise]] = {
    "audience": _("Considered"),
    "entered": _("Entered"),
    "not_entered": _("Did not enter"),
    "runs.entered": _("Began the journey"),
    "runs.active": _("Inside now"),
    "runs.outcomes": _("Ended"),
    "planned": _("Messages planned"),
    "sent": _("Messages sent"),
    "skipped": _("Messages not sent"),
    "waiting": _("Messages waiting"),
    "held_out": _("Held out"),
    "converted": _("Reached the goal"),
}
KINDS: Final = {
    "not_entered": reasons.NOT_ENTERED,
    "skipped": reasons.NOT_SENT,
    "runs.active": reasons.RUNS,
    "runs.outcomes": reasons.RUNS,
}
WHAT: Final[dict[str, Promise]] = {
    "entered": _("Came here"),
    "waiting": _("Here now"),
    "sent": _("Message sent"),
    "not_sent": _("Message not sent"),
    "delivered": _("Message delivered"),
    "opened": _("Opened"),
    "clicked": _("Clicked"),
    "converted": _("Reached the goal"),
    "exited": _("Left here"),
    "can_receive": _("Next in line"),
}
# The buckets of `campaigns.reachable`; behind a dot stands the reason.
BUCKETS: Final[dict[str, Promise]] = {
    "now": _("Will get it"),
    "later": _("Later"),
    "via": _("Another way"),
    "not": _("Cannot get it"),
    "apart": _("Held out to compare"),
}
CAN_RECEIVE: Final = "can_receive"
# The message behind a row was not sent for this reason.
BECAUSE: Final = """SELECT FROM channels_message m WHERE m.run_id = q.run_id AND m.step = q.step
  AND m.created_at = q.at AND coalesce(nullif(m.reason, ''), m.state) = %(reason)s"""
FIRST: Final = "runs.active"
LONGEST: Final = 64
EVERYTHING: Final = figures.Span()


@dataclass(frozen=True)
class Asked:
    """A number of a campaign. `words` name it for people; `query` leads to it again."""

    campaign: Campaign
    words: str
    query: Mapping[str, str]
    number: str = ""
    what: str = ""
    step: str = ""
    port: str = ""
    reason: str = ""
    span: figures.Span = EVERYTHING

    @property
    def cohort(self) -> Cohort:
        """The runs it is about; the list says so in words."""
        return self.span.cohort


def read(campaign: Campaign, given: Mapping[str, Any]) -> Asked:
    """What a query asks for. Raises Problem for what is no number."""
    if given.get("what"):
        return _of_step(campaign, given)
    number = str(given.get("number") or FIRST)
    waterfall.check(number)
    cohort = cohorts.linked(campaign, given)
    span = figures.Span(cohort=cohort)
    return Asked(campaign, _of(words(number), cohort), {"number": number, **cohort.query}, number=number, span=span)


def _of(label: str, cohort: Cohort) -> str:
    """`label`, and of whom."""
    return label if cohort.is_everything else f"{label} · {cohort.words}"


def _of_step(campaign: Campaign, given: Mapping[str, Any]) -> Asked:
    what = str(given["what"])
    if what == CAN_RECEIVE:
        return _next_in_line(campaign, given)
    if what not in figures.PEOPLE:
        raise Problem("/what", "not_a_number", f"{what[:40]!r} is none of {', '.join(figures.PEOPLE)}.")
    texts = {name: str(given.get(name) or "")[:LONGEST] for name in ("step", "port", "reason")}
    since = parse_datetime(str(given.get("since") or "").replace(" ", "+"))
    version = str(given.get("version") or "")
    cohort = cohorts.linked(campaign, given)
    span = figures.Span(since, publicids.number(version), cohort)
    query = {"what": what, **{name: text for name, text in texts.items() if text}}
    query |= {"since": since.isoformat()} if since else {}
    query |= {"version": version} if span.version else {}
    query |= cohort.query
    step = _step_words(campaign, texts["step"])
    label = ": ".join(each for each in (step, str(WHAT[what])) if each)
    if texts["reason"]:
        label = f"{label} ({reasons.words(texts['reason'], reasons.NOT_SENT)})"
    return Asked(campaign, _of(label, cohort), query, what=what, span=span, **texts)


def _next_in_line(campaign: Campaign, given: Mapping[str, Any]) -> Asked:
    """People who would come to a step next, all or those of one bucket."""
    step, bucket = (str(given.get(name) or "")[:LONGEST] for name in ("step", "bucket"))
    kind, _dot, reason = bucket.partition(".")
    parts = [_step_words(campaign, step), str(WHAT[CAN_RECEIVE])]
    if bucket:
        parts = [parts[0], str(BUCKETS.get(kind, kind)), reasons.words(reason, reasons.NOT_SENT) if reason else ""]
    query = {"what": CAN_RECEIVE, "step": step, **({"bucket": bucket} if bucket else {})}
    return Asked(campaign, ": ".join(part for part in parts if part), query, what=CAN_RECEIVE, step=step, port=bucket)


def _step_words(campaign: Campaign, name: str) -> str:
    """What people call a step: its label, or its kind."""
    for document in (campaign.version.document if campaign.version else {}, campaign.document):
        for _path, step in commands.walk(document):
            if step.get("id") == name:
                tile = tiles.get(str(step.get("type")))
                return str(step.get("label") or (tile.summary(step)[0] if tile else name))
    return name


def words(number: str) -> str:
    """`not_entered.paused` → "Did not enter: The campaign was paused"."""
    for term in (number, number.rpartition(".")[0]):
        if term in TERMS:
            rest = number.removeprefix(term).lstrip(".")
            kind = KINDS.get(term, reasons.ALL)
            if term == "sent":
                return f"{TERMS[term]}: {CHANNELS[rest][2]}" if rest in CHANNELS else str(TERMS[term])
            return f"{TERMS[term]}: {reasons.words(rest, kind)}" if rest else str(TERMS[term])
    return number


def people(asked: Asked, *, after: int, limit: int | None) -> list[tuple[int, int]]:
    """(contact, times) by id from after `after`."""
    if asked.number:
        return waterfall.listing(asked.campaign, asked.number, asked.cohort, after=after, limit=limit)
    if asked.what == CAN_RECEIVE:
        found = reachable.people(asked.campaign, asked.step, asked.port, after, limit)
        return [(contact, 1) for contact in found]
    sql, params = _rows(asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT contact_id, count(*) FROM ({sql}) AS q WHERE contact_id > %(after)s "  # noqa: S608
            "GROUP BY contact_id ORDER BY contact_id LIMIT %(limit)s",
            {**params, "after": after, "limit": limit},
        )
        return [(contact, times) for contact, times in cursor.fetchall()]


def count(asked: Asked) -> int:
    """How many different people."""
    if asked.number:
        return waterfall.heads(asked.campaign, asked.number, asked.cohort)
    if asked.what == CAN_RECEIVE:
        return reachable.count(asked.campaign, asked.step, asked.port)
    sql, params = _rows(asked)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(DISTINCT contact_id) FROM ({sql}) AS q", params)  # noqa: S608
        return int(cursor.fetchone()[0])


def _rows(asked: Asked) -> tuple[str, dict[str, Any]]:
    sql, more = figures.rows(asked.what, asked.step, asked.port)
    params = {**figures.parameters(asked.campaign, asked.span), **more}
    if asked.reason:
        sql = f"SELECT q.* FROM ({sql}) AS q WHERE EXISTS ({BECAUSE})"  # noqa: S608
        params["reason"] = asked.reason
    return sql, params


def offered(campaign: Campaign) -> list[tuple[str, str]]:
    """The numbers a list can be asked for, as (number, words)."""
    del campaign
    return [(number, str(label)) for number, label in TERMS.items()]
