"""The chains cover what is personal by its hash alone: what is there already is chained anew."""

from typing import Any

from django.db import migrations, models

from crm import suppression

INSTANT = "coalesce((extract(epoch FROM {0}) * 1000000)::bigint::text, '')"
RECEIPT = (
    "{previous}", "r.chain::text", "r.chain_seq::text", "r.purpose", "r.channel", "r.address_hash", "r.action",
    "r.basis", "r.method", "r.source_hash", "r.wording", INSTANT.format("r.until"), INSTANT.format("r.expires_at"),
    INSTANT.format("r.occurred_at"), INSTANT.format("r.recorded_at"), "r.evidence_hash",
)  # fmt: skip
DIGEST = ("e.salt", "coalesce(e.before::text, '')", "coalesce(e.after::text, '')")
ENTRY = ("previous", "(extract(epoch FROM e.at) * 1000000)::bigint::text", "e.actor", "e.action", "e.subject",
         "e.digest")  # fmt: skip


def framed(parts: tuple[str, ...]) -> str:
    text = " || ".join(f"octet_length({part})::text || ':' || {part}" for part in parts)
    return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"


def receipts(cursor: Any) -> None:
    keyed, secret = suppression.keyed_hash_sql("source")
    cursor.execute("DROP TRIGGER IF EXISTS receipt_append_only ON crm_consentreceipt")
    cursor.execute(f"UPDATE crm_consentreceipt SET source_hash = {keyed} WHERE source <> ''", secret)  # noqa: S608
    cursor.execute("SELECT coalesce(max(chain_seq), 0) FROM crm_consentreceipt")
    (longest,) = cursor.fetchone()
    before = "coalesce(p.hash, '')"
    hashed = framed(tuple(part.format(previous=before) for part in RECEIPT))
    for place in range(1, longest + 1):
        cursor.execute(
            f"""UPDATE crm_consentreceipt t SET prev_hash = n.previous, hash = n.hash
                FROM (SELECT r.id, {before} AS previous, {hashed} AS hash FROM crm_consentreceipt r
                      LEFT JOIN crm_consentreceipt p ON p.chain = r.chain AND p.chain_seq = r.chain_seq - 1
                      WHERE r.chain_seq = %s) n
                WHERE t.id = n.id""",  # noqa: S608
            [place],
        )


def audit(cursor: Any) -> None:
    cursor.execute("DROP TRIGGER IF EXISTS audit_append_only ON crm_auditentry")
    cursor.execute("UPDATE crm_auditentry SET salt = replace(gen_random_uuid()::text, '-', '')")
    cursor.execute(f"UPDATE crm_auditentry e SET digest = {framed(DIGEST)}")  # noqa: S608
    cursor.execute(
        f"""DO $$
            DECLARE e crm_auditentry; previous text := '';
            BEGIN
              FOR e IN SELECT * FROM crm_auditentry ORDER BY id LOOP
                UPDATE crm_auditentry SET prev_hash = previous, hash = {framed(ENTRY)} WHERE id = e.id
                  RETURNING hash INTO previous;
              END LOOP;
            END $$"""  # noqa: S608
    )


def seal(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        receipts(cursor)
        audit(cursor)


class Migration(migrations.Migration):
    dependencies = [("crm", "0019_rights")]
    operations = [
        migrations.RunPython(seal, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(
                condition=models.Q(reason="erased", until__isnull=True),
                fields=["medium", "hash"],
                name="suppression_erased",
            ),
        ),
    ]
