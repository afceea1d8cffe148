"""A provider's server says what became of each SMS: stored as it came, answered at once, taken in afterwards."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from channels import accounts, content, reports, tracking
from channels.models import Account, Inbound, Message
from channels.outbox import delivery
from channels.providers import http_reports
from config import work
from crm import clock
from crm.models import Address, Event, Suppression, User
from tests.channels import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Iterator[None]:
    settings.CAUCE_MODE = "live"
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    accounts.forget()
    content.forget()
    people.at_noon()
    yield
    accounts.forget()


def account(url: str = "http://127.0.0.1:9/messages", secret: str = "", **mapping: Any) -> Account:
    accounts.ensure()
    row = Account.objects.get(channel="sms", is_default=True)
    values = {"carrier": "http_sms", "settings": {"url": url, **({"reports": mapping} if mapping else {})}}
    accounts.put(row, values, {"report_secret": secret} if secret else {}, "user:1")
    accounts.forget()
    return row


def place(row: Account) -> str:
    return "/" + reports.url(row).split("/", 3)[3]


def sent(count: int = 1, **given: Any) -> list[Message]:
    """SMS that the provider took, each under the name it has there."""
    crowd = people.people(count, granted=("sms",))
    ids = people.ask(crowd, channel="sms", run=crowd[0].pk * 1_000, **given)
    for state in ("claimed", "handing_off", "accepted"):
        Message.objects.filter(pk__in=ids).update(state=state)
    for number in ids:
        Message.objects.filter(pk=number).update(provider_message_id=f"sms-{number}")
    return list(Message.objects.filter(pk__in=ids).order_by("pk"))


def post(client: Client, row: Account, told: Any, **headers: str) -> int:
    body = told if isinstance(told, str) else json.dumps(told)
    return client.post(place(row), body, content_type="application/json", headers=headers).status_code


def state(message: Message) -> str:
    return Message.objects.get(pk=message.pk).state


def test_an_sms_goes_out_and_its_report_comes_back_by_http(
    live_server: Any, httpserver: HTTPServer, transactional_db: None
) -> None:
    """The whole way: a worker's rounds send by HTTP, the provider posts back at once, and every floor knows."""
    import urllib.request

    row = account(httpserver.url_for("/messages"))
    there = live_server.url + place(row)
    answers: list[int] = []

    def take(request: Request) -> Response:
        told = json.dumps({"id": f"p-{request.json['reference']}", "status": "DELIVRD", "event_id": "e-1"}).encode()
        report = urllib.request.Request(there, told, {"Content-Type": "application/json"})
        with urllib.request.urlopen(report, timeout=5) as answer:
            answers.append(answer.status)
        return Response(json.dumps({"id": f"p-{request.json['reference']}"}), 200)

    httpserver.expect_request("/messages", method="POST").respond_with_handler(take)
    (chiara,) = people.people(1, granted=("sms",))
    (number,) = people.ask([chiara], channel="sms")
    work.run("channels.deliver", 5)
    work.run(reports.ROUND, 5)
    assert answers == [200]
    assert Message.objects.get(pk=number).state == "delivered"
    names = (
        Event.objects.filter(contact=chiara, name__startswith="Message").order_by("pk").values_list("name", flat=True)
    )
    assert list(names) == ["Message Sent", "Message Delivered"]
    assert Inbound.objects.get().processed_at is not None


def test_words_of_the_provider_become_ours(client: Client) -> None:
    row = account()
    delivered, dead, full, angry = sent(4)
    for message, status in ((delivered, "DELIVRD"), (dead, "Undeliverable"), (full, "expired"), (angry, "complained")):
        assert post(client, row, {"id": message.provider_message_id, "status": status}) == 200
    assert state(delivered) == "accepted", "answered first, taken in afterwards"
    assert reports.work() == 4
    found = [state(each) for each in (delivered, dead, full, angry)]
    assert found == ["delivered", "bounced", "accepted", "complained"]
    assert set(Suppression.objects.values_list("reason", flat=True)) == {"bounce", "complaint"}
    assert Address.objects.get(pk=full.address_id).soft_bounces == 1


