"""The shapes of figures and reports as they go out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analytics import reports
from analytics.models import Period
from campaigns.rest import Waterfall
from crm.rest import fields, shapes

UNITS: Final = ("money", "count", "share")
KINDS: Final = ("flow", "level", "cohort")
KIND_HELP: Final = (
    "`flow` is added up over days, `level` is as of a day, `cohort` is counted over the people of a campaign "
    "(`campaigns/{id}/report/`)."
)
SUM: Final = {
    "type": "object",
    "properties": {"amount": {"type": "string", "example": "-42.50"}, "currency": {"type": "string"}},
    "required": ["amount", "currency"],
}


@extend_schema_field(
    {
        "oneOf": [SUM, {"type": "number"}],
        "nullable": True,
        "description": "By unit: money, a whole number, or a share (0.25 is 25 %). Null: nothing to say it of.",
    }
)
class FigureField(serializers.Field[Any, Any, Any, Any]):
    """A figure in the unit of its metric."""


@extend_schema_field(SUM)
class SumField(serializers.Field[Any, Any, Any, Any]):
    """Money that may be below zero."""


def figure(unit: str, value: Decimal | None, currency: str) -> Any:
    """A figure as it goes out."""
    if value is None:
        return None
    if unit == "money":
        return fields.money(value, currency)
    return round(float(value), 6) if unit == "share" else int(value)


class MetricShape(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="Stable, for programs.")
    name = serializers.CharField()
    means = serializers.CharField(help_text="What it counts, in the words of the pages.")
    unit = serializers.ChoiceField(choices=UNITS)
    kind = serializers.ChoiceField(choices=KINDS, help_text=KIND_HELP)


MetricPage = shapes.page_of("MetricPage", MetricShape)


class DayShape(serializers.Serializer[Any]):
    day = serializers.DateField()
    value = FigureField()


class KpiShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    metric = MetricShape()
    target = FigureField()
    good = serializers.ChoiceField(
        choices=("up", "down"), help_text="`up`: a target to be reached; `down`: a limit to be kept."
    )
    period = serializers.ChoiceField(choices=Period.values, help_text="What the target is for.")
    since = serializers.DateField(help_text="The first day of the period that is under way.")
    owner = serializers.CharField(allow_null=True)
    value = FigureField(help_text="So far in this period.")
    progress = serializers.FloatField(allow_null=True, help_text="Part of the target: 1 is all of it. Null: no target.")
    reached = serializers.BooleanField(allow_null=True, help_text="Or, of a limit: kept.")
    standing = serializers.CharField(allow_blank=True, help_text="The same in words, as Home says it.")
    days = DayShape(many=True, help_text="The days from `from` to `until`.")
    as_of = fields.InstantField(allow_null=True, help_text="When figures were last counted.")


KpiPage = shapes.page_of("KpiPage", KpiShape)


class CohortShape(serializers.Serializer[Any]):
    since = serializers.DateField(allow_null=True, help_text="The first day on which they entered.")
    until = serializers.DateField(allow_null=True, help_text="The last day, included.")
    version = serializers.IntegerField(allow_null=True)
    means = serializers.CharField(help_text="How the numbers follow from it.")


class ReasonShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    words = serializers.CharField()
    people = serializers.IntegerField()


class StepShape(serializers.Serializer[Any]):
    step = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    channel = serializers.CharField(allow_blank=True, help_text="Empty for a step that sends nothing.")
    arrived = serializers.IntegerField()
    sent = serializers.IntegerField()
    not_sent = serializers.IntegerField()
    opened = serializers.IntegerField(allow_null=True, help_text="Null: not measured on this channel.")
    clicked = serializers.IntegerField()
    cost = SumField()
    reasons = ReasonShape(many=True)


class GroupShape(serializers.Serializer[Any]):
    people = serializers.IntegerField()
    reached = serializers.IntegerField()
    rate = serializers.FloatField()
    value = SumField(help_text="What they spent by the goal.")


class IntervalShape(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()
    confidence = serializers.FloatField()


class LiftShape(serializers.Serializer[Any]):
    treated = GroupShape()
    held_out = GroupShape()
    difference = serializers.FloatField(help_text="Of the shares; 0.031 is 3.1 points.")
    interval = IntervalShape(allow_null=True, help_text="Null while one of the groups is empty.")
    verdict = serializers.ChoiceField(choices=list(reports.VERDICTS), help_text="Follows the interval.")
    words = serializers.CharField()
    extra = serializers.FloatField(help_text="How many of the treated would not have done it otherwise.")
    extra_value = SumField()
    more_people = serializers.IntegerField(allow_null=True, help_text="Until there is a verdict. Null: out of sight.")
    more_days = serializers.IntegerField(allow_null=True, help_text="The same at the pace of the last thirty.")


class GoalShape(serializers.Serializer[Any]):
    reached = serializers.IntegerField()
    held_out = serializers.IntegerField(help_text="Those of them who were held out.")


class CostShape(serializers.Serializer[Any]):
    total = SumField()
    messages = serializers.IntegerField()
    unpriced = serializers.IntegerField(help_text="Sent messages whose account had no price.")
    per_extra = SumField(allow_null=True, help_text="For each goal more; null while nothing is proven.")


class OptOutShape(serializers.Serializer[Any]):
    people = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True)


class ReportShape(serializers.Serializer[Any]):
    campaign = serializers.CharField()
    at = fields.InstantField()
    cohort = CohortShape()
    waterfall = Waterfall()
    steps = StepShape(many=True)
    goal = GoalShape()
    lift = LiftShape()
    cost = CostShape()
    opt_outs = OptOutShape()
