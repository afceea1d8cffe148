"""The embedded PostgreSQL: shared, private, and no trouble to folders that are not ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded, places

pytestmark = [pytest.mark.real_processes, pytest.mark.slow]
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def home() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="cauce-test-", dir="/tmp")).resolve()
    place.chmod(0o711)
    yield place
    embedded.release(place)
    embedded.stop(place)
    shutil.rmtree(place)


def test_two_who_start_at_once_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from config import embedded; home = Path(sys.argv[1]);"
        "print(embedded.ensure(home, durable=False), flush=True); sys.stdin.read(); print(embedded.release(home))"
    )
    command = [sys.executable, "-c", program, str(home)]
    both = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    started = sorted(each.stdout.readline().strip() for each in both if each.stdout)
    assert started == ["False", "True"]
    first, _ = both[0].communicate()
    assert first.strip() == "False"
    assert embedded.is_running(home)
    second, _ = both[1].communicate()
    assert second.strip() == "True"
    assert not embedded.is_alive(home)


def test_its_socket_is_short_and_for_nobody_else(home: Path) -> None:
    embedded.ensure(home, durable=False)
    folder = places.socket_folder(home)
    assert folder.stat().st_mode & 0o077 == 0
    assert len(str(folder / ".s.PGSQL.5432")) < 100


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_below_a_closed_folder_its_data_goes_elsewhere_and_the_folder_stays_closed(home: Path) -> None:
    home.chmod(0o700)
    inner = home / "deep"
    try:
        embedded.ensure(inner, durable=False)
        assert (inner / "postgres").is_symlink()
        assert embedded.is_running(inner)
        assert home.stat().st_mode & 0o777 == 0o700
    finally:
        embedded.release(inner)
        shutil.rmtree((inner / "postgres").resolve())


def test_a_folder_of_somebody_else_is_not_used_for_sockets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = home / "theirs"
    target.mkdir()
    folder = home / "link"
    folder.symlink_to(target)
    monkeypatch.setattr(places, "socket_folder", lambda _: folder)
    with pytest.raises(places.CannotStart, match="belongs to somebody else"):
        embedded.ensure(home, durable=False)
