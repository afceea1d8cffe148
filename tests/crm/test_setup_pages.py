"""The first page of an empty installation, and the ways back in for who forgot a password."""

from __future__ import annotations

import re
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.test import Client

from channels.models import Account
from config import work
from crm import team, workspace
from crm.models import AuditEntry, Contact, Membership, User, Workspace

PASSWORD = "a-long-enough-one"
SETUP = {
    "name": "Zapatería del Río", "country": "ES", "zone": "", "currency": "EUR", "language": "es",
    "postal_address": "Calle del Río 1, 28005 Madrid", "sender_name": "Zapatería \"Río\"",
    "sender_address": "hola@rio.example", "sms_sender": "Rio", "admin_name": "Olga",
    "email": "Olga@Rio.example", "password": PASSWORD,
}  # fmt: skip


@pytest.mark.django_db
def test_an_empty_installation_leads_from_the_login_to_the_set_up_and_home(client: Client) -> None:
    assert client.get("/login/").headers["Location"] == "/setup/"
    page = client.get("/setup/")
    assert page.status_code == 200
    assert "data-country-hints" in page.content.decode()
    done = client.post("/setup/", SETUP)
    assert (done.status_code, done.headers["Location"]) == (302, "/setup/start/")
    olga = User.objects.get()
    assert (olga.email, olga.name, olga.language) == ("olga@rio.example", "Olga", "es")
    assert list(Membership.objects.values_list("user_id", "role")) == [(olga.pk, "admin")]
    space = Workspace.objects.get()
    assert (space.zone, space.currency, space.sender_address) == ("Europe/Madrid", "EUR", "hola@rio.example")
    assert client.get("/setup/start/").status_code == 200, "she is logged in"
    carriers = {row.channel: row.carrier for row in Account.objects.filter(is_default=True)}
    assert (carriers["email"], carriers["sms"]) == ("sandbox", "sandbox")
    assert {"team.found", "workspace.change"} <= set(AuditEntry.objects.values_list("action", flat=True))


@pytest.mark.django_db
def test_once_somebody_administers_it_the_set_up_is_gone(client: Client) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD)
    assert client.get("/setup/").status_code == 404
    assert client.post("/setup/", SETUP).status_code == 404
    assert User.objects.count() == 1
    assert client.get("/login/").status_code == 200


@pytest.mark.django_db
def test_what_is_missing_is_said_at_the_field_and_nothing_is_saved(client: Client) -> None:
    wrong = SETUP | {"country": "US", "password": "12345", "sender_address": "nowhere", "postal_address": "a\nb"}
    page = client.post("/setup/", wrong)
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {"zone", "password", "sender_address", "postal_address"}
    html = page.content.decode()
    assert re.search(r'id="id_password"[^>]*aria-invalid="true"|aria-invalid="true"[^>]*id="id_password"', html)
    assert "12345" not in html, "a password is never written back"
    assert not User.objects.exists()
    assert not Workspace.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_submit_at_once_do_not_both_become_the_first_admin() -> None:
    start = Barrier(2)
    answers: list[int] = []

    def submit(name: str) -> None:
        try:
            client = Client()
            start.wait(10)
            answers.append(client.post("/setup/", SETUP | {"email": f"{name}@rio.example"}).status_code)
        finally:
            connections.close_all()

    both = [Thread(target=submit, args=(name,)) for name in ("olga", "pavel")]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
    assert sorted(answers) == [302, 404]
    assert User.objects.count() == team.admins().count() == 1


@pytest.mark.django_db
def test_the_sender_of_set_up_stands_in_mails_whose_content_names_none() -> None:
    from channels import facts
    from channels.kinds import email

    workspace.change({"sender_name": 'Zapatería "Río"', "sender_address": "hola@rio.example"}, "test")
    space = Workspace.objects.get()
    written = facts._sender(space)
    assert email._parsed(written) == ('Zapatería "Río"', "hola@rio.example")
    assert "example.com" in facts._sender(Workspace()), "else as the environment says"


@pytest.mark.django_db(transaction=True)
def test_the_demo_comes_without_people_whose_password_everybody_knows(client: Client, settings: Any) -> None:
    settings.DEMO_CONTACTS, settings.DEMO_WEEKS = 5, 1
    client.post("/setup/", SETUP)
    done = client.post("/setup/demo/")
    assert done.headers["Location"] == "/setup/demo/", "a worker does it, and a page says how far it is"
    work.drain(60)
    assert Contact.objects.count() == 5
    assert User.objects.count() == 1
    assert Workspace.objects.get().name == SETUP["name"]
    assert client.post("/setup/demo/").headers["Location"] == "/"
    work.drain(60)
    assert Contact.objects.count() == 5, "asked twice, loaded once"


