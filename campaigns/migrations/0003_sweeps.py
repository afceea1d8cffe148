"""Pausing at scale, the audience as rows of their own, and room for hot updates of runs."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

ROOM = "ALTER TABLE campaigns_enrolment SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)"
NO_ROOM = "ALTER TABLE campaigns_enrolment RESET (fillfactor, autovacuum_vacuum_scale_factor)"


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0002_visits"),
    ]

    operations = [
        migrations.AddField("campaign", "resumed_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "campaign", "sweep", models.CharField(blank=True, db_default="", default="", max_length=8)
        ),
        migrations.AddField("campaign", "sweep_cursor", models.BigIntegerField(db_default=0, default=0)),
        migrations.AddIndex(
            "campaign",
            models.Index(condition=models.Q(("sweep", ""), _negated=True), fields=["id"], name="campaign_sweep"),
        ),
        migrations.AddField(
            "version",
            "exit_events",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80), default=list, size=None
            ),
        ),
        migrations.AddField("version", "concurrency", models.CharField(default="one_per_contact", max_length=16)),
        migrations.AddField("enrolment", "held_at", models.DateTimeField(null=True)),
        migrations.RemoveIndex("enrolment", "enrolment_message"),
        migrations.RunSQL(ROOM, NO_ROOM),
        migrations.CreateModel(
            name="Candidate",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("at", models.DateTimeField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="crm.contact",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "contact"), name="candidate_once")
                ],
            },
        ),
    ]
