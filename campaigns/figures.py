"""The numbers on the steps of a journey, and who stands behind each: one definition for both.

`PEOPLE[what]` answers rows (step, port, contact_id, at, run_id), one for each thing counted; a
number is how many different people they are, its list is these people. `step` '' is the campaign as a
whole. Parameters: campaign, since (what began before is left out; None: everything), version (its
id; None: all), and those of a cohort (`campaigns.cohorts`: runs by when they entered). Messages count
from when they were planned, so that those of a period always add up: planned = sent + not sent + still
on their way. `waiting` is who stands there now, whatever the period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from campaigns.cohorts import EVERYBODY, Cohort
from campaigns.models import Campaign
from channels import states

_RUN: Final = """(%(version)s::bigint IS NULL OR e.version_id = %(version)s)
      AND (%(entered_version)s::bigint IS NULL OR e.version_id = %(entered_version)s)
      AND (%(entered_since)s::timestamptz IS NULL OR e.entered_at >= %(entered_since)s)
      AND (%(entered_until)s::timestamptz IS NULL OR e.entered_at < %(entered_until)s)"""
_MESSAGES: Final = f"""
    FROM channels_message m JOIN campaigns_enrolment e ON e.id = m.run_id
    WHERE m.campaign_id = %(campaign)s AND {_RUN}
      AND (%(since)s::timestamptz IS NULL OR m.created_at >= %(since)s)"""
_MESSAGE: Final = "SELECT m.step, '' AS port, m.contact_id, m.created_at AS at, m.run_id"
_SENT: Final = "m.state = ANY(%(sent)s)"


def _answered(event: str) -> str:
    """Messages after which a person (not a scanner) did something. Asked of a message at a time, in the months
    since: merged with all such events it would cost what everybody did, not what the campaign sent."""
    return f"""{_MESSAGE} {_MESSAGES} AND {_SENT} AND EXISTS (
        SELECT FROM crm_event x
        WHERE x.contact_id = m.contact_id AND x.name = '{event}' AND x.occurred_at >= m.created_at
          AND (x.properties->>'message_id')::bigint = m.id AND NOT x.historic
        OFFSET 0)"""


_CONVERTED: Final = f"""
    FROM campaigns_conversion c JOIN campaigns_enrolment e ON e.id = c.run_id
    WHERE c.campaign_id = %(campaign)s AND {_RUN}
      AND (%(since)s::timestamptz IS NULL OR c.at >= %(since)s)"""

PEOPLE: Final[Mapping[str, str]] = {
    # Each time somebody came to a step; `port` is the way they left by, '' while they are there.
    "entered": f"""
        SELECT v.step, max(v.port) AS port, v.contact_id, min(v.at) AS at, v.run_id
        FROM campaigns_visit v JOIN campaigns_enrolment e ON e.id = v.run_id
        WHERE v.campaign_id = %(campaign)s AND (v.step <> '' OR v.reason = 'entered') AND {_RUN}
          AND (%(since)s::timestamptz IS NULL OR v.at >= %(since)s)
        GROUP BY v.step, v.contact_id, v.run_id, v.visit""",  # noqa: S608
    "waiting": f"""
        SELECT e.step, '' AS port, e.contact_id, e.entered_at AS at, e.id AS run_id FROM campaigns_enrolment e
        WHERE e.campaign_id = %(campaign)s AND e.state <> 'done' AND {_RUN}""",  # noqa: S608
    "sent": f"{_MESSAGE} {_MESSAGES} AND {_SENT}",
    "not_sent": f"{_MESSAGE} {_MESSAGES} AND m.state = ANY(%(never)s)",
    "delivered": f"{_MESSAGE} {_MESSAGES} AND m.state IN ('delivered', 'complained')",
    "opened": _answered("Message Opened"),
    "clicked": _answered("Message Clicked"),
    # Of the campaign; and of each step that had sent the run a message before.
    "converted": f"""
        SELECT '' AS step, '' AS port, c.contact_id, c.at, c.run_id {_CONVERTED}
        UNION ALL
        SELECT DISTINCT ON (m.step, c.run_id) m.step, '', c.contact_id, c.at, c.run_id
        FROM (SELECT c.contact_id, c.at, c.run_id {_CONVERTED}) AS c
        JOIN channels_message m ON m.run_id = c.run_id AND m.created_at <= c.at AND {_SENT}""",  # noqa: S608
    "exited": f"""
        SELECT e.step, '' AS port, e.contact_id, e.ended_at AS at, e.id AS run_id FROM campaigns_enrolment e
        WHERE e.campaign_id = %(campaign)s AND e.state = 'done' AND {_RUN}
          AND (%(since)s::timestamptz IS NULL OR e.ended_at >= %(since)s)""",  # noqa: S608
}
# Different people: of all steps together, of each step, and of each way out of it.
COUNTS: Final = " UNION ALL ".join(
    f"""SELECT '{what}', step, port, count(DISTINCT contact_id) FROM ({rows}) AS p
        GROUP BY GROUPING SETS ((), (step), (step, port))"""  # noqa: S608
    for what, rows in PEOPLE.items()
)
# Where step '' has rows of its own: the beginning of a run, the goal of the campaign.
OWN_WHOLE: Final = ("entered", "converted")


@dataclass(frozen=True)
class Span:
    """What is counted: what happened from `since` on, in one version (its id) or all; or what came of a cohort."""

    since: datetime | None = None
    version: int | None = None
    cohort: Cohort = EVERYBODY


@dataclass(frozen=True)
class Counts:
    """`of`: (what, step) → number; `left`: (step, port) → how many left by it."""

    of: Mapping[tuple[str, str], int]
    left: Mapping[tuple[str, str], int]

    def get(self, what: str, step: str) -> int:
        return self.of.get((what, step), 0)


def counts(campaign: Campaign, span: Span) -> Counts:
    """All numbers of all steps. One query."""
    of: dict[tuple[str, str], int] = {}
    left: dict[tuple[str, str], int] = {}
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, parameters(campaign, span))
        for what, step, port, number in cursor.fetchall():
            if port is not None:
                left.update({(step, port): number} if what == "entered" and port else {})
            elif step is not None:
                of[what, step] = number
            elif what not in OWN_WHOLE:
                of[what, ""] = number
    return Counts(of, left)


def rows(what: str, step: str, port: str = "") -> tuple[str, dict[str, Any]]:
    """(SQL, parameters) of the rows behind a number, to be filled with `parameters`; '' as step: of the
    campaign as a whole."""
    whole = step == "" and what not in OWN_WHOLE
    conditions = ["TRUE" if whole else "step = %(step)s", "port = %(port)s" if port else "TRUE"]
    return f"SELECT * FROM ({PEOPLE[what]}) AS p WHERE {' AND '.join(conditions)}", {"step": step, "port": port}  # noqa: S608


def parameters(campaign: Campaign, span: Span) -> dict[str, Any]:
    """What `rows` wants to be filled with."""
    return {
        "campaign": campaign.pk,
        "since": span.since,
        "version": span.version,
        "sent": list(states.SENT),
        "never": list(states.NEVER_SENT),
        **span.cohort.parameters,
    }
