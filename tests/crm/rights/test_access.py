"""Elena asks what the shop knows of her: all of it is in the file, and nothing of anybody else."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels.models import SandboxMessage
from channels.outbox import delivery
from crm import capture, clock, evidence_files, exports, groups, notes, ownfields, publicids, registry, tags, timeline
from crm.identity import merging, removal, rows
from crm.models import Address, Contact, Event, ExportJob, Identifier, Membership, Order, Store, User
from crm.normalise import Trace
from crm.rights import access_files, requests
from tests.channels import people as sending
from tests.crm.imports.conftest import Bring, _own_files, ada, bring
from tests.crm.people import come, email, phone, say
from tests.crm.test_evidence import letters

__all__ = ["_own_files", "ada", "bring"]
pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4 a signed sheet of paper"


def copy(contact: int, tmp_path: Path) -> ZipFile:
    place = tmp_path / "copy.zip"
    access_files.write(place, Contact.objects.get(pk=contact))
    return ZipFile(place)


def told(box: ZipFile) -> dict[str, Any]:
    found = json.loads(box.read("data.json"))
    assert isinstance(found, dict)
    return found


def order(**more: Any) -> dict[str, Any]:
    said = {
        "order_id": "A-1", "total": {"amount": "42.50", "currency": "EUR"}, "store": "vigo", "coupon": "MAY",
        "discount": {"amount": "2.00", "currency": "EUR"},
        "products": [
            {"sku": "s1", "name": "Running shoe, red", "quantity": "1", "price": "30.00"},
            {"sku": "s2", "name": "=Sock", "quantity": "2.5", "price": "5.80"},
        ], **more,
    }  # fmt: skip
    return {"name": "Order Completed", "occurred_at": "2026-03-01T10:30:00Z", "channel": "store", "properties": said}


@pytest.fixture
def elena(now: datetime) -> int:
    clock.set_to(now)
    Store.objects.create(code="vigo", name="Vigo", zone="Europe/Madrid", country="ES")
    ownfields.add({"key": "shoe_size", "label": "Shoe size", "kind": "number"}, actor="system")
    ownfields.forget()
    number = come(
        now, email("elena@example.com"), phone("+34600112233"), Trace("card", "C-77"), given_name="Elena",
        family_name="García", city="Vigo", country="ES", birth_date="1990-05-31", language="es", home_store="vigo",
        fields={"shoe_size": 38, "customer_since": "2020-01-02"},
    )  # fmt: skip
    (answer,) = capture.receive(
        [capture.Arrival([Trace("id", str(number))], events=[order(), {"name": "Store Visited", "channel": "store"}])],
        now=now,
    )
    assert answer.problems == []
    return number


# --- what is in it ---------------------------------------------------------------------------------


def test_the_copy_holds_all_that_the_house_knows_of_elena(elena: int, ada: User, now: datetime, tmp_path: Path) -> None:
    say(now, elena, "granted", channel="email", wording="offers-es-1")
    tags.put([elena], "runner", actor=f"user:{ada.pk}", now=now)
    household = groups.begin("Casa García", "household", actor=f"user:{ada.pk}", now=now)
    groups.join(household, [elena], actor=f"user:{ada.pk}", now=now)
    notes.add(elena, "Likes to be called in the evening", author=ada, actor=f"user:{ada.pk}", now=now)
    evidence_files.keep(elena, evidence_files.read(SimpleUploadedFile("paper.pdf", PDF)), "user:1")
    requests.ask(elena, "correction", via="office", actor=f"user:{ada.pk}", now=now, words="The street is wrong")
    box = copy(elena, tmp_path)
    found = told(box)
    assert (found["person"]["given_name"], found["person"]["home_store"]) == ("Elena", {"code": "vigo", "name": "Vigo"})
    assert {"key": "shoe_size", "label": "Shoe size", "value": 38} in found["person"]["fields"]
    assert {each["value"] for each in found["identifiers"]} == {"elena@example.com", "+34600112233", "C77"}
    (receipt,) = found["consents"]["receipts"]
    assert (receipt["action"], receipt["purpose"], receipt["address"]) == ("granted", "offers", "elena@example.com")
    assert [each["tag"] for each in found["tags"]] == ["runner"]
    assert [each["group"] for each in found["groups"]] == ["Casa García"]
    assert [each["text"] for each in found["notes"]] == ["Likes to be called in the evening"]
    assert [each["words"] for each in found["requests"]] == ["The street is wrong"]
    (bought,) = found["orders"]
    assert (bought["order_id"], bought["total"], len(bought["lines"])) == ("A-1", "42.50", 2)
    assert {"Order Completed", "Store Visited", "Rights Requested"} <= {each["name"] for each in found["events"]}
    assert found["why"]["purposes"] == ["offers", "service"]
    assert [name for name in box.namelist() if name.startswith("files/")]
    assert box.read(next(name for name in box.namelist() if name.startswith("files/"))) == PDF
    assert {"journeys", "stage", "messages", "recipients"} <= set(found)
    assert ("rights.ask", "staff") in {(each["action"], each["by"]) for each in found["handled"]}


def test_every_part_that_an_upper_floor_knows_is_in_it(elena: int, tmp_path: Path) -> None:
    assert {"messages", "recipients", "journeys", "stage"} <= set(registry.access_parts.names())
    assert set(registry.access_parts.names()) <= set(told(copy(elena, tmp_path)))


def test_elena_reads_her_paper_in_her_own_language(elena: int, tmp_path: Path) -> None:
    paper = letters(copy(elena, tmp_path).read("data.pdf"))
    Contact.objects.filter(pk=elena).update(language="ru")
    other = letters(copy(elena, tmp_path).read("data.pdf"))
    assert paper.strip()
    assert other.strip()
    assert len(set("абвгдеж") & set(other)) > 4, "Russian letters are not in the Russian paper"


def test_words_that_fill_pages_are_on_the_paper_whole(elena: int, ada: User, now: datetime, tmp_path: Path) -> None:
    Contact.objects.filter(pk=elena).update(fields={"story": "a word " * 4_000, "long": "x" * 20_000})
    notes.add(elena, "line\n" * 800, author=ada, actor="user:1", now=now)
    assert copy(elena, tmp_path).read("data.pdf").startswith(b"%PDF")


def test_whoever_was_joined_into_her_is_in_her_copy(elena: int, now: datetime, tmp_path: Path) -> None:
    before = come(now, email("elena.old@example.com"), given_name="Elena")
    merging.merge(elena, before, {}, actor="user:1", now=now)
    found = told(copy(elena, tmp_path))
    assert found["person"]["also_known_as"] == [publicids.encode("ctc", before)]
    assert "elena.old@example.com" in {each["value"] for each in found["identifiers"]}
    assert [each["how"] for each in found["joined"]] == ["person"]


# --- what is not in it -------------------------------------------------------------------------------


def test_who_shares_her_phone_and_who_wrote_the_note_are_not_in_it(
    elena: int, ada: User, now: datetime, tmp_path: Path
) -> None:
    Membership.objects.create(user=ada, role="marketer")
    come(now, email("marta@example.com"), phone("+34600999888", shared=True), given_name="Marta")
    capture.receive(
        [capture.Arrival([Trace("id", str(elena)), Trace("phone", "+34600999888", identifying=False)])], now=now
    )
    notes.add(elena, "Called", author=ada, actor=f"user:{ada.pk}", now=now)
    timeline.record(
        [timeline.NewFact(elena, "Processing Restricted", {"by": f"user:{ada.pk}"}, now, source=f"user:{ada.pk}")],
        now=now,
    )
    box = copy(elena, tmp_path)
    found = told(box)
    shared = [each for each in found["identifiers"] if each["shared"]]
    assert [each["value"] for each in shared] == ["+34600999888"]
    whole = "".join(box.read(name).decode() for name in box.namelist() if name.endswith((".json", ".csv")))
    for other in ("marta@example.com", "Marta", "ada@example.com", "Ada", f"user:{ada.pk}"):
        assert other not in whole, other
    assert found["notes"][0]["by"] == "staff: marketer"
    assert "staff: marketer" in {each["source"] for each in found["events"]}


def test_her_messages_are_in_it_with_their_words_and_without_their_links(tmp_path: Path) -> None:
    sending.at_noon()
    person = sending.people(1, name="Elena")[0]
    sending.ask([person])
    while delivery.deliver():
        pass
    box = copy(person.pk, tmp_path)
    (message,) = told(box)["messages"]
    assert message["words"]["subject"] == "Hello Elena"
    assert message["words"]["text"].startswith("Dear Elena, see")
    assert message["address"] == f"p{person.pk}@example.com"
    assert [each["outcome"] for each in message["attempts"]] == ["accepted"]
    assert told(box)["why"]["recipients"][0]["channel"] == "email"
    html = SandboxMessage.objects.latest("pk").html
    whole = b"".join(box.read(name) for name in box.namelist()).decode(errors="replace")
    assert f"{settings.BASE_URL}/u/" in html
    assert settings.BASE_URL not in whole


# --- ten thousand events --------------------------------------------------------------------------------


def many(contact: int, count: int, now: datetime) -> None:
    timeline.record(
        [
            timeline.NewFact(contact, "Product Viewed", {"sku": f"s{n}"}, now - timedelta(minutes=n), historic=True)
            for n in range(count)
        ],
        now=now,
    )


def test_ten_thousand_events_cost_no_more_questions_than_ten(elena: int, now: datetime, tmp_path: Path) -> None:
    many(elena, 10, now)
    copy(elena, tmp_path)
    with CaptureQueriesContext(connection) as few:
        copy(elena, tmp_path)
    many(elena, 10_000, now)
    everything = Event.objects.filter(contact=elena).count()
    assert everything > 10_000
    with CaptureQueriesContext(connection) as lots:
        box = copy(elena, tmp_path)
    assert len(told(box)["events"]) == everything
    assert len(json.loads(box.read("portable/events.json"))) == everything
    assert len(lots) == len(few)


def test_many_orders_and_messages_ask_no_more(tmp_path: Path) -> None:
    sending.at_noon()
    person = sending.people(1, name="Elena")[0]

    def grow(first: int, count: int) -> None:
        said = [{"name": "Order Completed", "properties": {"order_id": f"B-{n}", "total": {"amount": "1.00",
                 "currency": "EUR"}, "products": [{"sku": "s", "quantity": "1", "price": "1.00"}]}}
                for n in range(first, first + count)]  # fmt: skip
        capture.receive([capture.Arrival([Trace("id", str(person.pk))], events=said)], now=clock.now())
        for n in range(count):
            sending.ask([person], run=first * 100 + n, purpose="offers", message_class="service")
        while delivery.deliver():
            pass

    grow(1, 2)
    copy(person.pk, tmp_path)
    with CaptureQueriesContext(connection) as few:
        copy(person.pk, tmp_path)
    grow(100, 20)
    with CaptureQueriesContext(connection) as lots:
        found = told(copy(person.pk, tmp_path))
    assert (len(found["orders"]), len(found["messages"])) == (22, 22)
    assert len(lots) == len(few)


# --- taken elsewhere --------------------------------------------------------------------------------------


def facts() -> tuple[Any, ...]:
    person = Contact.objects.get(merged_into=None)
    kinds = Identifier.objects.filter(contact=person).order_by("kind").values_list("kind", "value")
    return (
        [getattr(person, name) for name in ("given_name", "family_name", "city", "country", "birth_date", "language")],
        person.fields, person.home_store_id, list(kinds),
        [
            (row.order_id, row.occurred_at, row.total, row.discount, row.coupon, row.channel, row.store_id,
             [(line.sku, line.name, line.quantity, line.price) for line in row.lines.order_by("pk")])
            for row in Order.objects.order_by("order_id")
        ],
    )  # fmt: skip


def test_what_she_took_along_makes_the_same_elena_elsewhere(elena: int, bring: Bring, tmp_path: Path) -> None:
    capture.receive(
        [capture.Arrival([Trace("id", str(elena))], events=[order(order_id="A-2", products=[], coupon="")])],
        now=clock.now(),
    )
    box, before = copy(elena, tmp_path), facts()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_orderline")
        cursor.execute("DELETE FROM crm_order")
        cursor.execute("DELETE FROM crm_eventkey")
    removal.remove([elena])
    Address.objects.all().delete()
    assert not Contact.objects.exists()
    for name, kind in (("contacts", "contacts"), ("orders", "orders")):
        text = box.read(f"portable/{name}.csv")
        job = bring(text, f"{name}.csv", kind)
        head = text.decode("utf-8-sig").splitlines()[0].split(",")
        assert sorted(job.mapping.values()) == sorted(head), "every column is recognised"
        assert (job.state, job.rejected) == ("done", 0)
    assert facts() == before


# --- how it is made -----------------------------------------------------------------------------------------


def test_a_worker_makes_it_and_it_is_gone_after_a_day(elena: int, ada: User) -> None:
    job = exports.ask(access_files.wish(elena), owner=ada.pk, actor=f"user:{ada.pk}")
    assert exports.work() >= 1
    job.refresh_from_db()
    assert (job.state, job.form, job.rows) == ("ready", "zip", Event.objects.filter(contact=elena).count())
    with ZipFile(exports.folder() / job.path) as box:
        assert {"data.json", "data.pdf", "portable/contacts.csv", "portable/contacts.json", "portable/orders.csv",
                "portable/events.json"} <= set(box.namelist())  # fmt: skip
    clock.advance(timedelta(hours=25))
    exports.work()
    job.refresh_from_db()
    assert job.state == "gone"
    assert list(exports.folder().iterdir()) == []


def test_of_somebody_who_was_erased_meanwhile_there_is_no_copy(elena: int, ada: User, now: datetime) -> None:
    job = exports.ask(access_files.wish(elena), owner=ada.pk, actor="user:1")
    Contact.objects.filter(pk=elena).update(erased_at=now)
    exports.work()
    assert ExportJob.objects.get(pk=job.pk).state == "failed"


def test_by_hand_on_the_command_line(elena: int, tmp_path: Path) -> None:
    for name, who in (("a.zip", publicids.encode("ctc", elena)), ("b.zip", "Elena@Example.com")):
        call_command("export_contact", who, "--out", str(tmp_path / name), stdout=io.StringIO())
        assert told(ZipFile(tmp_path / name))["person"]["given_name"] == "Elena"
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError):
        call_command("export_contact", "nobody@example.com", "--out", str(tmp_path / "c.zip"))
    assert not (tmp_path / "c.zip").exists()


def test_the_paper_of_a_person_of_whom_nothing_is_known(now: datetime, tmp_path: Path) -> None:
    clock.set_to(now)
    visitor = come(now, Trace("anonymous_id", "browser-1"))
    box = copy(visitor, tmp_path)
    assert told(box)["orders"] == []
    assert box.read("data.pdf").startswith(b"%PDF")
    assert rows.cluster(visitor) == [visitor]
