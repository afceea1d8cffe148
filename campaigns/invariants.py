"""The promises of campaigns as queries that must return no row (`verify_ledger`)."""

from __future__ import annotations

from typing import Any

from campaigns import waterfall
from campaigns.models import Campaign
from crm import registry
from crm.registry import Invariant

# Nobody is lost: whoever was considered entered or was refused, whatever was planned is in the outbox.
LOST = """
SELECT 'candidate ' || c.campaign_id || '/' || c.contact_id, 'neither entered nor refused'
FROM campaigns_candidate c
WHERE NOT EXISTS (SELECT FROM campaigns_enrolment e
                  WHERE e.campaign_id = c.campaign_id AND e.contact_id = c.contact_id)
  AND NOT EXISTS (SELECT FROM campaigns_refusal f
                  WHERE f.campaign_id = c.campaign_id AND f.contact_id = c.contact_id)
UNION ALL
SELECT 'run ' || w.run_id || ' step ' || w.step, 'planned, and no message'
FROM campaigns_visit w JOIN campaigns_enrolment r ON r.id = w.run_id JOIN campaigns_version v ON v.id = r.version_id
WHERE (w.reason = 'planned' OR (w.reason = 'holdout_campaign' AND v.contents ? w.step))
  AND NOT EXISTS (SELECT FROM channels_message m
                  WHERE m.run_id = w.run_id AND m.step = w.step AND m.visit = w.visit)
"""

HASHES = """
SELECT 'version ' || id, hash FROM campaigns_version
WHERE hash <> cauce_version_hash(document, contents, exit_events, concurrency)
"""

TWICE = """
SELECT 'campaign ' || campaign_id || ' contact ' || contact_id, count(*)
FROM campaigns_enrolment WHERE state <> 'done' GROUP BY campaign_id, contact_id, lane HAVING count(*) > 1
UNION ALL
SELECT 'campaign ' || r.campaign_id || ' contact ' || r.contact_id, count(*)
FROM campaigns_enrolment r JOIN campaigns_version v ON v.id = r.version_id
WHERE r.state <> 'done' AND v.concurrency = 'one_per_contact'
GROUP BY r.campaign_id, r.contact_id, r.version_id HAVING count(*) > 1
"""

# The CHECK of the table holds the words of a state together; here is what lies in other tables.
CAUSES = """
SELECT 'run ' || r.id, 'waits for a message that is not there'
FROM campaigns_enrolment r WHERE r.state = 'in_effect'
  AND NOT EXISTS (SELECT FROM channels_message m WHERE m.id = r.message_id AND m.run_id = r.id)
UNION ALL
SELECT 'run ' || r.id, 'waits for a message that is settled'
FROM campaigns_enrolment r JOIN channels_message m ON m.id = r.message_id
WHERE r.state = 'in_effect' AND m.settled_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM crm_reaction q WHERE q.contact = r.contact_id)
UNION ALL
SELECT 'run ' || s.run_id, 'listens, and does not wait'
FROM campaigns_subscription s LEFT JOIN campaigns_enrolment r ON r.id = s.run_id
WHERE r.id IS NULL OR CASE r.state WHEN 'held' THEN r.held_from ELSE r.state END <> 'waiting'
UNION ALL
SELECT 'run ' || r.id, 'is frozen, and its campaign is not paused'
FROM campaigns_enrolment r JOIN campaigns_campaign c ON c.id = r.campaign_id
WHERE r.state = 'held' AND c.state <> 'paused' AND c.sweep = ''
UNION ALL
SELECT 'run ' || r.id, 'goes on, and its campaign is over'
FROM campaigns_enrolment r JOIN campaigns_campaign c ON c.id = r.campaign_id
WHERE r.state <> 'done' AND c.state IN ('draft', 'stopped') AND c.sweep = ''
UNION ALL
SELECT 'run ' || r.id, 'breaks the rule of one cause'
FROM campaigns_enrolment r
WHERE NOT CASE r.state
  WHEN 'due' THEN r.due_at IS NOT NULL AND r.message_id IS NULL AND r.outcome = ''
  WHEN 'waiting' THEN r.due_at IS NOT NULL AND r.message_id IS NULL AND r.outcome = ''
  WHEN 'in_effect' THEN r.due_at IS NULL AND r.message_id IS NOT NULL AND r.outcome = ''
  WHEN 'held' THEN r.held_from <> '' AND r.outcome = '' AND r.held_at IS NOT NULL
  WHEN 'done' THEN r.due_at IS NULL AND r.outcome <> ''
  ELSE false END
"""


def _differences() -> list[tuple[Any, ...]]:
    """Campaigns whose numbers do not fit together."""
    found = []
    for campaign in Campaign.objects.exclude(state="draft").order_by("pk"):
        numbers = waterfall.of(campaign)
        if numbers["difference"]:
            found.append((f"campaign {campaign.pk}", numbers["differences"]))
    return found


for _each in (
    Invariant("I5", "Nobody is lost: considered, then in or refused; planned, then in the outbox.", LOST),
    Invariant("I12", "The waterfall of every campaign comes out.", rows=_differences),
    Invariant("I13", "A published version never changes.", HASHES),
    Invariant("I15", "Nobody is in a campaign twice that forbids it.", TWICE),
    Invariant("I16", "Every run is over, or waits for exactly one cause.", CAUSES),
):
    registry.invariants.add(_each.name, _each)
