"""People fill in a form: what is kept of them, what proves their yes, and what machines and strangers do not get."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from crm import clock, consent
from crm.models import ConsentReceipt, Contact, Event, FormAnswer, FormDay, Identifier
from tests.crm import people
from tests.crm.forms import cast

pytestmark = pytest.mark.django_db
FIREFOX: Any = {"HTTP_USER_AGENT": "Mozilla/5.0 Firefox"}


def send(made: Any, ticket: str = "", client: Client | None = None, **typed: Any) -> Any:
    web = client or Client(enforce_csrf_checks=True, **FIREFOX)
    return web.post(f"/f/{made.slug}/", {"ticket": ticket or cast.ticket(made), **typed})


def test_marta_joins_by_a_form_and_her_yes_has_its_proof() -> None:
    made = cast.form()
    ticket = cast.ticket(made, placement="till-2", utm_source="poster")
    answer = send(made, ticket, mail="Marta@Example.com ", name="Marta", yes="1")
    assert answer.status_code == 302
    assert "Thank you" in Client().get(answer["Location"]).content.decode()
    marta = Contact.objects.get(identifiers__value="marta@example.com")
    assert (marta.given_name, marta.language) == ("Marta", "en")
    receipt = ConsentReceipt.objects.get(contact=marta, action="granted")
    assert (receipt.method, receipt.basis, receipt.source) == ("web_form", "consent", f"form:{made.slug}:till-2")
    assert receipt.wording == cast.text().code
    assert receipt.evidence["user_agent"] == "Mozilla/5.0 Firefox"
    assert receipt.evidence["ip"] == "127.0.0.1"
    assert receipt.evidence["page"].endswith(f"/f/{made.slug}/")
    event = Event.objects.get(contact=marta, name="Form Submitted")
    assert event.properties["placement"] == "till-2"
    assert event.properties["form_id"] == made.slug
    assert event.properties["kind"] == "plain"
    kept = FormAnswer.objects.get()
    assert kept.answers == {"mail": "marta@example.com", "name": "Marta", "yes": True}
    assert (kept.contact_id, kept.utm, receipt.pk in kept.receipts) == (marta.pk, {"utm_source": "poster"}, True)
    assert Identifier.objects.get(contact=marta).source == f"form:{made.slug}:till-2"
    assert isinstance(consent.allowed(marta.pk, "offers", "email", clock.now()), consent.Allow)


def test_a_box_that_is_not_ticked_says_nothing_and_is_never_ticked_before() -> None:
    made = cast.form()
    page = Client().get(f"/f/{made.slug}/").content.decode()
    assert re.search(r'<input class="form-check-input"\s+type="checkbox"[^>]*name="yes"', page)
    assert "checked" not in page
    send(made, mail="marta@example.com")
    assert not ConsentReceipt.objects.exists()
    assert FormAnswer.objects.get().receipts == []


def test_sending_the_same_page_twice_is_answering_once() -> None:
    made = cast.form()
    ticket = cast.ticket(made)
    for _ in range(2):
        assert send(made, ticket, mail="marta@example.com", yes="1").status_code == 302
    assert FormAnswer.objects.count() == Event.objects.filter(name="Form Submitted").count() == 1
    assert FormDay.objects.get().answers == 1


def test_a_mistake_is_named_and_nothing_that_was_typed_is_lost() -> None:
    made = cast.form()
    answer = send(made, mail="marta@", name="Marta", yes="1")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "This is not an e-mail address" in page
    assert 'aria-describedby="e-mail"' in page
    assert 'value="marta@"' in page
    assert 'value="Marta"' in page
    assert "checked" in page
    assert not Contact.objects.exists()
    assert not FormAnswer.objects.exists()


def test_a_machine_that_fills_in_the_hidden_field_is_thanked_and_nothing_is_kept() -> None:
    made = cast.form()
    answer = send(made, mail="bot@example.com", yes="1", website="http://spam.example")
    assert answer.status_code == 302
    assert "Thank you" in Client().get(answer["Location"]).content.decode()
    assert not Contact.objects.exists()
    assert not FormAnswer.objects.exists()


@pytest.mark.parametrize("age", [0.5, 25 * 3600])
def test_what_comes_too_soon_or_a_day_later_is_asked_again_with_what_was_typed(age: float) -> None:
    made = cast.form()
    answer = send(made, cast.ticket(made, age=age), mail="marta@example.com")
    assert answer.status_code == 422
    assert 'value="marta@example.com"' in answer.content.decode()
    assert not FormAnswer.objects.exists()


def test_a_ticket_that_was_made_up_or_belongs_to_another_form_is_worth_nothing() -> None:
    made, other = cast.form(), cast.form()
    for ticket in ("made-up", cast.ticket(other), cast.ticket(made)[:-1] + "x"):
        assert send(made, ticket, mail="marta@example.com").status_code == 422
    assert not FormAnswer.objects.exists()


def test_a_stranger_cannot_learn_who_is_known_nor_rename_anybody() -> None:
    now = clock.now()
    elena = people.come(now, people.email("elena@example.com"), given_name="Elena")
    people.come(now, people.phone("+34600111222"))
    made = cast.form("plain", {"id": "tel", "type": "field", "field": "phone", "label": "", "required": False})
    known = send(made, mail="elena@example.com", name="Mallory", tel="+34600111222", yes="1")
    fresh = send(made, mail="nobody@example.com", name="Nobody", tel="+34600333444", yes="1")
    assert known.status_code == fresh.status_code == 302
    pages = [Client().get(each["Location"]).content.decode() for each in (known, fresh)]
    assert pages[0] == pages[1]
    assert Contact.objects.get(pk=elena).given_name == "Elena"
    assert list(Identifier.objects.filter(contact=elena).values_list("value", flat=True)) == ["elena@example.com"]


def test_one_computer_and_one_address_cannot_send_without_end() -> None:
    made = cast.form()
    codes = [send(made, mail="marta@example.com").status_code for _ in range(12)]
    assert set(codes) == {302, 429}  # five a minute; the minute may end meanwhile
    assert codes.count(302) <= 10
    assert codes[:5] == [302] * 5
    assert FormAnswer.objects.count() == codes.count(302)


def test_opening_is_counted_without_cookies_and_machines_do_not_count() -> None:
    made = cast.form()
    web = Client(**FIREFOX)
    page = web.get(f"/f/{made.slug}/?p=blog")
    assert not page.cookies
    web.head(f"/f/{made.slug}/?p=blog")
    Client(HTTP_USER_AGENT="Googlebot/2.1").get(f"/f/{made.slug}/?p=blog")
    web.get(f"/f/{made.slug}/?p=blog", headers={"Sec-Purpose": "prefetch"})
    assert list(FormDay.objects.values_list("placement", "views", "answers")) == [("blog", 1, 0)]


def test_only_the_embed_route_may_stand_in_another_page() -> None:
    made = cast.form()
    page, embedded = Client().get(f"/f/{made.slug}/"), Client().get(f"/f/{made.slug}/embed/")
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors *" in embedded["Content-Security-Policy"]
    assert "X-Frame-Options" not in embedded
    assert "iframe" in Client().get("/f/embed.js").content.decode()


def test_a_form_speaks_its_own_language_and_leads_to_allowed_sites_only(settings: Any) -> None:
    settings.FORM_REDIRECT_HOSTS = ["www.example.com"]
    thanks = {"heading": "", "text": "", "redirect": "https://www.example.com/ok"}
    made = cast.form(language="es", thanks=thanks)
    assert '<html lang="es"' in Client().get(f"/f/{made.slug}/", headers={"Accept-Language": "ru"}).content.decode()
    assert send(made, mail="marta@example.com")["Location"] == "https://www.example.com/ok"
    settings.FORM_REDIRECT_HOSTS = []
    assert send(made, mail="marta@example.com")["Location"].startswith(f"/f/{made.slug}/done/")


def test_a_closed_form_is_gone() -> None:
    made = cast.form(publish=False)
    assert Client().get(f"/f/{made.slug}/").status_code == 404
    assert send(made, mail="marta@example.com").status_code == 404