@pytest.mark.django_db
def test_no_made_up_people_where_messages_leave(client: Client, settings: Any) -> None:
    settings.CAUCE_MODE, settings.EMAIL_URL = "live", "smtp://127.0.0.1:2525"
    client.force_login(User.objects.create_superuser("ada@example.com", PASSWORD))
    assert "/setup/demo/" not in client.get("/setup/start/").content.decode()
    client.post("/setup/demo/")
    work.drain(60)
    assert not Contact.objects.exists()


@pytest.mark.django_db
def test_the_demo_is_for_who_may_set_up_the_workspace(client: Client) -> None:
    client.force_login(User.objects.create_user("eva@example.com", PASSWORD))
    assert client.post("/setup/demo/").status_code == 403
    assert not Contact.objects.exists()


@pytest.mark.django_db
def test_who_forgot_a_password_gets_a_link_by_mail_and_all_sessions_end(client: Client, settings: Any) -> None:
    settings.BASE_URL = "https://crm.example"
    ada = User.objects.create_user("ada@example.com", PASSWORD, name="Ada", language="en")
    elsewhere = Client()
    elsewhere.force_login(ada)
    assert "/password/" in client.get("/login/").content.decode()
    assert client.get("/password/").status_code == 200
    asked = client.post("/password/", {"email": "ADA@example.com"}, headers={"Host": "evil.example"})
    assert asked.headers["Location"] == "/password/sent/"
    [letter] = mail.outbox
    assert letter.to == ["ada@example.com"]
    assert "new password" in letter.subject
    link = re.search(r"https://crm\.example(/password/\S+)", letter.body)
    assert link, "our own address, whatever the request calls us"
    page = client.get(link[1], follow=True)
    where = page.redirect_chain[-1][0]
    wrong = client.post(where, {"new_password1": "1", "new_password2": "2"})
    assert "new_password2" in wrong.context["form"].errors
    done = client.post(where, {"new_password1": "quite-another-one", "new_password2": "quite-another-one"})
    assert done.headers["Location"] == "/password/done/"
    assert client.get("/password/done/").status_code == client.get("/password/sent/").status_code == 200
    assert elsewhere.get("/status/").status_code == 302, "sessions of the old password have ended"
    assert client.login(username="Ada@Example.com", password="quite-another-one")
    assert AuditEntry.objects.filter(action="team.password.reset", subject=f"user:{ada.pk}").exists()
    again = client.get(link[1], follow=True)
    assert not again.context["validlink"], "the link works once"


@pytest.mark.django_db
def test_mails_speak_the_language_of_the_person_and_of_who_invites(client: Client) -> None:
    """The words are in the catalogues; here it is seen that the language is the right one when they are looked up."""
    from django.dispatch import Signal
    from django.utils import translation

    heard: list[str | None] = []
    told = Signal()
    told.connect(lambda **_: heard.append(translation.get_language()), weak=False)
    from crm import letters
    from crm.forms import people

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people.auth.PasswordResetForm, "send_mail", lambda *_, **__: told.send(None))
        patch.setattr(letters, "send_mail", lambda *_, **__: None)
        render = letters.render_to_string
        patch.setattr(letters, "render_to_string", lambda *given: (told.send(None), render(*given))[1])
        ada = User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada", language="ru")
        client.post("/password/", {"email": "ada@example.com"})
        client.force_login(ada)
        client.post("/settings/team/invite/", {"email": "d@example.com", "role": "analyst"})
    assert heard == ["ru", "ru", "ru"]
    assert translation.get_language() == "en"


@pytest.mark.django_db
def test_an_unknown_address_gets_the_same_answer_and_no_mail(client: Client) -> None:
    User.objects.create_user("ada@example.com", PASSWORD)
    assert client.post("/password/", {"email": "who@example.com"}).headers["Location"] == "/password/sent/"
    assert mail.outbox == []


