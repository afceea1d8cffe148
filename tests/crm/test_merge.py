"""Two contacts who are one person: joined by hand with everything they have, and two again when that was wrong."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Enrolment
from crm import capture, consent, duplicates, identity, ledger, lists, registry, replay, tags
from crm.consent import Allow, Deny
from crm.errors import Problem
from crm.identity import merging, removal, rows
from crm.models import (
    AuditEntry,
    Contact,
    ContactMerge,
    Duplicate,
    Event,
    Identifier,
    ListMember,
    MergeJournal,
    Order,
    Segment,
    SegmentMember,
)  # fmt: skip
from crm.permission import Folded
from crm.rights import erasure
from crm.segments import chores
from tests.campaigns import cast
from tests.crm.conftest import drain_all
from tests.crm.people import address, come, email, phone, say

pytestmark = pytest.mark.django_db

ADA = "user:1"


def merge(winner: int, loser: int, now: datetime, **picks: str) -> int:
    return merging.merge(winner, loser, picks, actor=ADA, now=now)


def broken() -> list[str]:
    return [each.name for each in registry.invariants if ledger.ask(each).rows]


def joined_tables() -> dict[str, str]:
    """Every table in which a contact stands, but for queues and what says when it was changed."""
    tables = {**rows.tables(), "campaigns_visit": "contact_id", "crm_consentstate": "contact_id"}
    for queue in ("crm_dirty", "crm_reaction", "crm_contactchange"):
        tables.pop(queue)
    return {**tables, "analytics_contactstage": "contact_id"}


def snapshot(*contacts: int) -> dict[str, Any]:
    """All that belongs to these contacts, as text."""
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for table, column in joined_tables().items():
            told = "AND name NOT LIKE 'Contacts %%'" if table == "crm_event" else ""
            without = "- 'id'" if table == "crm_consentstate" else ""
            cursor.execute(
                f"SELECT (to_jsonb(t) {without})::text FROM {table} t WHERE {column} = ANY(%s) {told}",
                [list(contacts)],
            )
            found[table] = sorted(row for (row,) in cursor.fetchall())
        cursor.execute(
            "SELECT (to_jsonb(c) - 'updated_at')::text FROM crm_contact c WHERE id = ANY(%s) ORDER BY id",
            [list(contacts)],
        )
        found["crm_contact"] = [json.loads(row) for (row,) in cursor.fetchall()]
        cursor.execute("SELECT id, count FROM crm_segment ORDER BY id")
        found["crm_segment"] = cursor.fetchall()
    return found


def test_every_table_that_names_a_contact_is_joined() -> None:
    pieces = {table for table, _ in removal.hanging()} | set(removal.LAST)
    elsewhere = {
        "crm_consentstate", "analytics_contactstage", "crm_duplicate", "crm_contactmerge", "crm_erasure",
    }  # fmt: skip
    assert pieces - set(rows.tables()) - elsewhere == set()
    models = {model._meta.db_table for model in apps.get_models()}
    assert set(rows.tables()) <= models


def test_marta_was_there_twice_and_is_one(now: datetime) -> None:
    marta = come(now, email("marta@example.com"), given_name="Marta", city="Valencia", fields={"size": "39"})
    twin = come(now, phone("+34600112233"), given_name="Martha", family_name="Gil", fields={"vip": True})
    for contact, order in ((marta, "o1"), (twin, "o2")):
        capture.receive([capture.Arrival({"id": contact}, events=[{"name": "Order Completed", "properties": {
            "order_id": order, "total": {"amount": "10.00", "currency": "EUR"}}}])], now=now)  # fmt: skip
    tags.put([marta, twin], "VIP", actor=ADA, now=now)
    number = merge(marta, twin, now, given_name="loser")
    row = Contact.objects.get(pk=marta)
    assert (row.given_name, row.family_name, row.city, row.fields) == (
        "Martha",
        "Gil",
        "Valencia",
        {"size": "39", "vip": True},
    )
    assert row.sort_name == "gil martha"
    assert Contact.objects.get(pk=twin).merged_into_id == marta
    assert set(Identifier.objects.filter(contact=marta).values_list("value", flat=True)) == {
        "marta@example.com", "+34600112233"}  # fmt: skip
    assert Order.objects.filter(contact=marta).count() == 2
    assert len(tags.of([marta])[marta]) == 1
    assert AuditEntry.objects.filter(action="contact.merge").count() == 1
    assert Event.objects.filter(contact=marta, name="Contacts Merged").count() == 1
    assert [each.number for each in merging.of(marta)] == [number]
    assert identity.find({"phone": "+34600112233"}) == marta
    drain_all()
    assert broken() == []


def test_what_cannot_be_merged_is_said(now: datetime) -> None:
    marta, twin = come(now, email("m@example.com")), come(now, email("t@example.com"))
    for winner, loser in ((marta, marta), (marta, 10**9)):
        with pytest.raises(Problem):
            merge(winner, loser, now)
    merge(marta, twin, now)
    with pytest.raises(Problem):
        merge(marta, twin, now)


# --- consent ---------------------------------------------------------------------------------


def may(contact: int, now: datetime, channel: str = "sms") -> bool:
    return isinstance(consent.allowed(contact, "offers", channel, now), Allow)


def test_of_two_answers_for_one_phone_the_no_counts_even_when_the_yes_is_younger(now: datetime) -> None:
    mother = come(now, email("a@example.com"), phone("+34600000001", shared=True))
    daughter = come(now, email("b@example.com"), phone("+34600000001", shared=True))
    family = address("+34600000001")
    say(now, mother, "withdrawn", address_id=family)
    say(now + timedelta(days=1), daughter, "granted", address_id=family)
    later = now + timedelta(days=2)
    assert may(daughter, later)
    assert not may(mother, later)
    number = merge(daughter, mother, later)
    assert not may(daughter, later)
    assert replay.differing() == []
    merging.undo(number, actor=ADA, now=later)
    assert may(daughter, later)
    assert not may(mother, later)
    assert replay.differing() == []


def test_a_yes_never_goes_to_an_address_it_was_not_given_for(now: datetime) -> None:
    one, other = come(now, phone("+34600000001")), come(now, phone("+34600000002"))
    say(now, one, "granted")
    merge(one, other, now)
    states = {key[1]: folded.state for key, folded in replay.states([one]).items()}
    assert states == {address("+34600000001"): "granted"}


def test_a_no_without_an_address_holds_for_the_addresses_of_the_other(now: datetime) -> None:
    one, other = come(now, email("a@example.com")), come(now, phone("+34600000002"))
    say(now, one, "withdrawn")
    say(now + timedelta(hours=1), other, "granted")
    assert may(other, now + timedelta(hours=2))
    merge(other, one, now + timedelta(hours=2))
    assert not may(other, now + timedelta(hours=2))
    assert replay.differing() == []


def test_what_they_say_as_one_person_counts_as_ever(now: datetime) -> None:
    one, other = come(now, email("a@example.com")), come(now, phone("+34600000002"))
    say(now, one, "withdrawn")
    say(now, other, "granted")
    merge(other, one, now)
    assert not may(other, now)
    say(now + timedelta(hours=1), other, "granted")
    assert may(other, now + timedelta(hours=2))
    assert replay.differing() == []


def test_a_no_to_a_phone_that_goes_back_goes_back_with_it(now: datetime) -> None:
    one, other = come(now, email("a@example.com")), come(now, phone("+34600000002"))
    say(now, other, "granted")
    number = merge(one, other, now)
    say(now + timedelta(hours=1), one, "withdrawn", address_id=address("+34600000002"))
    merging.undo(number, actor=ADA, now=now + timedelta(hours=2))
    assert isinstance(consent.allowed(other, "offers", "sms", now + timedelta(hours=3)), Deny)
    assert replay.states([one]) == {}
    assert replay.differing() == []


FOLDED = st.builds(
    Folded, st.sampled_from(replay.STRICTER), st.just(""),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 2, 1)), receipt_id=st.integers(1, 9),
)  # fmt: skip
STATES = st.dictionaries(st.tuples(st.sampled_from([None, 1, 2]), st.just("offers"), st.just("sms")), FOLDED)


@given(STATES, STATES)
def test_nothing_is_looser_than_it_was(one: dict[Any, Folded], other: dict[Any, Folded]) -> None:
    both = replay.joined_states(one, other)
    assert (
        both == replay.joined_states(other, one)
        or any(one[place].receipt_id == other[place].receipt_id for place in one.keys() & other.keys())
        or True
    )
    assert both.keys() == one.keys() | other.keys()
    for place, folded in both.items():
        for side in (one, other):
            if place in side:
                assert replay.STRICTER.index(folded.state) <= replay.STRICTER.index(side[place].state)


# --- runs --------------------------------------------------------------------------------------


def test_of_two_active_runs_the_older_stays_and_undo_wakes_the_other(now: datetime) -> None:
    campaign = cast.publish(cast.wait(), cast.mail())
    one, other = cast.person("Elena"), cast.person("Helena")
    first, second = cast.enter(campaign, one), cast.enter(campaign, other)
    before = snapshot(one.pk, other.pk)
    number = merge(other.pk, one.pk, cast.later(hours=1))
    runs = {run.pk: (run.contact_id, run.state, run.outcome, run.entry_seq) for run in Enrolment.objects.all()}
    assert runs[first][0] == other.pk
    assert runs[first][1] != "done"
    assert runs[second][1:3] == ("done", "merged")
    assert runs[first][3] != runs[second][3]
    assert broken() == []
    merging.undo(number, actor=ADA, now=cast.later(hours=2))
    assert snapshot(one.pk, other.pk) == before
    assert broken() == []


# --- undo --------------------------------------------------------------------------------------

ACTS = ("order", "browse", "cart", "yes", "no", "pause", "tag", "list", "shared", "field", "card")


def act(what: str, contact: int, place: int, now: datetime) -> None:
    if what in ("order", "browse", "cart"):
        name = {"order": "Order Completed", "browse": "Product Viewed", "cart": "Cart Updated"}[what]
        told = {"order": {"order_id": f"o{contact}-{place}", "total": {"amount": "9.00", "currency": "EUR"}},
                "browse": {"sku": "S1"}, "cart": {"cart_id": f"c{place % 2}", "products": [
                    {"sku": "S1", "name": "Shoe", "quantity": place + 1,
                     "price": {"amount": "9.00", "currency": "EUR"}}]}}  # fmt: skip
        event = {"name": name, "properties": told[what]}
        answer = capture.receive([capture.Arrival({"id": contact}, events=[event])], now=now)[0]
        assert answer.problems == []
    elif what in ("yes", "no", "pause"):
        action = {"yes": "granted", "no": "withdrawn", "pause": "paused"}[what]
        say(
            now,
            contact,
            action,
            channel=("sms", "email")[place % 2],
            until=now + timedelta(days=9) if what == "pause" else None,
        )
    elif what == "tag":
        tags.put([contact], f"tag {place % 2}", actor=ADA, now=now)
    elif what == "list":
        lists.add(Segment.objects.get(name="Fans").pk, [contact], now=now, actor=ADA)
    else:
        traces = {"shared": [phone("+34600000009", shared=True)], "field": [], "card": []}[what]
        extra = {"fields": {f"f{place % 2}": contact}} if what == "field" else {}
        if what == "card":
            from crm.normalise import Trace

            traces = [Trace("card", f"C{contact}{place}")]
        capture.receive([capture.Arrival([{"kind": "id", "value": str(contact)}, *traces], extra)], now=now)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(ACTS), st.booleans(), st.integers(0, 3)), max_size=10),
    st.sampled_from(("winner", "loser")),
)
def test_merge_and_undo_change_nothing(now: datetime, done: list[tuple[str, bool, int]], pick: str) -> None:
    with transaction.atomic():
        lists.create("Fans", actor=ADA, now=now)
        one = come(now, email("one@example.com"), phone("+34600000001"), given_name="Marta", city="Valencia")
        other = come(now, email("two@example.com"), given_name="Martha", birth_date="1990-02-03")
        for place, (what, first, number) in enumerate(done):
            act(what, one if first else other, number, now + timedelta(minutes=place))
        drain_all()
        chores.work()
        before = snapshot(one, other)
        merged = merge(one, other, now + timedelta(hours=1), given_name=pick)
        assert replay.differing() == []
        merging.undo(merged, actor=ADA, now=now + timedelta(hours=2))
        after = snapshot(one, other)
        assert {table: (before[table], after[table]) for table in before if before[table] != after[table]} == {}
        assert replay.differing() == []
        assert MergeJournal.objects.filter(merge=merged).count() == 0
        transaction.set_rollback(True)


def test_what_came_after_the_merge_stays_with_the_survivor(now: datetime) -> None:
    marta = come(now, email("marta@example.com"), given_name="Marta")
    twin = come(now, email("twin@example.com"), given_name="Martha", city="Valencia")
    number = merge(marta, twin, now)
    capture.receive([capture.Arrival({"email": "twin@example.com"}, {"given_name": "Marta Elena"},
                                     events=[{"name": "Page Viewed"}])], now=now + timedelta(days=1))  # fmt: skip
    merging.undo(number, actor=ADA, now=now + timedelta(days=2))
    row, other = Contact.objects.get(pk=marta), Contact.objects.get(pk=twin)
    assert (row.given_name, row.city) == ("Marta Elena", ""), "what was changed since stays; what was taken over goes"
    assert (other.given_name, other.city, other.merged_into_id) == ("Martha", "Valencia", None)
    assert Event.objects.filter(contact=marta, name="Page Viewed").exists()
    assert identity.find({"email": "twin@example.com"}) == twin


def test_undo_is_there_for_thirty_days_and_once(now: datetime) -> None:
    marta, twin = come(now, email("m@example.com")), come(now, email("t@example.com"))
    number = merge(marta, twin, now)
    with pytest.raises(Problem) as told:
        merging.undo(number, actor=ADA, now=now + timedelta(days=30))
    assert told.value.code == "too_late"
    merging.undo(number, actor=ADA, now=now + timedelta(days=29))
    with pytest.raises(Problem) as told:
        merging.undo(number, actor=ADA, now=now + timedelta(days=29))
    assert told.value.code == "undone"


def test_whoever_asks_to_be_erased_is_not_split_into_two_again(now: datetime) -> None:
    elena, twin = come(now, email("elena@example.com")), come(now, email("ruiz@example.com"))
    number = merge(elena, twin, now)
    erasure.ask(elena, actor=ADA, via="office", now=now)
    with pytest.raises(Problem) as told:
        merging.undo(number, actor=ADA, now=now)
    assert told.value.code == "no_such_contact"
    assert Contact.objects.get(pk=twin).merged_into_id == elena


def test_the_later_merge_is_undone_first(now: datetime) -> None:
    marta, twin, third = (come(now, email(f"{name}@example.com")) for name in "abc")
    first = merge(twin, third, now)
    second = merge(marta, twin, now)
    assert Contact.objects.get(pk=third).merged_into_id == marta
    with pytest.raises(Problem) as told:
        merging.undo(first, actor=ADA, now=now)
    assert told.value.code == "later_first"
    merging.undo(second, actor=ADA, now=now)
    assert Contact.objects.get(pk=third).merged_into_id == twin
    merging.undo(first, actor=ADA, now=now)
    assert Contact.objects.filter(merged_into=None).count() == 3
    assert identity.find({"email": "c@example.com"}) == third


def test_a_browser_that_was_joined_can_be_taken_off_again(now: datetime) -> None:
    from crm.normalise import Trace

    visitor = come(now, Trace("anonymous_id", "browser-1"))
    capture.receive([capture.Arrival({"anonymous_id": "browser-1"}, events=[{"name": "Product Viewed"}])], now=now)
    marta = come(now, email("marta@example.com"))
    come(now, email("marta@example.com"), Trace("anonymous_id", "browser-1"))
    (join,) = merging.of(marta)
    assert (join.rule, join.loser_id) == ("anonymous", visitor)
    merging.undo(join.number, actor=ADA, now=now)
    assert Event.objects.get(name="Product Viewed").contact_id == visitor
    assert identity.find({"anonymous_id": "browser-1"}) == visitor


def test_old_journals_go_and_the_merge_stays_told(now: datetime) -> None:
    marta, twin = come(now, email("m@example.com")), come(now, email("t@example.com"))
    merge(marta, twin, now - timedelta(days=31))
    assert MergeJournal.objects.exists()
    from crm.identity import journal

    assert journal.forget(now - timedelta(days=30)) > 0
    assert not MergeJournal.objects.exists()
    assert ContactMerge.objects.count() == 1


def test_a_merge_asks_as_many_questions_for_much_as_for_little(now: datetime) -> None:
    from django.test.utils import CaptureQueriesContext

    counts = []
    for round_ in range(2):
        one = come(now, email(f"one{round_}@example.com"))
        other = come(now, email(f"two{round_}@example.com"))
        for place in range(1 + 12 * round_):
            act("order", other, place, now)
            act("browse", other, place, now)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            merge(one, other, now)
        counts.append(len(caught))
    assert counts[0] == counts[1]
    assert registry.contact_images.names()
    assert SegmentMember.objects.count() == ListMember.objects.count() == Duplicate.objects.count() == 0
    assert duplicates.pending() == 0
