"""`verify_ledger` and `create_api_key`, as an operator runs them."""

from __future__ import annotations

import json
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from crm import apikeys, audit, ledger, partitions
from crm.models import AuditEntry
from tests.crm.people import come, phone, say

CRIMES = [
    ("I6", "UPDATE crm_consentstate SET state = 'granted'"),
    ("I7", "UPDATE crm_consentreceipt SET action = 'granted'"),
    ("I7-audit", "UPDATE crm_auditentry SET actor = 'nobody'"),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "crime"), CRIMES)
def test_each_broken_promise_is_named_with_its_row(now: datetime, name: str, crime: str) -> None:
    partitions.forget()
    chiara = come(now, phone("+34600112233"))
    say(now, chiara, "withdrawn")
    audit.record("ada", "x", "y")
    call_command("verify_ledger", stdout=StringIO())
    table = crime.split()[1]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            cursor.execute(crime)
        finally:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("verify_ledger", "--json", stdout=out)
    assert refused.value.returncode == 1
    told = json.loads(out.getvalue().splitlines()[-1])
    assert not told["ok"]
    assert name in [each["name"] for each in told["broken"]]
    assert next(each for each in told["broken"] if each["name"] == name)["count"] == 1


@pytest.mark.django_db(transaction=True)
def test_the_ledger_is_read_in_one_snapshot_that_cannot_write(monkeypatch: Any) -> None:
    asked: list[Any] = []

    def look() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            asked.extend(cursor.fetchone())
            cursor.execute("SHOW transaction_read_only")
            asked.extend(cursor.fetchone())
        return []

    from crm import registry

    monkeypatch.setattr(registry.invariants, "_items", {})
    registry.invariants.add("look", registry.Invariant("look", "", rows=look))
    assert [finding.rows for finding in ledger.verify()] == [()]
    assert asked == ["repeatable read", "on"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "mode", "prefix"),
    [("admin", "test", "sk_test_"), ("analyst", "live", "sk_live_"), ("tracking", "live", "wk_")],
)
def test_a_key_stands_alone_on_the_last_line(role: str, mode: str, prefix: str) -> None:
    out = StringIO()
    with override_settings(CAUCE_MODE=mode):
        call_command("create_api_key", "--role", role, "--name", "Shop", stdout=out)
    secret = out.getvalue().splitlines()[-1]
    assert secret.startswith(prefix)
    assert " " not in secret
    found = apikeys.find(secret)
    assert found is not None
    assert found.role == role
    assert secret not in json.dumps(list(AuditEntry.objects.values_list("after", flat=True)))
    assert apikeys.find(secret[:-1]) is None


@pytest.mark.django_db
def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("create_api_key", "--role", "king", "--name", "X", stdout=StringIO())