def test_a_report_counts_once_in_any_order_and_however_often_it_comes(client: Client) -> None:
    row = account()
    (message,) = sent()
    told = {"id": message.provider_message_id, "status": "delivered", "event_id": "e-7"}
    for _ in range(3):
        assert post(client, row, told) == 200
        reports.work()
    assert post(client, row, told | {"status": "queued", "event_id": "e-1"}) == 200
    assert post(client, row, {**told, "attempt": 2, "event_id": "e-7"}) == 200
    reports.work()
    assert Inbound.objects.count() == 2
    assert Event.objects.filter(name="Message Delivered").count() == 1
    assert state(message) == "delivered"
    assert "queued" in Inbound.objects.get(event_id="e-1:queued").error


def test_one_event_id_for_all_statuses_of_a_message_loses_none(client: Client) -> None:
    row = account(event="id", id="id")
    (message,) = sent()
    for status in ("queued", "delivered"):
        post(client, row, {"id": message.provider_message_id, "status": status})
    reports.work()
    assert state(message) == "delivered"


def test_forms_lists_and_deep_paths_are_read_by_the_mapping(client: Client) -> None:
    mapping = {"items": "results", "id": "message.ref", "status": "state.name", "code": "state.code",
               "statuses": {"delivered": ["OK"], "bounced": ["NO"]}}  # fmt: skip
    row = account(**mapping)
    first, second = sent(2)
    told = {"results": [
        {"message": {"ref": first.provider_message_id}, "state": {"name": "ok"}},
        {"message": {"ref": second.provider_message_id}, "state": {"name": "NO", "code": 27}},
    ]}  # fmt: skip
    assert post(client, row, told) == 200
    reports.work()
    assert (state(first), state(second)) == ("delivered", "bounced")
    assert Event.objects.get(name="Message Bounced").properties["code"] == "27"
    row = account(id="MessageSid", status="MessageStatus")
    (third,) = sent()
    answer = client.post(place(row), {"MessageSid": third.provider_message_id, "MessageStatus": "delivered"})
    assert answer.status_code == 200, "multipart is no form of ours, and is kept all the same"
    body = f"MessageSid={third.provider_message_id}&MessageStatus=delivered"
    client.post(place(row), body, content_type=http_reports.FORM)
    reports.work()
    assert state(third) == "delivered"
    assert Inbound.objects.exclude(error="").count() == 1


@pytest.mark.parametrize(("encoding", "prefix"), [("hex", ""), ("hex", "sha256="), ("base64", "")])
def test_a_signature_that_does_not_hold_stores_nothing(client: Client, encoding: str, prefix: str) -> None:
    row = account(secret="s3cret", header="X-Provider", encoding=encoding, prefix=prefix)
    (message,) = sent()
    body = json.dumps({"id": message.provider_message_id, "status": "delivered"})
    digest = hmac.digest(b"s3cret", body.encode(), "sha256")
    good = prefix + (digest.hex() if encoding == "hex" else base64.b64encode(digest).decode())
    for wrong in ({}, {"X-Provider": "x"}, {"X-Provider": good[:-2] + "00"}, {"X-Provider": "é"}):
        assert post(client, row, body, **wrong) == 401
    assert post(client, row, body + " ", **{"X-Provider": good}) == 401
    assert Inbound.objects.count() == 0
    assert post(client, row, body, **{"X-Provider": good}) == 200
    reports.work()
    assert state(message) == "delivered"


def test_what_is_no_report_is_answered_in_kind_and_get_does_nothing(client: Client) -> None:
    row = account()
    assert client.get(place(row)).status_code == 405
    assert client.head(place(row)).status_code == 405
    assert client.post("/hooks/nonsense/", "{}", content_type="application/json").status_code == 404
    stolen = tracking.token("unsubscribe", row.pk)
    assert client.post(f"/hooks/{stolen}/", "{}", content_type="application/json").status_code == 404
    assert post(client, row, "x" * (reports.LONGEST + 1)) == 413
    assert Inbound.objects.count() == 0
    assert post(client, row, '{"id": "\\u0000", "status": [1]}') == 200
    assert post(client, row, "not json \x00") == 200
    assert reports.work() == 2
    assert Inbound.objects.exclude(error="").count() == 2


