"""A shop with two web servers behind one address: the limit is one, and everybody sees it come."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection

from config import processes
from crm import apikeys
from tests.config.installation import ROOT, free_port, wait_for

LIMIT = 60
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")


def database_url() -> str:
    """The test's own database, as another process names it."""
    known = connection.get_connection_params()
    where = urlencode({name: known[name] for name in ("host", "port") if known.get(name)})
    return f"postgres://{known['user']}:{known.get('password') or ''}@/{known['dbname']}?{where}"


@contextmanager
def servers(count: int) -> Iterator[list[str]]:
    environment = os.environ | {
        "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.test_settings",
        "API_RATE_PER_MINUTE": str(LIMIT), "API_RATE_PER_MINUTE_UNKNOWN": str(LIMIT), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    running, urls = [], []
    try:
        for _ in range(count):
            port = free_port()
            child = processes.web("127.0.0.1", port)
            running.append(
                subprocess.Popen(
                    child.command,
                    cwd=ROOT,
                    env=environment | child.environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            urls.append(f"http://127.0.0.1:{port}")
        for url in urls:
            wait_for(lambda url=url: ask(url, "/healthz")[0] == 200, 60)
        yield urls
    finally:
        for each in running:
            each.terminate()
        for each in running:
            each.wait(20)


def ask(url: str, path: str, secret: str = "", body: Any = None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {secret}"} if secret else {})
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body is not None else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers
    except OSError:
        return 0, {}


def minute(urls: list[str], secret: str) -> list[tuple[int, Any]]:
    """Requests to one server and the other in turn until four were refused, all in one minute."""
    while True:
        found: list[tuple[int, Any]] = []
        while [status for status, _ in found].count(429) < 4:
            found.append(ask(urls[len(found) % len(urls)], "/api/v1/fields/", secret))
            assert len(found) <= LIMIT + 4 or _turned(found), "the limit is never reached"
            if _turned(found):
                break
        else:
            return found


def _turned(found: list[tuple[int, Any]]) -> bool:
    """Did another minute begin in between?"""
    left = [int(headers["RateLimit-Reset"]) for _, headers in found]
    return any(later > earlier for earlier, later in itertools.pairwise(left))


@pytest.mark.real_processes
@pytest.mark.django_db(transaction=True)
def test_two_servers_share_one_limit_and_what_is_left_never_rises() -> None:
    secret = apikeys.create("admin", "shop")
    with servers(2) as urls:
        found = minute(urls, secret)
        left = [int(headers["RateLimit-Remaining"]) for _, headers in found]
        assert left == sorted(left, reverse=True)
        taken = [number for number, (status, _) in zip(left, found, strict=True) if status == 200]
        assert len(set(taken)) == len(taken), "no number is given out twice"
        assert taken[-1] == 0
        assert len(taken) <= LIMIT
        refused = [headers for status, headers in found if status == 429]
        assert all(1 <= int(headers["Retry-After"]) <= 60 for headers in refused)
        assert {headers["RateLimit-Remaining"] for headers in refused} == {"0"}
        assert all(headers["RateLimit-Limit"] == str(LIMIT) for _, headers in found)

        # Every kind of answer says how much is left.
        other = apikeys.create("admin", "other")
        event = {"contact": {"email": "ada@example.com"}, "name": ""}
        asked = [
            ask(urls[0], "/api/v1/fields/"),
            ask(urls[1], "/api/v1/nowhere/", other),
            ask(urls[0], "/api/v1/contacts/ctc_zzzz/", other),
            ask(urls[1], "/api/v1/events/", other, event),
            ask(urls[0], "/api/v1/fields/", secret),
            ask(urls[1], "/v1/track", apikeys.create("tracking", "site"), {"event": "Seen", "anonymousId": "a"}),
            ask(urls[0], "/v1/track", "wk_nobody", {"event": "Seen", "anonymousId": "a"}),
        ]
        statuses = [status for status, _ in asked]
        assert statuses[:4] == [401, 404, 404, 422]
        assert statuses[4] in {429, 200}  # a minute may have turned
        for status, headers in asked:
            assert all(headers[name] for name in HEADERS), (status, dict(headers))
