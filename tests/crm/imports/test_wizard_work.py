"""Ada's file goes through check and import a piece at a time; whoever is killed, paused or overtaken loses nothing."""

from __future__ import annotations

import pytest

from crm import clock, consent, permission, receipts
from crm.errors import Problem
from crm.imports import contacts, jobs, kinds, steering, work
from crm.models import (
    ConsentReceipt,
    Contact,
    ContactChange,
    Identifier,
    ImportedContact,
    ImportJob,
    ImportReject,
    Order,
    Product,
    Stock,
    Suppression,
    User,
)
from tests.crm.imports.conftest import CONSENT, Bring, settle

pytestmark = pytest.mark.django_db

HEAD = "Correo;Móvil;Nombre;Apellidos;Fecha de nacimiento;Publi\n"


def sums(job: ImportJob) -> tuple[int, int, int, int, int]:
    assert job.created + job.updated + job.unchanged + job.rejected == job.rows
    return job.rows, job.created, job.updated, job.unchanged, job.rejected


def spanish(count: int, first: int = 0) -> str:
    rows = (
        f"p{n}@example.com;600{n + 100123:06d};Ana;García {n};03/04/1990;{'S' if n % 2 else 'N'}\n"
        for n in range(count)
    )
    return HEAD + "".join(rows)


def test_ada_brings_a_spanish_file_and_everybody_is_there(bring: Bring) -> None:
    job = bring(spanish(20), dates="dmy")
    assert (job.state, sums(job)) == ("done", (20, 20, 0, 0, 0))
    ana = Contact.objects.get(family_name="García 7")
    assert str(ana.birth_date) == "1990-04-03"
    assert set(ana.identifiers.values_list("value", flat=True)) == {"p7@example.com", "+34600100130"}


def test_the_same_file_again_creates_nobody(bring: Bring) -> None:
    bring(spanish(20), dates="dmy", consent=CONSENT)
    held = ConsentReceipt.objects.count()
    again = bring(spanish(20), dates="dmy", consent=CONSENT)
    assert sums(again) == (20, 0, 0, 20, 0)
    assert Contact.objects.count() == 20
    assert ConsentReceipt.objects.count() == held


def test_a_date_that_can_be_two_days_is_asked_before_anything_is_read(bring: Bring) -> None:
    job = bring(spanish(3), until="draft")
    assert [problem.code for problem in steering.problems(job, steering.sample(job))] == ["ambiguous_date"]
    steering.say_columns(job, job.mapping, {"dates": "mdy"})
    assert steering.problems(job, steering.sample(job)) == []


def test_the_check_says_what_would_become_of_each_row_and_writes_nothing(bring: Bring) -> None:
    bring(HEAD + "elena@example.com;;Elena;;;\ndario@example.com;;Dario;;;\n")
    found = bring(
        HEAD + "elena@example.com;;Elena;Rossi;;\ndario@example.com;;Dario;;;\nnew@example.com;;Nuria;;;\n"
        "new@example.com;;Nuria;;;\nnot an address;;X;;;\na;b\n",
        until="checked",
    )
    assert found.check_found["verdicts"] == {"created": 1, "updated": 1, "unchanged": 1, "doubled": 1, "rejected": 2}
    assert found.check_found["reasons"] == {"not_an_email": 1, "ragged_row": 1}
    assert [each["line"] for each in found.check_found["examples"]["updated"]] == [2]
    assert Contact.objects.count() == 2
    assert not ContactChange.objects.exists()
    assert ImportReject.objects.filter(job=found, checked=True).count() == 2


def test_what_the_check_says_is_what_the_import_does(bring: Bring) -> None:
    bring(spanish(10), dates="dmy")
    text = spanish(15).replace("García 3;", "Gómez;").replace("p5@example.com", "p5(at)example.com")
    job = bring(text, dates="dmy", policy="overwrite", consent=CONSENT, until="checked")
    told = job.check_found["verdicts"]
    steering.start(job, actor="user:1")
    settle()
    job.refresh_from_db()
    assert sums(job) == (15, told["created"], told["updated"], told["unchanged"] + told["doubled"], told["rejected"])


