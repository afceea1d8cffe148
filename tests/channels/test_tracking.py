"""Links in messages: opaque, for one purpose, and unforgeable; and who really followed them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from channels import links, tracking
from channels.kinds import sms

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@given(number=st.integers(0, 2**63 - 1), link=st.integers(0, 2**31))
def test_a_token_names_its_message_and_link(number: int, link: int) -> None:
    assert tracking.read("click", tracking.token("click", number, link)) == tracking.Named(number, link)


def test_a_token_is_bound_to_its_purpose() -> None:
    made = tracking.token("click", 7, 3)
    for purpose in ("open", "unsubscribe", "preferences", "confirm"):
        assert tracking.read(purpose, made) is None  # type: ignore[arg-type]


@given(text=st.text(max_size=70))
def test_what_was_not_made_here_is_nothing(text: str) -> None:
    assert tracking.read("unsubscribe", text) is None


def test_any_changed_letter_makes_it_worthless() -> None:
    made = tracking.token("unsubscribe", 123456)
    for at in range(len(made) - 1):
        changed = made[:at] + ("A" if made[at] != "A" else "B") + made[at + 1 :]
        assert tracking.read("unsubscribe", changed) is None


def test_a_token_says_nothing_about_the_person_and_is_short() -> None:
    made = tracking.token("unsubscribe", 5_000_000)
    assert len(made) <= 40
    assert "@" not in made


def test_old_links_work_after_the_secret_was_changed() -> None:
    with override_settings(SECRET_KEY="the-old-secret-of-fifty-characters-or-so-0123456789"):
        old = tracking.token("unsubscribe", 9)
    with override_settings(
        SECRET_KEY="new" * 20, SECRET_KEY_FALLBACKS=["the-old-secret-of-fifty-characters-or-so-0123456789"]
    ):
        assert tracking.read("unsubscribe", old) == tracking.Named(9, 0)
    with override_settings(SECRET_KEY="new" * 20):
        assert tracking.read("unsubscribe", old) is None


def test_the_key_of_a_message_is_the_same_for_ever_and_of_no_other_installation() -> None:
    assert tracking.key(5) == tracking.key(5) != tracking.key(6)
    with override_settings(SUPPRESSION_PEPPER="another installation"):
        other = tracking.key(5)
    assert other != tracking.key(5)


@pytest.mark.parametrize(
    ("source", "follows"),
    [
        ("{{ p.name }}: {{ p.url }}", True),
        ("{% for p in products %}{{ p.url }}{% endfor %}", True),
        ("({{ products[0].url }})", True),
        ("Look: {{ p.url | default: 'https://shop.example' }}.", True),
        ("{{ p.url }}?from=mail", False),
        ("{{ p.url }}{% if x %}/red{% endif %}", False),
        ("{{ p.url }}{{ p.sku }}", False),
        ("https://go.example/?to={{ p.url }}", False),
        ("{{ p.url }}.html", False),
        ("a {{- p.url -}} b", False),
        ("{{ p.name | url_encode }}", False),
    ],
)
def test_an_address_of_data_is_followed_where_it_stands_alone(source: str, follows: bool) -> None:
    assert ("| click }}" in links.mark_text(source, [])) is follows


def test_marking_stays_quick_whatever_is_written() -> None:
    begun = time.perf_counter()
    for source in ("{{ url" + " " * 50_000 + "}}", "{{ p.url }}" * 5_000, "{% if a %}" * 3_000 + "{{ p.url }}"):
        links.mark_text(source, [])
        links.mark_html(f'<a href="{source}">x</a>', [])
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("method", "headers", "seconds", "machine"),
    [
        ("GET", BROWSER, 60, False),
        ("HEAD", BROWSER, 60, True),
        ("GET", BROWSER | {"Sec-Purpose": "prefetch;prerender"}, 60, True),
        ("GET", BROWSER | {"Purpose": "prefetch"}, 60, True),
        ("GET", BROWSER, 1, True),
        ("GET", {}, 60, True),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, 60, True),
        ("GET", {"User-Agent": "Barracuda Sentinel (EE)"}, 60, True),
    ],
)
def test_scanners_are_told_from_people(method: str, headers: dict[str, str], seconds: int, machine: bool) -> None:
    assert tracking.is_machine(method, headers, NOW - timedelta(seconds=seconds), NOW) is machine


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        ("€" * 80, "gsm7", 160, 1),
        ("a" * 152 + "€" + "a" * 60, "gsm7", 214, 2),
        ("ñé¿¡ü", "gsm7", 5, 1),
        ("Скидка", "ucs2", 6, 1),
        ("Я" * 70, "ucs2", 70, 1),
        ("Я" * 71, "ucs2", 71, 2),
        ("😀" * 35, "ucs2", 70, 1),
        ("😀" * 67, "ucs2", 134, 3),
        ("á", "ucs2", 1, 1),
    ],
)
def test_an_sms_is_cut_as_networks_cut_it(text: str, encoding: str, units: int, parts: int) -> None:
    assert sms.measure(text) == sms.Size(encoding, units, parts)
