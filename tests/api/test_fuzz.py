"""What nobody would send by hand, sent by each role: nothing breaks, and every answer is in its schema.

Half of what is sent is as the OpenAPI document allows it, the other half is bent towards real ids and
real journeys, so that things are made and found and not only refused. `make fuzz` sends more of it
(`FUZZ_EXAMPLES` to each address, another `FUZZ_SEED` for other ones) and prints how it was answered.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from channels import confirming, tracking
from channels.models import Message
from config.wsgi import application
from crm import clock, exports, publicids
from crm.imports import work
from crm.models import Address, Contact
from tests.api.cart import CART, MANUAL
from tests.api.conftest import Speaker

CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance)
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
# Of what a role may do at all, so much has to succeed: a wall of refusals would prove nothing.
GOOD = 0.3
ROLES = ("admin", "marketer", "analyst", "store", "tracking")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", ROLES)
def test_no_input_breaks_it_and_every_answer_keeps_its_shape(role: str, speak: Callable[..., Speaker]) -> None:
    world = furnish(speak("admin"))
    secret = speak(role).secret
    schema = schemathesis.openapi.from_wsgi("/api/schema/", application)
    seen: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        label = operation.definition.raw["operationId"]
        if label == "schema_retrieve":
            continue
        attempts(operation, label, world, str(secret), seen)
    assert not [each for each in seen if each[1] >= 500], seen
    statuses, may = tally(seen), tally({each: n for each, n in seen.items() if each[0] in permitted(seen)})
    print(f"{role}: {dict(sorted(statuses.items()))}, {share(may):.0%} of what it may do succeeds")
    assert share(may) >= GOOD, (role, may)
    if role == "admin":
        assert share(statuses) >= GOOD, statuses
        untouched = {label for label, _ in seen} - {label for label, status in seen if status < 300}
        assert not untouched, f"never answered with success: {untouched}"
    elif role == "tracking":
        assert permitted(seen) == {"events_create", "events_batch", "consents_cookies"}


def permitted(seen: Mapping[tuple[str, int], int]) -> set[str]:
    """The operations that were not refused for want of a permission: no key is refused some of the time."""
    return {label for label, _ in seen} - {label for label, status in seen if status == 403}


def tally(seen: Mapping[tuple[str, int], int]) -> Counter[int]:
    found: Counter[int] = Counter()
    for (_, status), n in seen.items():
        found[status] += n
    return found


def share(statuses: Mapping[int, int]) -> float:
    """How much of it succeeded."""
    return sum(n for status, n in statuses.items() if status < 300) / sum(statuses.values())


def attempts(operation: Any, label: str, world: dict[str, Any], secret: str, seen: Counter[tuple[str, int]]) -> None:
    turn = itertools.count()

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def attempt(case: Any) -> None:
        number = next(turn)
        if number % 2 == 0:
            bend(case, label, world, number)
        answer = case.call(headers={"Authorization": f"Bearer {secret}"})
        seen[label, answer.status_code] += 1
        case.validate_response(answer, checks=list(CHECKS))

    attempt()


def bend(case: Any, label: str, world: dict[str, Any], number: int) -> None:
    """Real ids in the address and the query, real references and journeys in the body."""
    for name in case.path_parameters or {}:
        kind = {"public_id": case.path.split("/")[3], "number": "copy"}.get(name, "order")
        case.path_parameters[name] = world["spent"].get(label, world[kind])
    real = {"campaign": world["campaigns"], "number": "entered", "contact": world["contacts"], "purpose": "offers",
            "channel": "email"}  # fmt: skip
    case.query = {
        name: value
        for name, value in real.items()
        if name in {each["name"] for each in case.operation.definition.raw.get("parameters", [])}
    }
    body = BODIES.get(label)
    if body is not None:
        case.body = body(world, number)


def furnish(admin: Speaker) -> dict[str, Any]:
    contact = {"email": "ada@example.com"}
    ada = admin.post("contacts/", {"identifiers": [{"kind": "email", "value": "ada@example.com"}]}).json()["id"]
    gone = admin.post("contacts/", {"identifiers": [{"kind": "email", "value": "gone@example.com"}]}).json()["id"]
    rule = {"all": [{"f": "contact.country", "op": "is", "v": "ES"}]}
    segment = admin.post("segments/", {"name": "Spain", "rule": rule}).json()["id"]
    campaign = admin.post("campaigns/", MANUAL).json()["id"]
    admin.post(f"campaigns/{campaign}/publish/")
    admin.post(f"campaigns/{campaign}/trigger/", {"contact": contact})
    spare = [admin.post("campaigns/", MANUAL).json()["id"] for _ in range(2)]
    for each in spare:
        admin.post(f"campaigns/{each}/publish/")
    order = {"contact": contact, "total": EUR, "occurred_at": "2026-01-05T10:00:00Z", "lines": []}
    for order_id in ("A-1", "A-2"):
        admin.post("orders/", order | {"order_id": order_id})
    return {
        "contacts": ada,
        "segments": segment,
        "campaigns": campaign,
        "order": "A-1",
        "messages": message(),
        "webhooks": admin.post("webhooks/", HOOK).json()["id"],
        "events": admin.post("events/", {"contact": contact, "name": "Product Viewed"}).json()["id"],
        "copy": copy(admin, ada),
        "imports": bring(admin, dry_run=True),
        "rule": rule,
        "contact": contact,
        **asked(admin),
        "new order": order,
        # What these do cannot be undone: each has one of its own.
        "spent": {
            "campaigns_finish": spare[0],
            "campaigns_stop": spare[1],
            "orders_cancel": "A-2",
            "contacts_erase": gone,
            "webhooks_delete": admin.post("webhooks/", HOOK).json()["id"],
            **imported(admin),
        },
    }


def asked(admin: Speaker) -> dict[str, str]:
    """Somebody who was sent a code to confirm their yes."""
    phone = "+34600111222"
    said = {"contact": {"phone": phone}, "purpose": "offers", "channel": "sms", "action": "granted", "method": "api",
            "source": "fuzz", "confirm": True}  # fmt: skip
    admin.post("consents/", said)
    confirming.send()
    return {"phone": phone, "code": tracking.code(Message.objects.latest("pk").pk)}


def copy(admin: Speaker, contact: str) -> int:
    """A copy of somebody's data, made."""
    number = int(admin.post(f"contacts/{contact}/export/").json()["number"])
    exports.work()
    return number


