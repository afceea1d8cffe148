"""Ada brings a Spanish file with dates that can be two days, in ten clicks at most."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.imports import work
from crm.models import Contact, User
from tests.browser.patience import fits

PASSWORD = "cauce-demo-2026"
ROWS = 12_480
Look = Callable[[Page, str], None]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _worker(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Somebody does the rounds while Ada looks on."""
    settings.MEDIA_ROOT = tmp_path
    ended = threading.Event()

    def rounds() -> None:
        while not ended.wait(0.05):
            work.work()
        connection.close()

    thread = threading.Thread(target=rounds)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.usefixtures("_worker")
def test_ada_imports_a_spanish_file_in_at_most_ten_clicks(
    quiet_page: Page, live_server: LiveServer, look: Look, tmp_path: Path
) -> None:
    page, clicks = quiet_page, 0
    rows = (
        f"p{n}@example.com;600{n + 100000:06d};Ana;García {n};2910{n:06d};{n % 12 + 1:02d}/04/1990;S;nada\n"
        if n % 100
        else f"sin correo {n};;;;;;N;\n"
        for n in range(ROWS)
    )
    file = tmp_path / "club_2026.csv"
    file.write_text("Correo;Móvil;Nombre;Apellidos;N tarjeta;Fecha de nacimiento;Publi;Obs\n" + "".join(rows))
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    page.goto(f"{live_server.url}/login/?next=/contacts/import/")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/import/")
    look(page, "import-file")
    fits(page)

    def click(name: str, role: Any = "button") -> None:
        nonlocal clicks
        page.get_by_role(role, name=name).first.click()
        clicks += 1

    page.get_by_label("CSV, TSV, Excel (.xlsx) or JSON, up to 250 MB").set_input_files(file)
    clicks += 2  # the field, and the file in the dialog
    click("Continue")
    expect(page.get_by_text("03/04/2025 can be two days.")).to_be_visible()
    matched = page.locator("select[name=target]").evaluate_all("all => all.filter(each => each.value).length")
    assert matched / 8 >= 0.8
    look(page, "import-columns")
    fits(page)
    click("Day first (3.4.)", "radio")
    click("Continue to consent")
    page.wait_for_url("**/consent/**")
    look(page, "import-consent")
    fits(page)
    click("Check the file")
    expect(page.get_by_role("heading", name="Nothing is written yet")).to_be_visible(timeout=60_000)
    look(page, "import-check")
    fits(page)
    click("Import 12,480 rows")
    expect(page.get_by_text("Finished")).to_be_visible(timeout=90_000)
    expect(page.get_by_role("link", name="Download rejected rows")).to_be_visible()
    look(page, "import-result")
    fits(page)
    assert clicks <= 10
    assert Contact.objects.count() == ROWS - ROWS // 100 - 1
