"""The builder's working copy: what it opens it writes back, whatever the buttons do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import registry
from crm.errors import Problem
from crm.segments import audience, builder, counting, describe, fixed, outline, parse, sentence
from crm.segments.describe import Offers
from crm.segments.question import query
from tests.crm.segments import people

pytestmark = pytest.mark.django_db
SPAIN = {"f": "contact.country", "op": "is", "v": "ES"}
LYON = {"f": "contact.city", "op": "is", "v": "Lyon"}
CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_every_leaf_has_a_description_and_every_description_a_leaf() -> None:
    assert set(describe.descriptions.names()) == set(registry.leaves.names())


def test_every_kind_of_rule_can_be_begun_from_the_menu() -> None:
    begun = {
        describe.key(builder.starter(name)) for _group, entries in outline.menu() for name, _words, _icon in entries
    }
    assert begun == set(registry.leaves.names()) - {"list"}  # a list is asked about as the segment it stands for


# --- nothing is lost ----------------------------------------------------------------------------


def same(one: Any, other: Any) -> bool:
    return parse.parse(one).root == parse.parse(other).root


@CALM
@given(people.LEAVES)
def test_what_an_editor_shows_it_writes_back_as_it_was(leaf: Any) -> None:
    """Or it does not show it as an editor: then the leaf is only read, and stays as it is."""
    offers = Offers()
    if not describe.editable(leaf, offers):
        state = builder.overlaid(builder.opened(leaf), {})
        assert builder.rule(state) == {"all": [leaf]}
        return
    description = describe.of(leaf)
    assert description
    written = describe.cleaned(description.written(json.loads(json.dumps(leaf)), describe.values(leaf, offers)))
    assert describe.parsed(written) == describe.parsed(leaf)


@CALM
@given(people.LEAVES)
def test_most_rules_can_be_edited(leaf: Any) -> None:
    """Only what has no input is read-only: texts compared by order, instants between seconds, lists with commas."""
    assert odd(leaf) or describe.editable(leaf, Offers())


def odd(node: Any) -> bool:
    if isinstance(node, list):
        return any(odd(each) for each in node)
    if isinstance(node, str):
        return bool(re.search(r"\.\d{6}Z|^ |\n", node))
    if not isinstance(node, dict):
        return False
    ordered = node.get("op") in ("<", "<=", ">", ">=") and isinstance(node.get("v"), str)
    return ordered or any(odd(each) for each in node.values())


@CALM
@given(people.rules())
def test_a_rule_that_is_opened_and_closed_means_the_same(rule: Any) -> None:
    closed = builder.rule(builder.opened(rule))
    assert parse.problems(closed, "/rule") == [] or parse.problems(closed)[0].code in ("too_deep", "too_large")
    assert builder.rule(builder.opened(closed)) == closed


@pytest.mark.parametrize(
    ("rule", "main", "exceptions"),
    [
        ({"all": []}, {"all": []}, []),
        (SPAIN, {"all": [SPAIN]}, []),
        ({"any": [SPAIN, LYON]}, {"any": [SPAIN, LYON]}, []),
        ({"none": [SPAIN]}, {"all": []}, [SPAIN]),
        ({"all": [SPAIN, {"none": [LYON]}]}, {"all": [SPAIN]}, [LYON]),
        ({"all": [{"any": [SPAIN, LYON]}, {"none": [LYON]}]}, {"any": [SPAIN, LYON]}, [LYON]),
        ({"all": [{"none": [LYON]}, SPAIN]}, {"all": [{"none": [LYON]}, SPAIN]}, []),
    ],
)
def test_exceptions_stand_apart(rule: Any, main: Any, exceptions: Any) -> None:
    assert builder.opened(rule) == {"main": main, "not": exceptions}


@CALM
@given(people.rules())
def test_a_pointer_leads_to_the_row_it_is_about(rule: Any) -> None:
    state = builder.opened(rule)
    document = builder.rule(state)
    for pointer, path in builder.paths(state).items():
        node = document
        for key in pointer.split("/")[1:]:
            node = node[int(key)] if isinstance(node, list) else node[key]
        if path not in ("main", "not"):
            assert node == describe.cleaned(builder.get(state, path))


# --- the buttons --------------------------------------------------------------------------------


def do(state: Any, *commands: tuple[str, str, str]) -> Any:
    for command in commands:
        state, _focus = builder.carried_out(state, *command)
    return state


def test_rules_and_groups_are_added_duplicated_and_removed() -> None:
    state = do(builder.empty(), ("add", "main", "segment.0"), ("group", "main", ""), ("add", "main.1", "random.0"))
    assert [*state["main"]["all"][1]] == ["any"]
    state = do(state, ("duplicate", "main.1.0", ""), ("remove", "main.0", ""), ("add", "not", "tag.0"))
    assert len(state["main"]["all"]) == 1
    assert len(state["main"]["all"][0]["any"]) == 2
    assert state["not"] == [{"tag": ""}]


def test_the_focus_goes_to_what_is_new_and_to_the_neighbour_of_what_is_gone() -> None:
    state, focus = builder.carried_out(builder.opened({"all": [SPAIN, LYON]}), "add", "main", "tag.0")
    assert focus == "main.2"
    state, focus = builder.carried_out(state, "remove", "main.2", "")
    assert focus == "main.1"


def test_groups_go_three_levels_deep_and_deeper_ones_are_read_only() -> None:
    state = do(builder.empty(), ("group", "main", ""), ("group", "main.0", ""), ("group", "main.0.0", ""))
    assert state["main"] == {"all": [{"any": [{"all": []}]}]}
    deep = {"all": [{"any": [{"all": [{"any": [SPAIN, LYON]}, LYON]}, SPAIN]}]}
    main, _exceptions = outline.nodes(builder.opened(deep), Offers())
    unread = main.parts[0].parts[0].parts[0]
    assert (unread.shape, unread.words) == ("words", "country is ES, or city is Lyon")


@pytest.mark.parametrize(
    "command",
    [
        ("add", "main", "nothing.0"),
        ("add", "main.9", "tag.0"),
        ("remove", "main", ""),
        ("what", "main", ""),
        ("", "", ""),
    ],
)
def test_a_button_that_makes_no_sense_changes_nothing(command: tuple[str, str, str]) -> None:
    state = builder.opened({"all": [SPAIN]})
    assert do(state, command) == state


def test_filters_come_and_go_and_unfilled_ones_are_left_out() -> None:
    state = do(builder.empty(), ("add", "main", "event.1"), ("part", "main.0", "where"), ("part", "main.0", "sum"))
    assert builder.rule(state)["all"][0].keys() == {"event", "did", "in_last", "sum"}
    state = do(state, ("drop", "main.0", "sum"), ("drop", "main.0", "where.0"))
    assert state["main"]["all"][0] == {
        "event": "Order Completed",
        "did": False,
        "in_last": {"value": 90, "unit": "days"},
    }


def test_what_stands_in_the_inputs_is_laid_over_the_rule() -> None:
    state = do(builder.empty(), ("add", "main", "event.0"))
    typed = {
        "main:word": "any", "main.0:leaf": "1", "main.0:did": "yes", "main.0:event": "Order Completed",
        "main.0:count.op": ">=", "main.0:count.v": "2", "main.0:when": "in_last", "main.0:last.v": "24",
        "main.0:last.unit": "months", "main.0:where.0.f": "category", "main.0:where.0.op": "has_any:list",
        "main.0:where.0.v": "running", "main.7:leaf": "1", "other": "x",
    }  # fmt: skip
    assert builder.rule(builder.overlaid(state, typed)) == {
        "any": [
            {
                "event": "Order Completed",
                "where": [{"f": "properties.category", "op": "has_any", "v": ["running"]}],
                "count": {"op": ">=", "v": 2},
                "in_last": {"value": 730, "unit": "days"},
            }
        ]
    }


KEYS = st.sampled_from(["all", "any", "none", "main", "not", "f", "event", "x"])


@CALM
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    )
)
def test_no_page_can_send_what_breaks_the_builder(data: Any) -> None:
    for text in (json.dumps(data), json.dumps({"main": {"all": [data]}, "not": []})):
        try:
            state = builder.read(text)
        except Problem:
            continue
        parse.problems(builder.rule(state))
        outline.nodes(state, Offers())


# --- counts are lists ---------------------------------------------------------------------------


@settings(CALM, max_examples=25)
@given(st.lists(people.people(), min_size=2, max_size=5), people.rules())
def test_what_is_counted_is_what_is_listed(cast: list[Any], written: Any) -> None:
    """The panel's number, the number of the segment, its members and the rows the rule finds."""
    with transaction.atomic():
        people.store(cast)
        rule = parse.parse(builder.rule(builder.opened(written)))
        listed = set(audience.contacts(rule, people.NOW).values_list("pk", flat=True))
        parts = {str(n): each for n, each in enumerate(audience.clauses(rule))}
        tally = counting.tally(rule, parts, people.NOW, milliseconds=20_000)
        assert tally.total == counting.Number(len(listed))
        for name, number in tally.parts.items():
            assert number.n == audience.contacts(parts[name], people.NOW).count()
        assert set(counting.sample(rule, people.NOW, 100) or []) == listed
        reach = counting.reach(rule, people.NOW)
        assert reach
        assert reach.total.n == len(listed)
        kept = fixed.fixed("All of them", query(rule, people.NOW), actor="user:1", now=people.NOW)
        assert kept.count == len(listed)
        assert set(audience.members(kept.pk).values_list("contact_id", flat=True)) == listed
        transaction.set_rollback(True)


