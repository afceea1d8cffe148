"""A till is signed in once, unlocked by a PIN, and opens nothing but itself."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse

from crm import clock
from crm.errors import Problem
from crm.models import AuditEntry, Device, Membership, StaffPin, Store, User
from crm.till import desk, pins
from tests.crm.till.people import MANAGERS, PIN, Till, till, works

pytestmark = pytest.mark.django_db


def try_pin(found: Till, pin: str, who: Membership | None = None, **more: int) -> dict[str, str]:
    answer = found.client.post("/store/unlock/", {"staff": (who or found.bruno).pk, "pin": pin, **more})
    told: dict[str, str] = answer.json()
    return told


def test_a_code_signs_a_till_in_once_and_only_its_hash_is_kept() -> None:
    store = Store.objects.create(code="VLC", name="Valencia")
    _, code = desk.add(store, "Desk 1", made_by=None, actor="user:1")
    browser = Client()
    answer = browser.post("/store/", {"code": f" {code[:4].lower()} {code[4:]} "})
    assert answer.headers["Location"] == "/store/lock/"
    cookie = answer.cookies[desk.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/store/")
    row = Device.objects.get()
    assert cookie.value not in (row.token_hash, row.code_hash)
    assert row.code_hash == ""
    again = Client().post("/store/", {"code": code})
    assert again.status_code == 422
    assert "does not work" in again.content.decode()


def test_a_code_is_over_after_a_quarter_of_an_hour_and_looks_like_a_wrong_one() -> None:
    store = Store.objects.create(code="VLC", name="Valencia")
    _, code = desk.add(store, "Desk 1", made_by=None, actor="user:1")
    Device.objects.update(code_until=clock.real() - timedelta(seconds=1))
    late, wrong = Client().post("/store/", {"code": code}), Client().post("/store/", {"code": "AAAAAAAA"})
    assert (late.status_code, wrong.status_code) == (422, 422)


def test_nobody_tries_codes_all_day() -> None:
    stranger = Client()
    answers = [stranger.post("/store/", {"code": f"AAAA{n:04}"}).status_code for n in range(12)]
    assert answers[:10] == [422] * 10
    assert answers[-1] == 429


def test_bruno_unlocks_and_locks_and_a_revoked_till_is_none() -> None:
    found = till(locked=True)
    assert found.client.get("/store/enrol/").headers["Location"] == "/store/lock/"
    assert try_pin(found, "9999")["code"] == "wrong"
    assert try_pin(found, PIN)["code"] == "ok"
    assert found.client.get("/store/enrol/").status_code == 200
    found.client.post("/store/lock/now/")
    assert found.client.get("/store/enrol/").status_code == 302
    assert try_pin(found, PIN)["code"] == "ok"
    desk.revoke(found.device, actor="user:1")
    assert found.client.get("/store/enrol/").headers["Location"] == "/store/"


def test_an_unlocked_screen_locks_by_itself_and_stays_while_it_is_used() -> None:
    found = till()
    Device.objects.update(staff_until=clock.real() + timedelta(seconds=20))
    assert found.client.get("/store/find/").status_code == 200
    until = Device.objects.get().staff_until
    assert until is not None
    assert until > clock.real() + timedelta(seconds=100)
    Device.objects.update(staff_until=clock.real() - timedelta(seconds=1))
    assert found.client.get("/store/find/").headers["Location"] == "/store/lock/"
    assert found.client.post("/store/stay/").status_code == 423


def test_five_wrong_pins_need_a_manager() -> None:
    found = till(locked=True)
    for _ in range(4):
        assert try_pin(found, "9999")["code"] == "wrong"
    assert try_pin(found, "9999")["code"] == "pin_locked"
    assert try_pin(found, PIN)["code"] == "pin_locked", "the right one comes too late"
    assert try_pin(found, PIN, found.bruno, open=found.bruno.pk)["code"] == "pin_locked"
    assert try_pin(found, MANAGERS, found.manager, open=found.bruno.pk)["code"] == "opened"
    assert try_pin(found, PIN)["code"] == "ok"
    assert AuditEntry.objects.filter(action__startswith="pin.").count() == 4


@pytest.mark.django_db(transaction=True)
def test_many_tries_at_once_are_all_counted() -> None:
    found = till(locked=True)
    told: list[str] = []

    def attempt() -> None:
        try:
            told.append("right" if pins.right(found.bruno, "9999") else "wrong")
        except Problem as refused:
            told.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(told) == ["pin_locked"] * 4 + ["wrong"] * 4
    assert StaffPin.objects.get(membership=found.bruno).tries == pins.TRIES


@pytest.mark.parametrize("pin", ["123", "1234567", "12a4", "0000", "1234", "4321", "1212", "8765", "٠١٢٣"])
def test_a_pin_that_anybody_would_try_is_none(pin: str) -> None:
    assert pins.fault(pin) != ""


def test_a_pin_is_kept_as_a_slow_hash() -> None:
    till()
    assert {row.hash.split("$")[0] for row in StaffPin.objects.all()} == {"argon2"}


def test_people_of_another_store_do_not_work_here() -> None:
    found = till(locked=True)
    other = till("BCN", "Barcelona")
    assert try_pin(found, PIN, other.bruno)["code"] == "not_found"
    assert "Barcelona" not in found.client.get("/store/lock/").content.decode()


def test_whoever_leaves_is_out_at_once_also_with_what_waits() -> None:
    found = till()
    kept = found.pass_
    User.objects.filter(pk=found.bruno.user_id).update(is_active=False)
    assert found.client.get("/store/enrol/").headers["Location"] == "/store/lock/"
    with pytest.raises(Problem):
        desk.read_pass(found.device, kept)


def test_a_pass_of_one_till_is_none_at_another() -> None:
    found = till()
    other = till("BCN", "Barcelona")
    with pytest.raises(Problem):
        desk.read_pass(other.device, found.pass_)
    with pytest.raises(Problem):
        desk.read_pass(found.device, found.pass_ + "x")


def test_a_manager_makes_tills_and_pins_of_their_store_alone() -> None:
    found = till()
    other = till("BCN", "Barcelona")
    marta = Client()
    marta.force_login(found.manager.user)
    place = f"/settings/stores/{found.store.pk}/tills/"
    assert marta.get(place).status_code == 200
    answer = marta.post(f"{place}add/", {"name": "Desk 2"})
    code = answer.context["code"]
    assert Client().post("/store/", {"code": code}).status_code == 302
    assert marta.get(f"/settings/stores/{other.store.pk}/tills/").status_code == 404
    assert marta.post(f"/settings/stores/{other.store.pk}/tills/add/", {"name": "X"}).status_code == 404
    pin = f"/settings/stores/{found.store.pk}/pins/{found.bruno.pk}/"
    assert marta.post(pin, {"pin": "1234"}).status_code == 422
    assert marta.post(pin, {"pin": "60718"}).status_code == 302
    assert pins.right(found.bruno, "60718")
    bruno = Client()
    bruno.force_login(found.bruno.user)
    assert bruno.get(place).status_code == 403


def test_a_manager_makes_their_browser_a_till_with_one_button() -> None:
    found = till()
    marta = Client()
    marta.force_login(found.manager.user)
    assert "Make this browser a till of Valencia" in marta.get("/store/").content.decode()
    answer = marta.post(f"/store/here/{found.manager.pk}/")
    assert answer.headers["Location"] == "/store/lock/"
    stranger = Client()
    assert stranger.post(f"/store/here/{found.manager.pk}/").status_code == 404


def test_bruno_changes_his_own_pin() -> None:
    found = till()
    assert found.client.post("/store/pin/", {"old": "9999", "pin": "60718"}).status_code == 422
    assert found.client.post("/store/pin/", {"old": PIN, "pin": "60718"}).status_code == 200
    assert pins.right(found.bruno, "60718")


def test_a_till_is_signed_out_by_a_manager() -> None:
    found = till()
    assert found.client.post("/store/sign-out/", {"staff": found.bruno.pk, "pin": PIN}).status_code == 422
    answer = found.client.post("/store/sign-out/", {"staff": found.manager.pk, "pin": MANAGERS})
    assert answer.headers["Location"] == "/store/"
    assert desk.of(found.token) is None


def routes() -> list[str]:
    resolver = next(each for each in get_resolver().url_patterns if getattr(each, "namespace", "") == "crm")
    return [each.name for each in resolver.url_patterns if str(each.pattern).startswith("store/")]


def test_every_address_of_the_till_asks_for_a_till_and_for_somebody_at_it() -> None:
    """But for the door itself, and the worker, which says nothing of anybody."""
    found = till(locked=True)
    free = {"till", "till-here", "till-worker"}
    at_the_lock = {"till-lock", "till-stay", "till-lock-now", "till-unlock", "till-sign-out", "till-entries"}
    arguments = {"till-decide": [1], "till-person": [1], "till-consent": [1], "till-correct": [1], "till-here": [1]}
    assert len(routes()) > 15
    for name in sorted(set(routes()) - free):
        path = reverse(f"crm:{name}", args=arguments.get(name, []))
        for method in ("get", "post"):
            answer = getattr(Client(), method)(path, headers={"Accept": "application/json"})
            assert answer.status_code == 401, (name, method)
            if name not in at_the_lock:
                answer = getattr(found.client, method)(path, headers={"Accept": "application/json"})
                assert answer.status_code == 423, (name, method)


def test_ada_of_the_office_has_no_pin_and_no_till() -> None:
    found = till(locked=True)
    ada = User.objects.create_user("ada@shop.example", "-", name="Ada")
    office = Membership.objects.create(user=ada, role="admin")
    assert try_pin(found, "0000", office)["code"] == "not_found"
    elsewhere = works(Store.objects.create(code="MAD", name="Madrid"), "m@shop.example", "M", "store_staff", "2581")
    assert try_pin(found, "2581", elsewhere)["code"] == "not_found"


def test_bruno_logs_in_and_is_at_the_till_and_ada_is_at_home() -> None:
    found = till()
    found.bruno.user.set_password("long-enough-1")
    found.bruno.user.save()
    answer = Client().post("/login/", {"username": found.bruno.user.email, "password": "long-enough-1"})
    assert answer.headers["Location"] == "/store/"
    ada = User.objects.create_user("ada@shop.example", "long-enough-1", name="Ada")
    Membership.objects.create(user=ada, role="admin")
    answer = Client().post("/login/", {"username": ada.email, "password": "long-enough-1"})
    assert answer.headers["Location"] == "/"
