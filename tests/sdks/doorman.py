"""A door before the server: it can be shut for a while, and remembers what came through."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from crm.rest import bodies

PASSED = ("authorization", "content-type", "content-encoding", "origin", "anonymousid", "sentat",
          "access-control-request-headers", "access-control-request-method")  # fmt: skip


@dataclass
class Door:
    """`refusals` are the statuses that the next requests get without being let in."""

    target: str
    url: str = ""
    refusals: list[int] = field(default_factory=list)
    # Answers that are lost on their way back, after the server has done what was asked.
    lost: int = 0
    seen: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def guarded(target: str) -> Iterator[Door]:
    door = Door(target)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Guarded", (Guard,), {"door": door}))
    door.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Guard(BaseHTTPRequestHandler):
    door: Door
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._pass("POST")

    def do_GET(self) -> None:
        self._pass("GET")

    def do_OPTIONS(self) -> None:
        self._pass("OPTIONS")

    def _pass(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {name.lower(): value for name, value in self.headers.items()}
        self.door.seen.append({"path": self.path, "method": method, **told})
        if method == "POST" and self.door.refusals:
            self._refuse(self.door.refusals.pop(0))
            return
        status, headers, answer = self._ask(method, body, told)
        self.door.answers.append(status)
        if method == "POST" and self.door.lost:
            self.door.lost -= 1
            self._refuse(502)
            return
        self._answer(status, headers, answer)

    def _ask(self, method: str, body: bytes, told: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        headers = {name: told[name] for name in PASSED if name in told}
        asked = urllib.request.Request(self.door.target + self.path, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=20) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def _refuse(self, status: int) -> None:
        headers = {"Retry-After": "1"} if status == 429 else {}
        body = bodies.encode({"success": False, "code": "rate_limit", "message": "Too many requests."})
        self._answer(status, {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*", **headers}, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        del args
