"""One index fewer on runs: every advance writes to all of them. What is active is found by contact."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0003_sweeps"),
    ]

    operations = [
        migrations.RemoveIndex("enrolment", "enrolment_contact"),
        migrations.RemoveConstraint("enrolment", "enrolment_one_active"),
        migrations.AddConstraint(
            "enrolment",
            models.UniqueConstraint(
                condition=models.Q(("state", "done"), _negated=True),
                fields=("contact", "campaign", "lane"),
                name="enrolment_one_active",
            ),
        ),
    ]
