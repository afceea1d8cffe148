"""What this floor says of the events of a timeline: the campaign, its step and the version somebody travels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection
from django.urls import NoReverseMatch, reverse

from campaigns import palette
from campaigns.models import Campaign, Version
from crm import history
from crm.models import Event

RUNS: Final = "SELECT id, version_id FROM campaigns_enrolment WHERE id = ANY(%s)"


def resolve(events: Sequence[Event]) -> dict[int, dict[str, Any]]:
    """Campaign, step and version of each event that came of one. Three queries."""
    of_campaign = {event.pk: event.campaign_ref for event in events if event.campaign_ref}
    if not of_campaign:
        return {}
    names = dict(Campaign.objects.filter(pk__in=set(of_campaign.values())).values_list("pk", "name"))
    mine = [event for event in events if of_campaign.get(event.pk) in names]
    versions = _versions([run for event in mine if isinstance(run := event.properties.get("run_id"), int)])
    return {
        event.pk: {
            "campaign": names[of_campaign[event.pk]],
            "url": address(of_campaign[event.pk]),
            **_step(event, versions),
        }
        for event in mine
    }


def address(campaign_id: int) -> str:
    """The page of a campaign."""
    try:
        return reverse("campaigns:journey", args=[campaign_id])
    except NoReverseMatch:
        return ""


def _step(event: Event, versions: Mapping[int, tuple[int, Mapping[str, str]]]) -> dict[str, Any]:
    found = versions.get(event.properties.get("run_id") or 0)
    if found is None:
        return {}
    return {"version": found[0], "step": found[1].get(str(event.properties.get("step")), "")}


def _versions(run_ids: Sequence[int]) -> dict[int, tuple[int, Mapping[str, str]]]:
    """Run → the number of its version, and what the steps of that are called."""
    if not run_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(RUNS, [sorted(set(run_ids))])
        of_run = dict(cursor.fetchall())
    known = {
        version.pk: (version.number, palette.names(version.document))
        for version in Version.objects.filter(pk__in=set(of_run.values()))
    }
    return {run: known[version] for run, version in of_run.items() if version in known}


history.resolvers.add("campaigns", resolve, order=20)
