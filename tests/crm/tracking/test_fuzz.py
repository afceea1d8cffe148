"""Whatever is sent, the answer is one that the SDKs understand, and never a mistake of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crm.tracking.conftest import Sender

pytestmark = pytest.mark.django_db

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12)
    | st.sampled_from(["", "u-1", "2026-11-23T10:00:00Z", "0001-01-01", "9999-12-31T23:59:59.999999Z", "1e999", "-1",
                       "a@b.example", "+34600111222", "\x00", "Order Completed", "EUR"])
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["Product Added", "Product Removed", "Cart Updated", "Cart Viewed", "Order Completed",
                         "Order Refunded", "Checkout Started", "Cart Emptied", "x", "", None])  # fmt: skip
LINES = st.dictionaries(st.sampled_from(["sku", "price", "quantity", "category"]), SCALARS, max_size=4)
PROPERTIES = st.dictionaries(
    st.sampled_from(["cart_id", "order_id", "sku", "product_id", "price", "quantity", "total", "revenue", "value",
                     "discount", "currency", "products", "lines", "coupon", "store", "email", "_raw", "skus"]),
    ANYTHING
    | st.lists(LINES, max_size=2),
    max_size=6,
)  # fmt: skip
TRAITS = st.dictionaries(
    st.sampled_from(["email", "phone", "firstName", "name", "birthday", "address", "country", "language", "timezone",
                     "size", ""]),
    ANYTHING | st.dictionaries(st.sampled_from(["city", "country", "zip", "x"]), SCALARS, max_size=3), max_size=5,
)  # fmt: skip
IDS = st.sampled_from([None, "u-1", "u-2", "b-1", "b-2", "userId:u-1", 7, True, "", "null"]) | SCALARS
CONTEXTS = st.fixed_dictionaries({}, optional={
    "traits": TRAITS, "page": ANYTHING | st.fixed_dictionaries({"url": SCALARS}), "campaign": ANYTHING,
    "sessionId": SCALARS,
    "library": ANYTHING, "channel": SCALARS, "referrer": ANYTHING,
})  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["identify", "track", "page", "screen", "group", "alias", "x"])},
    optional={"event": NAMES | SCALARS, "userId": IDS, "anonymousId": IDS, "previousId": IDS, "groupId": IDS,
              "messageId": SCALARS,
              "properties": PROPERTIES | ANYTHING, "traits": TRAITS | ANYTHING, "context": CONTEXTS | ANYTHING,
              "timestamp": SCALARS, "originalTimestamp": SCALARS, "sentAt": SCALARS,
              "name": SCALARS, "channel": SCALARS},
)  # fmt: skip
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(sender: Sender, path: str, body: Any) -> int:
    """The status; undone, so that no example depends on the one before."""
    with transaction.atomic():
        answer = sender.raw(path, json.dumps(body).encode("utf-8", "surrogatepass"))
        transaction.set_rollback(True)
    assert isinstance(answer.json(), dict)
    return int(answer.status_code)


@QUICK
@given(messages=st.lists(MESSAGES | ANYTHING, max_size=5), sent=SCALARS)
def test_any_batch_of_a_page_is_answered(site: Sender, messages: list[Any], sent: Any) -> None:
    assert told(site, "batch", {"batch": messages, "sentAt": sent}) in (200, 400)


@QUICK
@given(messages=st.lists(MESSAGES, max_size=5), sent=SCALARS)
def test_any_batch_of_a_server_is_answered(server: Sender, messages: list[Any], sent: Any) -> None:
    assert told(server, "batch", {"batch": messages, "sentAt": sent}) in (200, 400)


@QUICK
@given(kind=st.sampled_from(["i", "t", "p", "s", "g", "a", "b", "m", "identify"]), body=ANYTHING)
def test_any_body_at_all_is_answered(site: Sender, kind: str, body: Any) -> None:
    assert told(site, kind, body) in (200, 400)


@QUICK
@given(data=st.binary(max_size=60), kind=st.text(max_size=12), encoding=st.sampled_from(["", "gzip", "br", "identity"]))
def test_any_bytes_are_answered(site: Sender, data: bytes, kind: str, encoding: str) -> None:
    headers = {"Content_Encoding": encoding} if encoding else {}
    assert site.raw("batch", data, kind.encode("ascii", "ignore").decode(), **headers).status_code in (200, 400)