@pytest.mark.django_db
def test_without_a_mail_server_the_page_says_so(client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    html = client.get("/password/").content.decode()
    assert "changepassword" in html
    assert '<form method="post" novalidate' not in html


@pytest.mark.django_db
def test_ada_changes_name_language_and_password_and_stays_in(client: Client) -> None:
    ada = User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    client.force_login(ada)
    elsewhere = Client()
    elsewhere.force_login(ada)
    done = client.post("/settings/me/", {"name": "Ada L.", "language": "ru"})
    assert done.cookies["django_language"].value == "ru"
    assert client.post("/settings/me/", {"name": "", "language": "xx"}).status_code == 422
    wrong = {"old_password": "no", "new_password1": "quite-another-one", "new_password2": "quite-another-one"}
    assert client.post("/settings/me/password/", wrong).status_code == 422
    assert client.post("/settings/me/password/", wrong | {"old_password": PASSWORD}).status_code == 302
    assert client.get("/settings/me/").status_code == 200
    assert elsewhere.get("/settings/me/").status_code == 302
    ada.refresh_from_db()
    assert (ada.name, ada.language) == ("Ada L.", "ru")
    actions = AuditEntry.objects.values_list("action", flat=True)
    assert {"team.profile", "team.password.changed"} <= set(actions)


@pytest.mark.django_db
def test_a_login_brings_ones_own_language(client: Client) -> None:
    User.objects.create_user("ada@example.com", PASSWORD, language="es")
    answer = client.post("/login/", {"username": "ADA@example.com", "password": PASSWORD})
    assert answer.cookies["django_language"].value == "es"


@pytest.mark.django_db
def test_the_settings_show_what_one_may_use(client: Client) -> None:
    lena = User.objects.create_user("lena@example.com", PASSWORD)
    Membership.objects.create(user=lena, role="analyst")
    client.force_login(lena)
    assert [area.route for area, _ in client.get("/settings/").context["areas"]] == ["crm:me"]
    client.force_login(User.objects.create_superuser("ada@example.com", PASSWORD))
    shown = {area.route for area, _ in client.get("/settings/").context["areas"]}
    assert {"crm:workspace", "crm:team", "crm:stores", "crm:wordings", "channels:accounts"} <= shown


@pytest.mark.django_db
def test_the_workspace_is_changed_and_noted(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", PASSWORD))
    workspace.change({"name": "Before"}, "test")
    page = client.get("/settings/workspace/")
    given = {name: value for name, value in page.context["form"].initial.items() if value is not None}
    change = given | {"name": "After",
                      "postal_address": "Calle 1", "global_holdout_pct": 5}  # fmt: skip
    assert client.post("/settings/workspace/", change).status_code == 302
    space = workspace.current()
    assert (space.name, space.global_holdout_pct) == ("After", 5)
    assert client.post("/settings/workspace/", change | {"global_holdout_pct": 90}).status_code == 422
    entry = AuditEntry.objects.filter(action="workspace.change").latest("id")
    assert entry.before["name"] == "Before"


@pytest.mark.django_db
def test_errors_of_a_group_of_boxes_stand_in_the_group_and_are_tied_to_it(client: Client) -> None:
    ada = User.objects.create_superuser("ada@example.com", PASSWORD)
    client.force_login(ada)
    html = client.post(f"/settings/team/{ada.pk}/", {}).content.decode()
    group = re.search(r'<fieldset aria-describedby="([^"]*)">(.*?)</fieldset>', html, re.DOTALL)
    assert group, "the group names its error"
    assert "id_roles_error" in group[1].split()
    error = group[2].index('id="id_roles_error"')
    assert error > group[2].rindex('class="form-check"'), "after the last option"
    last = group[2][group[2].rindex('class="form-check"') : error]
    assert last.count("</div>") >= 2, "and not inside it"
    assert html.count('id="id_roles_error"') == 1


@pytest.mark.django_db
def test_the_set_up_page_asks_the_database_little(client: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(3):
        client.get("/setup/")


def test_an_sms_that_names_no_sender_comes_from_the_workspaces() -> None:
    from channels.kinds import base, sms

    to = base.Addressed("k", "+34600000000", {}, None, False)
    scope = {"_": {"sms_sender": "Rio", "language": "es"}}
    assert sms.KIND.compile({"text": "Hola"}).render(scope, to)["sender"] == "Rio"
    assert sms.KIND.compile({"text": "Hola", "sender": "+34911"}).render(scope, to)["sender"] == "+34911"
