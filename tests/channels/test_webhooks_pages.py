"""The pages of webhooks: set up, looked at, and sent again by people; the secret is seen once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels.models import WebhookDelivery, WebhookEndpoint
from channels.webhooks import endpoints, sending, telling
from crm import clock
from crm.models import Membership, User
from tests.channels.receiver import Receiver, receiver

pytestmark = pytest.mark.django_db
LIST = "/developers/webhooks/"


@pytest.fixture(autouse=True)
def _own_host_is_trusted(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]


@pytest.fixture
def dario(client: Client, db: None) -> Client:
    """Dario the integrator."""
    person = User.objects.create_user("dario@example.com", "-", name="Dario")
    Membership.objects.create(user=person, role="developer")
    client.force_login(person)
    return client


@pytest.fixture
def shop() -> Iterator[Receiver]:
    with receiver() as place:
        yield place


def make(client: Client, url: str, *kinds: str) -> tuple[WebhookEndpoint, str]:
    answer = client.post(f"{LIST}new/", {"name": "Web shop", "url": url, "kinds": kinds or ["contact.*"]})
    assert answer.status_code == 200, answer.content.decode()
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode())
    assert found is not None
    assert "no-store" in answer.headers["Cache-Control"]
    return WebhookEndpoint.objects.latest("pk"), found[0]


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_dario_sets_one_up_sends_a_test_and_sees_that_it_arrived(dario: Client, shop: Receiver) -> None:
    assert "New endpoint" in text(dario, LIST)
    row, secret = make(dario, shop.url)
    shop.secret = secret
    answer = dario.post(f"{LIST}{row.pk}/test/")
    page = text(dario, answer["Location"])
    assert "Not tried yet" in page
    assert 'hx-trigger="every 2s"' in page
    sending.work()
    page = text(dario, answer["Location"])
    assert "Arrived" in page
    assert "every 2s" not in page
    assert sum(shop.verified.values()) == 1
    assert "Arrived" in text(dario, f"{LIST}{row.pk}/")
    assert "Arrives" in text(dario, LIST)


def test_the_secret_is_on_no_other_page(dario: Client, shop: Receiver) -> None:
    row, secret = make(dario, shop.url)
    rolled = dario.post(f"{LIST}{row.pk}/roll/").content.decode()
    assert "former secret too" in rolled
    made = telling.test(row.pk)
    for path in ("", f"{row.pk}/", f"{row.pk}/edit/", f"{row.pk}/{made.pk}/"):
        page = text(dario, LIST + path)
        assert "whsec_" not in page
        assert secret not in page
    assert "former secret too" in text(dario, f"{LIST}{row.pk}/")
    assert dario.get(f"{LIST}{row.pk}/roll/").status_code == 405


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "https://10.0.0.1/"}, "not on the public internet"),
        ({"url": "http://93.184.216.34/"}, "Use https://"),
        ({"url": "shop"}, "Write a whole address"),
        ({"url": "https://a:b@shop.example/"}, "Leave user name and password out"),
        ({"kinds": []}, "Choose at least one kind"),
        ({"kinds": ["contact.exploded"]}, "contact.exploded"),
        ({"name": " "}, "required"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(dario: Client, shop: Receiver, given: Any, words: str) -> None:
    answer = dario.post(f"{LIST}new/", {"name": "Shop", "url": shop.url, "kinds": ["*"], **given})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert WebhookEndpoint.objects.count() == 0


def test_a_pattern_says_what_its_kinds_say(dario: Client, shop: Receiver) -> None:
    row, _ = make(dario, shop.url, "contact.*", "contact.created", "message.sent")
    assert row.kinds == ["contact.*", "message.sent"]
    dario.post(f"{LIST}{row.pk}/edit/", {"name": "Shop 2", "url": shop.url, "kinds": ["campaign.published"]})
    row.refresh_from_db()
    assert (row.name, row.kinds) == ("Shop 2", ["campaign.published"])


def test_a_failure_is_shown_with_its_answer_and_sent_again(dario: Client) -> None:
    answers = iter([503, 200, 200])
    with receiver(lambda number, call: next(answers)) as place:
        row, place.secret = make(dario, place.url)
        first = telling.test(row.pk)
        sending.work()
        page = text(dario, f"{LIST}{row.pk}/")
        assert "Does not answer" in page
        assert "Is tried again" in page
        detail = text(dario, f"{LIST}{row.pk}/{first.pk}/")
        assert "503" in detail
        assert "webhook.test" in detail
        assert dario.post(f"{LIST}{row.pk}/{first.pk}/resend/").status_code == 302
        sending.work()
        assert "Asked for again" in text(dario, f"{LIST}{row.pk}/{first.pk}/")
        second = telling.test(row.pk)
        WebhookDelivery.objects.filter(pk=second.pk).update(state="failed", tries=8)
        assert "Send again what failed" in text(dario, f"{LIST}{row.pk}/")
        dario.post(f"{LIST}{row.pk}/resend/", {"days": "1"})
        sending.work()
        second.refresh_from_db()
        assert second.state == "done"
        assert dario.post(f"{LIST}{row.pk}/resend/", {"days": "400"}).status_code == 404


def test_switching_off_can_be_taken_back_and_removing_cannot(dario: Client, shop: Receiver) -> None:
    row, _ = make(dario, shop.url)
    dario.post(f"{LIST}{row.pk}/switch/")
    page = text(dario, f"{LIST}{row.pk}/")
    assert "what happens now is not told later" in page
    assert f"{LIST}{row.pk}/switch/?on=1" in page, "the toast takes it back"
    assert "Send a test event" not in page
    made = dario.post(f"{LIST}{row.pk}/test/")
    assert made["Location"] == f"{LIST}{row.pk}/"
    dario.post(f"{LIST}{row.pk}/switch/?on=1")
    row.refresh_from_db()
    assert row.active
    dario.post(f"{LIST}{row.pk}/remove/")
    for path in ("", "edit/"):
        assert dario.get(f"{LIST}{row.pk}/{path}").status_code == 404
    for path in ("roll/", "switch/", "remove/", "test/"):
        assert dario.post(f"{LIST}{row.pk}/{path}").status_code == 404
    assert "Web shop" not in text(dario, LIST).replace("Web shop was removed", "")


def test_the_delivery_of_another_endpoint_is_not_there(dario: Client, shop: Receiver) -> None:
    first, _ = make(dario, shop.url)
    second, _ = make(dario, shop.url)
    made = telling.test(first.pk)
    assert dario.get(f"{LIST}{second.pk}/{made.pk}/").status_code == 404
    dario.post(f"{LIST}{second.pk}/{made.pk}/resend/")
    made.refresh_from_db()
    assert made.log == []


def test_who_is_no_developer_sees_nothing_of_it(client: Client) -> None:
    person = User.objects.create_user("ada@example.com", "-", name="Ada")
    Membership.objects.create(user=person, role="marketer")
    client.force_login(person)
    assert client.get(LIST).status_code == 403
    assert client.post(f"{LIST}new/", {"name": "x", "url": "https://shop.example/", "kinds": ["*"]}).status_code == 403
    assert WebhookEndpoint.objects.count() == 0


def test_pages_cost_the_same_however_much_was_sent(dario: Client, shop: Receiver) -> None:
    def cost() -> tuple[int, int]:
        counts = []
        for path in (LIST, f"{LIST}{row.pk}/"):
            with CaptureQueriesContext(connection) as caught:
                text(dario, path)
            counts.append(len(caught))
        return counts[0], counts[1]

    row, _ = make(dario, shop.url)
    telling.test(row.pk)
    cost()
    before = cost()
    for _ in range(60):
        telling.test(row.pk)
    for number in range(5):
        endpoints.put(WebhookEndpoint(), {"name": f"E{number}", "url": shop.url, "kinds": ["*"]}, "user:1")
    assert cost() == before
    page = text(dario, f"{LIST}{row.pk}/")
    assert page.count("webhook.test") == 50
    (cursor,) = re.findall(r'rel="next"\s+href="\?cursor=([^"]+)"', page)
    assert text(dario, f"{LIST}{row.pk}/?cursor={cursor}").count("webhook.test") == 11
    assert "There are none" in text(dario, f"{LIST}{row.pk}/?state=failed")


def test_one_who_said_gone_says_so_on_its_page(dario: Client) -> None:
    with receiver(410) as place:
        row, _ = make(dario, place.url)
        telling.test(row.pk)
        sending.work()
    assert "410 Gone" in text(dario, LIST)
    assert "tell me nothing more" in text(dario, f"{LIST}{row.pk}/")
    assert row.created_at <= clock.real() + timedelta(minutes=1)
