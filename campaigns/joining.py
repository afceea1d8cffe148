"""Two contacts become one: what they both have in a campaign is settled before the tables are rewritten.

Of two active runs the older stays, the other ends as `merged`; runs of the same key are numbered on
(decision B21). Where both have the same small row (an arm, a refusal), the survivor's stays.
"""

from __future__ import annotations

from django.db import connection

from campaigns import runs
from channels import outbox
from crm import clock

MERGED = "merged"

PAIRS = "unnest(%s::bigint[], %s::bigint[]) AS p(loser, winner)"
# Every contact concerned and who it will be.
WHO = f"SELECT loser AS contact, winner FROM {PAIRS} UNION SELECT winner, winner FROM {PAIRS}"  # noqa: S608 - our own words

NEWER = f"""
WITH who AS ({WHO})
SELECT id FROM (
  SELECT r.id, row_number() OVER (PARTITION BY r.campaign_id, who.winner, r.lane ORDER BY r.entered_at, r.id) AS place
  FROM campaigns_enrolment r JOIN who ON who.contact = r.contact_id WHERE r.state <> 'done'
) AS active WHERE place > 1 ORDER BY id
"""  # noqa: S608

NUMBER_ON = f"""
WITH who AS ({WHO}), mine AS (
  SELECT r.id, r.contact_id <> who.winner AS moves,
         max(r.entry_seq) OVER same AS highest,
         row_number() OVER (PARTITION BY r.campaign_id, who.winner, r.key, r.contact_id <> who.winner
                            ORDER BY r.entered_at, r.id) AS place
  FROM campaigns_enrolment r JOIN who ON who.contact = r.contact_id
  WINDOW same AS (PARTITION BY r.campaign_id, who.winner, r.key)
)
UPDATE campaigns_enrolment r SET entry_seq = mine.highest + mine.place FROM mine WHERE r.id = mine.id AND mine.moves
"""  # noqa: S608

# Table -> what beside the contact makes a row unique, and which of two stays.
TWINS = {
    "campaigns_candidate": ("campaign_id", "at"),
    "campaigns_arm": ("campaign_id, step", "id"),
    "campaigns_refusal": ("campaign_id, reason, event", "id"),
    "campaigns_pendingentry": ("campaign_id, entry_index, key", "occurred_at DESC"),
}


def solve(pairs: list[tuple[int, int]]) -> None:
    """(loser, winner): called in the merging transaction, before contact ids are rewritten."""
    now = clock.now()
    sides = [[loser for loser, _ in pairs], [winner for _, winner in pairs]]
    runs.lock(sorted({contact for pair in pairs for contact in pair}))
    with connection.cursor() as cursor:
        cursor.execute(NEWER, sides * 2)
        newer = [run for (run,) in cursor.fetchall()]
        if newer:
            runs.end([(run, MERGED) for run in newer], now)
            outbox.revoke(run_ids=newer, reason="recalled", now=now)
        cursor.execute(NUMBER_ON, sides * 2)
        # By the run: the partitions have an index for that, and none for the contact.
        cursor.execute(
            f"""UPDATE campaigns_visit v SET contact_id = p.winner FROM {PAIRS}
                JOIN campaigns_enrolment r ON r.contact_id = p.loser WHERE v.run_id = r.id""",  # noqa: S608
            sides,
        )
        for table, (unique, order) in TWINS.items():
            cursor.execute(
                f"""WITH who AS ({WHO})
                    DELETE FROM {table} WHERE id IN (
                      SELECT id FROM (
                        SELECT t.id, row_number() OVER (PARTITION BY {unique}, who.winner
                                                        ORDER BY t.contact_id <> who.winner, {order}) AS place
                        FROM {table} t JOIN who ON who.contact = t.contact_id) AS twins
                      WHERE place > 1)""",  # noqa: S608 - our own words
                sides * 2,
            )


def part(pairs: list[tuple[int, int]]) -> None:
    """(loser, winner): called when a join was undone and the runs are back; what they came by goes with them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_visit v SET contact_id = p.loser FROM {PAIRS}
                JOIN campaigns_enrolment r ON r.contact_id = p.loser WHERE v.run_id = r.id""",  # noqa: S608
            [[loser for loser, _ in pairs], [winner for _, winner in pairs]],
        )


# What a join may change here beside whose it is (`crm.identity.journal`).
IMAGES = {
    "campaigns_enrolment": "true",
    "campaigns_subscription": "true",
    "campaigns_arm": "true",
    "campaigns_pendingentry": "true",
    "campaigns_refusal": "true",
    "campaigns_candidate": "true",
}
