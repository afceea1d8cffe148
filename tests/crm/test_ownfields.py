"""The shop's own fields: defined once, checked at every door."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from channels import tokens
from crm import capture, clock, ownfields, typed
from crm.errors import Problem, Problems
from crm.models import AuditEntry, Contact, FieldDefinition, Membership, User
from crm.normalise import Trace
from crm.segments import builder, describe
from crm.segments.describe import Offers
from crm.typed import Definition

SIZE = {"key": "shoe_size", "label": "Shoe size", "kind": "number", "choices": []}
SPORT = {"key": "sport", "label": "Sport", "kind": "choice", "choices": ["Running", "Swimming"]}


@pytest.fixture
def ada(client: Client) -> Client:
    user = User.objects.create_user("ada@example.com", "x", name="Ada")
    Membership.objects.create(user=user, role="admin")
    client.force_login(user)
    return client


def arrive(name: str, **fields: Any) -> capture.Received:
    return capture.receive([capture.Arrival([Trace("external_id", name)], {"fields": fields})], now=clock.now())[0]


def held(answer: capture.Received) -> dict[str, Any]:
    return dict(Contact.objects.get(pk=answer.contact_id).fields)


@pytest.mark.parametrize(
    ("kind", "choices", "given", "kept"),
    [
        ("text", (), "  wool ", "wool"), ("text", (), 39, "39"),
        ("number", (), "39,5", 39.5), ("number", (), "39", 39), ("number", (), "1 250", 1250), ("number", (), 7.0, 7.0),
        ("date", (), "2026-05-31", "2026-05-31"), ("date", (), "2026-05-31T10:00:00Z", "2026-05-31"),
        ("choice", ("Running",), "running", "Running"),
        ("list", (), "trail, road , trail", ["trail", "road"]), ("list", ("Road",), ["road"], ["Road"]),
        ("boolean", (), "sí", True), ("boolean", (), "нет", False), ("boolean", (), True, True),
        ("number", (), " ", None), ("list", (), [], None), ("choice", ("a",), None, None),
    ],
)  # fmt: skip
def test_a_value_is_kept_in_the_kind_of_its_field(kind: str, choices: tuple[str, ...], given: Any, kept: Any) -> None:
    found = typed.value(Definition("k", "K", kind, choices), given)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("kind", "choices", "given"),
    [
        ("text", (), True), ("text", (), ["a"]), ("number", (), "many"), ("number", (), float("nan")),
        ("number", (), True), ("number", (), "1e9"), ("date", (), "31/05/2026"), ("date", (), "2026-02-30"),
        ("choice", ("Running",), "Chess"), ("choice", ("True",), True), ("list", ("Road",), "road, sea"),
        ("list", (), {"a": 1}), ("boolean", (), "perhaps"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_with_what_would(kind: str, choices: tuple[str, ...], given: Any) -> None:
    with pytest.raises(Problem) as told:
        typed.value(Definition("k", "The field", kind, choices), given)
    assert "The field" in told.value.detail


@given(
    st.sampled_from(typed.KINDS),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(max_size=9))),
)
def test_what_is_kept_is_kept_again_unchanged(kind: str, given: Any) -> None:
    field = Definition("k", "K", kind, ("a", "B c"))
    try:
        kept = typed.value(field, given)
    except Problem:
        return
    assert typed.value(field, kept) == kept


@pytest.mark.django_db
def test_every_door_checks_a_defined_field_and_leaves_the_others() -> None:
    ownfields.add(SIZE, actor="user:1")
    ownfields.add(SPORT, actor="user:1")
    fine = arrive("elena", shoe_size="39", sport="swimming", nickname=["El"])
    assert held(fine) == {"shoe_size": 39, "sport": "Swimming", "nickname": ["El"]}
    wrong = arrive("dario", shoe_size="big", sport="Chess")
    assert [(each.pointer, each.code) for each in wrong.problems] == [
        ("/fields/shoe_size", "not_a_number"), ("/fields/sport", "not_a_choice"),
    ]  # fmt: skip
    assert Contact.objects.count() == 1
    assert held(arrive("elena", shoe_size=None)) == {"sport": "Swimming", "nickname": ["El"]}


@pytest.mark.django_db
def test_a_name_is_taken_once_and_choices_must_be_there() -> None:
    ownfields.add(SIZE, actor="user:1")
    for values, code in (
        (SIZE, "taken"), ({**SPORT, "choices": []}, "empty"), ({**SPORT, "choices": ["a", "A"]}, "twice"),
        ({**SIZE, "key": "1 bad"}, "bad_name"),
    ):  # fmt: skip
        with pytest.raises(Problem) as told:
            ownfields.add(values, actor="user:1")
        assert told.value.code == code
    assert AuditEntry.objects.filter(action="field.add").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "choices", "fits", "not_"),
    [
        ("text", [], "a", 1), ("number", [], 1, "1"), ("date", [], "2026-05-31", "31.5.2026"),
        ("choice", ["a"], "a", "b"), ("list", [], ["a"], "a"), ("list", ["a"], ["a"], ["a", "b"]),
        ("boolean", [], True, "yes"),
    ],
)  # fmt: skip
def test_ada_sees_how_many_hold_what_does_not_fit(kind: str, choices: list[str], fits: Any, not_: Any) -> None:
    Contact.objects.bulk_create([Contact(fields={"k": each}) for each in (fits, not_, not_, None)])
    Contact.objects.create(fields={"other": not_})
    assert ownfields.misfits(Definition("k", "K", kind, tuple(choices))) == 2


@pytest.mark.django_db
def test_ada_defines_a_field_fills_it_in_and_sees_it_by_its_name(ada: Client) -> None:
    assert ada.post(reverse("crm:field-new"), {"label": "Sport", "key": "sport", "kind": "choice"}).status_code == 422
    made = ada.post(
        reverse("crm:field-new"), {"label": "Sport", "key": "sport", "kind": "choice", "choices": "Running\nSwimming"}
    )
    assert made.status_code == 302
    elena = arrive("elena", nickname="El").contact_id
    assert elena
    page = ada.get(reverse("crm:contact-edit", args=[elena])).content.decode()
    assert '<option value="Swimming">' in page
    known = {"known-TOTAL_FORMS": "0", "known-INITIAL_FORMS": "0"}
    own = {"own-TOTAL_FORMS": "1", "own-INITIAL_FORMS": "1", "own-0-name": "nickname", "own-0-value": "El"}
    sent = {**known, **own, "consent-action": "granted", "field-sport": "Swimming"}
    answer = ada.post(reverse("crm:contact-edit", args=[elena]), sent)
    assert answer.status_code == 302, answer.content.decode()
    assert Contact.objects.get(pk=elena).fields == {"nickname": "El", "sport": "Swimming"}
    assert '<dt class="long">Sport</dt>' in ada.get(reverse("crm:contact", args=[elena])).content.decode()
    refused = ada.post(reverse("crm:contact-edit", args=[elena]), {**sent, "field-sport": "Chess"})
    assert refused.status_code == 422
    assert Contact.objects.get(pk=elena).fields["sport"] == "Swimming"


@pytest.mark.django_db
def test_what_somebody_held_before_the_field_had_its_kind_survives_an_edit(ada: Client) -> None:
    elena = arrive("elena", shoe_size="big").contact_id
    assert elena
    ownfields.add(SIZE, actor="user:1")
    sent = {
        "known-TOTAL_FORMS": "0", "known-INITIAL_FORMS": "0", "own-TOTAL_FORMS": "0", "own-INITIAL_FORMS": "0",
        "consent-action": "granted", "field-shoe_size": "big", "given_name": "Elena",
    }  # fmt: skip
    assert ada.post(reverse("crm:contact-edit", args=[elena]), sent).status_code == 302
    row = Contact.objects.get(pk=elena)
    assert (row.given_name, row.fields) == ("Elena", {"shoe_size": "big"})


@pytest.mark.django_db
def test_a_field_that_is_put_away_is_free_again_and_can_come_back(ada: Client) -> None:
    row = ownfields.add(SIZE, actor="user:1")
    ada.post(reverse("crm:field-archive", args=[row.pk]))
    assert ownfields.known() == {}
    assert held(arrive("elena", shoe_size="big")) == {"shoe_size": "big"}
    assert "More than" not in ada.get(reverse("crm:field", args=[row.pk])).content.decode()
    ada.post(reverse("crm:field-archive", args=[row.pk]) + "?on=1")
    assert list(ownfields.known()) == ["shoe_size"]
    assert FieldDefinition.objects.get().archived_at is None


@pytest.mark.django_db
def test_rules_and_messages_offer_a_field_by_its_name_and_in_its_kind() -> None:
    ownfields.add(SPORT, actor="user:1")
    doc = {"f": "fields.sport", "op": "is", "v": "Running", "as": "text"}
    inputs = describe.descriptions.get("f.fields").inputs(doc, Offers())  # type: ignore[union-attr]
    assert inputs[0].choices[0] == ("sport", "Sport")
    operators = [code for _group, options in inputs[1].groups for code, _words in options]
    assert "is:text" in operators
    assert "in_last:window" not in operators
    found = {each.path: str(each.words) for each in tokens.all_of({"contact": {"fields": {}}})}
    assert found["contact.fields.sport"] == "Sport"
    assert builder


@pytest.mark.django_db
def test_integrators_read_the_fields(ada: Client) -> None:
    ownfields.add(SPORT, actor="user:1")
    answer = ada.get("/api/v1/fields/")
    assert answer.json() == {"results": [{**SPORT, "kind": "choice"}]}
    draft = {"identifiers": [{"kind": "external_id", "value": "1"}], "fields": {"sport": "Chess"}}
    refused = ada.post("/api/v1/contacts/", draft, content_type="application/json")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/fields/sport"


@pytest.mark.django_db
def test_the_list_of_fields_asks_the_same_for_any_number(ada: Client) -> None:
    ownfields.add(SIZE, actor="user:1")
    counts = []
    for number in range(2):
        ada.get(reverse("crm:fields"))
        with CaptureQueriesContext(connection) as asked:
            ada.get(reverse("crm:fields"))
        counts.append(len(asked))
        for place in range(10):
            ownfields.add({**SIZE, "key": f"k{number}_{place}"}, actor="user:1")
    assert counts[0] == counts[1]


def test_all_that_is_wrong_is_told_at_once() -> None:
    known = {"a": Definition("a", "A", "number"), "b": Definition("b", "B", "boolean")}
    with pytest.raises(Problems) as told:
        typed.checked({"a": "x", "b": "perhaps", "c": object}, known)
    assert [each.pointer for each in told.value.problems] == ["/a", "/b"]