# --- in words -----------------------------------------------------------------------------------

BOUGHT = {"event": "Order Completed"}
SENTENCES: list[tuple[Any, str]] = [
    ({"all": []}, "everybody"),
    (SPAIN, "country is ES"),
    ({"f": "contact.age", "op": ">=", "v": 18, "missing": "yes"}, "age is at least 18 (or is not known)"),
    ({"f": "fields.shoe_size", "op": "between", "v": [39, 41]}, "shoe_size is between 39, 41"),
    ({"f": "identifier.card", "op": "is_set"}, "card is known"),
    ({"f": "consent.offers.sms", "op": "is", "v": "granted"}, "consent to offers by sms is granted"),
    ({"f": "reachable.email", "op": "is", "v": False}, "cannot be reached by email for offers"),
    (BOUGHT, "bought"),
    ({**BOUGHT, "did": False, "in_last": {"value": 120, "unit": "days"}}, "did not buy in the last 120 days"),
    ({**BOUGHT, "count": {"op": ">=", "v": 1}, "in_last": {"value": 365, "unit": "days"}},
     "bought at least 1 time in the last 1 year"),
    ({**BOUGHT, "where": [{"f": "properties.category", "op": "is", "v": "running"}], "count": {"op": ">=", "v": 2},
      "in_last": {"value": 730, "unit": "days"}},
     "bought with category is running at least 2 times in the last 2 years"),
    ({**BOUGHT, "sum": {"of": "properties.total.amount", "op": ">", "v": 200}, "channel": ["store"]},
     "bought by store adding up total.amount to more than 200"),
    ({"event": "Form Sent", "did": False}, "did not do Form Sent"),
    ({"sequence": [{"event": "Product Added"}, {"not": BOUGHT}], "within": {"value": 1, "unit": "hours"}},
     "put a product into the cart, then not Order Completed within 1 hour"),
    ({"stage": ["lead", "loyal"]}, "stage is lead, loyal"),
    ({"tag": "vip"}, "has the tag vip"),
    ({"random": {"from": 0, "to": 9, "salt": "a"}}, "random bucket 0 to 9 of 100 (a)"),
    ({"message": {"channel": "email"}, "did": "clicked", "in_last": {"value": 1, "unit": "days"}},
     "a message: clicked by email in the last 1 day"),
    ({"all": [SPAIN, {"any": [LYON, BOUGHT]}, {"none": [{"tag": "vip"}]}]},
     "country is ES, and (city is Lyon, or bought). But not: has the tag vip"),
    ({"none": [SPAIN, LYON]}, "none of: country is ES, or city is Lyon"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "words"), SENTENCES)
def test_rules_are_said_in_plain_words(rule: Any, words: str) -> None:
    assert sentence.whole(parse.parse(rule)) == words


@pytest.mark.parametrize("language", ["en", "es", "ru"])
@pytest.mark.parametrize("days", [1, 2, 5, 21])
def test_spans_and_numbers_have_their_plural_in_every_language(language: str, days: int) -> None:
    from django.utils import translation

    with translation.override(language):
        rule = {**BOUGHT, "count": {"op": ">=", "v": days}, "in_last": {"value": days, "unit": "days"}}
        said = sentence.whole(parse.parse(rule))
        assert said.count(str(days)) == 2
        if language == "ru":
            assert {1: "день", 2: "дня", 5: "дней", 21: "день"}[days] in said
