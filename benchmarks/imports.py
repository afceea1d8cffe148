"""Import of contacts with consents, against bare COPY + upsert of the same rows into the same tables.

The floor is what a careful person would write by hand for exactly this file: values come
normalised and hashed, nothing is checked, nobody is looked up by more than one identifier.
It computes the receipts' hashes too, because they cover ids that only the database knows. Half of it is measured before
the import and half after, so that on average both write into tables and indexes of the same size.
"""

from __future__ import annotations

import csv
import io
import os
import resource
import tempfile
from pathlib import Path

from benchmarks import ground
from benchmarks.ground import Figure, report, stopwatch

COUNT = int(os.environ.get("BENCH_IMPORT", "200000"))
BATCH = 50_000
CONSENT = {
    "purpose": "offers", "channels": ["email", "sms"], "basis": "consent", "method": "paper_form",
    "source": "Card forms", "occurred_at": "2026-05-01T00:00:00Z",
}  # fmt: skip
MAPPING = {
    "email": "E-mail", "phone": "Mobile", "external_id": "Number", "given_name": "First name",
    "family_name": "Last name", "country": "Country", "city": "City", "fields.size": "Size",
}  # fmt: skip


def write_file(path: Path, first: int, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(list(MAPPING.values()))
        for n in range(first, first + count):
            writer.writerow(
                [
                    f"p{n}@example.com",
                    f"+346{n:08d}",
                    f"c{n}",
                    f"Name{n}",
                    f"Family{n}",
                    "ES",
                    f"City {n % 500}",
                    36 + n % 10,
                ]
            )


def ours(path: Path, held: list[float] | None = None) -> float:
    """Seconds for one import through the product. `held`: gets the memory of about each second."""
    from crm import clock
    from crm.imports import contacts
    from crm.imports.jobs import Job

    with stopwatch() as took:
        say = (lambda line: held.append(memory())) if held is not None else (lambda line: None)
        job = Job(path, "contacts", actor="bench", now=clock.now(), say=say)
        summary = contacts.run(path, MAPPING, CONSENT, job=job)
    assert summary.rejected == 0, summary.as_json()
    return took[0]


STAGE = """
DROP TABLE IF EXISTS bench_stage;
CREATE UNLOGGED TABLE bench_stage (
  id bigint DEFAULT nextval(pg_get_serial_sequence('crm_contact', 'id')), email text COLLATE "C",
  email_hash text COLLATE "C", phone text COLLATE "C", phone_hash text COLLATE "C", external_id text COLLATE "C",
  given_name text, family_name text, sort_name text, country text, city text, fields jsonb)
"""
UPSERT = """
INSERT INTO crm_contact (id, given_name, family_name, sort_name, country, city, zone, zone_source, fields,
  source, created_at, updated_at)
SELECT id, given_name, family_name, sort_name, country, city, 'Europe/Madrid', 'country', fields, 'floor',
  %(now)s, %(now)s FROM bench_stage;
INSERT INTO crm_address (medium, value, hash, created_at)
SELECT 'email', email, email_hash, %(now)s FROM bench_stage UNION ALL
SELECT 'phone', phone, phone_hash, %(now)s FROM bench_stage ON CONFLICT DO NOTHING;
INSERT INTO crm_identifier (contact_id, kind, value, address_id, source, created_at)
SELECT s.id, 'email', s.email, a.id, 'floor', %(now)s::timestamptz
  FROM bench_stage s JOIN crm_address a ON a.medium = 'email' AND a.hash = s.email_hash UNION ALL
SELECT s.id, 'phone', s.phone, a.id, 'floor', %(now)s
  FROM bench_stage s JOIN crm_address a ON a.medium = 'phone' AND a.hash = s.phone_hash UNION ALL
SELECT s.id, 'external_id', s.external_id, NULL, 'floor', %(now)s FROM bench_stage s ON CONFLICT DO NOTHING;
"""


def consents_sql(channel: str, column: str, medium: str, seq: int, previous: str) -> str:
    from crm import receipts

    hashed = receipts.hash_sql({
        "prev_hash": previous, "chain": "s.id", "chain_seq": str(seq), "purpose": "'offers'::text",
        "channel": f"'{channel}'::text", "address_hash": f"s.{column}", "action": "'granted'::text",
        "basis": "'consent'::text", "method": "'csv_import'::text", "source_hash": "%(source_hash)s::text",
        "wording": "''::text", "until": "NULL::timestamptz", "expires_at": "NULL::timestamptz",
        "occurred_at": "%(then)s::timestamptz", "recorded_at": "%(now)s::timestamptz", "evidence_hash": "''::text",
    })  # fmt: skip
    join = "" if seq == 1 else "JOIN crm_consentreceipt p ON p.chain = s.id AND p.chain_seq = 1"
    return f"""
    WITH given AS (
      INSERT INTO crm_consentreceipt (contact_id, chain, chain_seq, purpose, channel, address_id, address_hash, action,
        basis, method, source, source_hash, occurred_at, recorded_at, prev_hash, hash)
      SELECT s.id, s.id, {seq}, 'offers', '{channel}', a.id, s.{column}, 'granted', 'consent', 'csv_import',
        'Card forms', %(source_hash)s, %(then)s, %(now)s, {previous}, {hashed}
      FROM bench_stage s JOIN crm_address a ON a.medium = '{medium}' AND a.hash = s.{column} {join}
      RETURNING id, contact_id, address_id)
    INSERT INTO crm_consentstate (contact_id, purpose, channel, address_id, state, basis, since, receipt_id)
    SELECT contact_id, 'offers', '{channel}', address_id, 'granted', 'consent', %(then)s, id FROM given
    ON CONFLICT (contact_id, purpose, channel, address_id) DO UPDATE SET state = excluded.state;
    """


def floor(first: int, count: int) -> float:
    """Seconds for the same rows by hand."""
    from django.db import connection, transaction

    from crm import receipts

    columns = (
        "email", "email_hash", "phone", "phone_hash", "external_id", "given_name", "family_name", "sort_name",
        "country", "city", "fields",
    )  # fmt: skip
    hashed = receipts.source_hash("Card forms")
    statement = (
        UPSERT
        + consents_sql("email", "email_hash", "email", 1, "''::text")
        + consents_sql("sms", "phone_hash", "phone", 2, "p.hash")
    )
    seconds = 0.0
    for start in range(first, first + count, BATCH):
        lines = "".join(line(n) for n in range(start, min(start + BATCH, first + count)))
        with stopwatch() as took, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(STAGE)
            cursor.copy_from(io.StringIO(lines), "bench_stage", columns=columns)
            cursor.execute("ANALYZE bench_stage")
            cursor.execute(statement, {"now": ground.EPOCH, "then": ground.EPOCH, "source_hash": hashed})
        seconds += took[0]
    return seconds


def line(n: int) -> str:
    """A person as the stage takes them."""
    from crm import suppression

    cells = (
        f"p{n}@example.com",
        suppression.address_hash("email", f"p{n}@example.com"),
        f"+346{n:08d}",
        suppression.address_hash("phone", f"+346{n:08d}"),
        f"c{n}",
        f"Name{n}",
        f"Family{n}",
        f"family{n} name{n}",
        "ES",
        f"City {n % 500}",
        f'{{"size": "{36 + n % 10}"}}',
    )
    return "\t".join(cells) + "\n"


def memory() -> float:
    """What this process holds at this moment, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024 / 1024


def main() -> None:
    print(f"Import of {COUNT:,} contacts with two consents each")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write_file(path, COUNT, COUNT)
        half = COUNT // 2
        before = floor(0, half)
        ground.sql("ANALYZE")
        held: list[float] = [memory()]
        rate = COUNT / ours(path, held)
        again = COUNT / ours(path)
        floor_rate = 2 * half / (before + floor(2 * COUNT, half))
        report(Figure("import with consents", rate, floor_rate, "contacts/s", "≥ 0.70 of COPY + upsert"))
        middle, last = held[len(held) // 2], held[-1]
        told = f"{held[0]:.0f} before, {middle:.0f} half way, {last:.0f} at the end, of {COUNT:,} rows"
        report(Figure("import, memory at its highest", max(held), None, "MB", "≤ 300 MB, flat", told))
        report(Figure("import, unchanged again", again, rate, "contacts/s", "≥ 2 × the first import"))
