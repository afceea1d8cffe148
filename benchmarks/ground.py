"""The ground benchmarks stand on: a database of their own, people, and a way to report.

Nothing here is a timed test: a benchmark prints what it measured and the floor of the
same run on the same tables, and never fails.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parent / "README.md"
START, END = "<!-- figures -->", "<!-- end of figures -->"
# All times of generated facts hang on this instant, so that two runs see the same data.
EPOCH = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass
class Figure:
    """One measured thing: `ours` and `floor` in `unit` (more is better unless `unit` is a time)."""

    name: str
    ours: float
    floor: float | None
    unit: str
    target: str
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None


_figures: list[Figure] = []


def report(figure: Figure) -> None:
    """Print a figure and remember it for `save()`."""
    _figures.append(figure)
    digits = 3 if figure.ours < 10 else 0
    floor = f"floor {figure.floor:,.1f}, ratio {figure.ratio:.2f}" if figure.floor else "no floor"
    print(
        f"  {figure.name}: {figure.ours:,.{digits}f} {figure.unit} ({floor}; target {figure.target}) {figure.note}",
        flush=True,
    )


def save() -> None:
    """Merge this run's figures into results.json, by name."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"figures": {}}
    known["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    known["at"] = datetime.now(UTC).date().isoformat()
    for figure in _figures:
        known["figures"][figure.name] = {**asdict(figure), "ratio": figure.ratio}
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    _tell(known)


def _tell(known: dict[str, Any]) -> None:
    """The table in README.md, between its two marks."""
    lines = ["| what | measured | floor of the same run | ratio | target |", "|---|---|---|---|---|"]
    for figure in known["figures"].values():
        floor = f"{_rounded(figure['floor'])} {figure['unit']}" if figure["floor"] else ""
        ratio = f"{figure['ratio']:.2f}" if figure["ratio"] else ""
        note = f" ({figure['note']})" if figure["note"] else ""
        measured = f"{_rounded(figure['ours'])} {figure['unit']}"
        lines.append(f"| {figure['name']}{note} | {measured} | {floor} | {ratio} | {figure['target']} |")
    before, _, rest = README.read_text().partition(START)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{START}\n{known['at']}, {known['machine']}\n\n" + "\n".join(lines) + f"\n{END}{after}")


def _rounded(value: float) -> str:
    return f"{value:,.3f}" if value < 10 else f"{value:,.0f}"


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """`with stopwatch() as took: …` then `took[0]` is seconds of wall time."""
    took = [0.0]
    start = time.perf_counter()
    try:
        yield took
    finally:
        took[0] = time.perf_counter() - start


def fresh_database(name: str = "cauce_bench") -> None:
    """Make an empty database of this name on the configured server and migrate it. Call before any model import."""
    import psycopg2
    from django.db import connection

    admin = psycopg2.connect(**address() | {"dbname": "postgres"})
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    admin.close()
    from django.core.management import call_command

    from crm import partitions

    connection.close()
    connection.settings_dict["NAME"] = name
    partitions.forget()  # those of the database before are gone
    call_command("migrate", verbosity=0)


def address() -> dict[str, str]:
    """Where the database is, as psycopg2 wants it."""
    from django.db import connection

    params = connection.get_connection_params()
    return {key: params[key] for key in ("dbname", "user", "password", "host", "port") if params.get(key)}


def sql(statement: str, params: object = None) -> list[tuple]:
    """Run one statement, return its rows (if any)."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


PEOPLE = """
INSERT INTO crm_address (id, medium, value, hash, created_at)
SELECT n, 'email', 'p' || n || '@example.com', encode(sha256(('email:p' || n)::bytea), 'hex'), %(epoch)s
FROM generate_series(1, %(n)s) n;
INSERT INTO crm_address (id, medium, value, hash, created_at)
SELECT %(n)s + n, 'phone', '+346' || lpad(n::text, 8, '0'), encode(sha256(('phone:' || n)::bytea), 'hex'), %(epoch)s
FROM generate_series(1, %(n)s) n;
INSERT INTO crm_contact (id, given_name, sort_name, country, city, language, zone, fields, created_at, updated_at)
SELECT n, 'Person ' || n, 'person ' || n, (ARRAY['ES','FR','DE','GB','IT'])[1 + n %% 5],
  'City ' || n %% 500, (ARRAY['es','fr','de','en','it'])[1 + n %% 5], 'Europe/Madrid',
  jsonb_build_object('tier', (ARRAY['gold','silver','bronze','none'])[1 + n %% 4], 'size', 36 + n %% 10),
  %(epoch)s, %(epoch)s
FROM generate_series(1, %(n)s) n;
INSERT INTO crm_identifier (contact_id, kind, value, address_id, created_at)
SELECT n, 'email', 'p' || n || '@example.com', n, %(epoch)s FROM generate_series(1, %(n)s) n;
INSERT INTO crm_identifier (contact_id, kind, value, address_id, created_at)
SELECT n, 'phone', '+346' || lpad(n::text, 8, '0'), %(n)s + n, %(epoch)s FROM generate_series(1, %(n)s) n;
INSERT INTO crm_consentstate (contact_id, purpose, channel, address_id, state, basis, since, receipt_id)
SELECT n, 'offers', 'email', n, CASE WHEN n %% 10 < 7 THEN 'granted' ELSE 'refused' END, 'consent', %(epoch)s, n
FROM generate_series(1, %(n)s) n;
INSERT INTO crm_consentstate (contact_id, purpose, channel, address_id, state, basis, since, receipt_id)
SELECT n, 'offers', 'sms', %(n)s + n, CASE WHEN n %% 10 < 4 THEN 'granted' ELSE 'refused' END, 'consent', %(epoch)s, n
FROM generate_series(1, %(n)s) n;
SELECT setval(pg_get_serial_sequence('crm_contact', 'id'), %(n)s);
SELECT setval(pg_get_serial_sequence('crm_address', 'id'), 2 * %(n)s);
"""

# Activity is skewed: a fifth of the people do most of it. Days go back half a year from EPOCH.
EVENTS = """
INSERT INTO crm_event (contact_id, name, properties, occurred_at, recorded_at, received_at, context)
SELECT 1 + (((n * 7919::bigint) %% %(n)s) * ((n * 104729::bigint) %% 1000) / 1000)::bigint,
  (ARRAY['Product Viewed','Message Opened','Order Completed','Cart Viewed','Message Sent'])[1 + n %% 5],
  CASE WHEN n %% 5 = 2
       THEN jsonb_build_object('order_id', 'o' || n,
                               'total', jsonb_build_object('amount', (n %% 200)::text, 'currency', 'EUR'))
       ELSE jsonb_build_object('sku', 's' || n %% 1000) END,
  at, at, at, '{}'
FROM (SELECT n, %(epoch)s - make_interval(secs => ((n * 31337::bigint) %% 15552000)) AS at
      FROM generate_series(1, %(events)s) n) e
"""


def people(n: int, at: datetime = EPOCH) -> None:
    """`n` contacts with an e-mail, a phone and two consent states each, set-based."""
    sql(PEOPLE, {"n": n, "epoch": at})
    sql("ANALYZE")


def events(contacts: int, n: int, until: datetime = EPOCH) -> None:
    """`n` events over the half year before `until`, over the first `contacts` people."""
    from crm import partitions

    partitions.ensure_months("crm_event", [until - timedelta(days=30 * month) for month in range(8)])
    sql(EVENTS, {"n": contacts, "events": n, "epoch": until})
    sql("ANALYZE crm_event")
