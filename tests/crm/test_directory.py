"""Finding Marta: by whatever she is known by, by part of her name, in any script, and by what narrows a list."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import directory, finders, folding, identity, lists, tags
from crm.access import EVERYTHING, ROLES
from crm.directory import Filters
from crm.models import Contact, Store
from crm.normalise import Trace
from tests import plans
from tests.crm.people import come, email, phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def marta(now: datetime) -> int:
    return come(
        now,
        email("marta.gil@mail.example"),
        phone("+34600112233"),
        Trace("card", "2910004821"),
        Trace("external_id", "c_88213"),
        given_name="Marta",
        family_name="Gil Soler",
    )


@pytest.mark.parametrize(
    "typed",
    [
        "marta.gil@mail.example",
        " Marta.GIL@Mail.Example ",
        "+34 600 11 22 33",
        "600 112 233",
        "2910 0048 21",
        "c_88213",
        "marta",
        "MART",
        "gil marta",
        "soler",
        "oler",
    ],
)
def test_marta_is_found_by_all_that_names_her(marta: int, now: datetime, typed: str) -> None:
    come(now, email("bruno@mail.example"), given_name="Bruno", family_name="Ruiz")
    assert list(directory.found(Filters(text=typed), now).values_list("pk", flat=True)) == [marta]


def test_her_public_id_finds_her_too(marta: int, now: datetime) -> None:
    from crm import publicids

    assert [each.pk for each in directory.find(publicids.encode("ctc", marta), 5)] == [marta]


@pytest.mark.parametrize(
    ("given", "family", "typed"),
    [
        ("José", "Núñez", "nunez"),
        ("Jose", "Nunez", "núñez"),
        ("Алёна", "Йовович", "алена"),
        ("Алена", "Иовович", "ЙОВ"),
        ("Zoë", "O'Brien", "o'brien"),
        ("Łukasz", "Nowak", "łuk"),
        ("100%", "_under", "_und"),
    ],
)
def test_names_are_found_without_case_and_accents(now: datetime, given: str, family: str, typed: str) -> None:
    wanted = come(now, email("a@mail.example"), given_name=given, family_name=family)
    come(now, email("b@mail.example"), given_name="Xundra", family_name="Other")
    assert [each.pk for each in directory.find(typed, 5)] == [wanted]


def test_python_and_the_database_fold_alike() -> None:
    texts = ["Núñez", "Ёлка Йод", "ÅNGSTRÖM", "Straße", "ﬁn", "Ǆ", "İstanbul", "ñandú", "Μαρία", "한글", "e\u0301"]
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute("SELECT cauce_fold(%s)", [text.lower()])
            assert cursor.fetchone()[0] == folding.fold(text)


def test_two_letters_are_no_part_of_a_name(marta: int, now: datetime) -> None:
    assert directory.find("ma", 5) == []
    assert directory.find("%%%", 5) == []


def test_the_name_index_and_the_identifier_index_serve(marta: int, now: datetime) -> None:
    named = "SELECT id FROM crm_contact WHERE cauce_fold(sort_name) LIKE %s"
    assert "contact_search" in plans.told(named, ["%mar%"], ["crm_contact"], ["contact_search"])
    both = ["identifier_names_one", "identifier_shared"]
    plan = plans.told(directory.BY_IDENTIFIER, [["email"], ["marta.gil@mail.example"]] * 2, ["crm_identifier"], both)
    assert [index for index in both if index not in plan] == []


@pytest.fixture
def crowd(now: datetime) -> dict[str, int]:
    """Five people, each different in one respect."""
    store = Store.objects.create(code="ruzafa", name="Ruzafa")
    people = {
        "plain": come(now - timedelta(days=40), email("plain@mail.example")),
        "tagged": come(now - timedelta(days=3), email("tagged@mail.example")),
        "listed": come(now - timedelta(days=2), email("listed@mail.example")),
        "stored": come(now - timedelta(days=1), email("stored@mail.example"), home_store=store.code),
        "visitor": come(now, Trace("anonymous_id", "browser-1")),
        "archived": come(now, email("archived@mail.example")),
    }
    tags.put([people["tagged"]], "VIP", actor="test", now=now)
    identity.archive([people["archived"]], actor="test", now=now)
    return people


def test_a_list_is_narrowed_down(crowd: dict[str, int], now: datetime) -> None:
    from crm import publicids

    fair = lists.create("Fair", [crowd["listed"]], actor="test", now=now)

    def who(**given: object) -> set[str]:
        found = set(directory.found(Filters(**given), now).values_list("pk", flat=True))  # type: ignore[arg-type]
        return {name for name, number in crowd.items() if number in found}

    assert who() == {"plain", "tagged", "listed", "stored"}
    assert who(tag="vip") == who(tag=" Vip ") == {"tagged"}
    assert who(list=publicids.encode("seg", fair.pk)) == {"listed"}
    assert who(store="ruzafa") == {"stored"}
    assert who(since=(now - timedelta(days=2)).date()) == {"listed", "stored"}
    assert who(who="everybody") == {"plain", "tagged", "listed", "stored", "visitor"}
    assert who(who="archived") == {"archived"}
    assert who(stage="visitor") == set()
    assert who(stage="lead") == {"plain", "tagged", "listed", "stored"}
    assert who(stage="no such") == who(list="seg_zz~") == who(tag="nobody") == set()


def test_counts_say_how_exact_they_are(crowd: dict[str, int], now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    assert directory.count(Filters(), now) == directory.Count(4)
    monkeypatch.setattr(directory, "COUNTED", 2)
    assert directory.count(Filters(since=now.date() - timedelta(days=90)), now) == directory.Count(2, more=True)


def test_the_number_above_the_list_is_that_of_its_rows(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The few a name finds are looked for once; of many the first are counted."""
    for name in ("Elena", "Elena", "Marta"):
        Contact.objects.create(given_name=name, sort_name=name.lower())
    asked = Filters(text="elena", who="everybody")
    rows, number = directory.listed(asked, now)
    assert (rows.count(), number) == (2, directory.Count(2))
    assert list(rows) == list(directory.found(asked, now).order_by("pk"))
    monkeypatch.setattr(directory, "COUNTED", 1)
    rows, number = directory.listed(asked, now)
    assert (rows.count(), number) == (2, directory.Count(1, more=True))
    assert directory.listed(Filters(text="nobody at all"), now)[1] == directory.Count(0)


