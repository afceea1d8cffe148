"""Members follow what happens: kept up one by one they are what a full answer would make them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm import capture, clock, consent, registry, suppression, timeline
from crm.models import Address, Contact, Dirty, Segment, SegmentChange, SegmentMember, Suppression
from crm.normalise import Trace
from crm.permission import Statement
from crm.segments import audience, chores, edit, live, parse, upkeep
from crm.timeline import NewFact

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 27, 22, 50, tzinfo=UTC)  # ten minutes to midnight in Madrid, the zone of the workspace
DAY = timedelta(days=1)
SPAIN = {"f": "contact.country", "op": "is", "v": "ES"}
BOUGHT = {"event": "Order Completed", "in_last": {"value": 1, "unit": "days"}}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    live.forget()
    clock.set_to(START)
    yield
    clock._shift = timedelta(0)


def somebody(name: str, **fields: Any) -> int:
    found = capture.receive([capture.Arrival([Trace("external_id", name)], fields)], now=clock.now())[0]
    assert found.contact_id
    return found.contact_id


def tell(contact: int, name: str = "Order Completed", at: datetime | None = None, **more: Any) -> None:
    timeline.record([NewFact(contact, name, occurred_at=at or clock.now(), **more)], now=clock.now())


def react() -> None:
    while timeline.drain():
        pass


def settle() -> datetime:
    """All that is due is done; the instant at which it was."""
    react()
    now = clock.now()
    while chores.build(now) + chores.drain(now):
        react()
    chores.follow_time(now)
    return now


def segment(rule: Any, name: str = "Some") -> Segment:
    return edit.create(name, rule, actor="user:ada", now=clock.now())


def members(row: Segment) -> set[int]:
    return set(audience.members(row.pk).values_list("contact_id", flat=True))


class Heard:
    """Listens to membership."""

    def __init__(self) -> None:
        self.changes: list[Any] = []

    def __call__(self, changes: list[Any]) -> None:
        self.changes += changes


@pytest.fixture
def heard() -> Iterator[Heard]:
    listener = Heard()
    registry.membership_listeners.add("test", listener)
    yield listener
    registry.membership_listeners._items.pop("test")


# --- sentences about people --------------------------------------------------------------------


def test_chiara_joins_when_she_buys_and_leaves_a_day_later(heard: Heard) -> None:
    chiara, dario = somebody("chiara"), somebody("dario")
    buyers = segment(BOUGHT)
    settle()
    tell(chiara)
    react()
    assert members(buyers) == {chiara}
    clock.advance(DAY - timedelta(minutes=1))
    settle()
    assert members(buyers) == {chiara}
    clock.advance(timedelta(minutes=2))
    settle()
    assert members(buyers) == set()
    assert [(change.contact_id, change.joined, change.why) for change in heard.changes] == [
        (chiara, True, "event:Order Completed"),
        (chiara, False, "time"),
    ]
    assert dario not in {change.contact_id for change in heard.changes}
    buyers.refresh_from_db()
    assert buyers.count == 0


def test_a_late_fact_counts_for_the_time_it_has_left() -> None:
    chiara = somebody("chiara")
    buyers = segment(BOUGHT)
    tell(chiara, at=clock.now() - DAY + timedelta(minutes=5))
    react()
    assert members(buyers) == {chiara}
    clock.advance(timedelta(minutes=6))
    settle()
    assert members(buyers) == set()


def test_a_fact_told_ahead_of_its_time_counts_from_then_on() -> None:
    chiara = somebody("chiara")
    buyers = segment({"event": "Order Completed"})
    tell(chiara, at=clock.now() + timedelta(minutes=4))
    settle()
    assert members(buyers) == set()
    clock.advance(timedelta(minutes=5))
    settle()
    assert members(buyers) == {chiara}


def test_a_changed_country_moves_her() -> None:
    chiara = somebody("chiara", country="ES")
    spain = segment(SPAIN)
    assert members(spain) == {chiara}
    somebody("chiara", country="FR")
    settle()
    assert members(spain) == set()


def test_elena_who_says_no_leaves_those_who_can_be_reached() -> None:
    elena = capture.receive([capture.Arrival([Trace("email", "elena@example.com")])], now=clock.now())[0].contact_id
    assert elena
    reachable = segment({"f": "reachable.email", "op": "is", "v": True})
    statement = Statement(elena, "offers", "email", "granted", "consent", "web_form", "form", occurred_at=clock.now())
    consent.record([statement], now=clock.now())
    settle()
    assert members(reachable) == {elena}
    consent.record(
        [Statement(elena, "offers", "email", "withdrawn", "consent", "one_click", "link", occurred_at=clock.now())],
        now=clock.now(),
    )
    settle()
    assert members(reachable) == set()


def test_a_segment_about_a_segment_follows_in_the_same_turn(heard: Heard) -> None:
    chiara = somebody("chiara", country="ES")
    buyers = segment(BOUGHT)
    both = segment({"all": [{"segment": buyers.pk}, SPAIN]})
    others = segment({"none": [{"segment": both.pk}]})
    settle()
    heard.changes.clear()
    tell(chiara)
    react()
    assert (members(buyers), members(both), members(others)) == ({chiara}, {chiara}, set())
    assert [(change.segment_id, change.joined) for change in heard.changes] == [
        (buyers.pk, True),
        (both.pk, True),
        (others.pk, False),
    ]


def test_the_first_members_do_not_join_but_a_changed_rule_lets_people_in_and_out(heard: Heard) -> None:
    chiara, dario = somebody("chiara", country="ES"), somebody("dario", country="FR")
    row = segment(SPAIN)
    assert heard.changes == []
    assert row.count == 1
    row = edit.update(row, rule={"f": "contact.country", "op": "is", "v": "FR"}, actor="user:ada", now=clock.now())
    assert {(change.contact_id, change.joined, change.why) for change in heard.changes} == {
        (chiara, False, "rule"),
        (dario, True, "rule"),
    }
    assert (row.revision, row.built_revision, row.count) == (2, 2, 1)
    changes = SegmentChange.objects.filter(segment=row).order_by("id").values_list("contact_id", "joined")
    assert sorted(changes) == sorted([(chiara, True), (chiara, False), (dario, True)])


def test_old_news_is_told_as_such(heard: Heard) -> None:
    chiara, dario = somebody("chiara"), somebody("dario")
    segment({"event": "Order Completed"})
    tell(chiara, historic=True)
    tell(dario, historic=True)
    tell(dario)
    react()
    assert {change.contact_id: change.historic for change in heard.changes} == {chiara: True, dario: False}


def test_somebody_archived_leaves_everything() -> None:
    chiara = somebody("chiara")
    everybody = segment({"all": []})
    Contact.objects.filter(pk=chiara).update(archived_at=clock.now())
    upkeep.refresh([chiara], ["*"], clock.now())
    assert members(everybody) == set()


def test_two_traces_of_one_person_are_one_member() -> None:
    visitor = capture.receive([capture.Arrival([Trace("anonymous_id", "a1")])], now=clock.now())[0].contact_id
    chiara = somebody("chiara")
    everybody = segment({"all": []})
    assert members(everybody) == {visitor, chiara}
    capture.receive([capture.Arrival([Trace("anonymous_id", "a1"), Trace("external_id", "chiara")])], now=clock.now())
    settle()
    everybody.refresh_from_db()
    assert members(everybody) == {chiara}
    assert everybody.count == 1


def test_only_rules_that_mention_it_are_asked_and_only_about_her() -> None:
    chiara = somebody("chiara")
    for number in range(5):
        segment({"event": f"Other {number}"})
    segment(BOUGHT)
    settle()
    tell(chiara)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        upkeep.refresh([chiara], ["event:Order Completed"], clock.now())
    asked = [query["sql"] for query in queries if "FROM crm_contact" in query["sql"]]
    assert len(asked) == 1
    assert asked[0].count("crm_event") == 1
    assert f"ANY('{{{chiara}}}'::bigint[])" in asked[0]


def test_the_number_of_queries_does_not_depend_on_how_many_people_or_rules() -> None:
    numbers = [asked_for(1), asked_for(30)]
    assert numbers[0] == numbers[1]
    # live twice, savepoint and its release, lock, members, rules, write, count; what listens may ask too
    assert 9 <= numbers[0] <= 12


def asked_for(many: int) -> int:
    people = [somebody(f"p{number}") for number in range(many)]
    rows = [
        segment(
            {
                "all": [
                    {"event": f"Thing {many}"},
                    {"f": "fields.x", "op": "is_not", "v": f"x{number}", "missing": "yes"},
                ]
            }
        )
        for number in range(many)
    ]
    settle()
    live.segments()
    timeline.record([NewFact(person, f"Thing {many}", occurred_at=clock.now()) for person in people], now=clock.now())
    with CaptureQueriesContext(connection) as queries:
        upkeep.refresh(people, [f"event:Thing {many}"], clock.now())
    assert all(members(row) == set(people) for row in rows)
    assert set(Segment.objects.filter(pk__in=[row.pk for row in rows]).values_list("count", flat=True)) == {many}
    return len(queries)


def test_an_event_nobody_asks_about_costs_one_query() -> None:
    chiara = somebody("chiara")
    segment(BOUGHT)
    live.segments()
    with CaptureQueriesContext(connection) as queries:
        upkeep.refresh([chiara], ["event:Page Viewed"], clock.now())
    assert len(queries) == 1


def test_a_flood_of_changes_makes_every_segment_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    chiara = somebody("chiara", country="FR")
    spain = segment(SPAIN)
    settle()
    Contact.objects.filter(pk=chiara).update(country="ES")
    Dirty.objects.bulk_create(Dirty(contact=chiara, mention="contact.country") for _ in range(5))
    monkeypatch.setattr(chores, "FLOOD", 5)
    assert chores.drain(clock.now()) == 5
    assert members(spain) == set()
    assert chores.pending() == 1
    assert chores.build(clock.now()) == 1
    assert members(spain) == {chiara}
    assert chores.pending() == 0


def test_when_the_clock_goes_back_everything_is_asked_again() -> None:
    chiara = somebody("chiara")
    buyers = segment(BOUGHT)
    tell(chiara)
    clock.advance(3 * DAY)
    settle()
    assert members(buyers) == set()
    clock.set_to(START + timedelta(minutes=1))
    settle()
    assert members(buyers) == {chiara}


def test_what_drifted_is_found_and_mended_at_night() -> None:
    chiara, dario = somebody("chiara", country="ES"), somebody("dario")
    spain = segment(SPAIN)
    settle()
    SegmentMember.objects.filter(contact_id=chiara).delete()
    SegmentMember.objects.create(segment=spain, contact_id=dario, since=clock.now())
    assert upkeep.drift(spain, clock.now()) == [(chiara, True), (dario, False)]
    clock.advance(2 * DAY)
    assert chores.nightly_pending() == 1
    assert chores.nightly() == 1
    assert members(spain) == {chiara}
    assert upkeep.drift(spain, clock.now()) == []
    assert (chores.nightly_pending(), chores.nightly()) == (0, 0)


def test_a_segment_whose_rule_cannot_be_read_any_more_stops_nobody_else() -> None:
    chiara = somebody("chiara")
    buyers = segment(BOUGHT)
    broken = segment(SPAIN)
    Segment.objects.filter(pk=broken.pk).update(rule={"gone": 1}, revision=7)
    tell(chiara)
    settle()
    assert members(buyers) == {chiara}


MINUTES = timedelta(minutes=6)


def says(action: str, **ends: Any) -> Any:
    def do(contact: int) -> None:
        statement = Statement(
            contact, "offers", "email", action, "consent", "web_form", "form", occurred_at=clock.now(), **ends
        )
        consent.record([statement], now=clock.now())

    return do


def suppressed(contact: int) -> None:
    says("granted")(contact)
    address = Address.objects.get(identifier__contact_id=contact)
    suppression.suppress("email", [address.hash], "manual", now=clock.now())
    Suppression.objects.update(until=START + timedelta(hours=1))


def carted(contact: int) -> None:
    tell(contact, "Product Added")


def field(**fields: Any) -> Any:
    return lambda contact: Contact.objects.filter(pk=contact).update(**fields)


ALONE: list[tuple[str, Any, Any, timedelta, bool]] = [
    # what time does, the rule, what she did, after how long, whether she is in then (before: the opposite)
    (
        "a yes runs out",
        {"f": "consent.offers.email", "op": "is", "v": "granted"},
        says("granted", expires_at=START + timedelta(hours=1)),
        timedelta(hours=1),
        False,
    ),
    (
        "a yes runs out for the gate",
        {"f": "reachable.email", "op": "is", "v": True},
        says("granted", expires_at=START + timedelta(hours=1)),
        timedelta(hours=1),
        False,
    ),
    (
        "a yes has run out",
        {"f": "consent.offers.email", "op": "is", "v": "expired"},
        says("granted", expires_at=START + timedelta(hours=1)),
        timedelta(hours=1),
        True,
    ),
    (
        "a pause ends",
        {"f": "reachable.email", "op": "is", "v": True},
        lambda contact: (says("granted")(contact), says("paused", until=START + timedelta(hours=1))(contact)),
        timedelta(hours=1),
        True,
    ),
    ("a suppression ends", {"f": "reachable.email", "op": "is", "v": True}, suppressed, timedelta(hours=1), True),
    (
        "a cart is left",
        {
            "sequence": [{"event": "Product Added"}, {"not": {"event": "Order Completed"}}],
            "within": {"value": 1, "unit": "hours"},
        },
        carted,
        timedelta(hours=1),
        True,
    ),
    (
        "a cart is forgotten",
        {
            "sequence": [{"event": "Product Added"}, {"not": {"event": "Order Completed"}}],
            "within": {"value": 1, "unit": "minutes"},
            "in_last": {"value": 2, "unit": "hours"},
        },
        carted,
        timedelta(hours=2),
        False,
    ),
    (
        "a birthday comes",
        {"f": "contact.birth_date", "op": "anniversary", "v": {"from": 0, "to": 0}},
        field(birth_date="1990-03-28"),
        timedelta(minutes=10),
        True,
    ),
    (
        "a birthday goes",
        {"f": "contact.birth_date", "op": "anniversary", "v": {"from": 0, "to": 0}},
        field(birth_date="1990-03-27"),
        timedelta(minutes=10),
        False,
    ),
    (
        "a birthday is a week off",
        {"f": "contact.birth_date", "op": "anniversary", "v": {"from": 7, "to": 7}},
        field(birth_date="1990-04-04"),
        timedelta(minutes=10),
        True,
    ),
    (
        "she grows older",
        {"f": "contact.age", "op": ">=", "v": 36},
        field(birth_date="1990-03-28"),
        timedelta(minutes=10),
        True,
    ),
    (
        "midnight in Madrid",
        {"f": "contact.birth_date", "op": "is_today"},
        field(birth_date="2026-03-28", zone="Europe/Madrid"),
        timedelta(minutes=11),
        True,
    ),
    (
        "no midnight in Tokyo",
        {"f": "contact.birth_date", "op": "is_today"},
        field(birth_date="2026-03-29", zone="Asia/Tokyo"),
        timedelta(hours=16, minutes=11),
        True,
    ),
    (
        "a zone nobody knows lives by UTC",
        {"f": "contact.birth_date", "op": "is_today"},
        field(birth_date="2026-03-28", zone="Nowhere/Land"),
        timedelta(hours=1, minutes=11),
        True,
    ),
    (
        "not new any more",
        {"f": "contact.created_at", "op": "in_last", "v": {"value": 1, "unit": "hours"}},
        field(),
        timedelta(hours=1),
        False,
    ),
    (
        "an appointment comes near",
        {"f": "fields.visit", "op": "in_next", "v": {"value": 1, "unit": "days"}},
        field(fields={"visit": "2026-03-29T10:00:00Z"}),
        timedelta(hours=11, minutes=10),
        True,
    ),
    (
        "an appointment is tomorrow",
        {"f": "fields.visit", "op": "days", "v": {"from": 1, "to": 1}},
        field(fields={"visit": "2026-03-29"}),
        timedelta(minutes=10),
        True,
    ),
]


@pytest.mark.parametrize(("what", "rule", "did", "after", "then"), ALONE, ids=[each[0] for each in ALONE])
def test_time_alone_moves_her(what: str, rule: Any, did: Any, after: timedelta, then: bool) -> None:
    found = capture.receive([capture.Arrival([Trace("email", "chiara@example.com")])], now=clock.now())[0].contact_id
    assert found
    row = segment(rule)
    did(found)
    upkeep.refresh([found], ["*"], clock.now())
    settle()
    clock.set_to(START + after - MINUTES)
    settle()
    assert members(row) == (set() if then else {found}), f"before {what}"
    clock.set_to(START + after + MINUTES)
    settle()
    assert members(row) == ({found} if then else set()), what
    assert upkeep.drift(row, clock.now()) == []


# --- incremental ≡ full --------------------------------------------------------------------------

HOUR = {"value": 1, "unit": "hours"}
RULES: list[Any] = [
    SPAIN,
    BOUGHT,
    {**BOUGHT, "did": False},
    {"event": "Order Completed", "count": {"op": ">=", "v": 2}, "in_last": {"value": 2, "unit": "hours"}},
    {
        "event": "Product Viewed",
        "where": [{"f": "properties.n", "op": ">", "v": 1}],
        "sum": {"of": "properties.n", "op": "<", "v": 6},
    },
    {
        "sequence": [{"event": "Product Added"}, {"not": {"event": "Order Completed"}}],
        "within": HOUR,
        "in_last": {"value": 1, "unit": "days"},
    },
    {"sequence": [{"event": "Product Added"}, {"event": "Order Completed"}], "within": HOUR},
    {"f": "contact.birth_date", "op": "anniversary", "v": {"from": -1, "to": 1}},
    {"f": "contact.age", "op": ">=", "v": 36},
    {"f": "contact.created_at", "op": "in_last", "v": {"value": 1, "unit": "days"}},
    {"f": "contact.created_at", "op": "is_today"},
    {"f": "fields.visit", "op": "in_next", "v": {"value": 1, "unit": "days"}},
    {"f": "fields.visit", "op": "days", "v": {"from": 0, "to": 1}},
    {"f": "consent.offers.email", "op": "is", "v": "granted"},
    {"f": "consent.offers.email", "op": "in", "v": ["expired", "paused"]},
    {"f": "reachable.email", "op": "is", "v": True},
    {"stage": ["lead", "first_purchase"]},
    {"f": "identifier.card", "op": "is_set"},
]
NAMES = ["ada", "bruno", "chiara"]
ZONES = {"ada": "Pacific/Kiritimati", "bruno": "America/Los_Angeles", "chiara": "Europe/Madrid"}


def steps() -> st.SearchStrategy[tuple[str, Any]]:
    who = st.sampled_from(NAMES)
    shift = st.sampled_from(
        [
            timedelta(0),
            timedelta(minutes=-50),
            timedelta(hours=-2),
            timedelta(hours=-23, minutes=-59),
            timedelta(minutes=4),
        ]
    )
    advance = st.sampled_from(
        [timedelta(seconds=20), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=5), DAY, 3 * DAY]
    )
    return st.one_of(
        st.tuples(
            st.just("tell"),
            st.tuples(
                who,
                st.sampled_from(["Order Completed", "Product Added", "Product Viewed", "Card Linked"]),
                shift,
                st.integers(0, 3),
            ),
        ),
        st.tuples(
            st.just("change"),
            st.tuples(
                who,
                st.sampled_from(
                    [
                        {"country": "ES"},
                        {"country": "FR"},
                        {"birth_date": "1990-03-28"},
                        {"birth_date": "1990-03-30"},
                        {"timezone": "Asia/Tokyo"},
                    ]
                ),
            ),
        ),
        st.tuples(
            st.just("field"), st.tuples(who, st.sampled_from(["2026-03-28", "2026-03-29T10:00:00Z", "soon", None]))
        ),
        st.tuples(
            st.just("say"),
            st.tuples(
                who, st.sampled_from(["granted", "withdrawn", "paused"]), st.sampled_from([None, timedelta(hours=2)])
            ),
        ),
        st.tuples(st.just("card"), who),
        st.tuples(st.just("advance"), advance),
        st.tuples(st.just("react"), st.none()),
        st.tuples(st.just("chores"), st.none()),
    )


class Play:
    """Does the steps through the real doors."""

    def __init__(self) -> None:
        self.ids = {
            name: capture.receive(
                [
                    capture.Arrival(
                        [Trace("external_id", name), Trace("email", f"{name}@example.com")], {"timezone": ZONES[name]}
                    )
                ],
                now=clock.now(),
            )[0].contact_id
            or 0
            for name in NAMES
        }
        self.rows = [segment(rule, f"rule {place}") for place, rule in enumerate(RULES)]
        self.rows.append(
            segment({"all": [{"segment": self.rows[0].pk}, {"segment": self.rows[1].pk, "member": False}]}, "inner")
        )
        self.rows.append(segment({"none": [{"segment": self.rows[-1].pk}, {"segment": self.rows[5].pk}]}, "outer"))

    def tell(self, what: Any) -> None:
        name, event, shift, number = what
        tell(self.ids[name], event, clock.now() + shift, properties={"n": number})

    def change(self, what: Any) -> None:
        somebody(what[0], **what[1])

    def field(self, what: Any) -> None:
        somebody(what[0], fields={"visit": what[1]})

    def say(self, what: Any) -> None:
        name, action, later = what
        if action == "paused" and later is None:
            later = timedelta(hours=1)
        instant = clock.now() + later if later else None
        ends = {"until": instant} if action == "paused" else {"expires_at": instant}
        consent.record(
            [
                Statement(
                    self.ids[name],
                    "offers",
                    "email",
                    action,
                    "consent",
                    "web_form",
                    "form",
                    occurred_at=clock.now(),
                    **ends,
                )
            ],
            now=clock.now(),
        )

    def card(self, name: str) -> None:
        capture.receive([capture.Arrival([Trace("external_id", name), Trace("card", f"card-{name}")])], now=clock.now())

    def advance(self, by: timedelta) -> None:
        clock.advance(by)

    def react(self, _: None) -> None:
        timeline.drain()

    def chores(self, _: None) -> None:
        chores.work()

    def check(self) -> None:
        clock.advance(timedelta(minutes=6))  # past the slowest pace
        now = settle()
        for row, rule in zip(self.rows, [*RULES, "inner", "outer"], strict=True):
            assert upkeep.drift(row, now) == [], rule
            row.refresh_from_db()
            standing = members(row)
            assert row.count == len(standing), rule
            replayed: set[int] = set()
            for contact, joined in (
                SegmentChange.objects.filter(segment=row).order_by("id").values_list("contact_id", "joined")
            ):
                assert (contact in replayed) is not joined, ("told twice", rule)
                replayed ^= {contact}
            assert replayed == standing, rule


class Undone(Exception):
    """Rolls an example back."""


# A failing play is short enough to read; shrinking it would take minutes.
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(st.lists(steps(), min_size=4, max_size=14))
def test_kept_up_step_by_step_it_is_what_a_full_answer_says(db: None, played: list[tuple[str, Any]]) -> None:
    live.forget()
    try:
        with transaction.atomic():
            clock.set_to(START)
            play = Play()
            for place, (verb, what) in enumerate(played):
                getattr(play, verb)(what)
                if place % 5 == 4:
                    play.check()
            play.check()
            raise Undone
    except Undone:
        pass
    assert Address.objects.count() == 0


def test_the_command_compares_everything_and_says_what_had_drifted(capsys: pytest.CaptureFixture[str]) -> None:
    chiara = somebody("chiara", country="ES")
    spain = segment(SPAIN)
    settle()
    SegmentMember.objects.all().delete()
    call_command("refresh_segments")
    assert json.loads(capsys.readouterr().out) == {"drift": {str(spain.pk): 1}}
    assert members(spain) == {chiara}
    call_command("refresh_segments", "--full")
    assert json.loads(capsys.readouterr().out) == {"changed": {str(spain.pk): 0}}


def test_a_count_can_be_asked_as_of_another_day_and_as_it_was_known_then() -> None:
    chiara = somebody("chiara")
    bought = clock.now() - 10 * DAY
    tell(chiara, at=bought)
    rule = parse.parse(BOUGHT)
    assert audience.count(rule, clock.now()) == 0
    assert audience.count(rule, bought + timedelta(hours=1)) == 1
    assert audience.count(rule, bought + timedelta(hours=1), known_at=bought + timedelta(hours=2)) == 0
    assert audience.count(rule, bought + timedelta(hours=1), known_at=clock.now()) == 1


def test_a_rule_is_shown_by_its_numbers() -> None:
    chiara, dario = somebody("chiara", country="ES"), somebody("dario", country="FR")
    rule = parse.parse({"all": [SPAIN, {"none": [BOUGHT]}]})
    assert (audience.count(rule, clock.now()), audience.sample(rule, clock.now())) == (1, [chiara])
    assert [audience.count(clause, clock.now()) for clause in audience.clauses(rule)] == [1, 0]
    assert rule.sentence() == "country is ES and (none of: bought in the last 1 day)"
    told = audience.explain(rule, dario, clock.now())
    assert (told.matches, [clause.pointer for clause in told.clauses]) == (False, ["/rule/all/0", "/rule/all/1/none/0"])
    assert (told.clauses[0].seen, told.clauses[0].needed) == ("FR", {"op": "is", "v": "ES"})
    assert told.clauses[1].seen == {"count": 0, "last": None}
    assert audience.explain(rule, 10**9, clock.now()).matches is False
