"""The pages behind links in messages: Chiara leaves in one step, scanners change nothing; and the sandbox's inbox."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from channels import content, tracking
from channels.models import Link, Message, SandboxMessage
from channels.outbox import delivery
from crm import clock, consent
from crm.models import ConsentReceipt, Contact, Event, Membership, User
from tests.channels import people
from tests.channels.test_intake import sent

pytestmark = pytest.mark.django_db
BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture(autouse=True)
def _noon() -> None:
    people.at_noon()
    content.forget()


@pytest.fixture
def web() -> Client:
    """A browser without cookies that would be refused if a page asked for a CSRF token."""
    return Client(enforce_csrf_checks=True, **BROWSER)


def chiara(language: str = "") -> tuple[Contact, int]:
    crowd, ids = sent()
    Contact.objects.filter(pk=crowd[0].pk).update(language=language)
    return crowd[0], ids[0]


def path(purpose: tracking.Purpose, number: int, link: int = 0) -> str:
    return tracking.url(purpose, number, link).removeprefix(settings.BASE_URL)


def may(contact: Contact, purpose: str = "offers", channel: str = "email") -> bool:
    return isinstance(consent.allowed(contact.pk, purpose, channel, clock.now()), consent.Allow)


def test_looking_at_the_way_out_changes_nothing(web: Client) -> None:
    person, number = chiara()
    for _ in range(2):
        page = web.get(path("unsubscribe", number))
        assert page.status_code == 200
        assert web.head(path("unsubscribe", number)).status_code == 200
        assert web.get(path("preferences", number)).status_code == 200
    assert may(person)
    assert ConsentReceipt.objects.filter(action="withdrawn").count() == 0
    assert f"p{person.pk}@example.com" not in page.content.decode()
    assert "p•••@e•••.com" in page.content.decode()
    assert not page.cookies
    assert page["Cache-Control"] == "no-store, private"
    assert page["Referrer-Policy"] == "no-referrer"


def test_the_mailboxes_button_unsubscribes_without_cookie_login_or_redirect(web: Client) -> None:
    person, number = chiara()
    queued = people.ask([person], run=3000)
    for _ in range(2):
        answer = web.post(
            path("unsubscribe", number), "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code == 200
        assert not answer.cookies
    assert not may(person)
    assert may(person, channel="sms")
    assert Message.objects.get(pk=queued[0]).reason == "consent_withdrawn"
    receipt = ConsentReceipt.objects.get(action="withdrawn")
    assert (receipt.method, receipt.purpose, receipt.channel) == ("one_click", "offers", "email")


def test_chiara_leaves_in_one_step_and_may_choose_how_far(web: Client) -> None:
    person, number = chiara("es")
    page = web.post(path("unsubscribe", number), {"scope": "pause"})
    assert page.status_code == 200
    assert not may(person)
    clock.advance(timedelta(days=31))
    assert may(person)
    assert web.post(path("unsubscribe", number), {"scope": "all"}).status_code == 200
    assert not may(person)
    assert not may(person, channel="sms")


@pytest.mark.parametrize("purpose", ["unsubscribe", "preferences", "click", "open"])
def test_a_token_of_another_purpose_or_none_is_not_found(web: Client, purpose: tracking.Purpose) -> None:
    person, number = chiara()
    other: tracking.Purpose = "confirm" if purpose != "confirm" else "click"
    place = {"unsubscribe": "/u/", "preferences": "/p/", "click": "/c/", "open": "/o/"}[purpose]
    end = ".gif" if purpose == "open" else ""
    for token in (
        tracking.token(other, number),
        "x",
        tracking.token(purpose, number)[:-3],
        tracking.token(purpose, 10**9),
    ):
        assert web.get(f"{place}{token}{end}").status_code == 404
        if purpose in {"unsubscribe", "preferences"}:
            assert web.post(f"{place}{token}{end}", {"scope": "all"}).status_code == 404
    assert may(person)


def test_elena_chooses_per_purpose_and_channel(web: Client) -> None:
    person, number = chiara()
    page = web.get(path("preferences", number)).content.decode()
    shown = dict(re.findall(r'name="was\.([a-z.]+)"\s+value="(on|off)"', page))
    assert shown["offers.email"] == "on"
    assert shown["newsletter.email"] == "off"
    form = {f"was.{name}": value for name, value in shown.items()} | {"newsletter.email": "on", "offers.sms": "on"}
    assert web.post(path("preferences", number), form).status_code == 200
    assert may(person, "newsletter")
    assert not may(person, "offers")
    assert may(person, "offers", "sms")
    granted = ConsentReceipt.objects.get(action="granted", purpose="newsletter")
    assert (granted.method, granted.basis, granted.wording) == ("pref_centre", "consent", "preferences-1:en")
    before = ConsentReceipt.objects.count()
    web.post(path("preferences", number), form)
    assert ConsentReceipt.objects.count() == before


def test_a_page_left_open_does_not_give_back_what_was_taken_elsewhere(web: Client) -> None:
    person, number = chiara()
    page = web.get(path("preferences", number)).content.decode()
    shown = dict(re.findall(r'name="was\.([a-z.]+)"\s+value="(on|off)"', page))
    assert shown["offers.email"] == "on"
    form = {f"was.{name}": value for name, value in shown.items()} | {
        name: "on" for name, value in shown.items() if value == "on"
    }
    people.withdraw(person)
    web.post(path("preferences", number), form)
    assert not may(person)


def test_elena_stops_everything_from_her_preferences(web: Client) -> None:
    person, number = chiara()
    page = web.post(path("preferences", number), {"stop_all": "1", "was.offers.email": "off", "offers.email": "on"})
    assert page.status_code == 200
    assert not may(person)
    assert not may(person, channel="sms")
    assert 'value="on"' not in page.content.decode()


def test_a_click_leads_to_the_stored_link_and_is_told(web: Client) -> None:
    person, number = chiara()
    people.allow([person], "email", "tracking")
    link = Link.objects.get(content_id=Message.objects.get(pk=number).content_id)
    answer = web.get(path("click", number, link.pk))
    assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/a")
    web.get(path("click", number, link.pk))
    event = Event.objects.get(contact=person, name="Message Clicked")
    assert (event.properties["url"], event.properties["machine"], event.historic) == (
        "https://shop.example/a",
        False,
        False,
    )
    assert may(person)


def test_a_click_goes_nowhere_but_to_links_of_its_own_message(web: Client) -> None:
    _, number = chiara()
    other = content.publish("email", {**people.LETTER, "html": '<a href="https://evil.example/">x</a>'})
    link = Link.objects.get(content_id=other, url="https://evil.example/")
    assert web.get(path("click", number, link.pk)).status_code == 404
    assert Client().post(path("click", number, link.pk)).status_code == 405


def test_a_click_on_a_product_leads_there_and_is_told(web: Client) -> None:
    person = people.people(1)[0]
    people.allow([person], "email", "tracking")
    number = content.publish("email", {"subject": "x", "html": '<a href="{{ products[0].url }}">x</a>'})
    context = {"entry": {"properties": {"products": [{"sku": "boots", "url": "https://shop.example/boots"}]}}}
    [message] = people.ask([person], content_id=number, context=context)
    while delivery.deliver():
        pass
    row = SandboxMessage.objects.get(message_id=message)
    place = re.search(r'href="([^"]+/c/[^"]+)"', row.html)
    assert place
    answer = web.get(place[1].removeprefix(settings.BASE_URL))
    assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/boots")
    assert Event.objects.get(contact=person, name="Message Clicked").properties["url"] == "https://shop.example/boots"


def test_without_the_tracking_purpose_nothing_is_told(web: Client) -> None:
    _person, number = chiara()
    link = Link.objects.get(content_id=Message.objects.get(pk=number).content_id)
    assert web.get(path("click", number, link.pk)).status_code == 302
    answer = web.get(path("open", number))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert not Event.objects.filter(name__in=["Message Clicked", "Message Opened"]).exists()


def test_a_scanners_visit_is_flagged_and_does_not_hide_the_persons(web: Client) -> None:
    person, number = chiara()
    people.allow([person], "email", "tracking")
    link = Link.objects.get(content_id=Message.objects.get(pk=number).content_id)
    web.head(path("click", number, link.pk))
    web.get(path("click", number, link.pk))
    seen = Event.objects.filter(name="Message Clicked").order_by("id").values_list("properties__machine", flat=True)
    assert list(seen) == [True, False]


# --- the sandbox's inbox -------------------------------------------------------------------


def staff(role: str = "marketer") -> Client:
    user = User.objects.create_user(f"{role}@example.com", "a-long-password")
    Membership.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def kept(number: int, **given: str) -> SandboxMessage:
    made = {
        "channel": "email",
        "recipient": "dario@example.com",
        "subject": "Hola",
        "text": "text",
        "html": "<h1>Hola</h1><script>x</script>",
        **given,
    }
    return SandboxMessage.objects.create(message_id=number, headers={"From": "shop@example.com"}, **made)


def test_ada_reads_what_customers_got(web: Client) -> None:
    _, ids = sent(2)
    letter = kept(ids[0])
    text = kept(ids[1], channel="sms", recipient="+34600000001", subject="", html="", text="Tu pedido €")
    ada = staff()
    inbox = ada.get("/sandbox/").content.decode()
    assert inbox.index("+34600000001") < inbox.index("dario@example.com")
    assert "+34600000001" not in ada.get("/sandbox/?channel=email").content.decode()
    assert "dario@" in ada.get("/sandbox/?who=DARIO").content.decode()
    assert "dario@" not in ada.get("/sandbox/?who=elena").content.decode()
    page = ada.get(f"/sandbox/{letter.pk}/").content.decode()
    assert f'src="/sandbox/{letter.pk}/html"' in page
    assert "allow-scripts" not in page
    assert "<script>x" not in page
    phone = ada.get(f"/sandbox/{text.pk}/").content.decode()
    assert "Tu pedido €" in phone
    assert "GSM-7" in phone


def test_the_letter_itself_has_an_address_and_a_policy_of_its_own() -> None:
    _, ids = sent()
    letter = kept(ids[0])
    answer = staff().get(f"/sandbox/{letter.pk}/html")
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.content.decode().startswith("<h1>Hola")


def test_an_empty_inbox_says_what_to_do() -> None:
    ada = staff()
    assert "Nothing has been sent yet" in ada.get("/sandbox/").content.decode()
    assert "No message fits" in ada.get("/sandbox/?who=x").content.decode()
    assert ada.get("/sandbox/99/").status_code == 404


def test_strangers_log_in_first_and_call_agents_are_refused(web: Client) -> None:
    _, ids = sent()
    letter = kept(ids[0])
    for address in ("/sandbox/", f"/sandbox/{letter.pk}/", f"/sandbox/{letter.pk}/html"):
        assert web.get(address)["Location"].startswith("/login/")
        assert staff_of_calls().get(address).status_code == 403


def staff_of_calls() -> Client:
    found = User.objects.filter(email="call_agent@example.com").first()
    if found is None:
        return staff("call_agent")
    client = Client()
    client.force_login(found)
    return client


@pytest.mark.django_db(transaction=True)
def test_the_whole_way_from_the_outbox_to_the_button_in_the_mailbox(web: Client) -> None:
    crowd = people.people(2, granted=["email"])
    people.allow(crowd[:1], "email", "tracking")
    numbers = people.ask(crowd)
    while delivery.deliver():
        pass
    letter, other = (SandboxMessage.objects.get(message_id=number) for number in numbers)
    assert letter.subject == "Hello Ada"
    link = re.search(r'href="([^"]+/c/[^"]+)"', letter.html)
    assert link is not None
    assert "/c/" not in other.html + other.text
    assert web.get(link[1].removeprefix(settings.BASE_URL))["Location"] == "https://shop.example/a"
    out = re.search(r"<(http[^>]+)>", letter.headers["List-Unsubscribe"])
    assert out is not None
    answer = web.post(out[1].removeprefix(settings.BASE_URL), {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, may(crowd[0]), may(crowd[1])) == (200, False, True)
    assert Message.objects.get(pk=numbers[0]).slots == {"contact": {"given_name": "Ada"}}
