"""What Ada takes along is hers alone, runs in no spreadsheet, and can be brought back."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from django.test import Client
from django.urls import reverse

from crm import clock, exports, exports_files, tables
from crm.models import AuditEntry, Contact, ExportJob, User
from tests.crm.imports.conftest import Bring, _own_files, ada, bring

__all__ = ["_own_files", "ada", "bring"]
pytestmark = pytest.mark.django_db

FILE = (
    "email,phone,given_name,family_name,country,city,birth_date,customer_since,card\n"
    "elena@example.com,+34600112233,Elena,=1+1,ES,Vigo,1990-05-31,2024-01-02,C1\n"
    'dario@example.com,,Dario,"Li, Jr",IT,"Città ""alta""",,,\n'
)


@pytest.fixture
def office(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def take(office: Client, form: str, **given: str) -> bytes:
    answer = office.post(reverse("crm:export-ask"), {"what": "contacts", "form": form, **given})
    assert answer.status_code == 200
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_what_went_out_comes_back_and_changes_nothing(office: Client, bring: Bring, form: str) -> None:
    bring(FILE)
    told = take(office, form)
    again = bring(told, f"contacts.{form}", policy="overwrite")
    assert (again.rows, again.unchanged, again.rejected) == (2, 2, 0)


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_what_went_out_makes_the_same_people_elsewhere(office: Client, bring: Bring, form: str) -> None:
    bring(FILE)
    told = take(office, form)
    facts = list(
        Contact.objects.order_by("given_name").values_list("given_name", "family_name", "city", "birth_date", "fields")
    )
    from crm.identity import removal

    removal.remove(list(Contact.objects.values_list("pk", flat=True)))
    assert bring(told, f"contacts.{form}").created == 2
    found = Contact.objects.order_by("given_name").values_list(
        "given_name", "family_name", "city", "birth_date", "fields"
    )
    assert list(found) == facts


def test_a_formula_is_text_in_every_file(office: Client, bring: Bring) -> None:
    bring(FILE)
    assert b",'=1+1," in take(office, "csv")
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(take(office, "xlsx"))).get_sheet_by_index(0)
    assert "'=1+1" in [cell for row in sheet.to_python() for cell in row]


@pytest.mark.parametrize(
    "cell", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\u00a0=1", "＝1", "＠x", "a\n=1", "\rx", "\x00=1"]
)
def test_no_line_of_a_cell_begins_a_formula(cell: str) -> None:
    assert tables.harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["a=b", "1-2", "x@y.com", "", 5, -5])
def test_what_is_no_formula_stays_as_it_is(cell: Any) -> None:
    assert tables.harmless(cell) == cell


def test_who_took_what_is_noted(office: Client, bring: Bring) -> None:
    bring(FILE)
    take(office, "csv", q="Elena")
    entry = AuditEntry.objects.filter(action="export").get()
    assert entry.after == {"form": "csv", "which": {"text": "Elena"}, "full": True}


def test_only_the_filtered_people_go_out(office: Client, bring: Bring) -> None:
    bring(FILE)
    assert [row["given_name"] for row in json.loads(take(office, "json", q="Elena"))] == ["Elena"]


def test_a_large_file_is_written_by_a_worker_and_waits_a_day_for_ada_alone(
    office: Client, bring: Bring, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(FILE)
    monkeypatch.setattr(exports, "AT_ONCE", 1)
    answer = office.post(reverse("crm:export-ask"), {"what": "contacts", "form": "csv"})
    assert answer.status_code == 302
    assert exports.work() == 2
    job = ExportJob.objects.get()
    link = reverse("crm:export-download", args=[job.pk])
    assert link in office.get(reverse("crm:exports")).content.decode()
    assert b"elena@example.com" in b"".join(office.get(link).streaming_content)  # type: ignore[attr-defined]
    other = Client()
    other.force_login(User.objects.create_superuser("olga@example.com", "-", name="Olga"))
    assert other.get(link).status_code == 404
    ExportJob.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert office.get(link).status_code == 404
    assert exports.work() == 0
    assert list(exports.folder().iterdir()) == []


def test_half_a_file_of_a_worker_that_was_killed_does_not_stay(
    office: Client, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(FILE)
    monkeypatch.setattr(exports, "AT_ONCE", 1)
    office.post(reverse("crm:export-ask"), {"what": "contacts", "form": "csv"})
    write = exports_files.write

    def killed(path: Path, *given: Any) -> int:
        write(path, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(exports_files, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            exports.work()
    assert len(list(exports.folder().iterdir())) == 1
    ExportJob.objects.update(lease_until=None)
    assert exports.work() == 2
    assert [each.name for each in exports.folder().iterdir()] == [ExportJob.objects.get().path]


def test_an_analyst_takes_addresses_as_hints_only(client: Client, bring: Bring) -> None:
    from crm.models import Membership

    bring(FILE)
    marta = User.objects.create_user("marta@example.com", "-", name="Marta")
    Membership.objects.create(user=marta, role="analyst")
    client.force_login(marta)
    assert b"elena@example.com" not in take(client, "json")


def test_what_happened_to_elena_goes_out(office: Client, bring: Bring) -> None:
    bring("Correo;Pedido;Fecha;Importe\nelena@example.com;o1;2026-04-03;12\n", kind="orders")
    from crm import publicids

    told = office.post(reverse("crm:export-ask"), {
        "what": "events", "form": "json", "contact": publicids.encode("ctc", Contact.objects.get().pk),
    })  # fmt: skip
    assert "Order Completed" in [row["name"] for row in json.loads(b"".join(told.streaming_content))]  # type: ignore[attr-defined]
