"""Stores: their name, place, zone and hours. The one writer of them besides the demo."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from crm import audit
from crm.models import Store

# Keys of `Store.hours`, Monday first; each day is a list of [opens, closes] as "HH:MM".
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIELDS: Final = ("code", "name", "zone", "country", "address", "hours", "active")


def put(store: Store, values: dict[str, Any], actor: str) -> Store:
    """Save a store, new or known, with `values` of `FIELDS`."""
    before = _shown(store) if store.pk else None
    for name, value in values.items():
        setattr(store, name, value)
    with transaction.atomic():
        store.save()
        if before != _shown(store):
            action = "store.change" if before else "store.create"
            audit.record(actor, action, f"store:{store.pk}", before, _shown(store))
    return store


def _shown(store: Store) -> dict[str, Any]:
    return {name: getattr(store, name) for name in FIELDS}
