"""Who is found at a till by the last digits of a card or a phone."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0024_till_and_requests")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX identifier_end ON crm_identifier (reverse(value) text_pattern_ops)"
            " WHERE kind IN ('card', 'phone')",
            "DROP INDEX identifier_end",
        ),
    ]
