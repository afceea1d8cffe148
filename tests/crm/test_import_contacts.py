"""Ada brings customers in from files; nobody's no is lifted, and the same file twice changes nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm import clock, consent, permission, receipts
from crm.models import ConsentReceipt, ConsentState, Contact, ContactChange, Identifier

pytestmark = pytest.mark.django_db

MAPPING = {"email": "E-mail", "phone": "Phone", "given_name": "Name", "country": "Country", "fields.size": "Size"}
CONSENT = {
    "purpose": "offers", "channels": ["email", "sms"], "basis": "consent", "method": "paper_form",
    "source": "Card forms", "occurred_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
Bring = Callable[..., dict[str, Any]]


@pytest.fixture
def bring(tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Any) -> Bring:
    settings.CAUCE_HOME = tmp_path

    def run(rows: list[str], *, consent: Any = None, columns: Any = None) -> dict[str, Any]:
        path = tmp_path / "people.csv"
        path.write_text("E-mail,Phone,Name,Country,Size\n" + "".join(f"{row}\n" for row in rows))
        options = ["--consent", json.dumps(consent)] if consent is not None else []
        call_command("import_contacts", str(path), "--mapping", json.dumps(columns or MAPPING), *options)
        return dict(json.loads(capsys.readouterr().out.strip().splitlines()[-1]))

    return run


def test_ada_brings_two_customers_with_their_consent(bring: Bring) -> None:
    summary = bring(["ELENA@Example.com,600 11 22 33,Elena,ES,38", "dario@example.com,,Dario,IT,"], consent=CONSENT)
    assert {key: summary[key] for key in ("rows", "created", "updated", "unchanged", "rejected")} == {
        "rows": 2, "created": 2, "updated": 0, "unchanged": 0, "rejected": 0,
    }  # fmt: skip
    elena = Contact.objects.get(given_name="Elena")
    assert elena.fields == {"size": "38"}
    assert (elena.zone, elena.zone_source) == ("Europe/Madrid", "country")
    assert set(elena.identifiers.values_list("kind", "value")) == {
        ("email", "elena@example.com"), ("phone", "+34600112233"),
    }  # fmt: skip
    assert isinstance(consent.allowed(elena.pk, "offers", "sms", clock.now()), permission.Allow)
    dario = Contact.objects.get(given_name="Dario")
    assert isinstance(consent.allowed(dario.pk, "offers", "sms", clock.now()), permission.Deny)
    assert receipts.broken() == []


def test_the_same_file_twice_changes_nothing(bring: Bring) -> None:
    rows = ["elena@example.com,+34600112233,Elena,ES,38", "dario@example.com,,Dario,IT,"]
    bring(rows, consent=CONSENT)
    receipts = ConsentReceipt.objects.count()
    summary = bring(rows, consent=CONSENT)
    assert (summary["created"], summary["updated"], summary["unchanged"]) == (0, 0, 2)
    assert ConsentReceipt.objects.count() == receipts
    assert not ContactChange.objects.exists()


def test_a_changed_row_updates_and_keeps_what_was_before(bring: Bring) -> None:
    bring(["elena@example.com,,Elena,ES,38"])
    summary = bring(["elena@example.com,+34600112233,Helena,,"])
    assert (summary["created"], summary["updated"], summary["unchanged"]) == (0, 1, 0)
    helena = Contact.objects.get()
    assert (helena.given_name, helena.country, helena.fields) == ("Helena", "ES", {"size": "38"})
    assert ContactChange.objects.get().before["given_name"] == "Elena"
    assert Identifier.objects.filter(contact=helena).count() == 2


def test_chiara_said_no_and_an_import_does_not_lift_it(bring: Bring) -> None:
    bring(["chiara@example.com,+34600999888,Chiara,ES,"], consent=CONSENT)
    chiara = Contact.objects.get()
    consent.record([consent.Statement(chiara.pk, "offers", "sms", "withdrawn", "", "keyword", "STOP")], now=clock.now())
    bring(["chiara@example.com,+34600999888,Chiara,ES,"], consent=CONSENT | {"source": "Another list"})
    assert isinstance(consent.allowed(chiara.pk, "offers", "sms", clock.now()), permission.Deny)
    assert ConsentState.objects.get(channel="sms").state == "withdrawn"


def test_people_without_consent_come_in_and_are_not_written_to(bring: Bring) -> None:
    bring(["elena@example.com,,Elena,ES,"])
    answer = consent.allowed(Contact.objects.get().pk, "offers", "email", clock.now())
    assert answer == permission.Deny("consent_missing")


def test_bad_rows_are_kept_with_their_line_reason_and_remedy(bring: Bring) -> None:
    summary = bring([
        "not an address,,X,ES,", ",,Nobody,ES,", "a@example.com,12,X,ES,", "b@example.com,,X,E1,",
        '"open@example.com,,X,ES,', "ok@example.com,,Ok,ES,", "c@example.com,,X",
    ])  # fmt: skip
    assert (summary["rows"], summary["created"], summary["rejected"]) == (7, 1, 6)
    with Path(summary["rejected_file"]).open() as file:
        rejected = {int(row["line"]): row["reason"] for row in csv.DictReader(file)}
    assert rejected == {
        2: "not_an_email", 3: "no_identifier", 4: "not_a_phone", 5: "not_a_country", 6: "open_quote", 8: "ragged_row",
    }  # fmt: skip


def test_a_row_that_names_two_people_is_rejected_and_merges_nobody(bring: Bring) -> None:
    bring(["elena@example.com,,Elena,ES,", ",+34600112233,Dario,ES,"])
    summary = bring(["elena@example.com,+34600112233,Who,ES,"])
    assert summary["rejected"] == 1
    assert set(Contact.objects.values_list("given_name", flat=True)) == {"Elena", "Dario"}


def test_one_person_in_several_rows_is_one_contact(bring: Bring) -> None:
    bring(["elena@example.com,,Elena,ES,", ",+34600112233,Dario,ES,"])
    summary = bring([
        "new@example.com,,New,ES,", "NEW@example.com,,Newer,ES,40",
        "elena@example.com,,Eleni,ES,", "elena@example.com,,Elena,ES,41",
    ])  # fmt: skip
    assert (summary["created"], summary["updated"]) == (1, 3)
    assert Contact.objects.get(given_name="Newer").fields == {"size": "40"}
    assert Contact.objects.get(given_name="Elena").fields == {"size": "41"}


def test_two_traces_of_one_person_in_two_rows_of_a_file(bring: Bring) -> None:
    bring(["elena@example.com,+34600112233,Elena,ES,"])
    summary = bring(["elena@example.com,,Eleni,ES,", ",+34600112233,Elina,ES,"])
    assert (summary["created"], summary["updated"]) == (0, 2)
    assert Contact.objects.get().given_name == "Elina"


@pytest.mark.parametrize(
    ("change", "place"),
    [({"source": ""}, "/source"), ({"basis": "because"}, "/basis"), ({"channels": ["fax"]}, "/channels/0"),
     ({"occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"), ({"extra": 1}, "/extra")],
)  # fmt: skip
def test_a_consent_without_its_proof_is_refused_before_anything_is_read(
    bring: Bring, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(CommandError, match=place):
        bring(["elena@example.com,,Elena,ES,"], consent=CONSENT | change)
    assert not Contact.objects.exists()


def test_a_statement_that_waited_for_an_address_finds_it(bring: Bring) -> None:
    bring([",+34600112233,Elena,ES,"], consent=CONSENT)
    elena = Contact.objects.get()
    assert isinstance(consent.allowed(elena.pk, "offers", "email", clock.now()), permission.Deny)
    bring(["elena@example.com,+34600112233,Elena,ES,"])
    assert isinstance(consent.allowed(elena.pk, "offers", "email", clock.now()), permission.Allow)
    assert receipts.broken() == []
