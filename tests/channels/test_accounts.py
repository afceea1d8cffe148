"""Accounts: what messages leave through, and secrets that nobody reads again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from channels import accounts, secrets
from channels.models import Account
from crm.errors import Problems

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    accounts.forget()
    yield
    accounts.forget()


def carriers_by_channel() -> dict[str, str]:
    accounts.forget()
    return {each.channel: each.carrier.name for each in accounts.active() if each.is_default}


def test_without_anything_set_everything_is_the_sandbox() -> None:
    assert set(carriers_by_channel().values()) == {"sandbox"}


def test_the_environment_makes_email_smtp_and_sms_http(settings: Any) -> None:
    settings.CAUCE_MODE = "live"
    settings.EMAIL_URL = "smtp://127.0.0.1:2525"
    settings.PROVIDER_BASE_URLS = {"sms": "http://127.0.0.1:9"}
    found = carriers_by_channel()
    assert (found["email"], found["sms"], found["whatsapp"]) == ("smtp", "http_sms", "sandbox")
    settings.EMAIL_URL = ""
    assert carriers_by_channel()["email"] == "sandbox", "the account follows the environment"


def test_in_test_mode_nothing_leaves(settings: Any) -> None:
    settings.CAUCE_MODE, settings.EMAIL_URL = "test", "smtp://127.0.0.1:2525"
    assert carriers_by_channel()["email"] == "sandbox"


def test_an_account_that_cannot_be_used_does_not_stop_the_others(settings: Any) -> None:
    settings.CAUCE_MODE = "live"
    Account.objects.create(channel="sms", carrier="http_sms", name="broken", settings={}, is_default=True)
    found = carriers_by_channel()
    assert "sms" not in found
    assert found["email"] == "sandbox"


def test_secrets_are_not_readable_where_they_lie_nor_under_another_key(settings: Any) -> None:
    stored = secrets.seal({"password": "hunter2"})
    assert "hunter2" not in stored
    assert secrets.unseal(stored) == {"password": "hunter2"}
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another key that is long enough to be one"
    with pytest.raises(secrets.Unreadable):
        secrets.unseal(stored)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert secrets.unseal(stored) == {"password": "hunter2"}


def test_a_wrong_account_is_refused_with_the_place_of_each_mistake() -> None:
    with pytest.raises(Problems) as found:
        accounts.check("smtp", "email", {"port": "25", "colour": 1}, {"token": "x"})
    assert {each.pointer for each in found.value.problems} == {
        "/settings/host", "/settings/port", "/settings/colour", "/secrets/token"
    }  # fmt: skip
    with pytest.raises(Problems, match="carrier"):
        accounts.check("pigeon", "email", {}, {})
    with pytest.raises(Problems, match="carries"):
        accounts.check("smtp", "sms", {"host": "x"}, {})
