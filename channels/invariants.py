"""The promises of sending as queries that return no row (`manage.py verify_ledger`).

"Hand-off" is the start mark: the instant from which the message may have been on the wire.
Real instants are compared with real ones, business instants with business ones.
"""

from __future__ import annotations

from typing import Final

from channels import states
from crm.registry import Invariant, invariants


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


SENT: Final = _listed(states.SENT)
STARTED: Final = f"m.started_at IS NOT NULL AND m.state IN ({SENT}, 'handing_off')"

TWICE: Final = f"""
SELECT min(id), count(*), 'one edition, one address' FROM channels_message m
WHERE state IN ({SENT}) AND edition AND address_hash <> ''
GROUP BY campaign_id, step, entry, visit, channel, address_hash HAVING count(*) > 1
UNION ALL
SELECT min(id), count(*), 'one visit, one contact' FROM channels_message m
WHERE state IN ({SENT}) AND campaign_id IS NOT NULL AND run_id IS NOT NULL
GROUP BY campaign_id, contact_id, run_id, step, entry, visit, channel, slot HAVING count(*) > 1"""  # noqa: S608

# The withdrawal in force: a no for this address or this person, not followed by a yes before the
# hand-off. Both clocks are the machine's; the no is read after its address lock (decision B5).
WITHDRAWN: Final = f"""
SELECT m.id, w.id AS receipt, m.started_at, w.recorded_at
FROM channels_message m
CROSS JOIN LATERAL (SELECT CASE m.message_class WHEN 'service' THEN 'service' ELSE m.purpose END AS purpose) asked
CROSS JOIN LATERAL (
  SELECT r.* FROM crm_consentreceipt r WHERE r.address_id = m.address_id
    AND r.purpose = asked.purpose AND r.channel = m.channel
  UNION ALL
  SELECT r.* FROM crm_consentreceipt r WHERE r.contact_id = m.contact_id AND r.address_id IS NULL
    AND r.purpose = asked.purpose AND r.channel = m.channel
) w
WHERE {STARTED} AND m.message_class IN ('marketing', 'service') AND w.action IN ('refused', 'withdrawn', 'objected')
  AND w.recorded_at < m.started_at
  AND NOT EXISTS (
    SELECT FROM crm_consentreceipt g
    WHERE g.purpose = w.purpose AND g.channel = w.channel AND g.action IN ('granted', 'confirmed')
      AND g.recorded_at > w.recorded_at AND g.recorded_at < m.started_at
      AND (g.address_id = m.address_id OR (g.contact_id = m.contact_id AND w.address_id IS NULL)))"""  # noqa: S608

# Suppressing locks the address, but its instant is read before that lock: a breath of grace.
SUPPRESSED: Final = f"""
SELECT m.id, s.id AS suppression, s.reason
FROM channels_message m JOIN crm_address a ON a.id = m.address_id
JOIN crm_suppression s ON s.medium = a.medium AND s.hash = a.hash AND s.channel IN ('', m.channel)
WHERE {STARTED} AND s.since <= m.counted_at AND s.recorded_at < m.counted_at - interval '5 seconds'
  AND (s.until IS NULL OR s.until > m.counted_at)"""  # noqa: S608

NEVER_SENT: Final = f"""
SELECT m.id, m.state, t.n, t.outcome FROM channels_message m JOIN channels_attempt t ON t.message_id = m.id
WHERE m.state IN ({_listed(states.NEVER_SENT)})
  AND (t.finished_at IS NULL OR t.outcome NOT IN ('retry', 'refused'))
UNION ALL
SELECT m.id, m.state, NULL, 'started' FROM channels_message m
WHERE m.state IN ({_listed(states.UNSTARTED_ONLY)}) AND m.started_at IS NOT NULL"""  # noqa: S608

FORGOTTEN: Final = """
SELECT id, state, lease_until FROM channels_message
WHERE state IN ('claimed', 'handing_off') AND lease_until < clock_timestamp() - interval '5 minutes'"""

# Each message against what it was let through under, among those of the same contact then: the cap over all,
# the caps of its channel and purpose (rolling, or by the calendar where the person is), its exclusion group.
WENT: Final = f"m.counted_at IS NOT NULL AND m.state IN ({SENT}, 'handing_off')"
WHOSE: Final = "coalesce(({0}.judged->>'contact')::bigint, {0}.contact_id)"
# The indexed column finds the candidates; a merge moved both rows alike.
BESIDE: Final = f"""o.contact_id = m.contact_id AND {WHOSE.format("o")} = {WHOSE.format("m")}
  AND o.counted_at IS NOT NULL AND o.message_class = 'marketing' AND o.state IN ({SENT}, 'handing_off')"""