def imported(admin: Speaker) -> dict[str, str]:
    """An import for each thing that can be done to one; the last one is running."""
    waiting = {f"imports_{verb}": bring(admin, dry_run=True) for verb in ("start", "cancel")}
    done = bring(admin)
    running = admin.post("imports/", {"kind": "contacts", "rows": [{"email": "dario@example.com"}]}).json()["id"]
    return {**waiting, "imports_undo": done, "imports_pause": str(running)}


def bring(admin: Speaker, **said: Any) -> str:
    """An import that waits to be started, or has come in."""
    made = admin.post("imports/", {"kind": "contacts", "rows": [{"email": "elena@example.com"}, {"email": "x"}]} | said)
    while work.work():
        pass
    return str(made.json()["id"])


def message() -> str:
    """One that waits, as the outbox would hold it."""
    made = Message.objects.create(
        contact=Contact.objects.earliest("id"),
        address=Address.objects.earliest("id"),
        channel="email",
        state="due",
        purpose="offers",
        due_at=clock.now(),
    )
    return publicids.encode("msg", made.pk)


EUR = {"amount": "10.00", "currency": "EUR"}
# On the public internet, and never called here.
HOOK = {"name": "Shop", "url": "https://1.1.1.1/hooks", "kinds": ["contact.*", "message.bounced"]}
BODIES: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "contacts_upsert": lambda w, n: {"identifiers": [{"kind": "email", "value": f"p{n}@example.com"}]},
    "contacts_batch": lambda w, n: {"contacts": [{"identifiers": [{"kind": "card", "value": f"C-{n}"}]}, {"x": 1}]},
    "contacts_export": lambda w, n: {},
    "contacts_restrict": lambda w, n: {"why": "accuracy", "words": "The street is wrong"},
    "contacts_object": lambda w, n: {"method": "verbal_call", "source": "phone"},
    "consents_create": lambda w, n: {
        "contact": w["contact"],
        "purpose": "offers",
        "channel": "email",
        "action": "granted",
        "method": "api",
        "source": "fuzz",
    },
    "consents_confirm": lambda w, n: {"phone": w["phone"], "code": w["code"]},
    "consents_cookies": lambda w, n: {"anonymous_id": f"a{n}", "tracking": n % 2 == 0, "source": "fuzz"},
    "events_create": lambda w, n: {"contact": w["contact"], "name": "Product Viewed", "event_id": f"e{n}"},
    "events_batch": lambda w, n: {"events": [{"contact": w["contact"], "name": "Cart Viewed"}, {"name": ""}]},
    "orders_create": lambda w, n: w["new order"] | {"order_id": f"A-{n}"},
    "orders_refund": lambda w, n: {"amount": {"amount": "0.01", "currency": "EUR"}},
    "orders_cancel": lambda w, n: {},
    "products_put": lambda w, n: {"sku": f"s{n}", "name": "Sock", "price": EUR},
    "stock_put": lambda w, n: {"sku": "s1", "store": "online", "available": n, "at": "2026-01-05T10:00:00Z"},
    "imports_create": lambda w, n: {"kind": "contacts", "rows": [{"email": f"i{n}@example.com"}]},
    "webhooks_create": lambda w, n: HOOK | {"name": f"Shop {n}"},
    "webhooks_update": lambda w, n: {"name": f"Shop {n}", "kinds": ["contact.*"]},
    "segments_create": lambda w, n: {"name": f"Spain {n}", "rule": w["rule"]},
    "segments_update": lambda w, n: {"name": f"Spain {n}"},
    "segments_count": lambda w, n: {"rule": w["rule"]},
    "segments_explain": lambda w, n: {"contact": w["contact"]},
    "campaigns_create": lambda w, n: deepcopy(CART if n % 4 else MANUAL),
    "campaigns_update": lambda w, n: {"name": f"Renamed {n}"},
    "campaigns_trigger": lambda w, n: {"contact": w["contact"]},
}
