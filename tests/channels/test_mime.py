"""A letter arrives as it was written, in any script, and nobody can smuggle a header into it."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels import mime, plaintext
from channels.kinds import base
from channels.kinds import email as letters

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=400)
TO = base.Addressed(
    key="3f1c1d2e-0000-5000-8000-000000000000", recipient="chiara@example.com",
    links={
        "unsubscribe": "https://c.example/u/T", "preferences": "https://c.example/p/T",
        "open": "https://c.example/o/T.gif", "token": "T",
    },
    click=None, opt_out=True,
)  # fmt: skip
SCOPE = {
    "now": "2026-06-10T12:00:00+00:00", "language": "es", "default_sender": "Cauce <hello@shop.example>",
    "workspace": "Zapatería",
    "postal_address": "Calle 1", "zone": "UTC",
}  # fmt: skip


def parsed(raw: bytes) -> EmailMessage:
    return cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return cast(str, found.get_content())


def letter(**body: str) -> dict[str, object]:
    made = {"subject": "Hello", "html": "<p>Hi</p>", **body}
    kind = letters.KIND
    assert kind.problems(made) == []
    return kind.compile(kind.prepare(made)).render({"_": SCOPE}, TO)


@settings(max_examples=150, deadline=None)
@given(text=ANY_TEXT, html=ANY_TEXT.filter(bool))
@example(text=".\n..\n From me\n", html="=20\n\t \n" + "ж" * 90)
@example(text="a" * 2000, html="é" * 5000)
@example(text="x \n\x00", html="trailing \t\n=\n")
def test_what_the_mailbox_decodes_is_what_was_rendered(text: str, html: str) -> None:
    raw = mime.message({"From": "<a@example.com>"}, text, html, "=_boundary-3f1c1d2e")
    payloads = [
        cast(bytes, each.get_payload(decode=True))
        for each in email.message_from_bytes(raw).walk()
        if not each.is_multipart()
    ]
    assert [each.decode().replace("\r\n", "\n") for each in payloads] == [text, html]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


@settings(max_examples=150, deadline=None)
@given(subject=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=120))
@example(subject="Año nuevo, precios de ayer: sólo hoy, sólo para ti y para quien tú quieras, de verdad")
@example(subject="=?utf-8?q?fake?=")
@example(subject="a  b " * 30)
def test_a_subject_in_any_script_comes_back(subject: str) -> None:
    value = mime.words("Subject", subject)
    raw = mime.message({"Subject": value}, "text", "", "b")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    decoded = str(
        email.header.make_header(
            email.header.decode_header(email.message_from_bytes(raw)["Subject"].replace("\r\n", ""))
        )
    )
    assert decoded.split() == subject.split()


@settings(max_examples=100, deadline=None)
@given(name=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60))
@example(name='Tienda "La Niña", S.L.')
@example(name="Обувь")
def test_a_senders_name_cannot_break_the_address(name: str) -> None:
    raw = mime.message({"From": mime.mailbox("From", name, "shop@example.com")}, "text", "", "b")
    addresses = parsed(raw)["From"].addresses
    assert [each.addr_spec for each in addresses] == ["shop@example.com"]


@pytest.mark.parametrize("evil", ["a\nBcc: x@example.com", "a\rb", "a\0b", "a\ud800b", "a\r\n\r\nbody"])
def test_line_breaks_and_broken_characters_are_refused_in_headers(evil: str) -> None:
    with pytest.raises(mime.Unsafe):
        mime.words("Subject", evil)
    with pytest.raises(mime.Unsafe):
        mime.mailbox("From", evil, "shop@example.com")
    found = letters.KIND.problems(
        {"subject": evil, "from_name": evil, "html": "<p>x</p>", "from_address": "a@b.example\nBcc: c@d.example"}
    )
    assert {problem.pointer for problem in found} >= {"/subject", "/from_name", "/from_address"}


def test_every_letter_has_its_headers_and_both_parts() -> None:
    made = letter(
        html="<h1>Hola</h1><p>Ver <a href='https://shop.example/a'>botas</a></p>",
        from_name="Zapatería",
        from_address="hola@shop.example",
    )
    message = parsed(cast(bytes, made["mime"]))
    assert message["From"].addresses[0].display_name == "Zapatería"
    assert message["To"].addresses[0].addr_spec == "chiara@example.com"
    assert message["Message-ID"] == f"<{TO.key}@shop.example>"
    assert message["Date"].datetime == datetime(2026, 6, 10, 12, tzinfo=UTC)
    assert message["List-Unsubscribe"].startswith("<https://c.example/u/T>, <mailto:hola@shop.example?")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content_type() == "multipart/alternative"
    assert "botas: https://shop.example/a" in part(message, "plain")
    assert "Darse de baja" in part(message, "html")
    assert "Zapatería, Calle 1" in part(message, "html")
    assert made["sender"] == "hola@shop.example"


def test_a_transactional_letter_has_no_way_out_to_take() -> None:
    kind = letters.KIND
    to = base.Addressed(TO.key, TO.recipient, TO.links, None, opt_out=False)
    made = kind.compile(kind.prepare({"subject": "Your order", "html": "<p>Thanks</p>"})).render({"_": SCOPE}, to)
    message = parsed(made["mime"])
    assert message["List-Unsubscribe"] is None
    assert "c.example" not in made["html"]


def test_a_name_from_data_cannot_add_a_recipient() -> None:
    kind = letters.KIND
    written = kind.compile({"subject": "Hi {{ contact.given_name }}", "html": "<p>x</p>", "text": "x"})
    from channels.liquid import RenderError

    with pytest.raises(RenderError):
        written.render({"_": SCOPE, "contact": {"given_name": "x\nBcc: all@example.com"}}, TO)


@pytest.mark.parametrize(
    "html",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>x</a>",
     "<form action=/x></form>",
     "<iframe src=https://x></iframe>", "<meta http-equiv=refresh content=0>",
     "<a href={{ contact.given_name }}>x</a>"],
)  # fmt: skip
def test_html_that_acts_is_refused_when_it_is_published(html: str) -> None:
    assert letters.KIND.problems({"subject": "x", "html": html}) != []


def test_the_text_part_reads_like_the_letter() -> None:
    html = (
        "<html><head><style>p{}</style><title>t</title></head><body><h1>Sale &amp; more</h1>"
        "<p>For {{ contact.given_name }},<br>only today</p>"
        "<ul>{% for p in products %}<li>{{ p.name }}</li>{% endfor %}</ul>"
        "<p><a href='https://x.example/?a=1&amp;b=2'>Shop</a></p></body></html>"
    )
    text = plaintext.from_html(html)
    assert text.startswith("Sale & more\n\nFor {{ contact.given_name }},\nonly today")
    assert "{% for p in products %}\n- {{ p.name }}\n\n{% endfor %}" in text or "- {{ p.name }}{% endfor %}" in text
    assert "Shop: https://x.example/?a=1&b=2" in text


def test_a_preheader_is_hidden_text_at_the_beginning() -> None:
    made = letter(html="<html><body class='x'><p>Hi</p></body></html>", preheader="2 < 3 & more")
    assert "<body class='x'><div style=" in str(made["html"])
    assert "2 &lt; 3 &amp; more" in str(made["html"])


def test_a_letter_with_ways_out_of_its_own_still_says_who_writes_and_from_where() -> None:
    own = '<p>Hi</p><p><a href="{{ links.unsubscribe }}">Stop</a></p>'
    made = letters.KIND.compile(letters.KIND.prepare({"subject": "Hello", "html": own})).render(
        {"_": SCOPE, "links": TO.links}, TO
    )
    for words in (str(made["html"]), str(made["text"])):
        assert "Zapatería, Calle 1" in words
        assert words.count("https://c.example/u/T") == 1
        assert "https://c.example/p/T" not in words


def test_a_letter_without_ways_out_gets_them_with_the_address() -> None:
    made = letter()
    for words in (str(made["html"]), str(made["text"])):
        assert "Zapatería, Calle 1" in words
        assert "https://c.example/u/T" in words
        assert "https://c.example/p/T" in words