OVER_CAP: Final = f"""
SELECT id, contact, counted_at, earlier FROM (
  SELECT m.id, contact, m.counted_at, (m.judged->>'cap_days')::int AS days,
         lag(m.counted_at, (m.judged->>'cap')::int) OVER (PARTITION BY contact ORDER BY m.counted_at, m.id) AS earlier
  FROM channels_message m
  CROSS JOIN LATERAL (SELECT {WHOSE.format("m")} AS contact) whose
  WHERE {WENT} AND m.judged ? 'cap'
) AS counted WHERE earlier > counted_at - make_interval(days => days)
UNION ALL
SELECT m.id, m.contact_id, m.counted_at, NULL
FROM channels_message m
CROSS JOIN LATERAL jsonb_to_recordset(m.judged->'caps')
           AS cap(messages int, days int, calendar boolean, channel text, purpose text)
WHERE {WENT} AND m.judged ? 'caps' AND cap.messages < (
  SELECT count(*) FROM channels_message o
  WHERE {BESIDE} AND (o.counted_at, o.id) <= (m.counted_at, m.id)
    AND coalesce(cap.channel, o.channel) = o.channel AND coalesce(cap.purpose, o.purpose) = o.purpose
    AND CASE WHEN cap.calendar
        THEN (o.counted_at AT TIME ZONE (m.judged->>'zone'))::date
             > (m.counted_at AT TIME ZONE (m.judged->>'zone'))::date - cap.days
        ELSE o.counted_at > m.counted_at - make_interval(days => cap.days) END)
UNION ALL
SELECT m.id, m.contact_id, m.counted_at, o.counted_at
FROM channels_message m
JOIN channels_message o ON {BESIDE} AND (o.counted_at, o.id) < (m.counted_at, m.id)
  AND o.exclusion_group = m.judged->'group'->>'name' AND o.campaign_id IS DISTINCT FROM m.campaign_id
  AND o.counted_at > m.counted_at - make_interval(days => (m.judged->'group'->>'days')::int)
WHERE {WENT} AND m.judged ? 'group'"""  # noqa: S608

# The quiet hours it was judged by, and the windows of the packs, by every clock the person may have.
CLOCKS: Final = """CROSS JOIN LATERAL (
    SELECT m.judged->>'zone' AS zone
    UNION SELECT jsonb_array_elements_text(coalesce(m.judged->'zones', '[]'))
  ) clock CROSS JOIN LATERAL (SELECT m.counted_at AT TIME ZONE clock.zone AS local) wall"""
QUIET: Final = f"""
SELECT id, zone, local FROM (
  SELECT m.id, zone, local::time AS local,
         (m.judged->'quiet'->>0)::time AS starts, (m.judged->'quiet'->>1)::time AS ends
  FROM channels_message m {CLOCKS} WHERE {STARTED} AND m.judged ? 'quiet'
) AS judged
WHERE CASE WHEN starts <= ends THEN local >= starts AND local < ends ELSE local >= starts OR local < ends END
UNION ALL
SELECT m.id, zone, local::time
FROM channels_message m {CLOCKS} CROSS JOIN LATERAL jsonb_array_elements(m.judged->'law') AS rule
WHERE {STARTED} AND m.judged ? 'law' AND NOT EXISTS (
  SELECT FROM jsonb_to_recordset(rule->'spans') AS span(days int[], opens time, closes time)
  WHERE extract(isodow FROM local)::int = ANY(span.days) AND local::time >= span.opens
    AND local::time < span.closes)"""  # noqa: S608

HELD_OUT: Final = f"""
SELECT m.id, m.campaign_id, m.contact_id FROM channels_message m
WHERE m.held_out AND m.message_class = 'marketing' AND {STARTED}"""  # noqa: S608

# An event leaves the queue by an answer of 200 to 299, by its last try, by 410, or with its endpoint.
UNTOLD: Final = """
SELECT d.id, d.state, d.tries FROM channels_webhookdelivery d JOIN channels_webhookendpoint e ON e.id = d.endpoint_id
WHERE (d.state = 'done' AND coalesce((d.log->-1->>'status')::int, 0) NOT BETWEEN 200 AND 299)
   OR (d.state = 'failed' AND e.removed_at IS NULL AND d.tries < 8 AND d.log->-1->>'status' IS DISTINCT FROM '410')
   OR (d.state <> 'due' AND d.done_at IS NULL)"""

for _name, _promise, _sql in (
    ("I1", "No two messages for one step of one visit, or for one address of one edition.", TWICE),
    ("I2", "Nothing is handed over after a withdrawal that is in force.", WITHDRAWN),
    ("I3", "Nothing is handed over to a suppressed address.", SUPPRESSED),
    ("I4", "What ended as never sent has no attempt that may have arrived.", NEVER_SENT),
    ("I8", "No lease is over for five minutes without being reaped.", FORGOTTEN),
    (
        "I9",
        "Nobody got more marketing messages than the limits allow, nor two campaigns of a group too close.",
        OVER_CAP,
    ),
    (
        "I10",
        "No marketing message was handed over in somebody's quiet hours, nor outside the hours of their country.",
        QUIET,
    ),
    ("W1", "No event for an integrator leaves the queue without having arrived or used up its tries.", UNTOLD),
    ("I11", "Nobody who was held out got a marketing message of that campaign.", HELD_OUT),
):
    invariants.add(_name, Invariant(_name, _promise, _sql))
