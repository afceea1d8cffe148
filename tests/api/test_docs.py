"""The calls of docs/api.md do what the page says, in the order in which it says them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.api.conftest import Speaker


def calls() -> list[list[str]]:
    page = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return [
        shlex.split(call)
        for block in blocks
        for call in re.split(r"^(?=curl )", block, flags=re.MULTILINE)
        if call.strip()
    ]


def said(words: list[str], names: dict[str, str]) -> tuple[str, str, Any, dict[str, str]]:
    """What curl would send."""
    method, body, headers, address = "GET", None, {}, ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-d":
            body = json.loads(next(rest))
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        else:
            address = word
    for name, value in names.items():
        address = address.replace(f"${name}", value)
    headers.pop("Authorization")
    return method, address.removeprefix("$API/"), body, headers


def test_every_call_on_the_page_works(shop: Speaker) -> None:
    names: dict[str, str] = {}
    answers = {}
    for words in calls():
        method, path, body, headers = said(words, names)
        answer = shop.ask(method, path, body, **headers)
        assert answer.status_code < 300, (method, path, answer.content)
        answers[path.split("?")[0]] = answer.json()
        if path == "campaigns/":
            names["CAMPAIGN"] = answer.json()["id"]
        if path == "contacts/":
            names["CONTACT"] = answer.json()["id"]
    assert len(answers) >= 11
    assert answers["events/batch/"] == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert answers["consents/"]["state"] == "withdrawn"
    assert answers[f"campaigns/{names['CAMPAIGN']}/waterfall/"]["difference"] == 0


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
