from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_indexes")]

    operations = [
        migrations.AddField("campaign", "archived_at", models.DateTimeField(null=True)),
    ]
