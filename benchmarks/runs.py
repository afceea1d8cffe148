"""Advancing runs through a consent branch and a send, against one hand-written statement per batch.

Both move the same people over the same tables, indexes and constraints: claim, decide by consent,
write the message, the visits and the run. The floor knows this one journey by heart.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks import ground
from benchmarks.ground import Figure, report, stopwatch

RUNS = int(os.environ.get("BENCH_RUNS", "100000"))
DOCUMENT: dict[str, Any] = {
    "name": "Bench", "purpose": "offers", "class": "marketing", "holdout_pct": 0,
    "entry": [{"type": "manual", "reentry": "always"}],
    "steps": [
        {"id": "allowed", "type": "split.rule", "lanes": [
            {"label": "yes", "when": {"all": [{"f": "consent.offers.email", "op": "is", "v": "granted"}]}, "steps": [
                {"id": "mail", "type": "send.email",
                 "config": {"subject": "Hello", "html": "<p>Hello</p>", "text": "Hello"}},
            ]},
            {"label": "else", "steps": [{"id": "no", "type": "exit", "config": {"outcome": "dropped"}}]},
        ]},
    ],
}  # fmt: skip


def enrol(campaign: Any, first: int, count: int) -> None:
    """`count` due runs, one for each contact from `first` on."""
    from crm import clock

    ground.sql(
        """INSERT INTO campaigns_enrolment (campaign_id, version_id, contact_id, key, entry_seq, state, due_at, entry,
             entry_occurred_at, entered_at, rested_at)
           SELECT %s, %s, n, %s, 1, 'due', %s, '{}', %s, %s, %s FROM generate_series(%s, %s) n""",
        [campaign.pk, campaign.version_id, f"k{first}", *[clock.now()] * 4, first, first + count - 1],
    )
    ground.sql("ANALYZE campaigns_enrolment")


FLOOR = """
WITH due AS (
  SELECT e.id, e.contact_id, e.key, e.entry_seq, nextval(pg_get_serial_sequence('channels_message', 'id')) AS message
  FROM campaigns_enrolment e WHERE e.state IN ('due', 'waiting') AND e.due_at <= %(now)s
  ORDER BY e.due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), decided AS (
  SELECT DISTINCT ON (due.id) due.*, a.id AS address_id, a.hash, coalesce(s.state = 'granted', false) AS yes
  FROM due JOIN crm_contact c ON c.id = due.contact_id
  LEFT JOIN crm_identifier i ON i.contact_id = c.id AND i.kind = 'email'
  LEFT JOIN crm_address a ON a.id = i.address_id
  LEFT JOIN crm_consentstate s ON s.contact_id = c.id AND s.purpose = 'offers' AND s.channel = 'email'
    AND s.address_id = a.id
  ORDER BY due.id, i.id
), written AS (
  INSERT INTO channels_message (id, contact_id, address_id, address_hash, channel, content_id, campaign_id, run_id,
    step, entry, message_class, purpose, state, due_at, expires_at, context)
  SELECT message, contact_id, address_id, hash, 'email', %(content)s, %(campaign)s, id, 'mail', key || '#' || entry_seq,
    'marketing', 'offers', 'due', %(now)s, %(now)s + interval '1 day', '{"entry": {}}' FROM decided WHERE yes
), traced AS (
  INSERT INTO campaigns_visit (run_id, campaign_id, contact_id, step, visit, at, port, reason)
  SELECT id, %(campaign)s, contact_id, 'allowed', 1, %(now)s, CASE WHEN yes THEN 'yes' ELSE 'else' END, 'branch'
  FROM decided
  UNION ALL SELECT id, %(campaign)s, contact_id, CASE WHEN yes THEN 'mail' ELSE 'no' END, 1, %(now)s, '', 'planned'
  FROM decided
), moved AS (
  UPDATE campaigns_enrolment e SET state = CASE WHEN yes THEN 'in_effect' ELSE 'done' END,
    step = CASE WHEN yes THEN 'mail' ELSE 'no' END, due_at = NULL, message_id = CASE WHEN yes THEN message END,
    outcome = CASE WHEN yes THEN '' ELSE 'dropped' END, ended_at = CASE WHEN NOT yes THEN %(now)s::timestamptz END
  FROM decided d WHERE d.id = e.id
) SELECT count(*) FROM due
"""


def publish(document: dict[str, Any]) -> Any:
    from campaigns import lifecycle
    from crm import clock

    campaign = lifecycle.create(document, "bench", clock.now())
    lifecycle.publish(campaign, "bench", clock.now())
    campaign.refresh_from_db()
    return campaign


def main() -> None:
    from campaigns import runner
    from crm import clock, partitions

    ground.people(2 * RUNS)
    partitions.ensure_months("campaigns_visit", [clock.now()])
    campaign = publish(DOCUMENT)
    content = campaign.version.contents["mail"]
    enrol(campaign, 1, RUNS)
    values = {"limit": 2_000, "campaign": campaign.pk, "content": content}
    with stopwatch() as took:
        while ground.sql(FLOOR, values | {"now": clock.now()})[0][0]:
            pass
    floor = RUNS / took[0]
    enrol(campaign, RUNS + 1, RUNS)
    runner.tick(10)
    with stopwatch() as took:
        while runner.tick():
            pass
    sent = ground.sql("SELECT count(*) FROM channels_message WHERE contact_id > %s", [RUNS])[0][0]
    assert sent == RUNS * 7 // 10, sent
    report(Figure("runs through a consent branch and a send", RUNS / took[0], floor, "runs/s",
                  "≥ 30,000/s and ≥ 0.40 of one hand-written statement"))  # fmt: skip