@pytest.mark.parametrize(
    ("policy", "name", "city"),
    [("fill", "Elena", "Turin"), ("overwrite", "Helena", "Turin"), ("skip", "Elena", "")],
)
def test_what_becomes_of_elena_who_is_here_already(bring: Bring, policy: str, name: str, city: str) -> None:
    bring("email,first name,city\nelena@example.com,Elena,\n")
    job = bring("email,first name,city,phone\nelena@example.com,Helena,Turin,+34600112233\n", policy=policy)
    elena = Contact.objects.get()
    assert (elena.given_name, elena.city) == (name, city)
    assert Identifier.objects.count() == (1 if policy == "skip" else 2)
    assert sums(job) == (1, 0, 0, 1, 0) if policy == "skip" else (1, 0, 1, 0, 0)


def test_ours_stands_field_by_field_where_ada_says_so(bring: Bring) -> None:
    bring(
        "email,first name,last name,fields.size\nelena@example.com,Elena,Rossi,38\n",
        columns={
            "email": "email",
            "given_name": "first name",
            "family_name": "last name",
            "fields.size": "fields.size",
        },
    )
    bring(
        "email,first name,last name,fields.size\nelena@example.com,Helena,Bianchi,40\n",
        policy="overwrite",
        keep=["family_name", "fields.size"],
        columns={
            "email": "email",
            "given_name": "first name",
            "family_name": "last name",
            "fields.size": "fields.size",
        },
    )
    elena = Contact.objects.get()
    assert (elena.given_name, elena.family_name, elena.fields) == ("Helena", "Rossi", {"size": "38"})
    assert elena.sort_name == "rossi helena"


def test_without_an_answer_people_come_as_not_asked(bring: Bring) -> None:
    bring("email\nelena@example.com\n")
    answer = consent.allowed(Contact.objects.get().pk, "offers", "email", clock.now())
    assert answer == permission.Deny("consent_missing")


def test_only_those_whose_column_says_yes_have_agreed(bring: Bring) -> None:
    bring(HEAD + "yes@example.com;;A;;;S\nno@example.com;;B;;;N\nempty@example.com;;C;;;\n", consent=CONSENT)
    agreed = ConsentReceipt.objects.values_list("contact__given_name", flat=True)
    assert list(agreed) == ["A"]
    assert receipts.broken() == []


@pytest.mark.parametrize("missing", ["basis", "source", "occurred_at"])
def test_a_consent_without_its_proof_is_refused(bring: Bring, missing: str) -> None:
    from crm.errors import Problems

    with pytest.raises(Problems, match=missing):
        bring("email\nelena@example.com\n", consent={**CONSENT, missing: ""})


def test_chiara_said_no_and_the_file_does_not_lift_it(bring: Bring) -> None:
    bring("email\nchiara@example.com\n", consent=CONSENT)
    chiara = Contact.objects.get().pk
    no = consent.Statement(chiara, "offers", "email", "withdrawn", "", "keyword", "STOP")
    consent.record([no], now=clock.now())
    bring("email\nchiara@example.com\n", consent={**CONSENT, "source": "Another list"})
    assert isinstance(consent.allowed(chiara, "offers", "email", clock.now()), permission.Deny)


def test_a_paused_import_stands_still_and_goes_on_where_it_was(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "CHUNK", 10)
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    job = bring(spanish(35), dates="dmy", until="running")
    assert work.work() == 10
    job.refresh_from_db()
    steering.pause(job, actor="user:1")
    assert work.work() == 0
    assert (Contact.objects.count(), ImportJob.objects.get().rows) == (10, 10)
    job.refresh_from_db()
    steering.start(job, actor="user:1")
    settle()
    job.refresh_from_db()
    assert (job.state, sums(job)) == ("done", (35, 35, 0, 0, 0))


def test_an_old_window_does_not_begin_a_paused_import_anew(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "CHUNK", 10)
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    job = bring(spanish(35), dates="dmy", until="checked")
    seen = ImportJob.objects.get()
    steering.start(job, actor="user:1")
    work.work()
    job.refresh_from_db()
    steering.pause(job, actor="user:1")
    with pytest.raises(Problem, match="moved on"):
        steering.start(seen, actor="user:1")
    job.refresh_from_db()
    assert (job.state, job.rows) == ("paused", 10)
    assert job.line > 0


