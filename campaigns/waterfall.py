"""Where everybody is: from the audience to the last message, so that nobody is lost on the way.

Each number is one of the TERMS and has its list of people. Terms that are held against each other
are counted in different tables (decision B23): who was considered against who entered or was
refused; the visits that planned a message against the outbox; the visits that began a run against the
runs. `difference` is the sum of what does not fit, and is 0. One statement, so one snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import connection

from campaigns.models import Campaign
from channels import states
from crm.errors import Problem

ENTERED = "SELECT FROM campaigns_enrolment e WHERE e.campaign_id = %(campaign)s AND e.contact_id = r.contact_id"
MESSAGES = "FROM channels_message m WHERE m.campaign_id = %(campaign)s AND m.run_id IS NOT NULL"
SENDS = "SELECT jsonb_object_keys(contents) FROM campaigns_version WHERE campaign_id = %(campaign)s"

# Term -> rows (label, contact).
TERMS: Final[Mapping[str, str]] = {
    "audience": "SELECT '' AS label, contact_id FROM campaigns_candidate WHERE campaign_id = %(campaign)s",
    "entered": "SELECT DISTINCT '' AS label, contact_id FROM campaigns_enrolment WHERE campaign_id = %(campaign)s",
    "not_entered": f"""
        SELECT DISTINCT ON (r.contact_id) r.reason AS label, r.contact_id FROM campaigns_refusal r
        WHERE r.campaign_id = %(campaign)s AND NOT EXISTS ({ENTERED})
        ORDER BY r.contact_id, r.at DESC, r.id DESC""",  # noqa: S608 - our own words
    "runs.entered": """
        SELECT '' AS label, contact_id FROM campaigns_visit
        WHERE campaign_id = %(campaign)s AND step = '' AND reason = 'entered'""",
    "runs.active": """
        SELECT state AS label, contact_id FROM campaigns_enrolment
        WHERE campaign_id = %(campaign)s AND state <> 'done'""",
    "runs.outcomes": """
        SELECT outcome AS label, contact_id FROM campaigns_enrolment
        WHERE campaign_id = %(campaign)s AND state = 'done'""",
    "planned": f"""
        SELECT '' AS label, contact_id FROM campaigns_visit
        WHERE campaign_id = %(campaign)s AND (reason = 'planned'
              OR (reason = 'holdout_campaign' AND step IN ({SENDS})))""",  # noqa: S608
    "sent": f"SELECT m.channel AS label, m.contact_id {MESSAGES} AND m.state = ANY(%(sent)s)",
    "skipped": f"""
        SELECT coalesce(nullif(m.reason, ''), m.state) AS label, m.contact_id {MESSAGES}
        AND m.state = ANY(%(never)s)""",
    "waiting": f"SELECT '' AS label, m.contact_id {MESSAGES} AND m.state = ANY(%(open)s)",
    "held_out": """
        SELECT '' AS label, contact_id FROM campaigns_enrolment WHERE campaign_id = %(campaign)s AND held_out""",
    "converted": "SELECT '' AS label, contact_id FROM campaigns_conversion WHERE campaign_id = %(campaign)s",
}
# Refusals too old to be listed are in numbers only, on both sides.
FOLDED = """SELECT 'folded', reason, sum(n)::bigint FROM campaigns_refusalcount
            WHERE campaign_id = %(campaign)s GROUP BY reason"""
COUNTS: Final = " UNION ALL ".join(
    [
        *(f"SELECT '{name}', label, count(*) FROM ({rows}) AS term GROUP BY label" for name, rows in TERMS.items()),  # noqa: S608
        FOLDED,
    ]
)
# Terms whose rows have different labels.
LABELLED: Final = ("not_entered", "runs.active", "runs.outcomes", "sent", "skipped")


def of(campaign: Campaign) -> dict[str, Any]:
    """All numbers of a campaign. `differences` says which arithmetic does not come out, if any."""
    found: dict[str, dict[str, int]] = {name: {} for name in (*TERMS, "folded")}
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, _params(campaign.pk))
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


def people(campaign: Campaign, number: str, *, after: int = 0, limit: int | None = None) -> list[int]:
    """The contacts behind a number ("entered", "not_entered.paused", "sent.email", "runs.active.waiting"),
    by id, from after `after`. One line for each thing counted: somebody with two mails stands there twice."""
    term, label = _read(number)
    condition = "AND label = %(label)s" if label is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT contact_id FROM ({TERMS[term]}) AS term
                WHERE contact_id > %(after)s {condition} ORDER BY contact_id LIMIT %(limit)s""",  # noqa: S608
            {**_params(campaign.pk), "label": label, "after": after, "limit": limit},
        )
        return [contact for (contact,) in cursor.fetchall()]


def listing(campaign: Campaign, number: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, int]]:
    """The contacts behind a number, each once, by id from after `after`, with how often they count."""
    term, label = _read(number)
    condition = "AND label = %(label)s" if label is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT contact_id, count(*) FROM ({TERMS[term]}) AS term
                WHERE contact_id > %(after)s {condition} GROUP BY contact_id ORDER BY contact_id LIMIT %(limit)s""",  # noqa: S608
            {**_params(campaign.pk), "label": label, "after": after, "limit": limit},
        )
        return [(contact, times) for contact, times in cursor.fetchall()]


def heads(campaign: Campaign, number: str) -> int:
    """How many different contacts stand behind a number."""
    term, label = _read(number)
    condition = "WHERE label = %(label)s" if label is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(DISTINCT contact_id) FROM ({TERMS[term]}) AS term {condition}",  # noqa: S608
            {**_params(campaign.pk), "label": label},
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


def _params(campaign_id: int) -> dict[str, Any]:
    return {
        "campaign": campaign_id, "sent": list(states.SENT), "never": list(states.NEVER_SENT),
        "open": list(states.OPEN),
    }  # fmt: skip
