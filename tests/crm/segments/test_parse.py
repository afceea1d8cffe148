"""Ada writes a rule wrongly: every mistake is named with its place and what would help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm.errors import Problems
from crm.segments import conditions, parse, where

pytestmark = pytest.mark.django_db  # the stages of the workspace are asked for


def wrong(rule: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(Problems) as caught:
        parse.parse(rule)
    return [(problem.pointer, problem.code, problem.detail) for problem in caught.value.problems]


SPAIN = {"f": "contact.country", "op": "is", "v": "ES"}
BOUGHT = {"event": "Order Completed"}
SPAN = {"value": 1, "unit": "days"}

MISTAKES = [
    # the tree
    ("a text", "/rule", "wrong_type", "is an object"),
    ({}, "/rule", "wrong_type", "is an object"),
    ({"frobnicate": 1}, "/rule", "unknown_condition", "all, any, none"),
    ({"all": [SPAIN], "any": [SPAIN]}, "/rule", "unknown_key", "a group has one key"),
    ({"all": SPAIN}, "/rule/all", "wrong_type", "is a list"),
    ({"any": []}, "/rule/any", "empty", '{"all": []}'),
    ({"none": []}, "/rule/none", "empty", "needs a condition"),
    ({"all": [1]}, "/rule/all/0", "wrong_type", "is an object"),
    # fields
    ({"f": 3, "op": "is", "v": 1}, "/rule/f", "unknown_field", "contact.…"),
    ({"f": "shoes", "op": "is", "v": 1}, "/rule/f", "unknown_field", "fields.…"),
    ({"f": "contact.shoes", "op": "is", "v": 1}, "/rule/f", "unknown_field", "contact.city"),
    ({"f": "contact.password", "op": "is", "v": "x"}, "/rule/f", "unknown_field", "contact.country"),
    ({"f": "fields.a.b", "op": "is", "v": 1}, "/rule/f", "bad_path", "fields.shoe_size"),
    ({"f": "fields.", "op": "is", "v": 1}, "/rule/f", "bad_path", "fields.shoe_size"),
    ({"f": "identifier.passport", "op": "is_set"}, "/rule/f", "unknown_field", "identifier.card"),
    ({"f": "contact.country", "v": "ES"}, "/rule", "missing_key", '"op" is missing'),
    ({"f": "contact.country", "op": "~", "v": "ES"}, "/rule/op", "unknown_operator", "contains"),
    ({"f": "contact.country", "op": "in_last", "v": SPAN}, "/rule/op", "unknown_operator", "this field takes"),
    ({"f": "contact.country", "op": ["is"], "v": "ES"}, "/rule/op", "unknown_operator", "this field takes"),
    ({"f": "contact.country", "op": "is"}, "/rule", "missing_key", '"v" is missing'),
    ({"f": "contact.country", "op": "is", "v": 3}, "/rule/v", "wrong_type", "compares with a text"),
    ({"f": "contact.country", "op": "is", "v": ""}, "/rule/v", "empty", "is_empty"),
    ({"f": "contact.country", "op": "is", "v": "x" * 501}, "/rule/v", "too_long", "500"),
    ({"f": "contact.country", "op": "is", "v": "a\x00"}, "/rule/v", "unprintable", "NUL"),
    ({"f": "contact.country", "op": "is", "v": "\ud800"}, "/rule/v", "unprintable", "half"),
    ({**SPAIN, "missing": "maybe"}, "/rule/missing", "unknown_value", '"no" or "yes"'),
    ({**SPAIN, "colour": 1}, "/rule/colour", "unknown_key", "known: f, missing, op, v"),
    ({**SPAIN, "a/b~c": 1}, "/rule/a~1b~0c", "unknown_key", "known"),
    ({"f": "contact.city", "op": "is_set", "v": 1}, "/rule/v", "unknown_key", 'leave "v" out'),
    ({"f": "contact.city", "op": "is_set", "missing": "yes"}, "/rule/missing", "unknown_key", 'leave "missing" out'),
    ({"f": "contact.city", "op": "in", "v": []}, "/rule/v", "wrong_type", "at least one"),
    ({"f": "contact.city", "op": "in", "v": ["a"] * 501}, "/rule/v", "too_long", "500"),
    ({"f": "fields.x", "op": "in", "v": ["a", 1]}, "/rule/v", "mixed_types", "all texts or all numbers"),
    ({"f": "fields.x", "op": ">", "v": float("nan")}, "/rule/v", "not_a_number", "NaN"),
    ({"f": "fields.x", "op": ">", "v": 10**30}, "/rule/v", "not_a_number", "30 digits"),
    ({"f": "fields.x", "op": ">", "v": {}}, "/rule/v", "wrong_type", "text or number"),
    ({"f": "fields.x", "op": "between", "v": [1]}, "/rule/v", "wrong_type", "list of two"),
    ({"f": "fields.x", "op": "between", "v": [2, 1]}, "/rule/v", "empty_range", "Swap"),
    ({"f": "fields.x", "op": "between", "v": [1, "2026-01-01"]}, "/rule/v", "mixed_types", "two dates"),
    (
        {"f": "fields.x", "op": "between", "v": ["2026-01-01", "2026-01-01T00:00:00Z"]},
        "/rule/v",
        "mixed_types",
        "two instants",
    ),
    ({"f": "fields.x", "op": "has_any", "v": "a"}, "/rule/v", "wrong_type", "list"),
    ({"f": "fields.x", "op": "has_any", "v": [1]}, "/rule/v/0", "wrong_type", "text"),
    ({"f": "fields.x", "op": "before", "v": "tomorrow"}, "/rule/v", "not_a_date", "2026-03-28"),
    ({"f": "fields.x", "op": "on", "v": "2026-03-28T00:00:00Z"}, "/rule/v", "not_a_date", "2026-03-28"),
    ({"f": "contact.birth_date", "op": "before", "v": "2026-02-31"}, "/rule/v", "not_a_date", "2026-03-28"),
    ({"f": "contact.created_at", "op": "in_last", "v": 30}, "/rule/v", "wrong_type", "minutes, hours, days, weeks"),
    (
        {"f": "contact.created_at", "op": "in_last", "v": {"value": 1, "unit": "moons"}},
        "/rule/v/unit",
        "unknown_unit",
        "minutes",
    ),
    (
        {"f": "contact.created_at", "op": "in_last", "v": {"value": 0, "unit": "days"}},
        "/rule/v/value",
        "not_a_number",
        "from 1",
    ),
    (
        {"f": "contact.created_at", "op": "in_last", "v": {"value": 10**9, "unit": "days"}},
        "/rule/v/value",
        "too_long",
        "100 years",
    ),
    ({"f": "contact.birth_date", "op": "anniversary", "v": 3}, "/rule/v", "wrong_type", '"from"'),
    ({"f": "contact.birth_date", "op": "anniversary", "v": {"from": 0, "to": 181}}, "/rule/v", "wrong_type", "180"),
    ({"f": "contact.birth_date", "op": "days", "v": {"from": 1, "to": 0}}, "/rule/v", "empty_range", "Swap"),
    ({"f": "contact.birth_date", "op": "is_today", "v": True}, "/rule/v", "unknown_key", 'leave "v" out'),
    # consent and reach
    ({"f": "consent.offers", "op": "is", "v": "granted"}, "/rule/f", "unknown_field", "consent.offers.sms"),
    ({"f": "consent.gifts.sms", "op": "is", "v": "granted"}, "/rule/f", "unknown_purpose", "newsletter"),
    ({"f": "consent.offers.pigeon", "op": "is", "v": "granted"}, "/rule/f", "unknown_channel", "email"),
    ({"f": "consent.offers.sms", "op": "is", "v": "yes"}, "/rule/v", "unknown_value", "granted"),
    ({"f": "consent.offers.sms", "op": "starts", "v": "granted"}, "/rule/op", "unknown_operator", "not_in"),
    (
        {"f": "consent.offers.sms", "op": "is", "v": "granted", "missing": "no"},
        "/rule/missing",
        "unknown_key",
        "unknown",
    ),
    ({"f": "reachable.pigeon", "op": "is", "v": True}, "/rule/f", "unknown_channel", "email"),
    ({"f": "reachable.email", "op": "is", "v": "yes"}, "/rule/v", "wrong_type", "boolean"),
    ({"f": "reachable.email", "op": "is", "v": True, "purpose": "x"}, "/rule/purpose", "unknown_purpose", "offers"),
    ({"f": "reachable.email", "op": "is", "v": True, "missing": "no"}, "/rule/missing", "unknown_key", "leave"),
    # events
    ({"event": ""}, "/rule/event", "empty", "missing value"),
    ({"event": 3}, "/rule/event", "wrong_type", "text"),
    ({"event": "x" * 81}, "/rule/event", "too_long", "80"),
    ({**BOUGHT, "how": 1}, "/rule/how", "unknown_key", "in_last"),
    ({**BOUGHT, "did": "yes"}, "/rule/did", "wrong_type", "true or false"),
    ({**BOUGHT, "in_last": 3}, "/rule/in_last", "wrong_type", "span of time"),
    ({**BOUGHT, "after": "2026-01-01"}, "/rule/after", "not_an_instant", "with Z or an offset"),
    (
        {**BOUGHT, "after": "2026-01-02T00:00:00Z", "before": "2026-01-01T00:00:00Z"},
        "/rule/after",
        "empty_range",
        "not before",
    ),
    ({**BOUGHT, "channel": "moon"}, "/rule/channel", "unknown_channel", "store"),
    ({**BOUGHT, "count": 3}, "/rule/count", "wrong_type", '"count" reads'),
    ({**BOUGHT, "count": {"op": "contains", "v": 3}}, "/rule/count/op", "unknown_operator", ">="),
    ({**BOUGHT, "count": {"op": ">", "v": "3"}}, "/rule/count/v", "wrong_type", "number"),
    ({**BOUGHT, "count": {"op": ">", "v": 3, "of": "x"}}, "/rule/count/of", "unknown_key", "op, v"),
    ({**BOUGHT, "sum": {"op": ">", "v": 3}}, "/rule/sum", "wrong_type", "properties.total.amount"),
    ({**BOUGHT, "sum": {"of": "total", "op": ">", "v": 3}}, "/rule/sum/of", "unknown_field", "properties."),
    (
        {**BOUGHT, "sum": {"of": "properties.lines[].price", "op": ">", "v": 3}},
        "/rule/sum/of",
        "bad_path",
        "leave [] out",
    ),
    ({**BOUGHT, "where": {}}, "/rule/where", "wrong_type", "list of conditions"),
    ({**BOUGHT, "where": [3]}, "/rule/where/0", "wrong_type", "properties.category"),
    ({**BOUGHT, "where": [SPAIN]}, "/rule/where/0/f", "unknown_field", "properties.category"),
    (
        {**BOUGHT, "where": [{"f": "properties.a..b", "op": "is", "v": 1}]},
        "/rule/where/0/f",
        "bad_path",
        "cannot be followed",
    ),
    (
        {**BOUGHT, "where": [{"f": "properties.a[].b[].c[]", "op": "is", "v": 1}]},
        "/rule/where/0/f",
        "bad_path",
        "cannot be followed",
    ),
    (
        {**BOUGHT, "where": [{"f": "properties.a", "op": "in_last", "v": SPAN}]},
        "/rule/where/0/op",
        "unknown_operator",
        "before",
    ),
    ({**BOUGHT, "where": [{"f": "properties.a", "op": "is_set"}] * 21}, "/rule/where", "too_long", "20"),
    # sequences
    ({"sequence": [BOUGHT]}, "/rule/sequence", "wrong_type", "two events"),
    ({"sequence": [BOUGHT, BOUGHT, BOUGHT]}, "/rule/sequence", "wrong_type", "two events"),
    ({"sequence": [BOUGHT, 3]}, "/rule/sequence/1", "wrong_type", "two events"),
    ({"sequence": [BOUGHT, {"not": {"event": ""}}], "within": SPAN}, "/rule/sequence/1/not/event", "empty", "missing"),
    ({"sequence": [BOUGHT, {"not": BOUGHT}]}, "/rule", "missing_key", '"within" is missing'),
    ({"sequence": [{**BOUGHT, "count": 1}, BOUGHT]}, "/rule/sequence/0/count", "unknown_key", "where"),
    ({"sequence": [BOUGHT, BOUGHT], "same": "cart"}, "/rule/same", "unknown_field", "properties."),
    # the rest
    ({"segment": "7"}, "/rule/segment", "not_an_id", "seg_"),
    ({"segment": "cmp_1"}, "/rule/segment", "not_an_id", "seg_"),
    ({"segment": 1, "member": "yes"}, "/rule/member", "wrong_type", "true or false"),
    ({"stage": "happy"}, "/rule/stage", "unknown_stage", "loyal"),
    ({"stage": []}, "/rule/stage", "unknown_stage", "loyal"),
    ({"stage": "loyal", "x": 1}, "/rule/x", "unknown_key", "stage"),
    ({"campaign": 1, "state": "near"}, "/rule/state", "unknown_value", "was_in"),
    ({"campaign": "x"}, "/rule/campaign", "not_an_id", "cmp_"),
    ({"campaign": 1, "state": "at"}, "/rule", "missing_key", '"step" is missing'),
    ({"campaign": 1, "state": "in", "step": "e1"}, "/rule/step", "unknown_key", '"at" only'),
    ({"campaign": 1, "state": "at", "step": 3}, "/rule/step", "wrong_type", "text"),
    ({"message": 3, "did": "sent"}, "/rule/message", "wrong_type", "cmp_"),
    ({"message": {}, "did": "eaten"}, "/rule/did", "unknown_value", "clicked"),
    ({"message": {"channel": "pigeon"}, "did": "sent"}, "/rule/message/channel", "unknown_channel", "email"),
    ({"message": {"campaign": "x"}, "did": "sent"}, "/rule/message/campaign", "not_an_id", "cmp_"),
    ({"message": {"colour": 1}, "did": "sent"}, "/rule/message/colour", "unknown_key", "campaign, channel"),
    ({"random": 3}, "/rule/random", "wrong_type", '"salt"'),
    ({"random": {"from": 0, "to": 100, "salt": "x"}}, "/rule/random/to", "wrong_type", "0 to 99"),
    ({"random": {"from": 9, "to": 0, "salt": "x"}}, "/rule/random", "empty_range", "Swap"),
    ({"random": {"from": 0, "to": 9, "salt": ""}}, "/rule/random/salt", "empty", "missing"),
]


@pytest.mark.parametrize(("rule", "pointer", "code", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(rule: Any, pointer: str, code: str, words: str) -> None:
    found = wrong(rule)
    assert [(where, what) for where, what, _ in found] == [(pointer, code)]
    assert words.lower() in found[0][2].lower()


def test_ada_is_told_all_mistakes_at_once() -> None:
    found = wrong(
        {
            "all": [
                {"f": "contact.shoes", "op": "is", "v": "x"},
                {"any": [{"f": "contact.city", "op": "~"}, {"none": []}]},
                {"event": "", "did": 3, "in_last": {}, "where": [{"f": "x", "op": "is", "v": {}}], "more": 1},
            ]
        }
    )
    assert [where for where, _, _ in found] == [
        "/rule/all/0/f",
        "/rule/all/1/any/0/op",
        "/rule/all/1/any/1/none",
        "/rule/all/2/more",
        "/rule/all/2/event",
        "/rule/all/2/in_last",
        "/rule/all/2/did",
        "/rule/all/2/where/0/f",
        "/rule/all/2/where/0/v",
    ]


def nested(levels: int) -> Any:
    return SPAIN if levels == 1 else {"all": [nested(levels - 1)]}


def test_a_rule_of_eight_levels_is_read_and_one_of_nine_is_too_deep() -> None:
    parse.parse(nested(8))
    assert wrong(nested(9)) == [
        ("/rule" + "/all/0" * 7, "too_deep", "A rule is at most 8 levels deep; make a segment of the inner part.")
    ]


def test_a_bottomless_rule_is_refused_without_reading_it_to_the_end() -> None:
    rule: Any = SPAIN
    for _ in range(5_000):
        rule = {"all": [rule]}
    assert [code for _, code, _ in wrong(rule)] == ["too_deep"]


def test_a_rule_of_a_hundred_nodes_is_read_and_one_of_a_hundred_and_one_is_too_large() -> None:
    parse.parse({"any": [SPAIN] * 99})
    assert [(where, code) for where, code, _ in wrong({"any": [SPAIN] * 100})] == [("/rule", "too_large")]


def test_everybody_is_an_empty_all() -> None:
    assert parse.parse({"all": []}).leaves() == []


def test_the_place_begins_where_the_asker_says() -> None:
    with pytest.raises(Problems) as caught:
        parse.parse({"f": "contact.x", "op": "is", "v": "1"}, "/steps/3/when")
    assert caught.value.problems[0].pointer == "/steps/3/when/f"


def test_what_a_rule_mentions_is_known() -> None:
    rule = parse.parse(
        {
            "all": [
                SPAIN,
                {"f": "fields.size", "op": ">", "v": 1},
                {"f": "contact.age", "op": ">", "v": 17},
                {**BOUGHT, "did": False},
                {"f": "reachable.sms", "op": "is", "v": True},
                {"segment": "seg_c", "member": True},
                {"stage": "loyal"},
                {"campaign": 3, "state": "in"},
                {"message": {}, "did": "clicked"},
                {"random": {"from": 0, "to": 1, "salt": "s"}},
            ]
        }
    )
    assert rule.mentions() >= {
        "contact.country",
        "fields.size",
        "contact.birth_date",
        "contact.zone",
        "event:Order Completed",
        "consent",
        "segment:12",
        "stage",
        "campaign:3",
        "event:Message Clicked",
    }
    assert rule.segments() == {12}


def test_every_operator_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
    for operator in [*conditions.OPERATORS, *conditions.ALIASES.keys() - {"=="}]:
        assert f"`{operator}`" in page, operator


def test_where_answers_its_mistakes_to_a_journey_too() -> None:
    assert [problem.pointer for problem in where.problems([{"f": "x", "op": "is", "v": 1}], "/entry/0/where")] == [
        "/entry/0/where/0/f"
    ]
    assert where.problems([{"f": "properties.x", "op": "is", "v": 1}]) == []
