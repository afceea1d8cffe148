"""What addresses about campaigns have in common, in this app and above it."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from campaigns import cohorts
from campaigns.models import Campaign
from crm import errors
from crm.rest import pages

# Whom a number is about: the same words as in the address of the report's page.
COHORT: Final = (
    OpenApiParameter(
        "period", str, enum=list(cohorts.PERIODS),
        description="Runs that entered then: in the last so many days of the workspace, today with them, or on the "
        "days `from` to `until`. Left out: `dates` where one of these is given, otherwise `all`.",
    ),
    OpenApiParameter("from", OpenApiTypes.DATE, description="The first day, with `period=dates`."),
    OpenApiParameter("until", OpenApiTypes.DATE, description="The last day, included."),
    OpenApiParameter(
        "version", {"type": "integer", "minimum": 1}, description="The number of the version they entered in."
    ),
)  # fmt: skip


def campaign_of(text: str) -> Campaign:
    found = Campaign.objects.select_related("version").filter(pk=pages.id_in_path("cmp", text)).first()
    if found is None:
        raise errors.Problem("", "not_found", "There is no campaign with this id.")
    return found


class RunTotals(serializers.Serializer[Any]):
    entered = serializers.IntegerField()
    active = serializers.DictField(child=serializers.IntegerField())
    outcomes = serializers.DictField(child=serializers.IntegerField())


class Waterfall(serializers.Serializer[Any]):
    """Where everybody is: `difference` is 0 unless somebody was lost."""

    audience = serializers.IntegerField()
    entered = serializers.IntegerField()
    not_entered = serializers.DictField(child=serializers.IntegerField())
    sent = serializers.DictField(child=serializers.IntegerField())
    skipped = serializers.DictField(child=serializers.IntegerField())
    waiting = serializers.IntegerField()
    planned = serializers.IntegerField()
    held_out = serializers.IntegerField()
    converted = serializers.IntegerField()
    runs = RunTotals()
    differences = serializers.DictField(child=serializers.IntegerField(), help_text="Which arithmetic does not fit.")
    difference = serializers.IntegerField()
