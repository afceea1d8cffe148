"""The zone a contact's local times are computed in, and where it comes from. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from babel.core import get_global

from crm import moments

# Where a country with several zones keeps most of its people.
MAIN: Final = {
    "AR": "America/Argentina/Buenos_Aires",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
# Postal codes that lie in another zone than their country's main one.
POSTAL: Final = {
    ("ES", "35"): "Atlantic/Canary",
    ("ES", "38"): "Atlantic/Canary",
    ("ES", "51"): "Africa/Ceuta",
    ("ES", "52"): "Africa/Ceuta",
    ("PT", "9"): "Atlantic/Madeira",
    ("PT", "95"): "Atlantic/Azores",
    ("PT", "96"): "Atlantic/Azores",
    ("PT", "97"): "Atlantic/Azores",
    ("PT", "98"): "Atlantic/Azores",
    ("PT", "99"): "Atlantic/Azores",
}


def resolve(timezone: str, country: str, postal_code: str, store_zone: str, workspace_zone: str) -> tuple[str, str]:
    """(zone, source): the contact's own, else of postal code or country, of the store, of the workspace."""
    if timezone:
        return timezone, "contact"
    zone = of_postal(country, postal_code)
    if zone:
        return zone, "postal_code"
    zone = of_country(country)
    if zone:
        return zone, "country"
    if store_zone:
        return store_zone, "store"
    return workspace_zone, "workspace"


def of_postal(country: str, postal_code: str) -> str:
    digits = postal_code.strip()
    return POSTAL.get((country, digits[:2]), "") or POSTAL.get((country, digits[:1]), "")


@lru_cache(maxsize=512)
def of_country(country: str) -> str:
    """The zone of a country that has one; empty where a guess would be hours off."""
    if country in MAIN:
        return MAIN[country]
    zones: list[str] = get_global("territory_zones").get(country, [])
    return zones[0] if len(zones) == 1 and moments.is_zone(zones[0]) else ""
