"""Every page × every role: who may not is refused before anything happens, who may is let in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from crm import access
from crm.models import Membership, Store, User
from crm.models.team import Role
from tests.config.routes import Route, pages

# Pages without a login, each with a reason. Whatever else has no permission is a mistake.
PUBLIC = {
    "login": "the door",
    "logout": "by POST, whoever one is",
    "crm:setup": "the first page of an empty installation",
    "crm:join": "a link of an invitation",
    "crm:password": "who forgot theirs",
    "crm:password-sent": "who forgot theirs",
    "crm:password-new": "a link of a mail",
    "crm:password-done": "who forgot theirs",
    "channels:click": "a link in a message",
    "channels:open": "a picture in a message",
    "channels:image": "a picture in a message",
    "channels:unsubscribe": "a link in a message",
    "channels:preferences": "a link in a message",
    "channels:my-data": "a link in a message",
    "channels:copy": "a link in a message",
    "crm:form-page": "a form for everybody",
    "crm:form-embed": "a form inside another site",
    "crm:form-done": "what is said after a form",
    "crm:form-script": "puts a form into another site",
    "crm:form-download": "a link in a message",
    "crm:form-seat": "a link in a message",
    "channels:report": "a provider's server, by the token of its account",
    "channels:confirm": "a link in a message",
    "channels:confirm-code": "a code in a message",
    "channels:confirm-again": "a code in a message",
}
STORE_ROLES = {Role.STORE_MANAGER, Role.STORE_STAFF}
NOBODY = "nobody"


def guarded() -> list[Route]:
    return [route for route in pages() if route.name not in PUBLIC]


def test_every_page_says_who_may_use_it_or_is_known_to_be_public() -> None:
    open_doors = [route.name for route in guarded() if route.permission is None]
    assert open_doors == []
    known = {route.name for route in pages()}
    assert set(PUBLIC) <= known, "a page that is gone is still listed"
    unknown = {route.permission for route in guarded()} - access.EVERYTHING
    assert unknown == set(), "no role has these"


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """One person per role, and one without any."""
    store = Store.objects.create(code="valencia", name="Valencia")
    found = {NOBODY: User.objects.create_user("nobody@example.com", "-", name="Nobody")}
    for role in Role:
        person = User.objects.create_user(f"{role}@example.com", "-", name=role.label)
        Membership.objects.create(user=person, role=role, store=store if role in STORE_ROLES else None)
        found[str(role)] = person
    return found


@contextmanager
def nothing_written() -> Iterator[None]:
    """Fails when a statement changes anything but sessions."""
    writes: list[str] = []

    def listen(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        verb = sql.lstrip(" (").split(None, 1)[0].upper() if sql.strip() else ""
        if verb not in {"SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET", "WITH"} and "django_session" not in sql:
            writes.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        yield
    assert writes == []


@pytest.mark.parametrize("role", [NOBODY, *Role.values])
def test_who_may_not_is_refused_and_nothing_changes(people: dict[str, User], role: str) -> None:
    client = Client()
    client.force_login(people[role])
    held = access.of_roles([] if role == NOBODY else [role])
    wrong = []
    for route in guarded():
        if route.permission in held:
            continue
        for method in sorted(route.methods - {"HEAD"}):
            with nothing_written():
                answer = client.generic(method, route.path())
            if answer.status_code != 403:
                wrong.append((route.name, method, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", Role.values)
def test_who_may_is_let_in(people: dict[str, User], role: str) -> None:
    client = Client()
    client.force_login(people[role])
    held = access.of_roles([role])
    wrong = []
    for route in guarded():
        if route.permission in held and "GET" in route.methods:
            answer = client.get(route.path())
            if answer.status_code not in {200, 204, 302, 404}:
                wrong.append((route.name, answer.status_code))
    assert wrong == []


def test_strangers_are_sent_to_the_door_and_nothing_changes(db: None) -> None:
    client = Client()
    wrong = []
    for route in guarded():
        for method in sorted(route.methods - {"HEAD"}):
            with nothing_written():
                answer = client.generic(method, route.path())
            if answer.status_code != 302 or not answer.headers["Location"].startswith("/login/"):
                wrong.append((route.name, method, answer.status_code))
    assert wrong == []


def test_looking_changes_nothing(people: dict[str, User]) -> None:
    """GET of any page, by somebody who may everything, writes nothing."""
    client = Client()
    client.force_login(people["admin"])
    for route in guarded():
        if "GET" in route.methods:
            with nothing_written():
                client.get(route.path())
