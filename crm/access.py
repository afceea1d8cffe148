"""Which role may do what. Pure: roles are data, and what is not listed is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

READ: Final = frozenset(
    {
        "office.read",  # home, and the lists of the office: not for stores and call agents
        "contacts.read",
        "consents.read",
        "events.read",
        "catalogue.read",
        "orders.read",
        "segments.read",
        "campaigns.read",
        "messages.read",
    }
)
# What comes in from shops, tills and forms.
CAPTURE: Final = frozenset(
    {
        "contacts.write",
        "consents.write",
        "events.write",
        "orders.write",
        "catalogue.write",
    }
)
# What a marketer works on.
WORK: Final = frozenset({"segments.write", "imports.write", "campaigns.write", "campaigns.trigger", "kpis.write"})
# What people may ask of us about their data: a copy, a limit, an end.
RIGHTS: Final = frozenset({"rights.write"})
PUBLISH: Final = frozenset({"campaigns.publish"})
# Keys, the log of their requests, webhooks: what an integrator works with.
CONNECT: Final = frozenset({"keys.write", "operations.read", "webhooks.write"})
# Devices of a store and the PINs of its people.
TILLS: Final = frozenset({"tills.write"})
ADMINISTER: Final = frozenset({"users.write", "accounts.write", "workspace.write"}) | CONNECT | TILLS
# A store sees people, their permission and their purchases; never campaigns or other stores.
STORE: Final = frozenset(
    {
        "contacts.read",
        "contacts.write",
        "consents.read",
        "consents.write",
        "events.write",
        "orders.read",
        "orders.write",
        "catalogue.read",
        "catalogue.write",
    }
)
# What is everybody's own: name, language, password.
OWN: Final = frozenset({"own.write"})
EVERYTHING: Final = READ | CAPTURE | WORK | RIGHTS | PUBLISH | ADMINISTER | OWN

# Roles of people (crm.models.team.Role).
ROLES: Final[dict[str, frozenset[str]]] = {
    "admin": EVERYTHING,
    "marketer": READ | CAPTURE | WORK | RIGHTS | PUBLISH | OWN,
    "approver": READ | PUBLISH | OWN,
    "analyst": READ | OWN,
    "developer": READ | CAPTURE | WORK | CONNECT | OWN,
    "store_manager": STORE | TILLS | OWN,
    "store_staff": STORE - {"catalogue.write"} | OWN,
    "call_agent": frozenset({"contacts.read", "consents.read", "consents.write", "events.write", "orders.read"}) | OWN,
}

# Roles of keys (crm.models.key.ApiKey.Role).
KEY_ROLES: Final[dict[str, frozenset[str]]] = {
    "admin": EVERYTHING - OWN,
    "marketer": ROLES["marketer"] - OWN,
    "analyst": READ,
    "store": STORE,
    "tracking": frozenset({"events.write"}),
}


def of_roles(roles: Iterable[str]) -> frozenset[str]:
    """What somebody with these roles may do: the union."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))


def of_key(role: str) -> frozenset[str]:
    """What a key of this role may do; its scopes may narrow it."""
    return KEY_ROLES.get(role, frozenset())
