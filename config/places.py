"""Where the embedded servers keep their data and their sockets; pure paths, no Django."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

# A Unix socket path may have 107 bytes; checkouts and temporary folders are often deeper.
_SHORT_FOLDER = Path("/tmp")  # noqa: S108  (the folder below it is private and checked)


class CannotStart(RuntimeError):
    """An embedded server cannot run here; the message says why and what helps."""


def home_from(environment: dict[str, str] | os._Environ[str] = os.environ) -> Path:
    """The folder with all state of this installation (`CAUCE_HOME`)."""
    return Path(environment.get("CAUCE_HOME") or CHECKOUT / ".cauce").expanduser().resolve()


def socket_folder(home: Path) -> Path:
    """A short folder for the sockets of `home`, the same in every process of this user."""
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:10]
    return _SHORT_FOLDER / f"cauce-{os.geteuid()}-{digest}"


def broker_folder(home: Path) -> Path:
    """A folder of its own: under root, PostgreSQL's belongs to another user."""
    folder = socket_folder(home)
    return folder.with_name(folder.name + "-v")


def me() -> int:
    """The user this process runs as."""
    return os.geteuid()


def make_private(folder: Path, *, owner: int) -> None:
    """Create `folder` for `owner` alone (mode 0700).

    Raises CannotStart if somebody else made it before us: sockets in it could be theirs.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode) or status.st_uid not in {owner, os.geteuid()}:
        raise CannotStart(f"{folder} belongs to somebody else. Remove it, or set CAUCE_HOME to another folder.")
    if status.st_uid != owner:
        os.chown(folder, owner, -1)
    folder.chmod(0o700)
