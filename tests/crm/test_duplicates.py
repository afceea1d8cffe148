"""Who may be the same person is found, scored with its reasons, decided by people, and hinted at while they type."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from crm import duplicates, publicids
from crm.duplicates import Traits
from crm.identity import merging
from crm.models import AuditEntry, Duplicate
from tests.crm.people import come, email, phone
from tests.crm.test_merge_pages import at_work, text

pytestmark = pytest.mark.django_db


def pairs() -> dict[tuple[int, int], tuple[int, set[str]]]:
    return {
        (row.a_id, row.b_id): (row.score, {reason["code"] for reason in row.reasons})
        for row in Duplicate.objects.filter(state="open")
    }


def test_marta_and_martha_are_found_with_the_reason(now: datetime) -> None:
    marta = come(now, email("marta@example.com"), given_name="Marta", family_name="Gil Soler", birth_date="1990-02-03")
    twin = come(now, phone("+34600112233"), given_name="Martha", family_name="Gil Soler", birth_date="1990-02-03")
    come(now, email("dario@example.com"), given_name="Dario", family_name="Roca", birth_date="1990-02-03")
    duplicates.work()
    ((both, (score, codes)),) = pairs().items()
    assert both == (marta, twin)
    assert codes == {"names", "same_birth_date"}
    assert score >= duplicates.ENOUGH
    words = duplicates.words(Duplicate.objects.get().reasons)
    assert words[0].startswith("names 9")
    assert words[0].endswith("% alike")
    assert words[1] == "same birth date"


def test_a_family_on_one_phone_is_no_pair_and_one_person_twice_on_it_is(now: datetime) -> None:
    home = phone("+34963000001", shared=True)
    come(now, email("a@example.com"), home, given_name="Chiara", family_name="Conti")
    come(now, email("b@example.com"), home, given_name="Bruno", family_name="Alvarez")
    one = come(now, email("c@example.com"), home, given_name="Elena", family_name="Ruiz")
    other = come(now, email("d@example.com"), home, given_name="Elena", family_name="Ruíz")
    duplicates.work()
    assert {both: codes for both, (_, codes) in pairs().items()} == {(one, other): {"same_phone", "names"}}


def test_emails_alike_before_the_at_and_names_alike(now: datetime) -> None:
    one = come(now, email("elena.ruiz@work.example"), given_name="Elena", family_name="Ruiz")
    other = come(now, email("elenaruiz+shop@mail.example"), given_name="Elena", family_name="Ruiz")
    come(now, email("info@a.example"), given_name="Elena", family_name="Ruiz")
    come(now, email("info@b.example"), given_name="Elena", family_name="Ruiz")
    duplicates.work()
    assert {both: codes for both, (_, codes) in pairs().items()} == {(one, other): {"email_alike", "names"}}


def test_the_round_looks_only_at_what_changed(now: datetime) -> None:
    people = [come(now, email(f"p{n}@example.com"), given_name=f"P{n}") for n in range(5)]
    duplicates.work()
    with CaptureQueriesContext(connection) as caught:
        duplicates.work()
    assert not any("similarity" in query["sql"] for query in caught), "nothing changed, nothing is compared"
    for person in people[:2]:
        come(
            now,
            email(f"p{people.index(person)}@example.com"),
            given_name="Elena",
            family_name="Ruiz",
            postal_code="46001",
        )
    duplicates.work()
    assert list(pairs()) == [(people[0], people[1])]
    come(now, email("p1@example.com"), given_name="Dario", family_name="Sanz")
    duplicates.work()
    assert pairs() == {}, "a pair that is none any more goes"


def test_the_search_asks_as_often_for_many_as_for_few(now: datetime) -> None:
    counts = []
    for size in (2, 40):
        numbers = [
            come(now, email(f"x{size}-{n}@example.com"), given_name="Ana", family_name="Mas", birth_date="1980-01-01")
            for n in range(size)
        ]
        with CaptureQueriesContext(connection) as caught:
            duplicates.look(numbers, now)
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_ada_tells_two_apart_and_takes_it_back(now: datetime) -> None:
    ada = at_work()
    one, other = _pair(now)
    page = text(ada.get(reverse("crm:duplicates")))
    assert "elena@one.example" in page
    assert "same birth date" in page
    assert "Not the same" in page
    number = Duplicate.objects.get().pk
    done = text(ada.post(reverse("crm:duplicate-dismiss", args=[number]), follow=True))
    assert reverse("crm:duplicate-reopen", args=[number]) in done
    duplicates.look([one, other], now)
    assert Duplicate.objects.get().state == "dismissed", "what somebody decided stays decided"
    assert "elena@one.example" in text(ada.get(reverse("crm:duplicates"), {"state": "dismissed"}))
    ada.post(reverse("crm:duplicate-reopen", args=[number]))
    assert Duplicate.objects.get().state == "open"
    assert AuditEntry.objects.filter(action__startswith="duplicate.").count() == 2


def test_the_queue_is_narrowed_and_costs_the_same_for_many(now: datetime) -> None:
    ada = at_work()
    _pair(now)
    url = reverse("crm:duplicates")
    assert "elena@one.example" in text(ada.get(url, {"why": "names", "least": "60"}))
    assert "No pair fits." in text(ada.get(url, {"why": "same_phone"}))
    with CaptureQueriesContext(connection) as few:
        ada.get(url)
    for place in range(12):
        _pair(now, f"x{place}")
    with CaptureQueriesContext(connection) as many:
        ada.get(url)
    assert len(few) == len(many)


def test_an_analyst_sees_masked_addresses_and_decides_nothing(now: datetime) -> None:
    _pair(now)
    analyst = at_work("analyst")
    page = text(analyst.get(reverse("crm:duplicates")))
    assert "e…@one.example" in page
    assert "elena@one.example" not in page
    assert "Not the same</button>" not in page
    assert analyst.post(reverse("crm:duplicate-dismiss", args=[Duplicate.objects.get().pk])).status_code == 403


def test_a_merge_decides_the_pair_and_its_undo_opens_it(now: datetime) -> None:
    one, other = _pair(now)
    number = merging.merge(one, other, {}, actor="user:1", now=now)
    assert Duplicate.objects.get().state == "merged"
    merging.undo(number, actor="user:1", now=now)
    assert Duplicate.objects.get().state == "open"


def test_a_hint_while_somebody_types(now: datetime) -> None:
    marta = come(now, phone("+34600112233"), given_name="Marta", family_name="Gil", birth_date="1990-02-03")
    ada, url = at_work(), reverse("crm:duplicates-hint")
    typed = {"known-0-kind": "phone", "known-0-value": "600 11 22 33", "given_name": "Martha"}
    page = text(ada.post(url, typed))
    assert "same phone" in page
    assert "+34600112233" in page
    assert publicids.encode("ctc", marta) in page
    assert "same birth date" in text(
        ada.post(url, {"given_name": "Martha", "family_name": "Gil", "birth_date": "1990-02-03"})
    )
    mine = f"{url}?contact={publicids.encode('ctc', marta)}"
    half = {"known-0-kind": "phone", "known-0-value": "60"}
    for empty in (ada.post(url, {"given_name": "Dario"}), ada.post(mine, typed), ada.post(url, half),
                  ada.post(url, {"given_name": "Marta", "birth_date": "1990-02-31"})):  # fmt: skip
        assert empty.status_code == 200
        assert "already?" not in text(empty)
    bruno = text(at_work("store_staff").post(url, typed))
    assert "same phone" in bruno
    assert "+34600112233" not in bruno
    assert "<a " not in bruno
    assert "hx-post" in text(ada.get(reverse("crm:contact-new")))


NAMES = st.sampled_from(["", "Marta Gil", "Martha Gil", "Dario Roca"])
TRAITS = st.builds(
    Traits, NAMES, st.sampled_from([None, date(1990, 1, 1), date(1991, 1, 1)]), st.sampled_from(["", "46001"]),
    st.frozensets(st.sampled_from([("email", "marta@a.es"), ("email", "marta@b.es"), ("phone", "+34600000001")])),
)  # fmt: skip


@given(TRAITS, TRAITS)
def test_the_score_is_the_same_both_ways_and_has_its_reasons(one: Traits, other: Traits) -> None:
    points, reasons = duplicates.score(one, other)
    assert (points, reasons) == duplicates.score(other, one)
    assert 0 <= points <= 99
    assert bool(reasons) >= bool(points)


def _pair(now: datetime, mark: str = "") -> tuple[int, int]:
    told: dict[str, Any] = {"given_name": "Elena", "family_name": f"Ruiz {mark}".strip(), "birth_date": "1985-05-05"}
    one = come(now, email(f"elena{mark}@one.example"), **told)
    other = come(now, email(f"helena{mark}@two.example"), **told)
    duplicates.look([one, other], now)
    return one, other
