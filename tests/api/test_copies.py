"""The shop's own server asks for a copy of Elena's data, and takes it when it is made."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from crm import clock, exports
from crm.models import AuditEntry, Contact, ExportJob
from crm.rights import access_files, requests
from tests.api.conftest import Speaker

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_files(db: None, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    clock.set_to(NOON)


@pytest.fixture
def elena(shop: Speaker) -> str:
    said = {"identifiers": [{"kind": "email", "value": "elena@example.com"}], "given_name": "Elena"}
    return str(shop.post("contacts/", said).json()["id"])


def test_asked_made_and_taken(shop: Speaker, elena: str) -> None:
    asked = shop.post(f"contacts/{elena}/export/")
    assert asked.status_code == 202
    number = asked.json()["number"]
    place = f"contacts/{elena}/export/{number}/"
    assert shop.get(place).json()["state"] == "asked"
    assert shop.get(f"{place}file/").status_code == 404
    exports.work()
    assert shop.get(place).json()["state"] == "ready"
    answer = shop.get(f"{place}file/")
    assert answer["Content-Type"] == "application/zip"
    box = ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert json.loads(box.read("data.json"))["person"]["given_name"] == "Elena"
    assert AuditEntry.objects.filter(action="export", subject="export:access").count() == 1
    clock.advance(timedelta(hours=25))
    assert shop.get(f"{place}file/").status_code == 404


def test_archived_people_have_the_same_right_and_those_who_were_erased_are_nobody(shop: Speaker, elena: str) -> None:
    Contact.objects.update(archived_at=NOON)
    assert shop.post(f"contacts/{elena}/export/").status_code == 202
    Contact.objects.update(erased_at=NOON)
    assert shop.post(f"contacts/{elena}/export/").status_code == 404
    assert shop.post("contacts/ctc_zzzz/export/").status_code == 404


def test_a_copy_belongs_to_its_contact_and_her_own_is_hers(shop: Speaker, elena: str) -> None:
    dario = shop.post("contacts/", {"identifiers": [{"kind": "email", "value": "dario@example.com"}]}).json()["id"]
    number = shop.post(f"contacts/{elena}/export/").json()["number"]
    assert shop.get(f"contacts/{dario}/export/{number}/").status_code == 404
    for wrong in ("0", "x", "\u0663", "9" * 40):
        assert shop.get(f"contacts/{elena}/export/{wrong}/").status_code == 404
    contact = Contact.objects.get(given_name="Elena")
    own = requests.ask_for_copy(contact.pk, None, actor="themselves", now=NOON)
    assert own.job_id is not None
    assert ExportJob.objects.get(pk=own.job_id).what == access_files.WHAT
    assert shop.get(f"contacts/{elena}/export/{own.job_id}/").status_code == 404


@pytest.mark.parametrize("role", ["analyst", "store", "tracking"])
def test_who_may_not_gets_none(shop: Speaker, speak: Callable[..., Speaker], elena: str, role: str) -> None:
    assert speak(role).post(f"contacts/{elena}/export/").status_code == 403
    assert not ExportJob.objects.exists()
