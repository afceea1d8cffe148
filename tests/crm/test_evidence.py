"""What proves a consent: the text's hash, a scan, and the whole of it on paper for whoever asks."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm import capture, clock, evidence, evidence_files, evidence_pdf, expiry, proofs, publicids, receipts, replay
from crm.errors import Problem
from crm.models import ConsentReceipt, ConsentState, Contact, Dirty, Event, EvidenceFile, Wording
from tests.crm.people import come, email, phone, say
from tests.crm.test_contacts_pages import somebody

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4 a signed sheet of paper"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "


@pytest.fixture
def marta(now: datetime) -> int:
    clock.set_to(now)
    return come(now, email("marta@example.com"), phone("+34600112233"), given_name="Марта", family_name="Чехова")


def typed(**more: Any) -> dict[str, Any]:
    """The form of the office, filled in: Marta said yes on paper."""
    return {
        "given_name": "Марта", "known-TOTAL_FORMS": "0", "known-INITIAL_FORMS": "0", "own-TOTAL_FORMS": "0",
        "own-INITIAL_FORMS": "0", "consent-action": "granted", "consent-said": ["offers.email"],
        "consent-method": "paper_form", "consent-source": "fair in Gijón", **more,
    }  # fmt: skip


def edit(client: Client, contact: int, **more: Any) -> Any:
    return client.post(f"/contacts/{publicids.encode('ctc', contact)}/edit/", typed(**more))


def place(contact: int, end: str = "") -> str:
    return f"/contacts/{publicids.encode('ctc', contact)}/consent/{end}"


def letters(pdf: bytes) -> str:
    """The text of a PDF with embedded letters, page after page."""
    streams = []
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        raw = found[1]
        if raw.rstrip().endswith(b"~>"):
            raw = base64.a85decode(raw.strip().removeprefix(b"<~").removesuffix(b"~>"))
        try:
            streams.append(zlib.decompressobj().decompress(raw))
        except zlib.error:
            continue
    assert streams
    known = [
        chr(int(code, 16))
        for each in streams
        for code in re.findall(rb"<([0-9A-Fa-f]{4})>", each)
        if b"begincmap" in each
    ]
    return "".join(known)


# --- the text ------------------------------------------------------------------------------------


def test_a_receipt_keeps_the_hash_of_the_text_that_was_shown(now: datetime) -> None:
    text = "Sí, quiero ofertas por correo."
    Wording.objects.create(code="offers-es-1", purpose="offers", language="es", version=1, text=text)
    elena = come(now, email("elena@example.com"))
    say(now, elena, "granted", channel="email", wording="offers-es-1")
    say(now, elena, "granted", channel="email", wording="of-another-system")
    first, second = ConsentReceipt.objects.filter(contact=elena).order_by("pk")
    assert first.evidence == {"wording_sha256": hashlib.sha256(text.encode()).hexdigest()}
    assert second.evidence == {}
    assert receipts.broken() == []
    (proof,) = [each for each in proofs.proofs(elena, full=True) if each.text]
    assert proof.text_hash == first.evidence["wording_sha256"]


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PDF, "application/pdf"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"),
     (b"ID3\x04", "audio/mpeg"), (WAV, "audio/wav"), (b"<html><script>", ""), (b"MZ", ""), (b"<svg", ""), (b"", "")],
)  # fmt: skip
def test_a_proof_is_what_is_in_it_whatever_it_is_called(content: bytes, kind: str) -> None:
    assert evidence_files.type_of(content) == kind


def test_ten_megabytes_are_enough_for_a_proof() -> None:
    with pytest.raises(Problem):
        evidence_files.read(SimpleUploadedFile("a.pdf", PDF + b"x" * evidence_files.MOST_BYTES))
    with pytest.raises(Problem):
        evidence_files.read(SimpleUploadedFile("a.pdf", b"<html>"))
    assert evidence_files.read(SimpleUploadedFile("../../etc/a<b>.html", PDF)).name == "ab.pdf"


def _forge(receipt: int, evidence: dict[str, Any]) -> None:
    """As somebody with the keys to the database."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE crm_consentreceipt SET evidence = %s WHERE id = %s", [json.dumps(evidence), receipt])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_the_scan_of_martas_paper_hangs_on_her_receipt(marta: int) -> None:
    office = somebody("marketer")
    answer = edit(office, marta, **{"consent-proof": SimpleUploadedFile("hoja.pdf", PDF)})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    digest = hashlib.sha256(PDF).hexdigest()
    receipt = ConsentReceipt.objects.get(contact=marta)
    assert receipt.evidence["file"] == {
        "sha256": digest,
        "name": "hoja.pdf",
        "type": "application/pdf",
        "size": len(PDF),
    }
    page = office.get(place(marta)).content.decode()
    assert "hoja.pdf" in page
    assert digest in page
    file = office.get(place(marta, f"files/{digest}/"))
    assert file.content == PDF
    assert file["Content-Disposition"] == 'attachment; filename="hoja.pdf"'
    assert file["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in file["Content-Security-Policy"]
    assert receipts.broken() == []
    _forge(receipt.pk, {"file": {**receipt.evidence["file"], "sha256": "0" * 64}})
    assert receipts.broken() != []


def test_what_is_no_proof_is_refused_and_nothing_is_saved(marta: int) -> None:
    office = somebody("marketer")
    for name, content in (("a.pdf", b"<html>"), ("b.html", b"<script>alert(1)</script>")):
        answer = edit(office, marta, **{"consent-proof": SimpleUploadedFile(name, content)})
        assert answer.status_code == 422
    alone = edit(office, marta, **{"consent-proof": SimpleUploadedFile("a.pdf", PDF), "consent-said": []})
    assert alone.status_code == 422
    assert not ConsentReceipt.objects.filter(contact=marta).exists()
    assert not EvidenceFile.objects.exists()


def test_a_file_of_somebody_else_or_one_that_was_changed_is_not_there(marta: int, now: datetime) -> None:
    office = somebody("marketer")
    edit(office, marta, **{"consent-proof": SimpleUploadedFile("hoja.pdf", PDF)})
    digest = hashlib.sha256(PDF).hexdigest()
    dario = come(now, email("dario@example.com"))
    assert office.get(place(dario, f"files/{digest}/")).status_code == 404
    assert somebody("analyst").get(place(marta, f"files/{digest}/")).status_code == 403
    EvidenceFile.objects.update(content=b"%PDF-another")
    assert office.get(place(marta, f"files/{digest}/")).status_code == 404


# --- the whole of it -------------------------------------------------------------------------------


def test_martas_proof_as_json_says_all_there_is(marta: int, now: datetime) -> None:
    Wording.objects.create(code="offers-es-1", purpose="offers", language="es", version=1, text="Sí")
    say(now, marta, "granted", channel="email", wording="offers-es-1", evidence={"ip": "203.0.113.7"})
    say(now, marta, "withdrawn", channel="email")
    answer = somebody("marketer").get(place(marta, "proof.json"))
    told = json.loads(answer.content)
    assert answer["Content-Disposition"].startswith("attachment")
    assert told["contact"]["name"] == "Марта Чехова"
    assert {each["value"] for each in told["contact"]["identifiers"]} == {"marta@example.com", "+34600112233"}
    assert told["chain"] == {"receipts": 2, "whole": True}
    first, second = told["receipts"]
    assert first["wording"] == {
        "code": "offers-es-1",
        "text": "Sí",
        "sha256": hashlib.sha256("Sí".encode()).hexdigest(),
    }
    assert (first["action"], second["action"], second["prev_hash"]) == ("granted", "withdrawn", first["hash"])
    assert first["evidence"]["ip"] == "203.0.113.7"
    assert {"channel": "email", "purpose": "offers", "state": "no"}.items() <= told["now"][0].items()
    assert told["messages"] == []


def test_who_sees_masked_addresses_gets_a_masked_proof(marta: int, now: datetime) -> None:
    say(now, marta, "granted", channel="email")
    analyst = somebody("analyst")
    for end in ("proof.json", "proof.pdf"):
        assert analyst.get(place(marta, end)).status_code == 200
    told = analyst.get(place(marta, "proof.json")).content.decode()
    assert "marta@example.com" not in told
    assert "+34600112233" not in told
    assert somebody("call_agent").get(place(marta, "proof.pdf")).status_code == 403
    assert Client().get(place(marta, "proof.pdf")).status_code == 302


def test_a_changed_receipt_breaks_the_chain_of_the_proof(marta: int, now: datetime) -> None:
    say(now, marta, "granted", channel="email", evidence={"ip": "203.0.113.7"})
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentReceipt.objects.filter(contact=marta).update(evidence={"ip": "198.51.100.1"})
    _forge(ConsentReceipt.objects.get(contact=marta).pk, {"ip": "198.51.100.1"})
    told = evidence.pack(Contact.objects.get(pk=marta), now, full=True)
    assert told["chain"]["whole"] is False
    assert told["receipts"][0]["unchanged"] is False


def test_the_pdf_prints_cyrillic_letters(marta: int, now: datetime) -> None:
    for place_ in range(30):
        say(now + timedelta(minutes=place_), marta, "granted", channel="email", source="магазин " + "x" * 300)
    with translation.override("ru"):
        made = evidence_pdf.render(evidence.pack(Contact.objects.get(pk=marta), now, full=True))
    assert made.startswith(b"%PDF-")
    assert set("МартаЧеховагзин") <= set(letters(made))
    answer = somebody("marketer").get(place(marta, "proof.pdf"))
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_a_long_history_costs_no_more_queries_than_a_short_one(marta: int, now: datetime) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as made:
            evidence.pack(Contact.objects.get(pk=marta), now, full=True)
        return len(made)

    say(now, marta, "granted", channel="email")
    one = cost()
    for minute in range(20):
        say(now + timedelta(minutes=minute), marta, "granted", channel="email")
    assert cost() == one


# --- the end of a permission -----------------------------------------------------------------------


def test_what_has_run_out_is_written_down_as_run_out(marta: int, now: datetime) -> None:
    dario = come(now, email("dario@example.com"))
    for contact, days in ((marta, 30), (dario, 60)):
        say(now, contact, "granted", channel="email", expires_at=now + timedelta(days=days))
    Dirty.objects.all().delete()
    assert expiry.work() == 0
    clock.advance(timedelta(days=31))
    assert expiry.pending() == 1
    assert expiry.work() == 1
    assert (expiry.work(), expiry.pending()) == (0, 0)
    assert ConsentState.objects.get(contact=marta).state == "expired"
    assert ConsentState.objects.get(contact=dario).state == "granted"
    receipt = ConsentReceipt.objects.get(action="expired")
    assert (receipt.source, receipt.occurred_at) == ("expiry", now + timedelta(days=30))
    assert list(Dirty.objects.filter(contact=marta).values_list("mention", flat=True)) == ["consent"]
    assert Event.objects.filter(contact=marta, name="Consent Changed", properties__action="expired").exists()
    assert replay.differing() == []
    assert receipts.broken() == []


def test_a_thousand_ends_cost_the_same_queries_as_one(marta: int, now: datetime) -> None:
    def due(count: int, start: int) -> None:
        people = [come(now, email(f"p{start + each}@example.com")) for each in range(count)]
        for each in people:
            say(now, each, "granted", channel="email", expires_at=now + timedelta(days=1))

    def cost() -> int:
        with CaptureQueriesContext(connection) as made:
            expiry.work()
        return len(made)

    due(2, 0)
    clock.advance(timedelta(days=2))
    few = cost()
    due(40, 100)
    assert cost() == few


def test_a_permission_that_was_renewed_in_time_stays(marta: int, now: datetime) -> None:
    say(now, marta, "granted", channel="email", expires_at=now + timedelta(days=30))
    say(now + timedelta(days=10), marta, "granted", channel="email", expires_at=now + timedelta(days=90))
    clock.advance(timedelta(days=31))
    assert expiry.work() == 0
    assert ConsentState.objects.get(contact=marta).state == "granted"


def test_the_api_may_say_what_proves_it(now: datetime) -> None:
    said = {"purpose": "offers", "channel": "email", "action": "granted", "method": "web_form", "source": "x",
            "evidence": {"ip": "203.0.113.7"}}  # fmt: skip
    (answer,) = capture.receive([capture.Arrival({"email": "e@example.com"}, consents=[said])], now=now)
    assert ConsentReceipt.objects.get(pk=answer.receipts[0].receipt_id).evidence == {"ip": "203.0.113.7"}
