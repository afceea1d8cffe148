"""The shop's own program brings a file: by the steps of the screen, a worker at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm.imports import work
from crm.models import ConsentState, Contact, ImportJob, Order
from tests.api.conftest import Speaker
from tests.crm.imports.conftest import _own_files  # noqa: F401 - fixture

pytestmark = pytest.mark.django_db

ROWS = [{"email": "elena@example.com", "city": "Lugo"}, {"email": "x"}]
CONSENT = {
    "purposes": ["offers"], "channels": ["email"], "basis": "consent", "method": "paper_form",
    "source": "Card forms", "occurred_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


def settle() -> None:
    while work.work():
        pass


def begin(shop: Speaker, **said: Any) -> dict[str, Any]:
    made = shop.post("imports/", {"kind": "contacts", "rows": ROWS} | said)
    assert made.status_code == 202, made.content
    settle()
    found: dict[str, Any] = shop.get(f"imports/{made.json()['id']}/").json()
    return found


def test_rows_come_in_and_can_be_taken_back(shop: Speaker) -> None:
    found = begin(shop)
    assert found["state"] == "done"
    assert (found["rows"], found["created"], found["rejected"]) == (2, 1, 1)
    assert found["mapping"] == {"email": "email", "city": "city"}
    (row,) = shop.get(f"imports/{found['id']}/rejected/").json()["data"]
    assert (row["line"], row["code"], row["cells"]) == (3, "not_an_email", ["x", ""])
    assert Contact.objects.get().city == "Lugo"
    assert found["undo_until"]
    assert shop.post(f"imports/{found['id']}/undo/").status_code == 202
    settle()
    assert shop.get(f"imports/{found['id']}/").json()["undone"] == 1
    assert not Contact.objects.filter(archived_at=None).exists()
    assert shop.post(f"imports/{found['id']}/undo/").status_code == 409


def test_a_dry_run_says_what_would_become_of_each_row_and_waits(shop: Speaker) -> None:
    found = begin(shop, dry_run=True)
    assert found["state"] == "checked"
    assert (found["check"]["verdicts"]["created"], found["check"]["reasons"]) == (1, {"not_an_email": 1})
    assert not Contact.objects.exists()
    assert shop.post(f"imports/{found['id']}/start/").json()["state"] == "running"
    assert shop.post(f"imports/{found['id']}/pause/").json()["state"] == "paused"
    settle()
    assert not Contact.objects.exists()
    shop.post(f"imports/{found['id']}/start/")
    settle()
    assert Contact.objects.count() == 1
    assert shop.post(f"imports/{found['id']}/cancel/").status_code == 409


def test_people_come_as_not_asked_unless_their_consent_comes_with_its_proof(shop: Speaker) -> None:
    begin(shop)
    assert not ConsentState.objects.exists()
    begin(shop, consent=CONSENT)
    assert ConsentState.objects.get().state == "granted"


@pytest.mark.parametrize("missing", ["purposes", "channels", "basis", "source", "occurred_at"])
def test_a_consent_without_its_proof_is_refused(shop: Speaker, missing: str) -> None:
    said = {name: value for name, value in CONSENT.items() if name != missing}
    answer = shop.post("imports/", {"kind": "contacts", "rows": ROWS, "consent": said})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"/consent/{missing}"]
    assert not ImportJob.objects.exclude(state="cancelled").exists()


def test_a_file_comes_with_what_is_said_of_it(shop: Speaker) -> None:
    boundary = "b0undary"
    parts = {"kind": "orders", "mapping": json.dumps({"email": "Who", "order_id": "No", "occurred_at": "Day",
             "total": "Sum"}), "dates": "dmy"}  # fmt: skip
    text = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    text += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="sales.csv"\r\n\r\n'
        f"Who;No;Day;Sum\nelena@example.com;o1;03/04/2026;1.234,50\n\r\n--{boundary}--\r\n"
    )
    kind = {"Content_Type": f"multipart/form-data; boundary={boundary}", "Idempotency_Key": "once"}
    made = shop.ask("POST", "imports/", raw=text.encode(), **kind)
    assert made.status_code == 202, made.content
    again = shop.ask("POST", "imports/", raw=text.encode(), **kind)
    assert again.json() == made.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ImportJob.objects.count() == 1
    settle()
    assert shop.get(f"imports/{made.json()['id']}/").json()["name"] == "sales.csv"
    assert str(Order.objects.get().total) == "1234.50"
    broken = shop.ask("POST", "imports/", raw=b"--x", **(kind | {"Idempotency_Key": "two"}))
    assert broken.status_code in {400, 422}


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"mapping": {"email": "nowhere"}}, "/mapping/email"),
        ({"mapping": {"city": "city"}}, "/mapping"),
        ({"mapping": {"shoe": "city"}}, "/mapping/shoe"),
        ({"rows": []}, "/rows"),
        ({"rows": [{}]}, "/rows"),
        ({"kind": "cats"}, "/kind"),
        ({"kind": "products", "mapping": {"sku": "city"}, "consent": CONSENT}, "/consent"),
        ({"kind": "orders"}, "/mapping/order_id"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_leaves_nothing(
    shop: Speaker, said: dict[str, Any], pointer: str
) -> None:
    answer = shop.post("imports/", {"kind": "contacts", "rows": ROWS} | said)
    assert answer.status_code == 422, answer.content
    assert pointer in [each["pointer"] for each in answer.json()["errors"]], answer.content
    assert not ImportJob.objects.exclude(state="cancelled").exists()


def test_the_analyst_brings_nothing(analyst: Speaker) -> None:
    assert analyst.post("imports/", {"kind": "contacts", "rows": ROWS}).status_code == 403