def test_a_renewed_address_ends_the_former_one(client: Client) -> None:
    row = account()
    former = place(row)
    row = accounts.renew_reports(row.pk, "user:1")
    assert client.post(former, "{}", content_type="application/json").status_code == 404
    assert post(client, row, {"id": "x", "status": "delivered"}) == 200


def test_a_report_that_is_faster_than_our_own_notes_is_asked_again(client: Client) -> None:
    row = account()
    (message,) = sent()
    Message.objects.filter(pk=message.pk).update(provider_message_id="")
    assert post(client, row, {"id": "sms-early", "status": "delivered"}) == 200
    assert reports.work() == 0
    assert reports.pending() == 0, "nobody waits for it: the next round asks"
    Message.objects.filter(pk=message.pk).update(provider_message_id="sms-early")
    assert reports.work() == 1
    assert state(message) == "delivered"


def test_a_report_of_nothing_we_know_ends_after_an_hour_and_holds_nobody_up(client: Client) -> None:
    row = account()
    for number in range(reports.BATCH + 5):
        post(client, row, {"id": f"nobody-{number}", "status": "delivered"})
    (message,) = sent()
    post(client, row, {"id": message.provider_message_id, "status": "delivered"})
    assert reports.work() == 1
    assert state(message) == "delivered"
    clock.advance(timedelta(hours=2))
    assert reports.work() == reports.BATCH + 5
    assert set(Inbound.objects.exclude(error="").values_list("error", flat=True)) == {
        "1 of a message that is not known here"
    }


def test_while_it_is_on_the_wire_a_report_waits(client: Client) -> None:
    row = account()
    (chiara,) = people.people(1, granted=("sms",))
    (number,) = people.ask([chiara], channel="sms")
    Message.objects.filter(pk=number).update(state="claimed")
    Message.objects.filter(pk=number).update(state="handing_off", provider_message_id="sms-1")
    post(client, row, {"id": "sms-1", "status": "delivered"})
    assert reports.work() == 0
    Message.objects.filter(pk=number).update(state="accepted")
    assert reports.work() == 1
    assert Message.objects.get(pk=number).state == "delivered"


def test_a_mapping_that_cannot_work_is_refused_with_words(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "-"))
    row = account()
    wrong = '{"statuses": {"arrived": ["x"]}, "colour": "red"}'
    form = {
        "carrier": "http_sms", "name": "SMS", "cost": "0", "set_url": "https://93.184.216.34/m", "set_method": "POST",
        "set_encoding": "json", "set_reports": wrong,
    }  # fmt: skip
    answer = client.post(f"/settings/channels/{row.pk}/", form)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "colour" in html
    assert "delivered, bounced" in html


def test_the_page_shows_the_address_and_never_the_secret(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "-"))
    row = account(secret="hunter2")
    (message,) = sent()
    body = json.dumps({"id": message.provider_message_id, "status": "delivered"})
    post(client, row, body, **{"X-Signature": hmac.digest(b"hunter2", body.encode(), "sha256").hex()})
    page = client.get(f"/settings/channels/{row.pk}/").content.decode()
    assert reports.url(row) in page
    assert "hunter2" not in page
    assert client.post(f"/settings/channels/{row.pk}/reports/renew/").status_code == 302
    row.refresh_from_db()
    assert reports.url(row) in client.get(f"/settings/channels/{row.pk}/").content.decode()
    assert reports.url(row) not in page


def test_messages_leave_as_before_without_a_mapping() -> None:
    account()
    people.ask(people.people(1, granted=("sms",)), channel="sms")
    assert delivery.deliver() >= 1
