"""The database under the house."""

import psycopg2
import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_driver_is_psycopg2_and_the_server_is_at_least_15() -> None:
    connection.ensure_connection()
    assert isinstance(connection.connection, psycopg2.extensions.connection)
    assert connection.pg_version >= 150000
