"""Forms people fill in by themselves: what stands in them, what came back, and who has a seat."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow, RealNow
from crm.models.contact import Contact
from crm.models.team import User


class Form(models.Model):
    """`document` is worked on; `live` is what the world sees, None while it is not published.

    Both hold `blocks`, `thanks`, and what the kind needs (`crm.capturing.blocks`). Written by
    `crm.capturing.office` alone.
    """

    class Kind(models.TextChoices):
        PLAIN = "plain"
        QUIZ = "quiz"
        LEADMAGNET = "leadmagnet"
        EVENT = "event"
        POLL = "poll"

    name = models.CharField(max_length=120)
    # Its public address `/f/<slug>`, and its name in events, rules and receipts; it never changes.
    slug = models.CharField(max_length=60, db_collation="C")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    language = models.CharField(max_length=8)
    document = models.JSONField(default=dict)
    live = models.JSONField(null=True)
    published_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=BusinessNow())
    updated_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slug"], name="form_slug_once")]

    def __str__(self) -> str:
        return self.name


class FormFile(models.Model):
    """What a lead magnet gives; the one file of its form."""

    form = models.OneToOneField(Form, on_delete=models.CASCADE, related_name="file")
    name = models.CharField(max_length=160)
    media_type = models.CharField(max_length=80)
    size = models.IntegerField()
    content = models.BinaryField()
    added_at = models.DateTimeField(db_default=RealNow())


class FormDay(models.Model):
    """How often a form was opened and sent on a day at a placement; no cookie counts anybody twice or once."""

    form = models.ForeignKey(Form, on_delete=models.CASCADE, db_index=False)
    placement = models.CharField(max_length=40, default="", db_default="", db_collation="C")
    day = models.DateField()
    views = models.IntegerField(default=0, db_default=0)
    answers = models.IntegerField(default=0, db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["form", "day", "placement"], name="formday_once")]


class FormAnswer(models.Model):
    """What somebody sent once. `token` comes with the page, so that sending twice is once.

    `answers`: block id → value. `score`: of an NPS question. `result`: of a quiz, or how a seat was given.
    """

    form = models.ForeignKey(Form, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, null=True, db_index=False)
    token = models.CharField(max_length=40, db_collation="C")
    answers = models.JSONField(default=dict)
    score = models.SmallIntegerField(null=True)
    result = models.CharField(max_length=20, default="", db_default="")
    placement = models.CharField(max_length=40, default="", db_default="", db_collation="C")
    utm = models.JSONField(default=dict)
    receipts = models.JSONField(default=list)
    at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token"], name="formanswer_once")]
        indexes = [
            models.Index(fields=["form", "-id"], name="formanswer_form"),
            models.Index(fields=["contact"], name="formanswer_contact"),
        ]


class FormSeat(models.Model):
    """Somebody's place at an event. `booked` are never more than the event has; `waiting` follow in their order."""

    class State(models.TextChoices):
        BOOKED = "booked"
        WAITING = "waiting"
        CANCELLED = "cancelled"

    form = models.ForeignKey(Form, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    answer = models.ForeignKey(FormAnswer, on_delete=models.CASCADE, db_index=False)
    state = models.CharField(max_length=10, choices=State.choices)
    booked_at = models.DateTimeField(null=True)
    checked_in_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        indexes = [
            models.Index(fields=["form", "state", "id"], name="formseat_form"),
            models.Index(fields=["contact"], name="formseat_contact"),
            models.Index(fields=["answer"], name="formseat_answer"),
        ]


class FormLetter(models.Model):
    """A service message that a form promises: the file, the seat, the reminder. The queue of `channels.form_letters`.

    `wanted_at` empty: it waits for the address to be confirmed. Written by `crm.capturing.letters` alone.
    """

    class What(models.TextChoices):
        FILE = "file"
        SEAT = "seat"
        WAITING = "waiting"
        PROMOTED = "promoted"
        REMINDER = "reminder"

    what = models.CharField(max_length=10, choices=What.choices)
    answer = models.ForeignKey(FormAnswer, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    wanted_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["answer", "what"], name="formletter_once")]
        indexes = [
            models.Index(fields=["wanted_at"], name="formletter_wanted", condition=models.Q(sent_at__isnull=True)),
            models.Index(fields=["contact"], name="formletter_contact"),
        ]
