"""Whoever copies the examples of docs/api, page by page, gets the answers that stand there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config import work
from crm import apikeys, clock
from crm.models import Workspace
from tests.api import guide

PAGES = sorted(guide.PAGES.glob("*.md"))
NEEDS_ALL_THREE = (
    "README",
    "contacts",
    "events",
    "consents",
    "orders-and-products",
    "segments",
    "campaigns",
    "imports",
)
LINK = re.compile(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)")


@pytest.fixture
def reader(live_server: Any, transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> guide.Reader:
    """At a desk of their own: a server, two keys, a Tuesday in March."""
    clock.set_to(datetime(2026, 3, 24, 9, 0, tzinfo=UTC))
    Workspace.objects.update_or_create(only=True, defaults={"postal_address": "Calle del Río 1, Madrid"})
    given = {
        "CAUCE_URL": live_server.url,
        "CAUCE_KEY": apikeys.create("admin", "the reader"),
        "CAUCE_WRITE_KEY": apikeys.create("tracking", "the reader's site"),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return guide.Reader(tmp_path, given)


@pytest.fixture(autouse=True)
def _imports_have_a_folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path / "media"
    return


@pytest.mark.parametrize("sheet", PAGES, ids=[sheet.stem for sheet in PAGES])
def test_every_example_of_a_page_works_as_it_is_shown(reader: guide.Reader, sheet: Path) -> None:
    for block in guide.blocks(sheet):
        here = f"{sheet.name}:{block.line}"
        if block.language == "js" and not shutil.which("node"):
            continue
        printed, statuses = reader.do(block)
        if block.language == "sh":
            assert statuses or "curl" not in block.text, here
            assert all(status < 300 for status in statuses[: -1 if block.status else None]), (here, statuses, printed)
            assert not block.status or statuses[-1] == block.status, (here, statuses, printed)
        if block.is_shown:
            assert guide.unlike(block.expected, guide.last(printed)) == [], (here, printed)
        work.drain(20)  # what a worker does meanwhile


def test_the_main_pages_speak_three_languages() -> None:
    for page in PAGES:
        spoken = {block.language for block in guide.blocks(page)}
        assert spoken, f"{page.name} has no example"
        if page.stem in NEEDS_ALL_THREE:
            assert spoken == {"sh", "python", "js"}, page.name


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    pages = [*(guide.ROOT / "docs").rglob("*.md"), guide.ROOT / "README.md"]
    lost = [
        f"{page.relative_to(guide.ROOT)}: {to}"
        for page in pages
        for to in LINK.findall(page.read_text())
        if not to.startswith("http") and not (page.parent / to).exists()
    ]
    assert lost == []


def test_an_answer_that_is_not_as_shown_is_found() -> None:
    unlike = guide.unlike
    assert unlike({"id": "ctc_…", "n": [1, "…"]}, {"id": "ctc_1", "n": [1, 2, 3], "more": 1}) == []
    assert unlike({"id": "ctc_…"}, {"id": "evt_1"})
    assert unlike({"n": [1]}, {"n": [1, 2]})
    assert unlike({"n": [1, "…"]}, {"n": []})
    assert unlike({"state": "done"}, {})
    assert unlike([201, 200], [201, 201])
    assert unlike({"a": {"b": 1}}, {"a": None})


def test_the_schema_and_its_pages_come_from_our_own_server(client: Any, db: None) -> None:
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert not re.findall(rb"(?:src|href)=\"(?:https?:)?//", page.content)
    policy = page["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    script = client.get("/api/docs/?script=")
    assert script.status_code == 200
    assert "unsafe-eval" not in script.get("Content-Security-Policy", "")
