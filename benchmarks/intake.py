"""Durable intake of events over HTTP in batches of 100, beside the bare insert of the same rows.

Web server, clients and PostgreSQL share the machine. An event counts when its request was
answered, which is after its commit. The floor inserts the same rows (event, key, place in the
queue) with one statement and one commit per 100, from as many connections.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks import ground
from benchmarks.ground import Figure, report, stopwatch

PEOPLE = 20_000
EVENTS = int(os.environ.get("BENCH_EVENTS", "60000"))
BATCH = 100
CLIENTS = 4


def bodies(prefix: str, count: int) -> list[bytes]:
    """Requests of 100 events each, for known people; one in ten with an event id of the shop."""
    made = []
    for start in range(0, count, BATCH):
        events = [
            {"contact": {"email": f"p{1 + n % PEOPLE}@example.com"}, "name": "Product Viewed",
             "event_id": f"{prefix}{n}", "channel": "web", "properties": {"sku": f"s{n % 1000}", "price": n % 90}}
            for n in range(start, min(start + BATCH, count))
        ]  # fmt: skip
        made.append(json.dumps({"events": events}).encode())
    return made


def serve(port: int) -> subprocess.Popen[bytes]:
    where = ground.address()
    login = where["user"] + (f":{where['password']}" if "password" in where else "")
    host = where.get("host", "")
    place = (
        f"/{where['dbname']}?host={host}"
        if host.startswith("/")
        else f"{host}:{where.get('port', 5432)}/{where['dbname']}"
    )
    url = f"postgres://{login}@{place}"
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--port", str(port), "--workers", "2",
         "--blocking-threads", "2", "--log-level", "critical", "config.wsgi:application"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.settings", "DATABASE_URL": url,
             "API_RATE_PER_MINUTE": "10000000"},
    )  # fmt: skip


def post_all(port: int, key: str, requests: list[bytes]) -> int:
    """Send all from `CLIENTS` connections; answers how many events were accepted."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def work(mine: list[bytes]) -> int:
        client = HTTPConnection("127.0.0.1", port)
        accepted = 0
        for body in mine:
            client.request("POST", "/api/v1/events/batch/", body, headers)
            answer = json.loads(client.getresponse().read())
            accepted += answer["accepted"]
        return accepted

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(work, [requests[n::CLIENTS] for n in range(CLIENTS)]))


def insert_all(requests: list[list[Any]]) -> None:
    """The floor: the same rows by one statement per 100."""
    import psycopg2

    from crm import arrays, clock, timeline

    where = ground.address()

    def work(mine: list[list[Any]]) -> None:
        raw = psycopg2.connect(**where)
        for rows in mine:
            with raw, raw.cursor() as cursor:
                cursor.execute(timeline.RECORD, [*arrays.parameters(rows, len(timeline.COLUMNS)), clock.now()])
        raw.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, [requests[n::CLIENTS] for n in range(CLIENTS)]))


def main() -> None:
    from crm import apikeys, clock, partitions

    ground.people(PEOPLE)
    partitions.ensure_months("crm_event", [clock.now()])
    key = apikeys.create("admin", name="bench")
    rows = [
        [(1 + n % PEOPLE, "Product Viewed", {"sku": f"s{n % 1000}", "price": n % 90}, clock.now(), f"f{n}", "web", "",
          "", None, {}, False) for n in range(start, start + BATCH)]
        for start in range(0, EVENTS, BATCH)
    ]  # fmt: skip
    with stopwatch() as took:
        insert_all(rows)
    floor = EVENTS / took[0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = serve(port)
    try:
        _until_up(port)
        post_all(port, key, bodies("warm", 2_000))
        requests = bodies("e", EVENTS)
        with stopwatch() as took:
            accepted = post_all(port, key, requests)
        assert accepted == EVENTS, accepted
        report(Figure("durable intake, batches of 100", accepted / took[0], floor, "events/s", "≥ 12,000/s"))
    finally:
        server.terminate()
        server.wait()


def _until_up(port: int) -> None:
    for _ in range(200):
        try:
            client = HTTPConnection("127.0.0.1", port)
            client.request("GET", "/healthz")
            if client.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the web server did not start")
