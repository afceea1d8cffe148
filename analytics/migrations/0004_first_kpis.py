from django.db import migrations

# In the order of the tiles. No targets: those are the company's own.
METRICS = ("campaign_revenue", "reachable", "repeat_rate", "cards", "opt_outs", "sales")


def make(apps, schema_editor):
    Kpi = apps.get_model("analytics", "Kpi")
    if not Kpi.objects.exists():
        Kpi.objects.bulk_create(
            [Kpi(metric=name, period="month", place=place) for place, name in enumerate(METRICS, start=1)]
        )


class Migration(migrations.Migration):

    dependencies = [
        ("analytics", "0003_figures"),
    ]

    operations = [
        migrations.RunPython(make, migrations.RunPython.noop),
    ]
