"""What Elena the developer sees of a request never says who somebody is, and what she sends again is what was sent."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.rest import masking

PLANTED = ["ana.ruiz@example.com", "alba.rey@shop.example", "+34 600 111 218", "34699222218", "8400012345670"]
NAMES = ["Carmen", "Montes Ruiz", "Ana Belén"]
NAMED = st.dictionaries(st.sampled_from(["given_name", "familyName", "first-name", "street"]), st.sampled_from(NAMES))
CALLED = st.dictionaries(st.sampled_from(["nombre", "name", ""]), st.sampled_from(NAMES))
OWN = st.dictionaries(st.sampled_from(["traits", "fields"]), CALLED)
LEAF = st.sampled_from([*PLANTED, 34612345678, "text", 96.9, 5, None, "call +34 600 111 218, or ana.ruiz@example.com"])
BODY = st.recursive(
    LEAF | NAMED | OWN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "value", "email"]), inner),
    max_leaves=12,
)
SECRETS = ["ana.ruiz", "alba.rey", "600 111", "346992", "34612345", "84000123", "Carmen", "Montes", "Belén"]


def told(shown: str) -> list[str]:
    return [secret for secret in SECRETS if secret in shown]


@settings(deadline=None)
@given(BODY)
def test_nobody_is_known_by_a_masked_body_and_every_mask_is_put_back(body: Any) -> None:
    text = json.dumps({"said": body}, ensure_ascii=False)
    shown = masking.masked(text)
    assert told(shown) == []
    assert json.loads(masking.restored(shown, text)) == {"said": body}


@settings(deadline=None)
@given(BODY, st.integers(1, 60))
def test_nobody_is_known_by_a_body_that_was_cut_or_is_broken(body: Any, lost: int) -> None:
    text = json.dumps({"said": body}, ensure_ascii=False)
    assert told(masking.masked(text[:-lost])) == []
    assert told(masking.masked(text + " oops")) == []


@pytest.mark.parametrize(
    "text",
    ["given_name=Carmen&phone=8400012345670", "name;mail\nCarmen;ana.ruiz@example.com", '"Carmen"', '["Carmen"]'],
)
def test_what_is_no_object_tells_nobody(text: str) -> None:
    assert told(masking.masked(text)) == []


def test_two_people_whose_masks_look_alike_are_never_taken_for_each_other() -> None:
    text = json.dumps({"events": [{"email": "ana@shop.example"}, {"email": "alba@other.example"}]})
    shown = json.loads(masking.masked(text))
    first, second = shown["events"]
    assert first != second
    sent = json.loads(masking.restored(json.dumps({"events": [second]}), text))
    assert sent == {"events": [{"email": "alba@other.example"}]}, "the first was taken out; the second is still Alba"


def test_somebody_who_sends_dots_gets_their_dots_back() -> None:
    text = json.dumps({"given_name": "Ana", "label": "•••", "email": "ana@shop.example", "hint": "a•••@•••"})
    assert json.loads(masking.restored(masking.masked(text), text)) == json.loads(text)


def test_a_body_that_was_broken_is_mended_with_its_masks() -> None:
    text = '{"given_name": "Carmen", "properties": {"n": 5},}'
    shown = masking.masked(text)
    assert json.loads(masking.restored(shown.replace(",}", "}"), text)) == {
        "given_name": "Carmen", "properties": {"n": 5},
    }  # fmt: skip


def test_an_address_shows_nobody_but_which_order_it_was() -> None:
    assert told(masking.path("/api/v1/contacts/ana.ruiz@example.com/")) == []
    assert masking.path("/api/v1/orders/123456789012/") == "/api/v1/orders/123456789012/"
    assert told(masking.query("email=ana.ruiz%40example.com&card=8400012345670")) == []
    assert masking.query("limit=50&since=2026-01-01") == "limit=50&since=2026-01-01"


@pytest.mark.parametrize(
    "text", ["a" * 32_768, "a@" * 16_384, "1 " * 16_384, "[1" * 10_000, '{"a":' * 900 + "1" + "}" * 900]
)
def test_no_body_keeps_the_page_waiting(text: str) -> None:
    started = time.process_time()
    masking.masked(text)
    assert time.process_time() - started < 2