def test_rules_look_at_everybody_after_a_cancel_however_many_came_in_meanwhile(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(jobs, "MANY", 15)
    monkeypatch.setattr(jobs, "ask_all_rules", lambda: asked.append(True))
    monkeypatch.setattr(contacts, "CHUNK", 10)
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    bring(spanish(35), dates="dmy", until="running")
    seen = ImportJob.objects.get()
    work.work()
    work.work()
    steering.cancel(seen, actor="user:1")
    assert Contact.objects.count() == 20
    assert asked == [True]


def test_a_file_that_is_gone_is_no_riddle_and_tells_no_place_of_the_machine(bring: Bring) -> None:
    from crm.imports import files

    job = bring("email\nelena@example.com\n", until="running")
    files.forget(job.path)
    settle()
    job.refresh_from_db()
    assert (job.state, job.trouble) == ("failed", "unexpected")


def test_a_worker_that_was_overtaken_writes_nothing(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    job = bring(spanish(5), dates="dmy", until="running")
    mine = work._claim("mine")
    assert mine is not None
    ImportJob.objects.filter(pk=job.pk).update(lease="somebody else")
    with pytest.raises(work.Gone):
        work._run(mine, "mine")
    assert not Contact.objects.exists()


def test_a_cancelled_import_keeps_what_came_in_and_can_be_taken_back(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "CHUNK", 10)
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    job = bring(spanish(35), dates="dmy", until="running")
    work.work()
    job.refresh_from_db()
    steering.cancel(job, actor="user:1")
    settle()
    assert Contact.objects.count() == 10
    steering.undo(job, actor="user:1")
    settle()
    assert not Identifier.objects.exists()


def test_an_import_is_taken_back_whole(bring: Bring) -> None:
    bring("email,first name,city\nelena@example.com,Elena,Rome\n", policy="overwrite")
    elena = Contact.objects.get()
    job = bring(
        "email,first name,city,phone\nelena@example.com,Helena,Turin,+34600112233\nnew@example.com,Nuria,Vigo,\n",
        policy="overwrite",
        consent=CONSENT,
    )
    assert sums(job) == (2, 1, 1, 0, 0)
    assert isinstance(consent.allowed(elena.pk, "offers", "email", clock.now()), permission.Allow)
    steering.undo(job, actor="user:1")
    settle()
    job.refresh_from_db()
    assert (job.state, job.undone, job.kept) == ("undone", 2, 0)
    elena.refresh_from_db()
    assert (elena.given_name, elena.city, elena.sort_name) == ("Elena", "Rome", "elena")
    assert list(Identifier.objects.values_list("value", flat=True)) == ["elena@example.com"]
    gone = Contact.objects.exclude(pk=elena.pk).get()
    assert gone.archived_at is not None
    assert (gone.given_name, gone.city, gone.sort_name) == ("", "", "")
    answer = consent.allowed(elena.pk, "offers", "email", clock.now())
    assert isinstance(answer, permission.Deny)
    assert answer.reason == "consent_expired"
    assert receipts.broken() == []


def test_the_right_file_brings_them_as_new_and_with_their_consent(bring: Bring) -> None:
    wrong = bring("email,first name\nnuria@example.com,Nurai\n", consent=CONSENT)
    steering.undo(wrong, actor="user:1")
    settle()
    right = bring("email,first name\nnuria@example.com,Nuria\n", consent=CONSENT)
    assert sums(right) == (1, 1, 0, 0, 0)
    nuria = Contact.objects.get(archived_at=None)
    assert isinstance(consent.allowed(nuria.pk, "offers", "email", clock.now()), permission.Allow)


def test_whom_somebody_touched_since_stays(bring: Bring, ada: User) -> None:
    from crm import notes

    job = bring("email,first name\nelena@example.com,Elena\ndario@example.com,Dario\n")
    elena = Contact.objects.get(given_name="Elena")
    notes.add(elena.pk, "Called today", author=ada, actor="user:1", now=clock.now())
    steering.undo(job, actor="user:1")
    settle()
    job.refresh_from_db()
    assert (job.undone, job.kept) == (1, 1)
    assert list(Contact.objects.filter(archived_at=None).values_list("given_name", flat=True)) == ["Elena"]
    assert Identifier.objects.get().value == "elena@example.com"


def test_what_was_changed_again_since_is_not_changed_back(bring: Bring) -> None:
    columns = {"email": "email", "given_name": "name", "city": "city"}
    bring("email,name,city\nelena@example.com,Elena,Rome\n", columns=columns)
    job = bring("email,name,city\nelena@example.com,Helena,Turin\n", columns=columns, policy="overwrite")
    bring("email,name,city\nelena@example.com,Leni,\n", columns=columns, policy="overwrite")
    steering.undo(job, actor="user:1")
    settle()
    elena = Contact.objects.get()
    assert (elena.given_name, elena.city) == ("Leni", "Rome")


def test_after_a_week_nothing_is_taken_back(bring: Bring) -> None:
    from datetime import timedelta

    job = bring("email\nelena@example.com\n")
    assert steering.undoable(job, clock.now())
    assert not steering.undoable(job, clock.now() + timedelta(days=7, seconds=1))


def test_ada_brings_purchases_with_spanish_amounts(bring: Bring) -> None:
    text = "Correo;Pedido;Fecha;Importe\nelena@example.com;o1;03/04/2026;1.234,50 €\nelena@example.com;o2;x;12\n"
    job = bring(text, kind="orders", dates="dmy")
    assert sums(job) == (2, 1, 0, 0, 1)
    order = Order.objects.get()
    assert (str(order.total), order.occurred_at.date().isoformat()) == ("1234.50", "2026-04-03")
    assert sums(bring(text, kind="orders", dates="dmy")) == (2, 0, 0, 1, 1)


def test_ada_brings_products_and_their_stock(bring: Bring) -> None:
    text = "Referencia;Producto;Precio;Categoría\nt1;Trail;99,90;Shoes; \nt1;Trail;89,90;Shoes\nt2;;x;\n"
    text = text.replace("Shoes; ", "Shoes")
    job = bring(text, kind="products")
    assert sums(job) == (3, 1, 1, 0, 1)
    assert str(Product.objects.get().price).startswith("89.9")
    assert sums(bring("sku,price\nt1,89.90\n", kind="products")) == (1, 0, 0, 1, 0)
    assert Product.objects.get().name == "Trail"
    job = bring("sku;tienda;existencias\nt1;valencia;4\nt1;online;1,5\n", kind="stock")
    assert sums(job) == (2, 1, 0, 0, 1)
    assert Stock.objects.get().available == 4


def test_a_list_of_stops_makes_nobody_a_contact(bring: Bring) -> None:
    job = bring("email,phone\nchiara@example.com,\n,+34600999888\nx,\n", kind="suppressions")
    assert sums(job) == (3, 2, 0, 0, 1)
    assert not Contact.objects.exists()
    assert Suppression.objects.filter(until=None).count() == 2
    assert sums(bring("email\nchiara@example.com\n", kind="suppressions")) == (1, 0, 0, 1, 0)
    steering.undo(job, actor="user:1")
    settle()
    # The second list says it of Chiara too, and stands.
    assert list(Suppression.objects.filter(until=None).values_list("medium", flat=True)) == ["email"]


def test_a_check_of_purchases_leaves_nothing_behind(bring: Bring) -> None:
    job = bring("Correo;Pedido;Fecha;Importe\nelena@example.com;o1;2026-04-03;12\n", kind="orders", until="checked")
    assert job.check_found["verdicts"]["created"] == 1
    assert not Order.objects.exists()
    assert not Contact.objects.exists()


def test_who_was_brought_is_noted_for_the_undo(bring: Bring) -> None:
    job = bring(spanish(7), dates="dmy")
    assert ImportedContact.objects.filter(job=job, fresh=True).count() == 7
    assert Contact.objects.exclude(source=kinds.name(job)).count() == 0


def test_files_and_rejected_rows_go_when_nothing_can_be_taken_back(
    bring: Bring, django_capture_on_commit_callbacks: object
) -> None:
    from datetime import timedelta

    from crm.imports import files

    job = bring("email\nelena@example.com\nx\n")
    assert work.clean() == 0
    ImportJob.objects.update(asked_at=clock.now() - timedelta(days=8))
    assert work.clean() == 1
    assert not ImportReject.objects.exists()
    assert not (files.folder() / job.path).exists()
