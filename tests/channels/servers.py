"""Providers as the tests need them: they refuse, fall silent and hang up on demand, on real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO


class SmtpServer:
    """An SMTP server whose answers are `replies` by verb; `final` answers the final dot.

    An answer of None hangs up instead. It notes what it was told and which messages it took.
    """

    def __init__(self, replies: Mapping[str, str | None], final: str | None, pipelining: bool) -> None:
        usual = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "RSET": "250 ok", "QUIT": "221 bye"}
        self.replies: dict[str, str | None] = {**usual, **replies}
        self.final = final
        self.pipelining = pipelining
        self.heard: list[str] = []
        self.taken: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            self._say(connection, "220 sink")
            for line in lines:
                text = line.decode().strip()
                verb = text[:4].upper()
                self.heard.append(text)
                if verb == "EHLO":
                    offers = "250-sink\r\n250-PIPELINING\r\n250 SIZE 1000000" if self.pipelining else "250 sink"
                    self._say(connection, offers)
                elif not self._say(connection, self.replies.get(verb, "500 what?")):
                    return
                elif verb == "DATA" and (self.replies["DATA"] or "").startswith("354"):
                    self._take(lines)
                    if not self._say(connection, self.final):
                        return

    def _take(self, lines: BinaryIO) -> None:
        content = b""
        for body in lines:
            if body == b".\r\n":
                break
            content += body[1:] if body.startswith(b".") else body
        if content:
            self.taken.append(content)

    @staticmethod
    def _say(connection: socket.socket, text: str | None) -> bool:
        if text is None:
            connection.shutdown(socket.SHUT_RDWR)
            return False
        connection.sendall(f"{text}\r\n".encode())
        return True


@contextmanager
def smtp_server(
    *, final: str | None = "250 2.0.0 Ok: queued as Q1", pipelining: bool = True, **replies: str | None
) -> Iterator[SmtpServer]:
    server = SmtpServer(replies, final, pipelining)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def http_server(
    status: int = 200, body: Any = None, *, headers: Mapping[str, str] | None = None, drop: bool = False
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(base URL, requests it got). `drop`: it reads the request and hangs up."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got.append({"path": self.path, "headers": dict(self.headers), "body": raw})
            if drop:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            answer = json.dumps(body if body is not None else {"id": "sms-1"}).encode()
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", got
    finally:
        server.shutdown()
        server.server_close()


def dead_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
