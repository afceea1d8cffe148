"""Login and the status page, as somebody who works here sees them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from crm import workspace
from crm.models import User, Workspace

pytestmark = pytest.mark.django_db
PASSWORD = "cauce-demo-2026"


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")


def test_ada_logs_in_and_sees_what_waits(client: Client, ada: User) -> None:
    assert client.get("/status/").headers["Location"].startswith("/login/")
    answer = client.post("/login/", {"username": "ada@example.com", "password": PASSWORD})
    assert answer.status_code == 302
    page = client.get("/status/")
    assert page.status_code == 200
    assert "Ada" in page.content.decode()


def test_the_status_page_renews_its_figures_without_the_shell(client: Client, ada: User) -> None:
    client.force_login(ada)
    fragment = client.get("/status/", headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert "<html" not in fragment.content.decode()


def test_what_is_called_utc_is_utc_wherever_the_shop_is(client: Client, ada: User) -> None:
    Workspace.objects.update_or_create(only=True, defaults={"name": "Zapatería", "zone": "Asia/Tokyo"})
    workspace.forget()
    client.force_login(ada)
    html = client.get("/status/").content.decode()
    shown = re.findall(r'datetime="([^"]+)">(\d\d:\d\d:\d\d) UTC<', html)
    assert len(shown) == html.count(" UTC<") >= 2, "the page's own time, and that of this process"
    for at, words in [(datetime.fromisoformat(exact), words) for exact, words in shown]:
        assert at.utcoffset() == timedelta(hours=9)
        assert f"{at.astimezone(UTC):%H:%M:%S}" == words


@pytest.mark.parametrize(("language", "word"), [("es", "Iniciar sesión"), ("ru", "Войти"), ("en", "Log in")])
def test_the_door_speaks_the_language_of_who_comes(client: Client, ada: User, language: str, word: str) -> None:
    page = client.get("/login/", headers={"Accept-Language": language})
    assert f"<h1>{word}</h1>" in page.content.decode()


def test_pages_have_a_strict_policy_and_nothing_inline(client: Client, ada: User) -> None:
    client.force_login(ada)
    for path in ("/login/", "/status/"):
        page = client.get(path, follow=True)
        policy = page.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        html = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", html)


@pytest.mark.parametrize("path", ["/contacts/?q=an%00a", "/search/?q=an%00a", "/contacts/?cursor=%00"])
def test_a_byte_that_no_text_has_is_said_to_be_one_and_nothing_fails(client: Client, ada: User, path: str) -> None:
    client.force_login(ada)
    page = client.get(path)
    assert page.status_code in {200, 400}
    assert page.status_code == 200 or "This cannot be read" in page.content.decode()


def test_the_api_docs_come_from_this_server_alone(client: Client) -> None:
    html = client.get("/api/docs/").content.decode()
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)


def test_logging_out_takes_a_post(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 302


def test_a_log_line_has_ids_and_no_address() -> None:
    import json
    import logging

    from config.logs import JsonFormatter

    record = logging.makeLogRecord({"msg": "sent to ada@example.com +34 600 000 000", "event": "sent", "message_id": 7})
    line = json.loads(JsonFormatter().format(record))
    assert line["event"] == "sent"
    assert line["message_id"] == 7
    del line["at"]  # its digits are the moment's
    assert "ada" not in str(line)
    assert "600" not in str(line)
