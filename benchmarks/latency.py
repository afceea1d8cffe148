"""From an event over REST to its message handed over, with `make run`'s own set-up.

A service message (it knows no quiet hours), one event every quarter of a second. Measured in the
database, from the event's arrival to the start of the network call, both on the machine's clock.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.ground import Figure, report

EVENTS = int(os.environ.get("BENCH_LATENCY", "120"))
PORT = 8199
DOCUMENT = {
    "name": "Receipt", "class": "service", "purpose": "service", "holdout_pct": 0,
    "entry": [{"type": "event", "event": "Form Submitted", "key": "properties.form_id", "reentry": "every_key"}],
    "steps": [{"id": "mail", "type": "send.email", "config": {"subject": "Got it", "text": "Thank you."}}],
}  # fmt: skip
DELAYS = """
SELECT extract(epoch FROM m.started_at - e.received_at) FROM channels_message m
JOIN campaigns_enrolment r ON r.id = m.run_id JOIN crm_event e ON e.name = 'Form Submitted'
  AND e.properties ->> 'form_id' = r.key WHERE m.started_at IS NOT NULL
"""


def main() -> None:
    import psycopg2

    home = Path(tempfile.mkdtemp(prefix="cauce-bench-", dir="/tmp"))
    home.chmod(0o711)
    dropped = (
        "DATABASE_URL",
        "DJANGO_SETTINGS_MODULE",
        "TESTING_CLOCK",
        "CAUCE_MODE",
        "CAUCE_PROCESS",
        "CELERY_BROKER_URL",
    )
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {"CAUCE_HOME": str(home), "CAUCE_ENV_FILE": "none"}

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip().splitlines()[-1]

    with (home / "up.log").open("w") as log:
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(PORT)], env=environment, stdout=log, stderr=log
        )
    try:
        _until_up()
        key = manage("create_api_key", "--role", "admin", "--name", "bench")
        campaign = _post(key, "campaigns/", DOCUMENT)["id"]
        _post(key, f"campaigns/{campaign}/publish/", {})
        for n in range(EVENTS):
            _post(key, "events/", {"contact": {"email": f"customer{n % 300}@example.com"}, "name": "Form Submitted",
                                   "properties": {"form_id": f"f{n}"}})  # fmt: skip
            time.sleep(0.25)
        time.sleep(5)
        with psycopg2.connect(manage("database_url")) as raw, raw.cursor() as cursor:
            cursor.execute(DELAYS)
            delays = sorted(float(row[0]) for row in cursor.fetchall())
        assert len(delays) == EVENTS, f"{len(delays)} of {EVENTS} were handed over; see {home}/logs"
        report(Figure("event to hand-off, p50", statistics.median(delays), None, "s", "< 1 s"))
        report(Figure("event to hand-off, p95", delays[int(EVENTS * 0.95)], None, "s", "≤ 2 s"))
    finally:
        up.terminate()
        up.wait(60)


def _post(key: str, path: str, body: object) -> dict[str, str]:
    request = Request(f"http://127.0.0.1:{PORT}/api/v1/{path}", json.dumps(body).encode(),
                      {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})  # fmt: skip
    with urlopen(request, timeout=30) as answer:
        return dict(json.loads(answer.read()))


def _until_up() -> None:
    for _ in range(600):
        try:
            with urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("`up` did not become ready")
