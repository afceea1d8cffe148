"""Ada makes and changes segments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from crm.errors import Problems
from crm.models import AuditEntry, Segment
from crm.publicids import encode
from crm.segments import edit, live

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
SPAIN = {"f": "contact.country", "op": "is", "v": "ES"}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    live.forget()


def create(rule: Any, name: str = "Some") -> Segment:
    return edit.create(name, rule, actor="user:ada", now=NOW)


def update(row: Segment, **changes: Any) -> Segment:
    return edit.update(row, **changes, actor="user:ada", now=NOW)


def member_of(row: Segment) -> dict[str, Any]:
    return {"segment": encode("seg", row.pk), "member": True}


def wrong(rule: Any, row: Segment | None = None, **more: Any) -> list[tuple[str, str]]:
    save = (lambda: update(row, rule=rule, **more)) if row else (lambda: create(rule, **more))
    with pytest.raises(Problems) as caught:
        save()
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def test_a_segment_has_its_members_when_it_is_saved_and_the_change_is_on_record() -> None:
    row = create(SPAIN)
    assert (row.built_revision, row.revision, row.as_of, row.mentions) == (1, 1, NOW, ["contact.country"])
    assert list(AuditEntry.objects.values_list("actor", "action")) == [("user:ada", "segment.create")]


def test_a_name_alone_makes_no_new_revision() -> None:
    row = update(create(SPAIN), name=" Spain ")
    assert (row.name, row.revision) == ("Spain", 1)


def test_a_name_and_a_rule_are_judged_together() -> None:
    assert wrong({"any": []}, name="") == [("/name", "empty"), ("/rule/any", "empty")]
    assert wrong(SPAIN, name="x" * 201) == [("/name", "too_long")]


def test_a_segment_that_is_not_there_is_named() -> None:
    assert wrong({"all": [SPAIN, {"segment": "seg_7zz", "member": True}]}) == [
        ("/rule/all/1/segment", "unknown_segment")
    ]


def test_segments_never_ask_in_a_circle() -> None:
    first = create(SPAIN)
    second = create({"any": [member_of(first)]})
    third = create({"none": [member_of(second)]})
    assert wrong(member_of(first), first) == [("/rule/segment", "circle")]
    assert wrong({"all": [SPAIN, member_of(third)]}, first) == [("/rule/all/1/segment", "circle")]
    update(third, rule={"all": [member_of(first), member_of(second)]})


def test_a_segment_others_ask_about_cannot_be_put_away() -> None:
    first = create(SPAIN)
    second = create(member_of(first), "Asks")
    with pytest.raises(Problems, match="'Asks'"):
        edit.archive(first, actor="user:ada", now=NOW)
    edit.archive(second, actor="user:ada", now=NOW)
    edit.archive(first, actor="user:ada", now=NOW)
    assert live.segments() == []


def test_over_a_big_base_the_members_come_with_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    from crm.segments import chores, upkeep

    build = upkeep.refresh_full

    def slow(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr(edit, "PATIENCE_MS", 20)
    monkeypatch.setattr(upkeep, "refresh_full", slow)
    row = create(SPAIN)
    assert (row.built_revision, row.as_of) == (0, None)
    monkeypatch.setattr(upkeep, "refresh_full", build)
    assert chores.build(NOW) == 1
    row.refresh_from_db()
    assert row.built_revision == 1