def test_rows_cost_the_same_however_many(now: datetime) -> None:
    def queries(size: int) -> int:
        chosen = list(Contact.objects.order_by("pk")[:size])
        with CaptureQueriesContext(connection) as told:
            assert len(directory.people(chosen, full=True)) == size
        return len(told)

    for number in range(12):
        come(now, email(f"p{number}@mail.example"), given_name=f"P{number}")
    assert queries(2) == queries(12)


def test_all_rows_come_once_in_batches(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "BATCH", 3)
    people = [come(now, email(f"p{number}@mail.example")) for number in range(7)]
    assert [each.contact.pk for each in directory.everyone(Filters(), now, full=True)] == people[::-1]


def test_the_top_bar_finds_people_and_masks_their_address(marta: int) -> None:
    (hit,) = finders.people("marta", EVERYTHING, 5)
    assert (hit.title, hit.detail) == ("Marta Gil Soler", "marta.gil@mail.example")
    (hidden,) = finders.people("marta", ROLES["analyst"], 5)
    assert hidden.detail == "m…@mail.example"
    assert finders.people("marta", ROLES["store_staff"], 5) == []


def test_who_was_merged_is_not_found_twice(now: datetime) -> None:
    visitor = come(now, Trace("anonymous_id", "browser-9"))
    known = come(now, Trace("anonymous_id", "browser-9"), email("chiara@mail.example"), given_name="Chiara")
    assert known == visitor or Contact.objects.get(pk=visitor).merged_into_id == known
    assert [each.pk for each in directory.find("chiara", 5)] == [known]
