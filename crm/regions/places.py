"""Where somebody is, as far as the law goes: declared, else by their phone, else by their store. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import timezone

NORTH_AMERICA: Final = ("US", "CA", "")
STATES: Final = {
    "AL": "alabama", "AK": "alaska", "AZ": "arizona", "AR": "arkansas", "CA": "california", "CO": "colorado",
    "CT": "connecticut", "DE": "delaware", "DC": "district of columbia", "FL": "florida", "GA": "georgia",
    "HI": "hawaii", "ID": "idaho", "IL": "illinois", "IN": "indiana", "IA": "iowa", "KS": "kansas", "KY": "kentucky",
    "LA": "louisiana", "ME": "maine", "MD": "maryland", "MA": "massachusetts", "MI": "michigan", "MN": "minnesota",
    "MS": "mississippi", "MO": "missouri", "MT": "montana", "NE": "nebraska", "NV": "nevada", "NH": "new hampshire",
    "NJ": "new jersey", "NM": "new mexico", "NY": "new york", "NC": "north carolina", "ND": "north dakota",
    "OH": "ohio", "OK": "oklahoma", "OR": "oregon", "PA": "pennsylvania", "RI": "rhode island",
    "SC": "south carolina", "SD": "south dakota", "TN": "tennessee", "TX": "texas", "UT": "utah", "VT": "vermont",
    "VA": "virginia", "WA": "washington", "WV": "west virginia", "WI": "wisconsin", "WY": "wyoming",
}  # fmt: skip
BY_NAME: Final = {name: code for code, name in STATES.items()}
# Zones that are the contact's own, not only a fallback.
OWN_ZONES: Final = ("contact", "postal_code", "country")


class Place(NamedTuple):
    """`country` '': nobody knows. `source`: declared, phone or store. `region`: a state, where rules need it."""

    country: str = ""
    region: str = ""
    source: str = ""


def place(country: str, region: str, phone: str, store_country: str) -> Place:
    """The country a contact falls under, and how it is known."""
    if country:
        return Place(country, state(country, region), "declared")
    by_phone = country_of_phone(phone)
    if by_phone:
        return Place(by_phone, "", "phone")
    return Place(store_country, "", "store") if store_country else Place()


def state(country: str, region: str) -> str:
    """The two letters of a state of the US; '' where it is not known or does not matter."""
    if country != "US":
        return ""
    plain = region.strip().removeprefix("US-").removeprefix("us-")
    return plain.upper() if plain.upper() in STATES else BY_NAME.get(plain.casefold(), "")


def zones(zone: str, zone_source: str, country: str, phone: str) -> tuple[str, ...]:
    """All zones somebody may be in. In North America a number travels with its owner: the clock at home and
    the one of the area code both count, so that nobody is woken by mistake."""
    own = (zone,) if zone_source in OWN_ZONES else ()
    far = zones_of_phone(phone) if country in NORTH_AMERICA and phone.startswith("+1") else ()
    return tuple(dict.fromkeys((*own, *far))) or (zone,)


def country_of_phone(phone: str) -> str:
    """The country of a number in its normal form (+34…)."""
    return _country(phone[:12]) if phone.startswith("+") else ""


def zones_of_phone(phone: str) -> tuple[str, ...]:
    """The zones of an area code; none where it has none of its own."""
    found: tuple[str, ...] = _zones(phone[:8])
    return () if found == ("Etc/Unknown",) or len(found) > 6 else found


@lru_cache(maxsize=8192)
def _country(phone: str) -> str:
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ""
    found = phonenumbers.region_code_for_country_code(number.country_code or 0)
    if number.country_code == 1:
        # The countries of +1 are told apart by their area codes alone.
        found = phonenumbers.region_code_for_number(number) or ""
    return "" if found in (None, "ZZ", "001") else str(found)


@lru_cache(maxsize=8192)
def _zones(prefix: str) -> tuple[str, ...]:
    try:
        # The rest of the number says nothing about its zone.
        number = phonenumbers.parse(prefix.ljust(12, "5"))
    except phonenumbers.NumberParseException:
        return ()
    return tuple(timezone.time_zones_for_number(number))
