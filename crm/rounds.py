"""The work of this floor that waits in rows."""

from __future__ import annotations

from crm import confirming, duplicates, expiry, exports, renewal, retention, timeline, unconfirmed
from crm.capturing import seats
from crm.identity import merging
from crm.imports import work as imports
from crm.registry import Round, rounds
from crm.rights import access_files, erasure
from crm.segments import chores

rounds.add(timeline.ROUND, Round(timeline.ROUND, timeline.drain, timeline.pending, every_seconds=1), order=10)
rounds.add("crm.segments", Round("crm.segments", chores.work, chores.pending, every_seconds=5), order=20)
rounds.add("crm.renewal", Round("crm.renewal", renewal.work, renewal.pending, every_seconds=5), order=25)
rounds.add(
    "crm.segments.nightly",
    Round("crm.segments.nightly", chores.nightly, chores.nightly_pending, every_seconds=600),
    order=200,
)
rounds.add(expiry.ROUND, Round(expiry.ROUND, expiry.work, expiry.pending, every_seconds=60), order=26)
rounds.add(
    "crm.confirm.remind",
    Round("crm.confirm.remind", confirming.remind, confirming.reminders, every_seconds=600),
    order=27,
)
rounds.add(
    unconfirmed.ROUND, Round(unconfirmed.ROUND, unconfirmed.work, unconfirmed.pending, every_seconds=3600), order=190
)
rounds.add(imports.ROUND, Round(imports.ROUND, imports.work, imports.pending, every_seconds=2), order=210)
rounds.add(
    "crm.imports.clean", Round("crm.imports.clean", imports.clean, imports.cleaning_due, every_seconds=600), order=220
)
rounds.add(duplicates.ROUND, Round(duplicates.ROUND, duplicates.work, duplicates.pending, every_seconds=5), order=230)
rounds.add(
    "crm.merges.clean", Round("crm.merges.clean", merging.clean, merging.cleaning_due, every_seconds=3600), order=235
)
exports.makers.add(access_files.WHAT, access_files.make)
rounds.add(exports.ROUND, Round(exports.ROUND, exports.work, exports.pending, every_seconds=5), order=215)
rounds.add("crm.seats.remind", Round("crm.seats.remind", seats.remind, seats.reminders, every_seconds=600), order=28)
rounds.add(erasure.ROUND, Round(erasure.ROUND, erasure.work, erasure.pending, every_seconds=5), order=240)
rounds.add(retention.ROUND, Round(retention.ROUND, retention.work, retention.pending, every_seconds=3_600), order=250)
