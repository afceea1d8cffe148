"""What every carrier must do with what its provider does, on real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from channels.providers import Carrier, carriers
from channels.providers.http_sms import HttpSms, settings_from_base_url
from channels.providers.smtp import Smtp, is_dead, settings_from_url, stuffed
from channels.types import Outcome, Outgoing
from crm.errors import Problems
from tests.channels.servers import dead_port, http_server, smtp_server

EMAIL = Outgoing(
    1, "key-1", "email", "ada@example.com",
    {"subject": "Hi", "text": "Hi", "html": "", "headers": {}, "sender": "shop@shop.example",
     "mime": b"Message-ID: <key-1@shop.example>\r\nSubject: Hi\r\n\r\nHi\r\n.dot\r\n"},
)  # fmt: skip
SMS = Outgoing(1, "key-1", "sms", "+34600000001", {"text": 'Hi "Ada" {{ key }}', "sender": "Shop"})


def smtp(port: int, timeout: float = 1.0, **settings: Any) -> Smtp:
    return Smtp.build({"host": "127.0.0.1", "port": port, **settings}, {}, timeout=timeout)


def http(url: str, timeout: float = 1.0, secrets: dict[str, Any] | None = None, **settings: Any) -> HttpSms:
    return HttpSms.build({"url": url, **settings}, secrets or {}, timeout=timeout)


@pytest.fixture(autouse=True)
def _local_hosts_are_allowed(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]


# --- the conformance suite: one row a situation, one column a carrier --------------------------


@contextmanager
def by_smtp(**server: Any) -> Iterator[tuple[Carrier, Outgoing]]:
    with smtp_server(**server) as found:
        carrier = smtp(found.port)
        yield carrier, EMAIL
        carrier.close()


@contextmanager
def by_http(*args: Any, **server: Any) -> Iterator[tuple[Carrier, Outgoing]]:
    with http_server(*args, **server) as (url, _):
        yield http(f"{url}/send"), SMS


SITUATIONS: list[tuple[str, Callable[[], AbstractContextManager[tuple[Carrier, Outgoing]]], Outcome]] = [
    ("smtp takes it", lambda: by_smtp(), Outcome.ACCEPTED),
    ("smtp takes it without pipelining", lambda: by_smtp(pipelining=False), Outcome.ACCEPTED),
    ("smtp has no time", lambda: by_smtp(MAIL="451 later"), Outcome.RETRY),
    ("smtp closes", lambda: by_smtp(MAIL="421 closing"), Outcome.RETRY),
    ("smtp greylists", lambda: by_smtp(RCPT="450 4.2.0 greylisted"), Outcome.RETRY),
    ("smtp greylists one by one", lambda: by_smtp(RCPT="450 4.2.0 greylisted", pipelining=False), Outcome.RETRY),
    ("smtp does not know the mailbox", lambda: by_smtp(RCPT="550 5.1.1 nobody"), Outcome.REFUSED),
    ("smtp refuses the sender", lambda: by_smtp(MAIL="550 5.7.1 not you"), Outcome.REFUSED),
    ("smtp refuses the body", lambda: by_smtp(final="554 spam"), Outcome.REFUSED),
    ("smtp refuses the body for now", lambda: by_smtp(final="452 full"), Outcome.RETRY),
    ("smtp hangs up after the final dot", lambda: by_smtp(final=None), Outcome.UNKNOWN),
    ("smtp answers nonsense to the final dot", lambda: by_smtp(final="!!"), Outcome.UNKNOWN),
    ("smtp hangs up before the body", lambda: by_smtp(RCPT=None), Outcome.NOT_STARTED),
    ("http takes it", lambda: by_http(202), Outcome.ACCEPTED),
    ("http has no time", lambda: by_http(429), Outcome.RETRY),
    ("http is being maintained", lambda: by_http(503), Outcome.RETRY),
    ("http refuses", lambda: by_http(400), Outcome.REFUSED),
    ("http redirects", lambda: by_http(302, headers={"Location": "http://127.0.0.1/"}), Outcome.REFUSED),
    ("http fails after it may have taken it", lambda: by_http(502), Outcome.UNKNOWN),
    ("http hangs up", lambda: by_http(drop=True), Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("situation", "outcome"), [(s[1], s[2]) for s in SITUATIONS], ids=[s[0] for s in SITUATIONS])
def test_what_a_provider_does_has_one_meaning(
    situation: Callable[[], AbstractContextManager[tuple[Carrier, Outgoing]]], outcome: Outcome
) -> None:
    with situation() as (carrier, outgoing):
        assert carrier.send(outgoing).outcome is outcome


@pytest.mark.parametrize("carrier", ["smtp", "http_sms"])
def test_where_nobody_listens_nothing_was_started(carrier: str) -> None:
    port = dead_port()
    receipt = smtp(port).send(EMAIL) if carrier == "smtp" else http(f"http://127.0.0.1:{port}/").send(SMS)
    assert receipt.outcome is Outcome.NOT_STARTED


@pytest.mark.parametrize("name", sorted(set(carriers) - {"scripted"}))
def test_every_carrier_refuses_settings_it_does_not_know_and_says_where(name: str) -> None:
    with pytest.raises(Problems) as found:
        carriers[name].build({"colour": "blue"}, {}, timeout=1)
    assert "/settings/colour" in {problem.pointer for problem in found.value.problems}


# --- SMTP ------------------------------------------------------------------------------------


def test_one_connection_carries_many_messages_in_one_flight_each() -> None:
    with smtp_server() as server:
        carrier = smtp(server.port)
        assert [carrier.send(EMAIL).outcome for _ in range(3)] == [Outcome.ACCEPTED] * 3
        assert server.connections == 1
        assert server.taken == [EMAIL.body["mime"]] * 3, "dots and all"


def test_a_connection_the_server_has_closed_meanwhile_is_opened_again() -> None:
    with smtp_server() as server:
        carrier = smtp(server.port)
        carrier.send(EMAIL)
        assert carrier._connection is not None
        assert carrier._connection.sock is not None
        carrier._connection.sock.shutdown(2)
        assert carrier.send(EMAIL).outcome is Outcome.ACCEPTED
        assert server.connections == 2


def test_a_refused_recipient_does_not_hurt_the_next_message() -> None:
    with smtp_server(RCPT="550 5.1.1 nobody") as server:
        carrier = smtp(server.port)
        refused = carrier.send(EMAIL)
        assert (refused.address_dead, refused.code) == (True, "550")
        server.replies["RCPT"] = "250 ok"
        assert carrier.send(EMAIL).outcome is Outcome.ACCEPTED
        assert (server.connections, len(server.taken)) == (1, 1)


def test_a_server_that_never_answers_the_final_dot_is_unknown_after_the_timeout() -> None:
    with smtp_server(final="") as server:  # says an empty line
        assert smtp(server.port).send(EMAIL).outcome is Outcome.UNKNOWN
    with smtp_server(final="250-more to come") as server:
        assert smtp(server.port, timeout=0.3).send(EMAIL).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("code", "text", "dead"),
    [
        (550, "5.1.1 no such user", True), (550, "no such user", True), (551, "moved", True), (553, "5.1.3 bad", True),
        (550, "5.7.1 policy", False), (552, "5.2.2 full", False), (554, "spam", False), (550, "5.2.1 disabled", True),
    ],
)  # fmt: skip
def test_only_a_mailbox_that_is_gone_is_dead(code: int, text: str, dead: bool) -> None:
    assert is_dead(code, text) is dead


@pytest.mark.parametrize("recipient", ["a@b.example>\r\nRCPT TO:<c@d.example", "a b@c.example", ""])
def test_an_address_cannot_smuggle_a_command(recipient: str) -> None:
    with smtp_server() as server:
        receipt = smtp(server.port).send(Outgoing(1, "k", "email", recipient, EMAIL.body))
        assert receipt.outcome is Outcome.REFUSED
        assert server.heard == []


@pytest.mark.parametrize(
    ("mime", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"), (b"a", b"a\r\n.\r\n"), (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
    ],
)  # fmt: skip
def test_dots_are_doubled(mime: bytes, wire: bytes) -> None:
    assert stuffed(mime) == wire


def test_email_url_becomes_an_account() -> None:
    assert settings_from_url("smtp+tls://ada:p%40ss@mail.example:2525") == (
        {"host": "mail.example", "port": 2525, "security": "starttls", "user": "ada"}, {"password": "p@ss"},
    )  # fmt: skip
    assert settings_from_url("consolemail://") is None


# --- HTTP SMS --------------------------------------------------------------------------------


def test_the_request_is_what_the_settings_say_and_secrets_go_into_headers() -> None:
    with http_server(200, {"status": "ok", "message": {"id": 77}}) as (url, got):
        carrier = http(
            f"{url}/v1/sms", secrets={"values": {"token": "s3cret"}},
            headers={"Authorization": "Bearer {{ secret.token }}"}, idempotency_header="Idempotency-Key",
            body={"messages": [{"to": "{{ recipient }}", "body": "{{ text }}", "from": "{{ sender }}"}]},
            success={"path": "status", "in": ["ok"], "id": "message.id"},
        )  # fmt: skip
        receipt = carrier.send(SMS)
    assert (receipt.outcome, receipt.provider_message_id, carrier.idempotent) == (Outcome.ACCEPTED, "77", True)
    assert got[0]["path"] == "/v1/sms"
    assert got[0]["headers"]["Authorization"] == "Bearer s3cret"
    assert got[0]["headers"]["Idempotency-Key"] == "key-1"
    # What a person is called does not change the request, nor is it read as a template again.
    assert json.loads(got[0]["body"]) == {
        "messages": [{"to": "+34600000001", "body": 'Hi "Ada" {{ key }}', "from": "Shop"}]
    }


def test_a_form_is_encoded() -> None:
    with http_server() as (url, got):
        http(url, encoding="form", body={"To": "{{ recipient }}", "Body": "{{ text }}"}).send(SMS)
    assert got[0]["body"] == b"To=%2B34600000001&Body=Hi+%22Ada%22+%7B%7B+key+%7D%7D"


def test_a_success_that_the_body_denies_is_a_refusal_and_a_dead_number_is_known() -> None:
    rule = {"path": "status", "in": ["ok"], "code": "error.code", "dead": ["21211"]}
    with http_server(200, {"status": "no", "error": {"code": 21211}}) as (url, _):
        receipt = http(url, success=rule).send(SMS)
    assert (receipt.outcome, receipt.code, receipt.address_dead) == (Outcome.REFUSED, "21211", True)


def test_retry_after_is_heard() -> None:
    with http_server(429, headers={"Retry-After": "90"}) as (url, _):
        assert http(url).send(SMS).retry_after == 90


def test_a_base_url_alone_makes_an_account() -> None:
    with http_server() as (url, got):
        http(**settings_from_base_url(url)).send(SMS)
    assert got[0]["path"] == "/messages"
    assert json.loads(got[0]["body"])["to"] == "+34600000001"


def test_a_template_that_names_nothing_known_is_refused_with_its_place() -> None:
    with pytest.raises(Problems, match=r"secret\.tokn"):
        http("https://sms.example/", headers={"Authorization": "{{ secret.tokn }}"}, secrets={"values": {"token": "x"}})
