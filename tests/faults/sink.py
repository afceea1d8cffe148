"""A real SMTP server that writes down what it took, in a process of its own.

    python -m tests.faults.sink LOG PORT_FILE [--delay SECONDS] [--drop-every N]

It takes its time (`--delay` a message) until a file "hurry" lies beside LOG.
LOG gets a line for each message taken: time, recipient, Message-ID; written before the answer.
Every Nth message is taken, written down, and its connection dropped without an answer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import time
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

MESSAGE_ID = re.compile(rb"^Message-ID: *<([^>]+)>", re.MULTILINE | re.IGNORECASE)


class Taker:
    def __init__(self, log: Path, delay: float, drop_every: int) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.delay = delay
        self.hurry = log.with_name("hurry")
        self.drop_every = drop_every
        self.taken = 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd names it
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        found = MESSAGE_ID.search(envelope.content)
        name = found[1].decode() if found else "none"
        os.write(self.log, f"{time.time():.6f} {envelope.rcpt_tos[0]} {name}\n".encode())
        self.taken += 1
        if self.drop_every and self.taken % self.drop_every == 0:
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]
            return "250 never heard"
        if self.delay and not self.hurry.exists():
            await asyncio.sleep(self.delay)
        return f"250 2.0.0 Ok: queued as S{self.taken}"


async def serve(options: argparse.Namespace) -> None:
    taker = Taker(options.log, options.delay, options.drop_every)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(taker, hostname="sink.test"), "127.0.0.1", 0)
    half = options.port_file.with_suffix(".half")
    half.write_text(str(server.sockets[0].getsockname()[1]))
    half.rename(options.port_file)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("port_file", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--drop-every", type=int, default=0)
    asyncio.run(serve(parser.parse_args()))
