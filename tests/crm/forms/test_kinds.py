"""Files in exchange for an address, seats at an event, quizzes and polls."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from crm import clock
from crm.capturing import letters, reading, results, seats, submit, trap
from crm.models import Contact, Event, FormAnswer, FormLetter, FormSeat, Membership, Product, User
from tests.crm.forms import cast

QUESTION = {"id": "q", "type": "question", "label": "Road or trail?", "answers": [
    {"id": "a1", "text": "Road", "weights": {"r1": 2}}, {"id": "a2", "text": "Trail", "weights": {"r2": 2}},
]}  # fmt: skip
RESULTS = [
    {"key": "r1", "title": "You run on roads", "text": "", "products": ["R-1"]},
    {"key": "r2", "title": "You run on trails", "text": "", "products": ["T-1"]},
]


def event(seats: int) -> dict[str, Any]:
    starts = clock.now() + timedelta(days=10)
    return {"date": starts.strftime("%Y-%m-%dT18:00"), "place": "Calle del Río 1", "seats": seats}


def answer(made: Any, **typed: str) -> FormAnswer:
    """Through the one path, without the page around it."""
    ticket = trap.open_page(made.slug, {}, "", clock.real())
    sent = reading.read(made.live, lambda name: [typed[name]] if name in typed else [], {}, "ES")
    taken = submit.submit(made, sent, ticket, {}, clock.now())
    assert taken.problems == []
    assert taken.answer is not None
    return taken.answer


def at_work(role: str) -> Client:
    user = User.objects.create_user(f"{role}@example.com", "x", name=role)
    Membership.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_dario_learns_which_shoes_are_his_and_sees_no_more_than_three() -> None:
    for sku in ("R-1", "T-1"):
        Product.objects.create(sku=sku, name=f"Shoe {sku}")
    made = cast.form("quiz", QUESTION, results=RESULTS)
    ticket = cast.ticket(made)
    sent = Client().post(f"/f/{made.slug}/", {"ticket": ticket, "q": "a2", "mail": "dario@example.com"})
    page = Client().get(sent["Location"]).content.decode()
    assert "You run on trails" in page
    assert "Shoe T-1" in page
    assert "Shoe R-1" not in page
    assert results.outcomes(made) == [("You run on roads", 0), ("You run on trails", 1)]
    assert Event.objects.get(name="Form Submitted").properties["result"] == "r2"


@pytest.mark.django_db
def test_the_score_of_a_poll_is_promoters_less_detractors() -> None:
    made = cast.form("poll", {"id": "n", "type": "nps", "label": "Would you recommend us?"})
    for score in (10, 9, 9, 8, 7, 6, 0):
        answer(made, n=str(score))
    found = results.score(made)
    assert (found.promoters, found.passives, found.detractors) == (3, 2, 2)
    assert found.value == 14.3
    assert not Contact.objects.exists()  # nobody had to say who they are
    answer(made, n="10", mail="elena@example.com")
    assert Event.objects.get(name="Form Submitted").properties["score"] == 10


@pytest.mark.django_db
def test_seats_wait_free_up_and_are_checked_in_once() -> None:
    made = cast.form("event", event=event(1))
    first = answer(made, mail="ada@example.com")
    second = answer(made, mail="bruno@example.com")
    again = answer(made, mail="ada@example.com")
    assert (first.result, second.result, again.result) == ("booked", "waiting", "waiting")
    one, two = FormSeat.objects.order_by("pk")
    assert (one.state, two.state) == ("booked", "waiting")
    page = f"/f/seat/{seats.token(one.pk)}/"
    for look in (Client().get, Client().head):
        assert look(page).status_code == 200
    one.refresh_from_db()
    assert one.state == "booked"
    assert Client(enforce_csrf_checks=True).post(page).status_code == 200
    two.refresh_from_db()
    assert two.state == "booked"
    assert FormLetter.objects.filter(answer=second, what="promoted", wanted_at__isnull=False).exists()
    door = reverse("crm:form-check-in", args=[seats.token(two.pk)])
    assert Client().post(door)["Location"].startswith("/login/")
    till = at_work("marketer")
    assert till.get(door).status_code == 200
    till.post(door)
    till.post(door)
    assert Event.objects.filter(name="Event Attended").count() == 1
    assert Client().get("/f/seat/made-up/").status_code == 404


@pytest.mark.django_db
def test_who_has_a_seat_is_reminded_once_a_day_before() -> None:
    made = cast.form("event", event=event(5))
    elena = answer(made, mail="elena@example.com")
    assert seats.remind() == 0
    begins = seats.begins(made)
    assert begins is not None
    clock.set_to(begins - timedelta(hours=23))
    assert (seats.remind(), seats.remind()) == (1, 0)
    assert FormLetter.objects.filter(answer=elena, what="reminder").count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_people_who_register_at_once_get_three_seats_and_no_more() -> None:
    made = cast.form("event", event=event(3))
    failures: list[Exception] = []

    def register(number: int) -> None:
        try:
            answer(made, mail=f"p{number}@example.com")
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connection.close()

    crowd = [threading.Thread(target=register, args=[number]) for number in range(10)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert failures == []
    assert FormSeat.objects.filter(state="booked").count() == 3
    assert FormSeat.objects.filter(state="waiting").count() == 7


@pytest.mark.django_db
def test_the_link_to_a_file_stops_and_cannot_be_made_up() -> None:
    made = cast.form("leadmagnet")
    marta = answer(made, mail="marta@example.com")
    assert FormLetter.objects.get(answer=marta, what="file").wanted_at is not None
    link = f"/f/file/{letters.file_token(marta.pk, clock.now())}/"
    given = Client().get(link)
    assert given.content == b"%PDF-1.4 guide"
    assert given["Content-Disposition"] == 'attachment; filename="guide.pdf"'
    clock.advance(timedelta(days=8))
    assert Client().get(link).status_code == 410
    assert Client().get("/f/file/made-up/").status_code == 404
