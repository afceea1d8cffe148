"""What the way in asks and writes most: shared identifiers by their value, and one index less per event key."""

from django.db import migrations, models

LIKE_TWINS = """
DO $$
DECLARE twin text;
BEGIN
  FOR twin IN SELECT indexname FROM pg_indexes
              WHERE schemaname = current_schema() AND tablename IN ('crm_eventkey', 'crm_ratecount')
                AND indexname LIKE '%\\_like' LOOP
    EXECUTE format('DROP INDEX %I', twin);
  END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0004_receipt_hashes")]

    operations = [
        migrations.AddIndex(
            model_name="identifier",
            index=models.Index(
                fields=["kind", "value"], condition=models.Q(identifying=False), name="identifier_shared"
            ),
        ),
        # Django makes a twin for LIKE beside each unique text; nobody searches these by prefix.
        migrations.RunSQL(LIKE_TWINS, migrations.RunSQL.noop),
    ]
