"""An integrator's server as the tests need it: it refuses, is slow or hangs up on demand, and verifies what it gets."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

# What it does with one call: a status, or a word.
DROP, HALF, HANG = "drop", "half", "hang"
Behaviour = Callable[[int, dict[str, Any]], int | str]


class Receiver:
    """`got`: each call with headers and body, `verified` those whose signature holds, by event id."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.secret = ""
        self.got: list[dict[str, Any]] = []
        self.verified: Counter[str] = Counter()
        self.answer_headers: dict[str, str] = {}
        self.hanging = threading.Event()
        self.release = threading.Event()
        self.url = ""
        self.lock = threading.Lock()

    def verify(self, told: dict[str, Any]) -> None:
        if self.secret:
            Webhook(self.secret).verify(told["raw"], told["headers"])
            with self.lock:
                self.verified[told["headers"]["webhook-id"]] += 1

    def bodies(self) -> list[dict[str, Any]]:
        return [each["json"] for each in self.got]

    def kinds(self) -> list[str]:
        return [each["type"] for each in self.bodies()]


class _Handler(BaseHTTPRequestHandler):
    place: Receiver

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = {"headers": {name.lower(): value for name, value in self.headers.items()}, "json": json.loads(raw),
                "raw": raw, "path": self.path, "at": time.monotonic()}  # fmt: skip
        with self.place.lock:
            self.place.got.append(told)
            number = len(self.place.got)
        said = self.place.behave(number, told)
        if said == HANG:
            self.place.hanging.set()
            self.place.release.wait(30)
            said = 200
        if said != DROP:
            self._answer(said, told)

    def _answer(self, said: int | str, told: dict[str, Any]) -> None:
        status = 200 if said == HALF else int(said)
        if 200 <= status < 300 and said != HALF:
            self.place.verify(told)
        self.send_response(status)
        for name, value in self.place.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "100" if said == HALF else "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            return


@contextmanager
def receiver(behave: Behaviour | int = 200) -> Iterator[Receiver]:
    place = Receiver(behave if callable(behave) else lambda number, call: behave)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"place": place}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    try:
        yield place
    finally:
        place.release.set()
        server.shutdown()
        server.server_close()
