"""Answers already given belong to an actor, key or user; requests are counted in an unlogged table."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0002_timeline")]

    operations = [
        migrations.CreateModel(
            name="RateCount",
            fields=[
                ("slot", models.CharField(db_collation="C", max_length=100, primary_key=True, serialize=False)),
                ("minute", models.BigIntegerField()),
                ("n", models.IntegerField()),
            ],
        ),
        migrations.RunSQL("ALTER TABLE crm_ratecount SET UNLOGGED", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="idempotencyrecord", name="idempotency_once"),
        migrations.RemoveField(model_name="idempotencyrecord", name="api_key"),
        migrations.AddField(
            model_name="idempotencyrecord",
            name="actor",
            field=models.CharField(db_collation="C", default="", max_length=40),
            preserve_default=False,
        ),
        migrations.AlterField("idempotencyrecord", "key", models.CharField(db_collation="C", max_length=200)),
        migrations.AlterField("idempotencyrecord", "route", models.CharField(db_collation="C", max_length=200)),
        migrations.AddConstraint(
            model_name="idempotencyrecord",
            constraint=models.UniqueConstraint(fields=("actor", "route", "key"), name="idempotency_once"),
        ),
    ]
