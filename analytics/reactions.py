"""What this floor does about events: the funnel, and the days whose figures they change."""

from __future__ import annotations

from analytics import stages, staleness
from crm import clock, registry
from crm.timeline import Fact


def fold_stages(facts: list[Fact]) -> None:
    stages.follow(facts, clock.now())


def note_days(facts: list[Fact]) -> None:
    staleness.follow(facts)


registry.reactors.add("analytics.stages", fold_stages, order=30)
registry.withdrawal_listeners.add("analytics.stages", stages.follow_withdrawals)
registry.contact_joins.add("analytics.stages", stages.join, order=30)
registry.reactors.add("analytics.figures", note_days, order=40)
registry.contact_joins.add("analytics.figures", staleness.join, order=40)
registry.withdrawn_facts.add("analytics.figures", note_days, order=40)
registry.contact_tables.add("analytics_stagechange", "contact_id")
registry.contact_images.add("analytics_contactstage", "true")
registry.contact_splits.add("analytics.figures", staleness.join)
registry.contact_fields.add("stage", stages.of)
