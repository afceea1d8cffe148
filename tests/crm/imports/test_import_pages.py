"""Ada goes through the wizard page by page; who may not gets in nowhere, and a file that is none is refused."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from config import navigation
from crm.imports import files
from crm.models import Contact, ImportJob, User
from tests.crm.imports.conftest import Bring, settle, xlsx

pytestmark = pytest.mark.django_db

FILE = "Correo;Móvil;Nombre;Fecha de nacimiento\nana@example.com;600112233;Ana;03/04/1990\nx;;Jon;05/06/1980\n"


@pytest.fixture
def office(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def upload(office: Client, content: bytes, name: str = "club.csv", **more: str) -> Any:
    return office.post(reverse("crm:imports"), {"file": SimpleUploadedFile(name, content), "kind": "contacts", **more})


def test_ada_goes_from_the_file_to_the_result(office: Client) -> None:
    answer: Any = upload(office, FILE.encode("cp1252"))
    job = ImportJob.objects.get()
    page = office.get(answer.url).content.decode()
    assert "Windows-1252" in page
    assert "03/04/2025 can be two days." in page
    fields = {
        "head": ["Correo", "Móvil", "Nombre", "Fecha de nacimiento"],
        "target": ["email", "phone", "given_name", "birth_date"],
        "policy": "fill",
        "encoding": "cp1252",
        "delimiter": ";",
    }
    refused = office.post(reverse("crm:import-columns", args=[job.pk]), fields)
    assert refused.status_code == 422
    answer = office.post(reverse("crm:import-columns", args=[job.pk]), {**fields, "dates": "dmy"})
    assert answer.url == reverse("crm:import-consent", args=[job.pk])
    assert office.get(answer.url).status_code == 200
    answer = office.post(answer.url, {"agreed": "no"})
    assert "Being checked" in office.get(answer.url).content.decode()
    settle()
    checked = office.get(answer.url).content.decode()
    assert "This is not an e-mail address." in checked
    assert not Contact.objects.exists()
    office.post(reverse("crm:import-steer", args=[job.pk, "start"]))
    settle()
    result = office.get(reverse("crm:import", args=[job.pk])).content.decode()
    assert "Download rejected rows" in result
    assert "Take the whole import back" in result
    assert Contact.objects.get().given_name == "Ana"


@pytest.mark.parametrize(("page", "words"), [("crm:imports", "Imports"), ("crm:contacts", "Contacts")])
def test_the_menu_shows_ada_one_place_to_be(office: Client, page: str, words: str) -> None:
    answer = office.get(reverse(page))
    entries = [entry for group in navigation.groups(answer.wsgi_request) for entry in group["entries"]]
    assert [str(entry["words"]) for entry in entries if entry["here"]] == [words]


def test_the_rejected_rows_are_mended_and_brought_alone(office: Client, bring: Bring) -> None:
    job = bring(FILE, dates="dmy")
    assert (job.rows, job.created, job.rejected) == (2, 1, 1)
    answer: Any = office.get(reverse("crm:import-rejects", args=[job.pk]))
    told = b"".join(answer.streaming_content)
    rows = list(csv.DictReader(io.StringIO(told.decode("utf-8-sig"))))
    assert [(row["line"], row["Nombre"], row["reason"]) for row in rows] == [
        ("3", "Jon", "This is not an e-mail address.")
    ]
    mended = told.replace(b"x,,Jon", b"jon@example.com,,Jon")
    upload(office, mended, "rejected.csv", after=str(job.pk))
    again = ImportJob.objects.latest("pk")
    assert again.mapping == job.mapping
    assert again.reading["dates"] == "dmy"


def test_a_yes_without_its_proof_stays_on_the_page(office: Client, bring: Bring) -> None:
    job = bring("email\nelena@example.com\n", until="draft")
    page = reverse("crm:import-consent", args=[job.pk])
    assert office.post(page, {"agreed": "yes", "purposes": ["offers"]}).status_code == 422
    job.refresh_from_db()
    assert (job.consent, job.state) == (None, "draft")
    whole = {
        "agreed": "yes",
        "purposes": ["offers"],
        "channels": ["email"],
        "basis": "consent",
        "method": "paper_form",
        "source": "Card forms",
        "occurred_on": "2026-01-01",
    }
    assert office.post(page, whole).status_code == 302
    job.refresh_from_db()
    assert (job.consent or {})["source"] == "Card forms"


def test_encoding_and_delimiter_are_shown_and_can_be_changed(office: Client, bring: Bring) -> None:
    job = bring("Имя,E-mail\nАнна,anna@example.com\n".encode("cp1251"), until="draft")
    assert (job.reading["encoding"], job.reading["delimiter"]) == ("cp1251", ",")
    assert job.mapping == {"given_name": "Имя", "email": "E-mail"}
    office.post(reverse("crm:import-columns", args=[job.pk]), {"encoding": "cp1252", "delimiter": ",", "look": "1"})
    job.refresh_from_db()
    assert job.reading["encoding"] == "cp1252"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_file_is_read_in_its_letters(bring: Bring, encoding: str) -> None:
    bring("Correo;Nombre\nana@example.com;Iñaki Núñez\n".encode(encoding))
    assert Contact.objects.get().given_name == "Iñaki Núñez"


def test_an_excel_file_with_dates_and_numbers(bring: Bring) -> None:
    job = bring(xlsx([["Correo", "Móvil", "N tarjeta"], ["ana@example.com", 600112233, 291000484821]]), "club.xlsx")
    assert job.created == 1
    assert set(Contact.objects.get().identifiers.values_list("kind", "value")) == {
        ("email", "ana@example.com"), ("phone", "+34600112233"), ("card", "291000484821"),
    }  # fmt: skip


def bomb() -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    return found.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [(b"", "a.csv", "no rows"), (b"PK\x03\x04broken", "a.xlsx", "cannot be read"), (b"%PDF-1.7 x", "a.csv", "no table"),
     (b"\xd0\xcf\x11\xe0 old", "a.xls", "old Excel"), (b"{not json", "a.json", "not JSON")],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_words_and_leaves_no_file(
    office: Client, content: bytes, name: str, words: str
) -> None:
    answer = upload(office, content, name)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ImportJob.objects.exists()
    assert list(files.folder().iterdir()) == []


def test_a_zip_bomb_is_not_unpacked(office: Client) -> None:
    answer = upload(office, bomb(), "a.xlsx")
    assert "far larger than it may be" in answer.content.decode()


def test_rows_that_cannot_be_read_cost_only_themselves_and_name_their_line(bring: Bring) -> None:
    text = "email,name\na@example.com,A\nb@example.com\n" + '"c@example.com,C\n' + "d@example.com,D\0\n"
    text += f"e@example.com,{'x' * 10_000_000}\n" + "f@example.com,F\n"
    job = bring(text, columns={"email": "email", "given_name": "name"})
    assert (job.rows, job.created, job.rejected) == (6, 2, 4)
    from crm.models import ImportReject

    found = dict(ImportReject.objects.filter(job=job, checked=False).values_list("line", "code"))
    assert found == {3: "ragged_row", 4: "open_quote", 5: "nul", 6: "too_long"}


def test_bruno_at_the_till_imports_nothing(client: Client) -> None:
    from crm.models import Membership

    bruno = User.objects.create_user("bruno@example.com", "-", name="Bruno")
    Membership.objects.create(user=bruno, role="analyst")
    client.force_login(bruno)
    assert client.get(reverse("crm:imports")).status_code == 403
    assert upload(client, b"email\na@example.com\n").status_code == 403
    assert not ImportJob.objects.exists()
