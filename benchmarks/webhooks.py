"""How fast one worker tells integrators: one endpoint, a hundred, and a hundred of which ninety never answer in time.

The receiver is a process of its own on this machine. The floor makes the same signed calls by as many threads, without
a database.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks import ground

CALLS = int(os.environ.get("BENCH_CALLS", "4000"))
FEW, MANY, SLOW = 1, 100, 90
RECEIVER = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Taking(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if "slow" in self.path: time.sleep(8)
        self.send_response(204); self.end_headers()
    def log_message(self, *said): pass
class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
server = Server(("127.0.0.1", 0), Taking)
print(server.server_port, flush=True)
server.serve_forever()
"""
PUT = """
INSERT INTO channels_webhookdelivery (endpoint_id, event_id, kind, payload, due_at, created_at)
SELECT ids[1 + n %% array_length(ids, 1)], 'evt_' || n, 'contact.created', %(payload)s, clock_timestamp(),
  clock_timestamp() FROM generate_series(1, %(n)s) n, (SELECT %(ids)s::bigint[] AS ids) e
"""
DONE = "SELECT count(*) FROM channels_webhookdelivery WHERE state = 'done'"
PAYLOAD = json.dumps({"type": "contact.created", "timestamp": "2026-05-04T09:30:00Z", "data": {"contact": "ctc_3k9"}})


def main() -> None:
    from django.conf import settings

    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    base = f"http://127.0.0.1:{int(receiver.stdout.readline())}"
    try:
        floor = _floor(base)
        for count in (FEW, MANY):
            name = f"webhooks: {count} endpoint{'s' if count > 1 else ''}, one worker"
            ground.report(ground.Figure(name, CALLS / _told(base, count, 0), floor, "calls/s", "none, told"))
        name = f"webhooks: all told to the {MANY - SLOW} of {MANY} endpoints that answer, the others asleep"
        ground.report(ground.Figure(name, _told(base, MANY, SLOW), None, "s", "< 30 s from the first start"))
    finally:
        receiver.kill()


def _told(base: str, count: int, slow: int) -> float:
    """How long, in seconds, until all is told to those that answer, by a process that knows none of them yet."""
    from channels.webhooks import sending

    sending._well.clear()
    ground.sql("TRUNCATE channels_webhookdelivery, channels_webhookendpoint RESTART IDENTITY CASCADE")
    ids = [_endpoint(f"{base}/{'slow' if number < slow else 'fast'}/{number}") for number in range(count)]
    ground.sql(PUT, {"ids": ids, "n": CALLS, "payload": PAYLOAD})
    ground.sql("ANALYZE channels_webhookdelivery")
    begun = time.perf_counter()
    worker = threading.Thread(target=_work, args=(sending.work,), daemon=True)
    worker.start()
    wanted = CALLS * (count - slow) // count
    while ground.sql(DONE)[0][0] < wanted:
        time.sleep(0.02)
    took = time.perf_counter() - begun
    ground.sql("UPDATE channels_webhookendpoint SET active = false")
    worker.join()
    return took


def _work(turn: Callable[[], int]) -> None:
    from django.db import connection

    while turn():
        pass
    connection.close()


def _endpoint(url: str) -> int:
    from channels.models import WebhookEndpoint
    from channels.webhooks import endpoints

    row = WebhookEndpoint()
    endpoints.put(row, {"name": url[-40:], "url": url, "kinds": ["*"]}, "bench")
    return int(row.pk)


def _floor(base: str) -> float:
    """The same calls without rows."""
    from channels.webhooks import lanes, queue, sending
    from crm import clock

    secret = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
    now = clock.real()
    calls = [
        queue.Claimed(n, 1, f"evt_{n}", PAYLOAD, 1, now, f"{base}/fast/0", (secret,), uuid.uuid4())
        for n in range(CALLS)
    ]
    with ground.stopwatch() as spent, ThreadPoolExecutor(lanes.THREADS) as pool:
        answers = list(pool.map(sending.call, calls))
    assert all(each.arrived for each in answers), answers[0]
    return CALLS / spent[0]
