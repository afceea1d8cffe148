"""People of the oracle, written into the database, and strategies that make them up."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from hypothesis import strategies as st

from crm import partitions
from crm.models import Store
from tests.crm.segments import oracle
from tests.crm.segments.oracle import Address, Person, Said, Told

NOW = datetime(2026, 3, 28, 23, 30, 0, 250_000, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SPANS = [
    {"value": 30, "unit": "minutes"},
    {"value": 2, "unit": "hours"},
    {"value": 1, "unit": "days"},
    {"value": 30, "unit": "days"},
    {"value": 2, "unit": "weeks"},
]
NAMES = ["Order Completed", "Product Added", "Product Viewed"]
MESSAGES = ["Message Sent", "Message Clicked"]
TEXTS = [
    "a",
    "b",
    "ab",
    "B",
    "ñ",
    "41",
    "-3.5",
    "2026-03-28",
    "2026-03-29T00:30:00+02:00",
    "1e3",
    " 7",
    "ab\nab",
    "%s {}",
]
NUMBERS = [0, 1, 2, 41, -3.5, 38.5, 1000]


def instants() -> st.SearchStrategy[datetime]:
    """Around the boundaries of every window, to the microsecond."""
    edges = [NOW, *(NOW - oracle.span(span) for span in SPANS), *(NOW + oracle.span(span) for span in SPANS[:3])]
    return st.builds(
        lambda edge, shift: edge + shift * TICK, st.sampled_from(edges), st.sampled_from([-1, 0, 1, 7_000_000])
    )


def written(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def days() -> st.SearchStrategy[date]:
    return st.builds(lambda shift: date(2026, 3, 28) + timedelta(days=shift), st.integers(-3, 3))


BIRTHDAYS = [
    None,
    date(2004, 2, 29),
    date(1990, 3, 28),
    date(1990, 3, 29),
    date(2000, 2, 28),
    date(2008, 3, 30),
    date(1985, 12, 31),
]


def json_values() -> st.SearchStrategy[Any]:
    """Anything a field or a property may hold: missing, null, empty, of another type."""
    texts = st.sampled_from(["", *TEXTS, "2026-02-31", "2026-03-28T10:00", "1599-01-01"])
    plain = st.one_of(
        st.none(), texts, st.sampled_from([*NUMBERS, True, False]), instants().map(written), days().map(date.isoformat)
    )
    return st.one_of(
        plain, st.lists(st.one_of(texts, st.sampled_from([1, None])), max_size=3), st.just({}), st.just({"a": 1})
    )


def properties() -> st.SearchStrategy[Any]:
    line = st.one_of(
        st.fixed_dictionaries({}, optional={"sku": json_values(), "n": json_values()}), st.sampled_from([None, "a", 3])
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "category": json_values(),
            "cart_id": st.sampled_from(["k1", "k2", None, 1, ""]),
            "total": st.one_of(
                st.fixed_dictionaries({"amount": st.sampled_from(["42.50", 10, "abc", None, -1, "1"])}), st.just("7")
            ),
            "products": st.one_of(st.lists(line, max_size=3), st.just({"sku": "a"}), st.none()),
            "channel": st.sampled_from(["email", "sms"]),
        },
    )


@st.composite
def people(draw: st.DrawFn) -> Person:
    columns = {name: draw(st.sampled_from(["", "a", "ab", "B", "ñ", "41"])) for name in ("country", "city", "language")}
    person = Person(
        columns={name: value[:2] for name, value in columns.items()},
        fields=draw(st.dictionaries(st.sampled_from(["x", "y", "size"]), json_values(), max_size=3)),
        draw=str(uuid.UUID(int=draw(st.integers(0, 2**128 - 1)))),
        zone=draw(st.sampled_from([*sorted(oracle.KNOWN_ZONES), "Nowhere/Land"])),
        store=draw(st.sampled_from(["", "MAD", "BCN"])),
        birth_date=draw(st.sampled_from(BIRTHDAYS)),
        created_at=draw(instants()),
        there=draw(st.sampled_from([True, True, True, True, False])),
        segments=draw(st.sets(st.sampled_from([1, 2]))),
        tags=draw(st.sets(st.sampled_from(["vip", "press"]))),
        lists=draw(st.sets(st.sampled_from([1, 2]))),
        stage=draw(st.sampled_from([None, "visitor", "lead", "loyal", "lapsed"])),
        runs=draw(
            st.lists(
                st.tuples(st.sampled_from([1, 2]), st.booleans(), st.sampled_from(["e1", "w2"])),
                max_size=2,
                unique_by=lambda run: run[0],
            )
        ),
        converted=draw(st.sets(st.sampled_from([1, 2]))),
    )
    person.addresses = draw(st.lists(_addresses(), max_size=2))
    person.identifiers = draw(
        st.lists(
            st.tuples(st.sampled_from(["card", "external_id", "anonymous_id"]), st.sampled_from(["a", "ab", "c"])),
            max_size=2,
            unique=True,
        )
    )
    person.said = draw(
        st.lists(
            _said(len(person.addresses)), max_size=3, unique_by=lambda said: (said.purpose, said.channel, said.address)
        )
    )
    person.told = draw(st.lists(_told(), max_size=6))
    return person


@st.composite
def _addresses(draw: st.DrawFn) -> Address:
    medium = draw(st.sampled_from(["email", "phone"]))
    suppressed = st.tuples(st.sampled_from(["", "sms", "email"]), instants(), st.one_of(st.none(), instants()))
    return Address(
        medium,
        "",
        draw(st.sampled_from(["valid", "valid", "valid", "risky", "hard_bounce", "invalid"])),
        draw(st.lists(suppressed, max_size=1)),
        draw(st.lists(st.tuples(st.just("offers"), st.sampled_from(["email", "sms"])), max_size=1)),
    )


@st.composite
def _said(draw: st.DrawFn, addresses: int) -> Said:
    states = [
        "requested",
        "granted_unconfirmed",
        "granted",
        "granted",
        "soft",
        "refused",
        "withdrawn",
        "expired",
        "paused",
    ]
    return Said(
        draw(st.sampled_from(["offers", "newsletter"])),
        draw(st.sampled_from(["email", "sms", "onsite"])),
        draw(st.sampled_from(states)),
        draw(st.sampled_from(["consent", "soft_opt_in"])),
        draw(st.one_of(st.none(), instants())),
        draw(st.one_of(st.none(), instants())),
        draw(st.sampled_from([None, *range(addresses)])),
    )


@st.composite
def _told(draw: st.DrawFn) -> Told:
    name = draw(st.sampled_from(NAMES + MESSAGES))
    return Told(
        name,
        draw(instants()),
        draw(properties()),
        draw(st.sampled_from(["", "web", "store"])),
        draw(st.sampled_from([None, 1, 2])),
    )


# --- rules -------------------------------------------------------------------------------------


def spans() -> st.SearchStrategy[Any]:
    return st.sampled_from(SPANS)


def _with_missing(rule: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda rule, missing: {**rule, **missing}, rule, st.sampled_from([{}, {"missing": "yes"}, {"missing": "no"}])
    )


def text_ops(words: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    one, ops = (
        st.sampled_from(words),
        ["is", "is_not", "=", "!=", "contains", "not_contains", "starts", "ends", "<", "<=", ">", ">="],
    )
    return _with_missing(
        st.one_of(
            st.fixed_dictionaries({"op": st.sampled_from(ops), "v": one}),
            st.fixed_dictionaries(
                {"op": st.sampled_from(["in", "not_in"]), "v": st.lists(one, min_size=1, max_size=3)}
            ),
        )
    )


def number_ops() -> st.SearchStrategy[dict[str, Any]]:
    one = st.sampled_from(NUMBERS)
    return _with_missing(
        st.one_of(
            st.fixed_dictionaries({"op": st.sampled_from(["is", "is_not", "<", "<=", ">", ">="]), "v": one}),
            st.fixed_dictionaries(
                {"op": st.sampled_from(["in", "not_in"]), "v": st.lists(one, min_size=1, max_size=3)}
            ),
            st.fixed_dictionaries({"op": st.just("between"), "v": st.lists(one, min_size=2, max_size=2).map(sorted)}),
        )
    )


def day_ops() -> st.SearchStrategy[dict[str, Any]]:
    one = days().map(date.isoformat)
    return _with_missing(
        st.one_of(
            st.fixed_dictionaries({"op": st.sampled_from(["before", "after", "on"]), "v": one}),
            st.fixed_dictionaries({"op": st.just("between"), "v": st.lists(one, min_size=2, max_size=2).map(sorted)}),
        )
    )


def instant_ops() -> st.SearchStrategy[dict[str, Any]]:
    return _with_missing(
        st.one_of(
            st.fixed_dictionaries({"op": st.sampled_from(["before", "after"]), "v": instants().map(written)}),
            st.fixed_dictionaries(
                {
                    "op": st.just("between"),
                    "v": st.lists(instants(), min_size=2, max_size=2)
                    .map(sorted)
                    .map(lambda pair: [written(each) for each in pair]),
                }
            ),
        )
    )


def window_ops() -> st.SearchStrategy[dict[str, Any]]:
    return _with_missing(
        st.fixed_dictionaries({"op": st.sampled_from(["in_last", "not_in_last", "in_next"]), "v": spans()})
    )


def calendar_ops() -> st.SearchStrategy[dict[str, Any]]:
    around = (
        st.lists(st.integers(-35, 5), min_size=2, max_size=2)
        .map(sorted)
        .map(lambda pair: {"from": pair[0], "to": pair[1]})
    )
    return _with_missing(
        st.one_of(
            st.just({"op": "is_today"}),
            st.fixed_dictionaries({"op": st.sampled_from(["days", "anniversary"]), "v": around}),
        )
    )


SET_OPS = st.sampled_from([{"op": "is_set"}, {"op": "is_empty"}])
BOOLEAN_OPS = _with_missing(st.fixed_dictionaries({"op": st.sampled_from(["is", "is_not"]), "v": st.booleans()}))
LIST_OPS = _with_missing(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["has_any", "has_all", "has_none"]),
            "v": st.lists(st.sampled_from(["a", "b", "ab", "41"]), min_size=1, max_size=2),
        }
    )
)
PLAIN = st.one_of(text_ops(TEXTS), number_ops(), day_ops(), instant_ops(), SET_OPS, BOOLEAN_OPS, LIST_OPS)


def on(names: list[str], ops: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda name, op: {"f": name, **op}, st.sampled_from(names), ops)


CONTACT_TEXT = ["contact.country", "contact.city", "contact.language", "contact.zone", "contact.home_store"]
STATES = ["unknown", "requested", "granted_unconfirmed", "granted", "soft", "refused", "withdrawn", "expired", "paused"]


def fields() -> st.SearchStrategy[dict[str, Any]]:
    consents = [
        f"consent.{purpose}.{channel}" for purpose in ("offers", "newsletter") for channel in ("email", "sms", "onsite")
    ]
    return st.one_of(
        on(CONTACT_TEXT, st.one_of(text_ops(["a", "ab", "B", "ñ", "41", "MAD", "UTC"]), SET_OPS)),
        on(["contact.birth_date"], st.one_of(day_ops(), calendar_ops(), SET_OPS)),
        on(
            ["contact.age"],
            _with_missing(
                st.fixed_dictionaries(
                    {"op": st.sampled_from(["is", "<", ">="]), "v": st.sampled_from([18, 22, 26, 36])}
                )
            ),
        ),
        on(["contact.created_at"], st.one_of(day_ops(), instant_ops(), window_ops(), calendar_ops())),
        on(["fields.x", "fields.y", "fields.size"], st.one_of(PLAIN, window_ops(), calendar_ops())),
        on(["identifier.card", "identifier.external_id"], st.one_of(text_ops(["a", "ab", "b"]), SET_OPS)),
        on(
            consents,
            st.one_of(
                st.fixed_dictionaries({"op": st.sampled_from(["is", "is_not"]), "v": st.sampled_from(STATES)}),
                st.fixed_dictionaries(
                    {
                        "op": st.sampled_from(["in", "not_in"]),
                        "v": st.lists(st.sampled_from(STATES), min_size=1, max_size=3),
                    }
                ),
            ),
        ),
        st.builds(
            lambda rule, purpose: {**rule, **purpose},
            on(
                ["reachable.email", "reachable.sms", "reachable.onsite"],
                st.fixed_dictionaries({"op": st.sampled_from(["is", "is_not"]), "v": st.booleans()}),
            ),
            st.sampled_from([{}, {"purpose": "newsletter"}]),
        ),
    )


PATHS = [
    "properties.category",
    "properties.total.amount",
    "properties.products[].sku",
    "properties.products[].n",
    "properties.products",
    "properties.none.of.it",
]


def windows() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries({"in_last": spans()}),
        st.fixed_dictionaries({"after": instants().map(written)}),
        st.fixed_dictionaries({"before": instants().map(written)}),
    )


def wheres(most: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.just({}), st.fixed_dictionaries({"where": st.lists(on(PATHS, PLAIN), min_size=1, max_size=most)})
    )


def _amounts() -> st.SearchStrategy[dict[str, Any]]:
    signs = st.sampled_from(["is", "is_not", "<", "<=", ">", ">="])
    return st.fixed_dictionaries(
        {},
        optional={
            "count": st.fixed_dictionaries({"op": signs, "v": st.sampled_from([0, 1, 2, 3])}),
            "sum": st.fixed_dictionaries(
                {"of": st.just("properties.total.amount"), "op": signs, "v": st.sampled_from([0, 42.5, 52.5, 85])}
            ),
        },
    )


def events() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda *parts: {key: value for part in parts for key, value in part.items()},
        st.fixed_dictionaries(
            {"event": st.sampled_from(NAMES)},
            optional={"did": st.booleans(), "channel": st.sampled_from(["store", ["web", "store"]])},
        ),
        windows(),
        wheres(),
        _amounts(),
    )


def sequences() -> st.SearchStrategy[dict[str, Any]]:
    one = st.builds(lambda name, where: {"event": name, **where}, st.sampled_from(NAMES), wheres(1))
    more = st.fixed_dictionaries(
        {"within": spans()}, optional={"same": st.just("properties.cart_id"), "in_last": spans()}
    )
    return st.builds(
        lambda first, then, negated, more: {"sequence": [first, {"not": then} if negated else then], **more},
        one,
        one,
        st.booleans(),
        more,
    )


def others() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.fixed_dictionaries({"segment": st.sampled_from([1, 2]), "member": st.booleans()}),
        st.fixed_dictionaries({"tag": st.sampled_from(["vip", " VIP ", "nobody", ["press", "Vip"]])}),
        st.fixed_dictionaries({"list": st.sampled_from([1, 2, 3])}),
        st.fixed_dictionaries(
            {"stage": st.sampled_from(["visitor", "lead", "loyal", ["visitor", "lead"], ["lead", "lapsed"]])}
        ),
        st.fixed_dictionaries(
            {"campaign": st.sampled_from([1, 2]), "state": st.sampled_from(["in", "was_in", "converted"])}
        ),
        st.fixed_dictionaries(
            {"campaign": st.sampled_from([1, 2]), "state": st.just("at"), "step": st.sampled_from(["e1", "w2"])}
        ),
        st.builds(
            lambda about, did, window: {"message": about, "did": did, **window},
            st.fixed_dictionaries(
                {}, optional={"campaign": st.sampled_from([1, 2]), "channel": st.sampled_from(["email", "sms"])}
            ),
            st.sampled_from(["sent", "clicked"]),
            windows(),
        ),
        st.fixed_dictionaries(
            {
                "random": st.fixed_dictionaries(
                    {
                        "from": st.sampled_from([0, 10]),
                        "to": st.sampled_from([30, 99]),
                        "salt": st.sampled_from(["x", "ñ:%s"]),
                    }
                )
            }
        ),
    )


LEAVES = st.one_of(fields(), events(), sequences(), others())


def rules() -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            *(
                st.lists(inner, min_size=1, max_size=3).map(lambda parts, word=word: {word: parts})
                for word in ("all", "any", "none")
            )
        ),
        max_leaves=5,
    )


# --- into the database -------------------------------------------------------------------------


def store(cast: list[Person]) -> list[int]:
    """Write them; answers their contact ids in order."""
    for code in ("MAD", "BCN"):
        Store.objects.get_or_create(code=code, defaults={"name": code})
    partitions.ensure_months("crm_event", [told.at for person in cast for told in person.told] or [NOW])
    return [_person(person) for person in cast]


def _insert(table: str, values: dict[str, Any]) -> int:
    names = ", ".join(values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING *",
            [json.dumps(value) if isinstance(value, dict | list) else value for value in values.values()],
        )
        return cursor.fetchone()[0]


def _person(person: Person) -> int:
    shop = Store.objects.filter(code=person.store).values_list("pk", flat=True).first()
    contact = _insert(
        "crm_contact",
        {
            **person.columns,
            "fields": person.fields,
            "draw": person.draw,
            "zone": person.zone,
            "home_store_id": shop,
            "birth_date": person.birth_date,
            "created_at": person.created_at,
            "archived_at": None if person.there else NOW,
        },
    )
    addresses = [_address(contact, address) for address in person.addresses]
    for kind, value in person.identifiers:
        _insert("crm_identifier", {"contact_id": contact, "kind": kind, "value": value, "identifying": False})
    for said in person.said:
        _insert(
            "crm_consentstate",
            {
                "contact_id": contact,
                "purpose": said.purpose,
                "channel": said.channel,
                "state": said.state,
                "basis": said.basis,
                "since": NOW,
                "expires_at": said.expires_at,
                "paused_until": said.paused_until,
                "address_id": None if said.address is None else addresses[said.address],
                "receipt_id": 1,
            },
        )
    for told in person.told:
        tell(contact, told)
    for segment in person.segments:
        _insert("crm_segmentmember", {"segment_id": segment, "contact_id": contact, "since": NOW})
    for place, key in enumerate(("press", "vip"), 1):
        if key in person.tags:
            _tag(contact, place, key)
    for number in person.lists:
        _list(contact, number)
    _history(contact, person)
    return contact


def _tag(contact: int, number: int, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_tag (id, name, key) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", [number, key, key]
        )
    _insert("crm_contacttag", {"contact_id": contact, "tag_id": number})


def _list(contact: int, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO crm_fixedlist (id) VALUES (%s) ON CONFLICT DO NOTHING", [number])
    _insert("crm_listmember", {"list_id": number, "contact_id": contact, "since": NOW})


def _history(contact: int, person: Person) -> None:
    if person.stage:
        _insert("analytics_contactstage", {"contact_id": contact, "stage": person.stage, "since": NOW})
    for campaign, way, step in person.runs:
        cause = {"state": "waiting", "due_at": NOW} if way else {"state": "done", "outcome": "completed"}
        _insert(
            "campaigns_enrolment",
            {
                "campaign_id": campaign,
                "version_id": 1,
                "contact_id": contact,
                "step": step,
                "entry_occurred_at": NOW,
                "entered_at": NOW,
                **cause,
            },
        )
    for campaign in person.converted:
        _insert(
            "campaigns_conversion",
            {
                "run_id": contact * 10 + campaign,
                "campaign_id": campaign,
                "contact_id": contact,
                "at": NOW,
                "held_out": False,
            },
        )


def tell(contact: int, told: Told) -> int:
    return _insert(
        "crm_event",
        {
            "contact_id": contact,
            "name": told.name,
            "properties": json.dumps(told.properties),
            "occurred_at": told.at,
            "recorded_at": told.recorded_at or told.at,
            "received_at": NOW,
            "channel": told.channel,
            "context": {},
            "campaign_ref": told.campaign,
        },
    )


def _address(contact: int, address: Address) -> int:
    unique = uuid.uuid4().hex
    row = _insert("crm_address", {"medium": address.medium, "value": unique, "hash": unique, "health": address.health})
    _insert(
        "crm_identifier",
        {"contact_id": contact, "kind": address.medium, "value": unique, "identifying": False, "address_id": row},
    )
    for channel, since, until in address.suppressed:
        _insert(
            "crm_suppression",
            {
                "medium": address.medium,
                "hash": unique,
                "channel": channel,
                "reason": "manual",
                "since": since,
                "until": until,
            },
        )
    for purpose, channel in address.stopped:
        _insert(
            "crm_addressconsent",
            {
                "address_id": row,
                "purpose": purpose,
                "channel": channel,
                "stopped": True,
                "since": NOW,
                "receipt_id": 1,
            },
        )
    return row
