"""The shapes of campaigns as they come in and go out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm import references, words
from crm.rest import fields, shapes

STATUSES = ("draft", "live", "paused", "finished", "stopped")


class Trigger(shapes.Shape):
    contact = references.ReferenceField()
    key = fields.TextField(max_length=120, required=False, allow_blank=True)
    properties = fields.ObjectField(required=False)


class WarningShape(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class RunCounts(serializers.Serializer[Any]):
    entered = serializers.IntegerField()
    active = serializers.IntegerField()
    done = serializers.DictField(child=serializers.IntegerField(), help_text="By outcome.")
    converted = serializers.IntegerField()
    held_out = serializers.IntegerField()
    messages = serializers.DictField(child=serializers.IntegerField(), help_text="By state.")


class CampaignLine(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    purpose = serializers.CharField()
    message_class = serializers.ChoiceField(choices=words.MESSAGE_CLASSES)
    objective = serializers.CharField()
    revision = serializers.IntegerField()
    version = serializers.IntegerField(allow_null=True, help_text="The published version; null before the first.")
    published_at = fields.InstantField(allow_null=True)
    paused_at = fields.InstantField(allow_null=True)
    ended_at = fields.InstantField(allow_null=True)
    created_at = fields.InstantField()


class CampaignShape(CampaignLine):
    document = fields.ObjectField(help_text="The draft: what the next publish would freeze.")
    warnings = WarningShape(many=True)
    counts = RunCounts()


CampaignPage = shapes.page_of("CampaignPage", CampaignLine)


class TriggerAnswer(serializers.Serializer[Any]):
    run = serializers.CharField(allow_null=True)
    reason = serializers.CharField(help_text="Why there is no run; empty where there is one.")


class PersonShape(serializers.Serializer[Any]):
    contact = serializers.CharField()
    times = serializers.IntegerField(help_text="How often they were counted: two mails are two.")


PeoplePage = shapes.page_of("PeoplePage", PersonShape)


class VisitShape(serializers.Serializer[Any]):
    step = serializers.CharField()
    visit = serializers.IntegerField()
    at = fields.InstantField()
    port = serializers.CharField()
    reason = serializers.CharField()
    detail = fields.AnyField()


class RunShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    contact = serializers.CharField()
    version = serializers.IntegerField()
    key = serializers.CharField()
    state = serializers.ChoiceField(choices=("due", "waiting", "in_effect", "held", "done"))
    step = serializers.CharField()
    due_at = fields.InstantField(allow_null=True)
    held_out = serializers.BooleanField()
    outcome = serializers.CharField()
    entry = fields.AnyField()
    entered_at = fields.InstantField()
    ended_at = fields.InstantField(allow_null=True)
    visits = VisitShape(many=True)


RunPage = shapes.page_of("RunPage", RunShape)
