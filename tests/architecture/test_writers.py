"""The recording of writers sees every way of writing."""

from __future__ import annotations

import io

import pytest
from django.db import connection

from tests.architecture import writers


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO crm_contact (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 1", {("crm_contact", "INSERT")}),
        ('UPDATE "channels_message" SET state = 1', {("channels_message", "UPDATE")}),
        ("WITH gone AS (DELETE FROM crm_cart RETURNING id) UPDATE ONLY crm_contact SET id = 1",
         {("crm_cart", "DELETE"), ("crm_contact", "UPDATE")}),
        ("SELECT id FROM crm_contact FOR UPDATE OF crm_contact SKIP LOCKED", set()),
        ("SELECT id FROM crm_contact FOR NO KEY UPDATE", set()),
        ("COPY crm_event (id) FROM STDIN", {("crm_event", "COPY")}),
        ("UPDATE auth_group SET name = 'x'", set()),
    ],
)  # fmt: skip
def test_a_write_is_read_out_of_its_sql(sql: str, expected: set[tuple[str, str]]) -> None:
    assert writers.writes_in(sql) == expected


@pytest.mark.django_db
def test_a_write_of_the_project_is_noted_with_its_module_and_one_of_a_test_is_not() -> None:
    from crm import clock

    before = set(writers.seen)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_clockshift")
        cursor.copy_expert("COPY crm_clockshift (shift) FROM STDIN", io.StringIO(""))
    assert writers.seen == before or all(module != "tests" for _, _, module in writers.seen - before)
    clock.reset()
    assert ("crm_clockshift", "DELETE", "crm.clock") in writers.seen


def test_a_writer_that_the_page_does_not_name_is_an_offence() -> None:
    allowed = {"crm_contact": {"crm.identity"}}
    assert writers.offences({("crm_contact", "UPDATE", "crm.identity")}, allowed) == []
    assert writers.offences({("crm_contact", "UPDATE", "crm.carts")}, allowed)
    assert writers.offences({("crm_cart", "INSERT", "crm.carts")}, allowed) == []
    assert writers.unnamed({("crm_cart", "INSERT", "crm.carts")}, allowed) == ["crm_cart is written by crm.carts"]
