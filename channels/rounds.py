"""The rounds of this floor: leases that ran out first, then what is due."""

from __future__ import annotations

from channels import complaints, confirming, copies, form_letters, reports
from channels.outbox import delivery, reaper
from channels.webhooks import queue, sending, telling
from crm.registry import Round, rounds

rounds.add("channels.reap", Round("channels.reap", reaper.reap, reaper.pending, every_seconds=5), order=60)
rounds.add(confirming.ROUND, Round(confirming.ROUND, confirming.send, confirming.pending), order=65)
rounds.add(
    form_letters.ROUND, Round(form_letters.ROUND, form_letters.send, form_letters.pending, every_seconds=5), order=66
)
rounds.add(copies.ROUND, Round(copies.ROUND, copies.send, copies.pending, every_seconds=5), order=67)
rounds.add("channels.deliver", Round("channels.deliver", delivery.deliver, delivery.pending), order=70)
rounds.add(
    "channels.complaints",
    Round("channels.complaints", complaints.guard, complaints.pending, every_seconds=60),
    order=190,
)
rounds.add(telling.ROUND, Round(telling.ROUND, sending.work, queue.pending, every_seconds=2), order=300)
rounds.add(reports.ROUND, Round(reports.ROUND, reports.work, reports.pending, every_seconds=2), order=75)
