"""Where everybody is: from the audience to the last message, so that nobody is lost on the way.

Each number is one of the TERMS and has its list of people. Terms that are held against each other
are counted in different tables (decision B23): who was considered against who entered or was
refused; the visits that planned a message against the outbox; the visits that began a run against the
runs. `difference` is the sum of what does not fit, and is 0. One statement, so one snapshot. A cohort
narrows all of them alike (`campaigns.cohorts`).
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

from campaigns.cohorts import EVERYBODY, Cohort
from campaigns.models import Campaign
from channels import states
from crm.errors import Problem

# Refusals too old to be listed are in numbers only, on both sides, and in nothing that is narrowed.
FOLDED: Final = """SELECT 'folded', reason, sum(n)::bigint FROM campaigns_refusalcount
                   WHERE campaign_id = %(campaign)s GROUP BY reason"""
SENDS: Final = "SELECT jsonb_object_keys(contents) FROM campaigns_version WHERE campaign_id = %(campaign)s"
TERMS: Final = (
    "audience", "entered", "not_entered", "runs.entered", "runs.active", "runs.outcomes", "planned", "sent", "skipped",
    "waiting", "held_out", "converted",
)  # fmt: skip
# Terms whose rows have different labels.
LABELLED: Final = ("not_entered", "runs.active", "runs.outcomes", "sent", "skipped")


def _terms(cohort: Cohort) -> dict[str, str]:
    """Term -> rows (label, contact)."""
    inside = cohort.inside("e") or "TRUE"
    runs = f"FROM campaigns_enrolment e WHERE e.campaign_id = %(campaign)s AND {inside}"
    visits = f"FROM campaigns_visit v WHERE v.campaign_id = %(campaign)s AND {cohort.of_run('v.run_id')}"
    messages = f"""FROM channels_message m WHERE m.campaign_id = %(campaign)s AND m.run_id IS NOT NULL
        AND {cohort.of_run("m.run_id")}"""
    one = "SELECT '' AS label, contact_id"
    return {
        "audience": _audience(cohort, runs),
        "entered": f"SELECT DISTINCT '' AS label, contact_id {runs}",
        "not_entered": f"""
            SELECT DISTINCT ON (r.contact_id) r.reason AS label, r.contact_id FROM campaigns_refusal r
            WHERE r.campaign_id = %(campaign)s AND {cohort.seen("r.at")}
              AND NOT EXISTS (SELECT {runs} AND e.contact_id = r.contact_id)
            ORDER BY r.contact_id, r.at DESC, r.id DESC""",  # noqa: S608 - our own words
        "runs.entered": f"{one} {visits} AND v.step = '' AND v.reason = 'entered'",
        "runs.active": f"SELECT e.state AS label, contact_id {runs} AND e.state <> 'done'",
        "runs.outcomes": f"SELECT e.outcome AS label, contact_id {runs} AND e.state = 'done'",
        "planned": f"""
            {one} {visits} AND (v.reason = 'planned' OR (v.reason = 'holdout_campaign' AND v.step IN ({SENDS})))""",
        "sent": f"SELECT m.channel AS label, m.contact_id {messages} AND m.state = ANY(%(sent)s)",
        "skipped": f"""
            SELECT coalesce(nullif(m.reason, ''), m.state) AS label, m.contact_id {messages}
            AND m.state = ANY(%(never)s)""",
        "waiting": f"{one} {messages} AND m.state = ANY(%(open)s)",
        # People, as in the comparison: whoever was written to in one of their runs is none of them.
        "held_out": f"{one} {runs} GROUP BY contact_id HAVING bool_and(e.held_out)",
        "converted": f"""
            {one} FROM campaigns_conversion c WHERE c.campaign_id = %(campaign)s AND {cohort.of_run("c.run_id")}""",
    }  # fmt: skip


def _audience(cohort: Cohort, runs: str) -> str:
    """The candidates. Narrowed: those who entered or were refused in it; and those of whom neither is known,
    from the day they were first considered, so that a loss shows."""
    if cohort.is_everything:
        return "SELECT '' AS label, contact_id FROM campaigns_candidate WHERE campaign_id = %(campaign)s"
    candidates = "SELECT '' AS label, c.contact_id FROM campaigns_candidate c"
    return f"""
        {candidates} JOIN (
          SELECT e.contact_id {runs}
          UNION SELECT r.contact_id FROM campaigns_refusal r
          WHERE r.campaign_id = %(campaign)s AND {cohort.seen("r.at")}) AS known USING (contact_id)
        WHERE c.campaign_id = %(campaign)s
        UNION ALL
        {candidates} WHERE c.campaign_id = %(campaign)s AND {cohort.seen("c.at")}
          AND NOT EXISTS (SELECT FROM campaigns_enrolment o
                          WHERE o.campaign_id = %(campaign)s AND o.contact_id = c.contact_id)
          AND NOT EXISTS (SELECT FROM campaigns_refusal o
                          WHERE o.campaign_id = %(campaign)s AND o.contact_id = c.contact_id)"""  # noqa: S608


def _counts(cohort: Cohort) -> str:
    counted = [
        f"SELECT '{name}', label, count(*) FROM ({rows}) AS term GROUP BY label"  # noqa: S608
        for name, rows in _terms(cohort).items()
    ]
    return " UNION ALL ".join([*counted, FOLDED] if cohort.is_everything else counted)


def of(campaign: Campaign, cohort: Cohort = EVERYBODY) -> dict[str, Any]:
    """All numbers of a campaign. `differences` says which arithmetic does not come out, if any."""
    found: dict[str, dict[str, int]] = {name: {} for name in (*TERMS, "folded")}
    with connection.cursor() as cursor:
        cursor.execute(_counts(cohort), _params(campaign.pk, cohort))
        for name, label, count in cursor.fetchall():
            found[name][label] = count
    total = {name: sum(labels.values()) for name, labels in found.items()}
    not_entered = dict(found["not_entered"])
    for reason, count in found["folded"].items():
        not_entered[reason] = not_entered.get(reason, 0) + count
    audience = total["audience"] + total["folded"]
    differences = {
        "candidates": audience - total["entered"] - sum(not_entered.values()),
        "messages": total["planned"] - total["sent"] - total["skipped"] - total["waiting"],
        "runs": total["runs.entered"] - total["runs.active"] - total["runs.outcomes"],
    }
    return {
        "audience": audience,
        "entered": total["entered"],
        "not_entered": not_entered,
        "planned": total["planned"],
        "sent": found["sent"],
        "skipped": found["skipped"],
        "waiting": total["waiting"],
        "held_out": total["held_out"],
        "converted": total["converted"],
        "runs": {
            "entered": total["runs.entered"], "active": found["runs.active"], "outcomes": found["runs.outcomes"],
        },
        "differences": differences,
        "difference": sum(abs(each) for each in differences.values()),
    }  # fmt: skip


def people(
    campaign: Campaign, number: str, cohort: Cohort = EVERYBODY, *, after: int = 0, limit: int | None = None
) -> list[int]:
    """The contacts behind a number ("entered", "not_entered.paused", "sent.email", "runs.active.waiting"),
    by id, from after `after`. One line for each thing counted: somebody with two mails stands there twice."""
    term, label = _read(number)
    condition = "AND label = %(label)s" if label is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT contact_id FROM ({_terms(cohort)[term]}) AS term
                WHERE contact_id > %(after)s {condition} ORDER BY contact_id LIMIT %(limit)s""",  # noqa: S608
            {**_params(campaign.pk, cohort), "label": label, "after": after, "limit": limit},
        )
        return [contact for (contact,) in cursor.fetchall()]


