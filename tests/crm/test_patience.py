"""Ada waits for an answer a moment, and no longer."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from crm import patience

pytestmark = pytest.mark.django_db


def limit() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        return str(cursor.fetchone()[0])


def test_a_statement_that_takes_too_long_is_ended_and_the_rest_of_the_transaction_goes_on() -> None:
    with transaction.atomic():
        with pytest.raises(patience.TooSlow), patience.within(20) as cursor:
            cursor.execute("SELECT pg_sleep(60)")
        assert limit() == "0"


def test_the_limit_ends_with_the_block_also_inside_another_transaction() -> None:
    with transaction.atomic():
        with patience.within(5_000):
            assert limit() == "5s"
        assert limit() == "0"


def test_another_trouble_of_the_database_is_not_taken_for_slowness() -> None:
    with pytest.raises(OperationalError) as told, patience.within(5_000):
        raise OperationalError("the connection is gone")
    assert not isinstance(told.value, patience.TooSlow)
