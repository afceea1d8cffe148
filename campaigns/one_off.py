"""One message to the people of a segment, now or at a moment: a campaign of one entry and one step.

Nothing here sends or lets anybody in: it makes the document, `lifecycle` does the rest, so that permission,
limits, quiet hours, control group and report are those of every campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection

from campaigns import drafts, lifecycle, wording
from campaigns.models import Campaign, Enrolment, Version
from channels import snippets, states
from crm import publicids, workspace
from crm.errors import Problem

STEP: Final = "message"
CHANNELS: Final = ("email", "sms")
MESSAGES: Final = """
SELECT state, coalesce(nullif(reason, ''), state), count(*), count(*) FILTER (WHERE started_at IS NOT NULL)
FROM channels_message WHERE campaign_id = %s AND run_id IS NOT NULL GROUP BY 1, 2"""
REFUSED: Final = "SELECT reason, count(*) FROM campaigns_refusal WHERE campaign_id = %s GROUP BY reason"
MOMENTS: Final = """
SELECT zone, due_at, done_at IS NOT NULL, audience FROM campaigns_occurrence
WHERE campaign_id = %s ORDER BY due_at, id"""
# Of the segment: who has not been looked at yet.
TO_COME: Final = """
SELECT count(*) FROM crm_segmentmember m WHERE m.segment_id = %s
  AND NOT EXISTS (SELECT FROM campaigns_candidate c WHERE c.campaign_id = %s AND c.contact_id = m.contact_id)"""
# People who came in and whose message is not written yet.
INSIDE: Final = """
SELECT count(*) FROM campaigns_enrolment e WHERE e.campaign_id = %s AND e.state <> 'done'
  AND NOT EXISTS (SELECT FROM channels_message m WHERE m.run_id = e.id)"""


@dataclass(frozen=True)
class Moment:
    """When a zone gets it; "" is the workspace's."""

    zone: str
    due_at: datetime
    done: bool
    people: int


@dataclass(frozen=True)
class Progress:
    """`left` are people who will still get it, `refused` who will not, by reason. `handed` counts what the
    carrier was given: from the first of these on it can be stopped, but not called back."""

    sent: int
    left: int
    refused: Mapping[str, int]
    handed: int
    moments: list[Moment] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.sent + self.left + self.not_sent

    @property
    def not_sent(self) -> int:
        return sum(self.refused.values())

    @property
    def done(self) -> int:
        return self.total - self.left


def document(
    name: str, segment_id: int, channel: str, purpose: str, pct: float, why: str, now: datetime
) -> dict[str, Any]:
    """The campaign underneath, with a message to begin with. `why`: the reason for its control group, or for none."""
    return {
        "name": name,
        "description": why,
        "objective": "info",
        "class": "marketing",
        "purpose": purpose,
        "holdout_pct": pct,
        "entry": [_entry(segment_id, None, "workspace", now)],
        "exit": [],
        "steps": [{"id": STEP, "type": f"send.{channel}", "label": name[:80], "config": _words(channel, name)}],
    }  # fmt: skip


def is_one(document: Mapping[str, Any]) -> bool:
    """Whether a campaign is a one-off: a date, one message, nothing else."""
    entries, steps = document.get("entry"), document.get("steps")
    return (
        isinstance(entries, list)
        and isinstance(steps, list)
        and [isinstance(each, dict) and each.get("type") for each in entries] == ["schedule"]
        and len(steps) == 1
        and len(wording.sendings(document)) == 1
        and not document.get("exit")
        and not document.get("goal")
    )


def start(
    name: str, segment_id: int, channel: str, purpose: str, *, pct: float, why: str,
    actor: str, owner_id: int | None, now: datetime,
) -> Campaign:  # fmt: skip
    return lifecycle.begin(document(name, segment_id, channel, purpose, pct, why, now), actor, now, owner_id)


def schedule(campaign: Campaign, at: datetime | None, zone: str, *, actor: str, now: datetime) -> Version:
    """Publish it for a wall time in `zone` ("workspace" or each "contact"'s own); None: now. Raises Problems."""
    segment = segment_of(campaign)
    if segment is None:
        raise Problem("/entry/0/segment", "required", "Choose a segment first.")
    entry = _entry(segment, at, zone if at else "workspace", now)
    held = drafts.apply(
        campaign, {"do": "set", "path": "entry", "value": [entry]}, revision=campaign.revision, actor=actor, now=now
    )
    return lifecycle.publish(held, actor, now)


def cancel(campaign: Campaign, *, actor: str, now: datetime) -> str:
    """Before anybody came in: a draft again ("draft"). Later: stopped, and what has not left does not ("stopped")."""
    version = campaign.version
    if version is not None and not Enrolment.objects.filter(campaign=campaign).exists():
        try:
            lifecycle.unpublish(campaign, version.number, actor, now)
            return "draft"
        except Problem:
            pass  # somebody came in meanwhile
    lifecycle.stop(campaign, actor, now)
    return "stopped"


def segment_of(campaign: Campaign) -> int | None:
    entries = campaign.document.get("entry") or [{}]
    try:
        return publicids.decode("seg", entries[0].get("segment"))
    except Problem:
        return None


def progress(campaign: Campaign) -> Progress:
    """Where it stands, in a fixed number of queries."""
    sent = left = handed = 0
    refused: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(MESSAGES, [campaign.pk])
        for state, reason, count, started in cursor.fetchall():
            sent += count if state in states.SENT else 0
            left += count if state in states.OPEN else 0
            handed += started if state in (*states.SENT, states.HANDING_OFF) else 0
            if state in states.NEVER_SENT:
                refused[reason] = refused.get(reason, 0) + count
        cursor.execute(REFUSED, [campaign.pk])
        for reason, count in cursor.fetchall():
            refused[reason] = refused.get(reason, 0) + count
        cursor.execute(MOMENTS, [campaign.pk])
        moments = [Moment(*row) for row in cursor.fetchall()]
        if campaign.state in ("live", "paused") and any(not each.done for each in moments):
            cursor.execute(TO_COME, [segment_of(campaign), campaign.pk])
            left += int(cursor.fetchone()[0])
        cursor.execute(INSIDE, [campaign.pk])
        left += int(cursor.fetchone()[0])
    return Progress(sent, left, refused, handed, moments)


def _entry(segment_id: int, at: datetime | None, zone: str, now: datetime) -> dict[str, Any]:
    """A wall time without zone, as journeys have them; one that has passed for somebody means at once."""
    local = at or now.astimezone(ZoneInfo(workspace.current().zone))
    return {
        "type": "schedule", "segment": publicids.encode("seg", segment_id), "reentry": "never",
        "at": local.replace(tzinfo=None, second=0, microsecond=0).isoformat(timespec="minutes"),
        "zone": zone, "if_past": "now",
    }  # fmt: skip


def _words(channel: str, name: str) -> dict[str, Any]:
    """Something to write over: an empty page helps nobody."""
    if channel == "sms":
        return {}
    pieces = {each.name: each.html for each in snippets.SNIPPETS}
    inner = pieces["heading"].replace("…", name) + pieces["text"]
    return {"subject": name, "html": snippets.SKELETON.replace("<!-- content -->\n", inner)}