def listing(
    campaign: Campaign, number: str, cohort: Cohort = EVERYBODY, *, after: int = 0, limit: int | None = None
) -> list[tuple[int, int]]:
    """The contacts behind a number, each once, by id from after `after`, with how often they count."""
    term, label = _read(number)
    condition = "AND label = %(label)s" if label is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT contact_id, count(*) FROM ({_terms(cohort)[term]}) AS term
                WHERE contact_id > %(after)s {condition} GROUP BY contact_id ORDER BY contact_id LIMIT %(limit)s""",  # noqa: S608
            {**_params(campaign.pk, cohort), "label": label, "after": after, "limit": limit},
        )
        return [(contact, times) for contact, times in cursor.fetchall()]


def heads(campaign: Campaign, number: str, cohort: Cohort = EVERYBODY) -> int:
    """How many different contacts stand behind a number."""
    term, label = _read(number)
    condition = "WHERE label = %(label)s" if label is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(DISTINCT contact_id) FROM ({_terms(cohort)[term]}) AS term {condition}",  # noqa: S608
            {**_params(campaign.pk, cohort), "label": label},
        )
        return int(cursor.fetchone()[0])


def check(number: str) -> None:
    """Raise Problem for what is no number of the waterfall."""
    _read(number)


def _read(number: str) -> tuple[str, str | None]:
    if number in TERMS:
        return number, None
    for term in LABELLED:
        if number.startswith(f"{term}."):
            return term, number.removeprefix(f"{term}.")
    words = ", ".join([*TERMS, *(f"{term}.<reason>" for term in LABELLED)])
    raise Problem("/number", "not_a_number", f"{number[:60]!r} is no number of the waterfall; it has {words}.")


def _params(campaign_id: int, cohort: Cohort) -> dict[str, Any]:
    return {
        "campaign": campaign_id, "sent": list(states.SENT), "never": list(states.NEVER_SENT),
        "open": list(states.OPEN), **cohort.parameters,
    }  # fmt: skip
