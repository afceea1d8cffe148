"""A small name server of our own: it speaks the real protocol on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@contextmanager
def serving(records: Mapping[str, list[str]], *, silent: bool = False) -> Iterator[str]:
    """Answers TXT questions from `records`; yields its address. `silent`: it answers nobody."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                asked, who = server.recvfrom(4096)
            except TimeoutError:
                continue
            if not silent:
                server.sendto(_answer(asked, records), who)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        host, port = server.getsockname()
        yield f"{host}:{port}"
    finally:
        over.set()
        thread.join(2)
        server.close()


def _answer(asked: bytes, records: Mapping[str, list[str]]) -> bytes:
    question = dns.message.from_wire(asked)
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.RA
    name = question.question[0].name
    known = records.get(name.to_text().rstrip("."))
    if known is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif known:
        # Long texts travel in pieces of 255 bytes.
        quoted = [" ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255)) for text in known]
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
    return answer.to_wire()
