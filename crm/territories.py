"""Countries, currencies and zones to choose from, in the reader's language."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

from babel.core import Locale
from babel.numbers import get_territory_currencies, list_currencies

from crm import zones

Choice = tuple[str, str]
# Parts of CLDR's list that are no country somebody lives in.
NOT_COUNTRIES = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}


@lru_cache(maxsize=16)
def countries(language: str) -> list[Choice]:
    """(code, name), by name."""
    names = Locale.parse(language, sep="-").territories
    known = [(code, name) for code, name in names.items() if len(code) == 2 and code.isalpha()]
    return sorted((each for each in known if each[0] not in NOT_COUNTRIES), key=lambda each: each[1].casefold())


@lru_cache(maxsize=16)
def currencies(language: str) -> list[Choice]:
    """(code, "EUR · Euro") of those in use somewhere, by code."""
    names = Locale.parse(language, sep="-").currencies
    current = {code for country, _ in countries("en") for code in get_territory_currencies(country)}
    return [(code, f"{code} · {names.get(code, code)}") for code in sorted(current & list_currencies())]


@lru_cache(maxsize=1)
def all_zones() -> list[str]:
    """Zones of places ("Europe/Madrid"), and UTC."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]


@lru_cache(maxsize=1)
def hints() -> dict[str, tuple[str, str]]:
    """Country → (zone, currency) most of its people use; "" where there is no telling."""
    found = {}
    for code, _ in countries("en"):
        money = get_territory_currencies(code)
        found[code] = (zones.of_country(code), money[0] if len(money) == 1 else "")
    return found


@lru_cache(maxsize=16)
def languages(language: str) -> list[Choice]:
    """(code, name) of languages with a two-letter code, by name."""
    names = Locale.parse(language, sep="-").languages
    return sorted(((code, name) for code, name in names.items() if len(code) == 2), key=lambda each: each[1].casefold())
