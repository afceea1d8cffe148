"""The database answers every rule as docs/rules.md says, in both forms, and explains it so."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.segments import audience, parse
from tests.crm.segments import oracle, people
from tests.crm.segments.people import NOW

pytestmark = pytest.mark.django_db
MANY = settings(
    max_examples=60,
    deadline=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Undone(Exception):
    """Rolls an example back."""


def check(cast: list[oracle.Person], written: list[Any]) -> None:
    ids = people.store(cast)
    rules = [parse.parse(rule) for rule in written]
    few = audience.answers(rules, ids, NOW)
    for place, (rule, data) in enumerate(zip(rules, written, strict=True)):
        expected = [oracle.matches(data, person, NOW) for person in cast]
        assert [few[contact][place] for contact in ids] == expected, ("few", data)
        found = set(audience.contacts(rule, NOW).filter(pk__in=ids).values_list("pk", flat=True))
        assert [contact in found for contact in ids] == expected, ("all", data)
        told = audience.explain(rule, ids[0], NOW)
        leaves = [each.leaf for each in rule.placed()]
        assert told.matches is expected[0]
        assert len(told.clauses) == len(leaves)


@MANY
@given(st.lists(people.people(), min_size=3, max_size=6), st.lists(people.rules(), min_size=8, max_size=8))
def test_rules_mean_in_sql_what_the_page_says(db: None, cast: list[oracle.Person], written: list[Any]) -> None:
    try:
        with transaction.atomic():
            check(cast, written)
            raise Undone
    except Undone:
        pass


def leaves_of(rule: Any) -> list[Any]:
    for word in ("all", "any", "none"):
        if word in rule:
            return [leaf for part in rule[word] for leaf in leaves_of(part)]
    return [rule]


@MANY
@given(people.people(), people.rules())
def test_an_explanation_says_of_each_clause_what_the_page_says(db: None, person: oracle.Person, written: Any) -> None:
    try:
        with transaction.atomic():
            (contact,) = people.store([person])
            told = audience.explain(parse.parse(written), contact, NOW)
            assert [clause.matches for clause in told.clauses] == [
                oracle.leaf(leaf, person, NOW) for leaf in leaves_of(written)
            ]
            assert all(clause.sentence for clause in told.clauses)
            raise Undone
    except Undone:
        pass
