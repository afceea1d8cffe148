"""Who is restricted is found among millions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0021_sources")]
    operations = [
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(condition=models.Q(("restricted", True)), fields=["id"], name="contact_restricted"),
        ),
    ]
