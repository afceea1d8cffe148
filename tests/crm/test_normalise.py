"""One normal form per trace."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import normalise
from crm.errors import Problem


@pytest.mark.parametrize(
    ("given_text", "form"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada\u200b@example.com", "ada@example.com"),
        ("\u202eada@example.com", "ada@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("o'hara+x@example.co.uk", "o'hara+x@example.co.uk"),
        ("josé@example.com", "josé@example.com"),
    ],
)
def test_an_email_has_one_form(given_text: str, form: str) -> None:
    assert normalise.email(given_text) == form


def test_identity_is_not_decided_by_look_alikes() -> None:
    assert normalise.email("ﬁona@example.com") != normalise.email("fiona@example.com")
    assert normalise.email("straße@example.com") != normalise.email("strasse@example.com")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "ada@example..com",
        "ada@-x.com",
        "a" * 65 + "@example.com",
        "ada@example.com\r\nBcc: all@example.com",
        "..@example.com",
        "ada@exa mple.com",
        "ada@[10.0.0.1]",
    ],
)
def test_what_is_no_email_is_refused(wrong: str) -> None:
    with pytest.raises(Problem):
        normalise.trace("email", wrong)


@pytest.mark.parametrize(
    ("text", "country", "form"),
    [
        ("600 11 22 33", "ES", "+34600112233"),
        ("+34 600-11-22-33", "", "+34600112233"),
        ("0034600112233", "ES", "+34600112233"),
        ("(020) 7946 0018", "GB", "+442079460018"),
    ],
)
def test_a_phone_is_e164(text: str, country: str, form: str) -> None:
    assert normalise.phone(text, country) == form


@pytest.mark.parametrize("wrong", ["600112233", "12", "abc", "+34", "+999999999999"])
def test_what_is_no_phone_is_refused(wrong: str) -> None:
    with pytest.raises(Problem, match="country code"):
        normalise.phone(wrong)


def test_cards_and_ids() -> None:
    assert normalise.trace("card", "ab-12 34").value == "AB1234"
    assert normalise.trace("external_id", 77).value == "77"
    for kind, wrong in (
        ("card", " - "),
        ("external_id", "x" * 201),
        ("external_id", "a\0b"),
        ("fax", "1"),
        ("card", None),
    ):
        with pytest.raises(Problem):
            normalise.trace(kind, wrong)


@given(st.text(max_size=60), st.sampled_from(normalise.KINDS))
def test_the_normal_form_is_its_own_normal_form(text: str, kind: str) -> None:
    try:
        once = normalise.trace(kind, text, "ES")
    except Problem:
        return
    assert normalise.trace(kind, once.value, "ES") == once


@given(
    st.sampled_from(["34", "351", "39", "47", "48", "44", "49", "1", "7", "33", "420"]),
    st.text("0123456789", min_size=3, max_size=12),
)
def test_a_number_that_is_taken_as_it_stands_is_what_the_rules_of_its_country_make_of_it(code: str, rest: str) -> None:
    text = f"+{code}{rest}"
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        with pytest.raises(Problem):
            normalise.phone(text)
    elif 9 <= len(form := phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)) <= 16:
        assert normalise.phone(text) == form
