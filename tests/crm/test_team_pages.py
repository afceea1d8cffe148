"""Who works here: invitations, roles, the end of somebody's access, and an admin that always stays."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core import mail
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import apikeys, audit, clock, invitations, team
from crm.errors import Problem
from crm.models import AuditEntry, Invitation, Membership, Store, User

PASSWORD = "a-long-enough-one"


def person(name: str, *roles: str, store: Store | None = None) -> User:
    user = User.objects.create_user(f"{name.lower()}@example.com", PASSWORD, name=name)
    for role in roles:
        Membership.objects.create(user=user, role=role, store=store if role.startswith("store") else None)
    return user


@pytest.fixture
def ada(db: None) -> User:
    return person("Ada", "admin")


@pytest.fixture
def door(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def link_in(html: str) -> str:
    found = re.search(r'value="[^"]*(/join/[^"]+)"', html)
    assert found
    return found[1]


def test_ada_invites_dario_who_joins_with_the_link_of_the_mail(door: Client, ada: User, settings: Any) -> None:
    team.describe(ada, "Ada", "es", "test")
    store = Store.objects.create(code="centro", name="Centro")
    page = door.post("/settings/team/invite/", {"email": "Dario@example.com", "role": "store_staff", "store": store.pk})
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    [letter] = mail.outbox
    assert letter.to == ["dario@example.com"]
    path = link_in(page.content.decode())
    assert settings.BASE_URL + path in letter.body
    listed = door.get("/settings/team/").content.decode()
    assert "dario@example.com" in listed
    assert path not in listed, "the link is shown once"
    row = Invitation.objects.get()
    assert row.token_hash not in path
    dario = Client()
    assert dario.get(path).status_code == 200
    assert dario.post(path, {"name": "Dario", "password": "123"}).status_code == 422
    done = dario.post(path, {"name": "Dario", "password": PASSWORD})
    assert done.headers["Location"] == "/"
    joined = User.objects.get(email="dario@example.com")
    assert list(joined.memberships.values_list("role", "store__code")) == [("store_staff", "centro")]
    assert dario.get("/settings/me/").status_code == 200, "he is in"
    assert Client().get(path).status_code == 410, "it works once"
    assert Client().post(path, {"name": "X", "password": PASSWORD}).status_code == 410
    assert {"team.invite", "team.join"} <= set(AuditEntry.objects.values_list("action", flat=True))
    assert audit.broken() == []


def test_a_link_holds_for_72_hours(ada: User) -> None:
    real = clock.real()
    sent = invitations.invite("dario@example.com", ("analyst", None), ada, real)
    assert invitations.find(sent.token, real + timedelta(hours=71, minutes=59))
    assert invitations.find(sent.token, real + timedelta(hours=72)) is None
    assert invitations.accept(sent.token, "Dario", PASSWORD, "en", real + timedelta(hours=72)) is None
    assert User.objects.count() == 1


def test_sending_again_ends_the_old_link_and_taking_back_ends_all(door: Client, ada: User) -> None:
    first = link_in(door.post("/settings/team/invite/", {"email": "d@example.com", "role": "analyst"}).content.decode())
    number = Invitation.objects.get().pk
    second = link_in(door.post(f"/settings/team/invitations/{number}/again/").content.decode())
    stranger = Client()
    assert stranger.get(first).status_code == 410
    assert stranger.get(second).status_code == 200
    assert len(mail.outbox) == 2
    door.post(f"/settings/team/invitations/{number}/revoke/")
    assert stranger.get(second).status_code == 410
    assert door.post(f"/settings/team/invitations/{number}/again/").headers["Location"] == "/settings/team/"
    assert door.get("/settings/team/invitations/1/revoke/").status_code == 405
    again = door.post("/settings/team/invite/", {"email": "d@example.com", "role": "analyst"})
    assert again.status_code == 200, "who was uninvited can be invited"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "ada@example.com", "role": "analyst"}, "email"),
        ({"email": "ada", "role": "analyst"}, "email"),
        ({"email": "x@example.com", "role": "king"}, "role"),
        ({"email": "x@example.com", "role": "store_staff"}, "store"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(door: Client, given: dict[str, str], field: str) -> None:
    page = door.post("/settings/team/invite/", given)
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {field}
    assert mail.outbox == []


def test_somebody_is_invited_once(door: Client) -> None:
    given = {"email": "d@example.com", "role": "analyst"}
    assert door.post("/settings/team/invite/", given).status_code == 200
    assert door.post("/settings/team/invite/", given).status_code == 422
    assert Invitation.objects.count() == 1


def test_without_a_mail_server_the_page_says_to_pass_the_link_on(door: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    html = door.post("/settings/team/invite/", {"email": "d@example.com", "role": "analyst"}).content.decode()
    assert "Pass the link on yourself" in html
    assert link_in(html)


def test_a_mail_server_that_is_away_does_not_lose_the_invitation(door: Client, monkeypatch: Any) -> None:
    from crm import letters

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(letters, "send_mail", fail)
    html = door.post("/settings/team/invite/", {"email": "d@example.com", "role": "analyst"}).content.decode()
    assert "did not leave" in html
    assert Invitation.objects.count() == 1


def test_a_deactivated_person_is_at_the_login_with_the_next_click_and_stays_out(door: Client) -> None:
    eva = person("Eva", "marketer")
    hers = Client()
    hers.force_login(eva)
    assert hers.get("/settings/me/").status_code == 200
    apikeys.create("marketer", "The shop's key", made_by=eva)
    page = door.post(f"/settings/team/{eva.pk}/deactivate/", follow=True)
    html = page.content.decode()
    assert "The shop&#x27;s key" in html, "her keys go on, and are named"
    assert hers.get("/settings/me/").headers["Location"].startswith("/login/")
    assert hers.get("/settings/me/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/login/"
    assert not hers.login(username="eva@example.com", password=PASSWORD)
    door.post(f"/settings/team/{eva.pk}/reactivate/")
    assert hers.get("/settings/me/").status_code == 302, "a session from before stays ended"
    assert hers.login(username="eva@example.com", password=PASSWORD)
    entry = AuditEntry.objects.get(action="team.deactivate")
    assert entry.after == {"active": False, "keys": ["The shop's key"]}


def test_a_session_made_before_sessions_were_counted_goes_on(client: Client, ada: User) -> None:
    from django.contrib.auth.base_user import AbstractBaseUser

    assert ada.get_session_auth_hash() == AbstractBaseUser._get_session_auth_hash(ada)
    client.force_login(ada)
    assert client.get("/settings/me/").status_code == 200


def test_roles_are_given_and_taken_and_hold_from_the_next_click(door: Client) -> None:
    eva = person("Eva", "analyst")
    store = Store.objects.create(code="centro", name="Centro")
    hers = Client()
    hers.force_login(eva)
    assert hers.get("/settings/team/").status_code == 403
    done = door.post(f"/settings/team/{eva.pk}/", {"roles": ["marketer", "admin"], "store_manager": [store.pk]})
    assert done.status_code == 302
    assert set(eva.memberships.values_list("role", "store__code")) == {
        ("admin", None), ("marketer", None), ("store_manager", "centro")
    }  # fmt: skip
    assert hers.get("/settings/team/").status_code == 200
    door.post(f"/settings/team/{eva.pk}/", {"roles": ["analyst"]})
    assert hers.get("/settings/team/").status_code == 403
    entry = AuditEntry.objects.filter(action="team.roles").latest("id")
    assert entry.after["roles"] == ["analyst"]


def test_a_superuser_who_is_no_admin_any_more_is_none(door: Client) -> None:
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    door.post(f"/settings/team/{root.pk}/", {"roles": ["analyst"]})
    root.refresh_from_db()
    assert (root.is_superuser, root.is_staff) == (False, False)


def test_the_last_admin_stays_one_and_stays_in(door: Client, ada: User) -> None:
    person("Eva", "marketer")
    gone = person("Old", "admin")
    team.deactivate(gone.pk, "test")
    assert door.post(f"/settings/team/{ada.pk}/", {"roles": ["marketer"]}).status_code == 422
    door.post(f"/settings/team/{ada.pk}/deactivate/")
    ada.refresh_from_db()
    assert ada.is_active
    assert list(ada.memberships.values_list("role", flat=True)) == ["admin"]
    with pytest.raises(Problem, match="administer"):
        team.deactivate(ada.pk, "test")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["deactivate", "demote"])
def test_two_admins_who_remove_each_other_at_once_do_not_both_succeed(verb: str) -> None:
    ada, bea = person("Ada", "admin"), person("Bea", "admin")
    start = Barrier(2)
    refused: list[str] = []

    def remove(whom: User, by: User) -> None:
        try:
            start.wait(10)
            if verb == "deactivate":
                team.deactivate(whom.pk, f"user:{by.pk}")
            else:
                team.assign(whom.pk, [("analyst", None)], f"user:{by.pk}")
        except Problem as problem:
            refused.append(problem.code)
        finally:
            connections.close_all()

    both = [Thread(target=remove, args=pair) for pair in ((ada, bea), (bea, ada))]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
    assert refused == ["last_admin"]
    assert team.admins().count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_open_the_same_link_do_not_both_join() -> None:
    ada = person("Ada", "admin")
    sent = invitations.invite("d@example.com", ("analyst", None), ada, clock.real())
    start = Barrier(2)
    joined: list[bool] = []

    def accept() -> None:
        try:
            start.wait(10)
            joined.append(invitations.accept(sent.token, "D", PASSWORD, "en", clock.real()) is not None)
        finally:
            connections.close_all()

    both = [Thread(target=accept) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
    assert sorted(joined) == [False, True]
    assert User.objects.count() == 2


def test_only_who_may_write_users_gets_in_and_a_refusal_changes_nothing(client: Client, ada: User) -> None:
    eva = person("Eva", "marketer")
    client.force_login(eva)
    for path in (f"/settings/team/{ada.pk}/deactivate/", f"/settings/team/{eva.pk}/", "/settings/team/invite/"):
        answer = client.post(path, {"roles": ["admin"], "email": "x@example.com", "role": "admin"})
        assert answer.status_code == 403
    assert list(eva.memberships.values_list("role", flat=True)) == ["marketer"]
    assert not Invitation.objects.exists()
    ada.refresh_from_db()
    assert ada.is_active


def test_the_team_page_asks_as_much_for_thirty_people_as_for_two(door: Client, ada: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert door.get("/settings/team/").status_code == 200
        return len(asked)

    def grow(n: int) -> None:
        for i in range(n):
            person(f"P{n}x{i}", "marketer")
            invitations.invite(f"i{n}x{i}@e.com", ("analyst", None), ada, clock.real())

    grow(2)
    queries()  # what is held for a few seconds is read
    few = queries()
    grow(28)
    assert queries() == few
