"""An SMS is counted once, in one place: what the editor says is what is billed."""

from __future__ import annotations

from typing import Any

import pytest

from channels.kinds import sms

IN_GSM = "éèùìòàäöüñÄÖÑÜÉÇßæøåÆØÅ¿¡£$¥§@"
OUT_OF_GSM = {"á": "a", "í": "i", "ó": "o", "ú": "u", "Á": "A", "ç": "c", "ê": "e", "õ": "o"}


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts", "left"),
    [
        ("Hola", "gsm7", 4, 1, 156),
        ("a" * 160, "gsm7", 160, 1, 0),
        ("a" * 161, "gsm7", 161, 2, 145),
        ("a" * 306, "gsm7", 306, 2, 0),
        ("a" * 307, "gsm7", 307, 3, 152),
        (IN_GSM, "gsm7", len(IN_GSM), 1, 160 - len(IN_GSM)),
        ("Precio 20 €", "gsm7", 12, 1, 148),  # € is in the extension table: two septets
        ("€" * 80, "gsm7", 160, 1, 0),
        ("€" * 81, "gsm7", 162, 2, 143),  # no character is cut in two: 76 fit into the first part
        ("^{}[]~|\\", "gsm7", 16, 1, 144),
        ("código", "ucs2", 6, 1, 64),
        ("á" * 70, "ucs2", 70, 1, 0),
        ("á" * 71, "ucs2", 71, 2, 63),
        ("á" * 134, "ucs2", 134, 2, 0),
        ("Привет", "ucs2", 6, 1, 64),
        ("👟", "ucs2", 2, 1, 68),  # a surrogate pair
        ("a" * 66 + "👟" * 3, "ucs2", 72, 2, 61),  # the pair does not fit into the last place of the first part
        ("", "gsm7", 0, 1, 160),
    ],
)
def test_an_sms_is_counted_as_networks_bill_it(text: str, encoding: str, units: int, parts: int, left: int) -> None:
    size = sms.measure(text)
    assert (size.encoding, size.units, size.parts, size.left) == (encoding, units, parts, left)


@pytest.mark.parametrize(("letter", "instead"), OUT_OF_GSM.items())
def test_each_letter_that_costs_double_has_its_replacement(letter: str, instead: str) -> None:
    assert sms.culprits(f"x{letter}{letter}") == (sms.Culprit(letter, 2, instead),)
    assert sms.measure(sms.plain(f"x{letter}")).encoding == "gsm7"


@pytest.mark.parametrize("letter", IN_GSM + "€")
def test_spanish_letters_of_the_alphabet_are_nobodys_fault(letter: str) -> None:
    assert sms.culprits(letter) == ()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Adiós” … – ok", '"Adios" ... - ok'),
        ("Código BACK10 👟", "Codigo BACK10 "),
        ("👟️ya", "ya"),  # an emoji with its variation selector
        ("№ 5 «x»", 'No 5 "x"'),
        ("a\u00a0b\u202fc", "a b c"),
    ],
)
def test_a_text_is_made_plain_with_one_click(text: str, plain: str) -> None:
    assert sms.plain(text) == plain
    assert sms.measure(plain).encoding == "gsm7"


def test_russian_has_no_replacement() -> None:
    found = sms.culprits("Скидка 10%")
    assert found
    assert all(each.instead is None for each in found)
    assert sms.plain("Скидка 10%") == "Скидка 10%"


def test_what_is_sent_is_counted_by_the_same_definition() -> None:
    body: dict[str, Any] = {"text": "Código 10"}
    written = sms.KIND.compile(sms.KIND.prepare(body)).render({"_": {}}, _nobody())
    assert written["parts"] == sms.measure(written["text"]).parts


def _nobody() -> Any:
    from channels.kinds.base import Addressed

    return Addressed("k", "+34600000000", {"unsubscribe": "https://x.example/u/1"}, None, opt_out=True)
