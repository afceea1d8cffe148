"""Which countries a phone may be from, and which e-mail domains people have there. Pure data."""

from __future__ import annotations

from typing import Final

import phonenumbers
from babel import Locale

# Those of customers most shops have first; everything else by name.
NEAR: Final = ("ES", "PT", "FR", "DE", "IT", "GB", "IE", "NL", "US", "MX", "RU", "UA", "RO", "MA")
DOMAINS: Final = {
    "ES": ("gmail.com", "hotmail.es", "icloud.com"), "FR": ("gmail.com", "orange.fr", "hotmail.fr"),
    "DE": ("gmail.com", "gmx.de", "web.de"), "IT": ("gmail.com", "libero.it", "icloud.com"),
    "GB": ("gmail.com", "hotmail.co.uk", "icloud.com"), "RU": ("mail.ru", "yandex.ru", "gmail.com"),
    "PT": ("gmail.com", "hotmail.com", "sapo.pt"),
}  # fmt: skip
USUAL: Final = ("gmail.com", "hotmail.com", "icloud.com")


def listed(first: str, language: str) -> list[tuple[str, str]]:
    """(code, "+34 Spain"), the store's own first."""
    names = Locale.parse(language.replace("-", "_")).territories
    codes = [first, *(code for code in NEAR if code != first)]
    codes += sorted(
        (code for code in phonenumbers.SUPPORTED_REGIONS if code not in codes),
        key=lambda code: str(names.get(code, code)),
    )
    return [(code, f"+{phonenumbers.country_code_for_region(code)} {names.get(code, code)}") for code in codes]


def domains(country: str) -> tuple[str, ...]:
    return DOMAINS.get(country, USUAL)
