"""The shop's own fields in Ada's files: in their kind, or the row says why not."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import ownfields
from crm.imports import contacts, steering
from crm.models import Contact, Identifier, ImportReject
from tests.crm.imports.conftest import Bring, settle
from tests.crm.imports.test_wizard_work import sums

pytestmark = pytest.mark.django_db

OWN = {
    "email": "email",
    "fields.size": "size",
    "fields.sport": "sport",
    "fields.fitted": "fitted",
    "fields.nick": "nick",
}


def define_own_fields() -> None:
    for key, kind, choices in (("size", "number", []), ("sport", "choice", ["Running"]), ("fitted", "date", [])):
        ownfields.add({"key": key, "label": key, "kind": kind, "choices": choices}, actor="user:1")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_shops_own_fields_come_in_their_kind_or_not_at_all(bring: Bring, form: str) -> None:
    define_own_fields()
    rows = [
        {"email": "elena@example.com", "size": "39,5", "sport": "running", "fitted": "25/04/2026", "nick": "Eli"},
        {"email": "dario@example.com", "size": "big", "sport": "", "fitted": "", "nick": ""},
        {"email": "nuria@example.com", "size": "", "sport": "Chess", "fitted": "", "nick": ""},
    ]
    table = "".join(";".join(row.values()) + "\n" for row in rows)
    text = json.dumps(rows) if form == "json" else "email;size;sport;fitted;nick\n" + table
    job = bring(text, f"club.{form}", columns=OWN, dates="dmy", until="checked")
    assert job.check_found["reasons"] == {"not_a_number": 1, "not_a_choice": 1}
    steering.start(job, actor="user:1")
    settle()
    job.refresh_from_db()
    assert sums(job) == (3, 1, 0, 0, 2)
    elena = Contact.objects.get()
    assert elena.fields == {"size": 39.5, "sport": "Running", "fitted": "2026-04-25", "nick": "Eli"}
    told = ImportReject.objects.filter(job=job, checked=False).order_by("line").values_list("line", "detail")
    assert [(line, detail.partition(":")[0]) for line, detail in told] == [(3, "/fields.size"), (4, "/fields.sport")]


@pytest.mark.parametrize(
    ("kind", "choices", "good", "kept", "bad", "code"),
    [
        ("text", [], " Eli ", "Eli", "x" * 4001, "too_long"),
        ("number", [], "1,5", 1.5, "one", "not_a_number"),
        ("date", [], "25/04/2026", "2026-04-25", "soon", "not_a_date"),
        ("choice", ["Running", "Chess"], "chess", "Chess", "Golf", "not_a_choice"),
        ("list", [], "red, blue", ["red", "blue"], ",".join(f"c{n}" for n in range(101)), "too_many"),
        ("list", ["Red", "Blue"], "red, blue", ["Red", "Blue"], "red, green", "not_a_choice"),
        ("boolean", [], "sí", True, "perhaps", "not_a_boolean"),
    ],
)
def test_each_kind_takes_what_it_may_hold_and_the_row_says_what_it_may_not(
    bring: Bring, kind: str, choices: list[str], good: str, kept: object, bad: str, code: str
) -> None:
    ownfields.add({"key": "own", "label": "Own", "kind": kind, "choices": choices}, actor="user:1")
    text = f'email;own\nelena@example.com;"{good}"\ndario@example.com;"{bad}"\nmarta@example.com;\n'
    job = bring(text, columns={"email": "email", "fields.own": "own"}, dates="dmy")
    assert sums(job) == (3, 2, 0, 0, 1)
    assert ImportReject.objects.get(job=job, checked=False).code == code
    found = dict(Identifier.objects.values_list("value", "contact__fields"))
    assert found == {"elena@example.com": {"own": kept}, "marta@example.com": {}}
    again = bring(text, columns={"email": "email", "fields.own": "own"}, dates="dmy", policy="overwrite")
    assert sums(again) == (3, 0, 0, 2, 1)


def test_the_definitions_are_read_once_for_all_rows(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    define_own_fields()
    job = bring(
        "email,size\n" + "".join(f"p{n}@example.com,{n}\n" for n in range(30)),
        columns={"email": "email", "fields.size": "size"},
        until="running",
    )
    monkeypatch.setattr(contacts, "CHUNK", 10)
    monkeypatch.setattr(ownfields, "FRESH_SECONDS", -1.0)
    with CaptureQueriesContext(connection) as asked:
        settle()
    job.refresh_from_db()
    assert sums(job) == (30, 30, 0, 0, 0)
    assert len([each for each in asked if "crm_fielddefinition" in each["sql"]]) == 1


def test_signs_that_nobody_sees_empty_nothing_of_what_is_known_of_elena(bring: Bring) -> None:
    columns = {"email": "email", "given_name": "first name", "fields.nick": "nick"}
    bring("email,first name,nick\nelena@example.com,Elena,Eli\n", columns=columns)
    job = bring("email,first name,nick\nelena@example.com,\u200b,\u200b\n", columns=columns, policy="overwrite")
    elena = Contact.objects.get()
    assert (elena.given_name, elena.fields) == ("Elena", {"nick": "Eli"})
    assert sums(job) == (1, 0, 0, 1, 0)
