"""All that a till does, by the name its entries have."""

from __future__ import annotations

from crm.till import consents, corrections, enrolling, entries, purchases, visits


def register() -> None:
    """Called once, when the app is ready."""
    entries.kinds.update({
        enrolling.KIND: enrolling.enrol, "purchase": purchases.purchase, "void": purchases.void,
        "consent": consents.change, "correct": corrections.correct, "served": visits.serve,
    })  # fmt: skip
