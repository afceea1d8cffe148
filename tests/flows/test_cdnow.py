"""Eighteen months of a record shop come in, and those who stopped buying are won back.

Real files, real commands, real workers, a real SMTP server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.config.installation import ROOT, Installation, wait_for
from tests.flows import cdnow
from tests.flows.conftest import EXAMPLES

CONSENT = {
    "purpose": "offers", "channels": ["email"], "basis": "consent", "method": "web_form",
    "source": "Account page", "occurred_at": "1997-01-01T00:00:00Z",
}  # fmt: skip


class RecordShop:
    """The installation under test, with its mail server."""

    def __init__(self, folder: Path) -> None:
        self.log, port = folder / "sink.log", folder / "sink.port"
        self.sink = subprocess.Popen([sys.executable, "-m", "tests.faults.sink", str(self.log), str(port)], cwd=ROOT)
        wait_for(port.exists, 20)
        self.place = Installation(EMAIL_URL=f"smtp://127.0.0.1:{port.read_text()}", TESTING_CLOCK="1", DEBUG="1")
        self.place.up("--no-demo")
        self.run("clock", "set", cdnow.END.isoformat())
        self.key = self.run("create_api_key", "--role", "admin", "--name", "shop").splitlines()[-1]

    def run(self, *arguments: str) -> str:
        done = self.place.manage(*arguments, timeout=400)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    def bring(self, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self.run(*arguments).splitlines()[-1]))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = Request(
            f"{self.place.url}/api/v1/{path}", json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}, method=method,
        )  # fmt: skip
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def mails(self) -> Counter[str]:
        """How many mails each recipient got, as the mail server wrote them down."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return Counter(line.split()[1] for line in lines)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordShop]:
    made = RecordShop(tmp_path_factory.mktemp("cdnow"))
    yield made
    made.place.remove()
    made.sink.kill()


def test_lapsed_customers_of_cdnow_are_won_back(shop: RecordShop, tmp_path: Path) -> None:
    yes, no, orders = cdnow.write(tmp_path)
    people = json.dumps({"external_id": "Customer", "email": "E-mail"})
    brought = [
        shop.bring("import_contacts", str(yes), "--mapping", people, "--consent", json.dumps(CONSENT)),
        shop.bring("import_contacts", str(no), "--mapping", people),
    ]
    assert sum(each["created"] for each in brought) == 23_570
    bought = shop.bring(
        "import_orders", str(orders), "--mapping",
        json.dumps({"external_id": "Customer", "order_id": "Order", "occurred_at": "Day", "total": "Dollars"}),
    )  # fmt: skip
    assert (bought["rows"], bought["created"], bought["rejected"]) == (69_659, 69_659, 0)

    members = cdnow.lapsed_buyers()
    rule = {"all": [
        {"event": "Order Completed", "did": True, "count": {"op": ">=", "v": 2}},
        {"event": "Order Completed", "did": False, "in_last": {"value": 120, "unit": "days"}},
    ]}  # fmt: skip
    segment = shop.call("POST", "segments/", {"name": "Lapsed buyers", "rule": rule})
    wait_for(lambda: shop.call("GET", f"segments/{segment['id']}/")["as_of"], 120)
    assert shop.call("GET", f"segments/{segment['id']}/")["count"] == len(members)

    document = json.loads((EXAMPLES / "win_back.json").read_text().replace("SEGMENT", segment["id"]))
    campaign = shop.call("POST", "campaigns/", document)["id"]
    shop.call("POST", f"campaigns/{campaign}/publish/", {})
    waterfall = shop.call("GET", f"campaigns/{campaign}/waterfall/")
    end = time.monotonic() + 240
    while sum(waterfall["sent"].values()) + sum(waterfall["skipped"].values()) < len(members):
        assert time.monotonic() < end, waterfall
        time.sleep(1)
        waterfall = shop.call("GET", f"campaigns/{campaign}/waterfall/")

    held_out = people_of(shop, campaign, "skipped", "holdout_campaign")
    assert 0.08 < len(held_out) / len(members) < 0.12
    expected = {cdnow.address(each) for each in members if cdnow.consents(each)} - held_out
    assert shop.mails() == Counter(expected)  # exactly one each, and nobody else
    assert waterfall["difference"] == 0
    assert waterfall["sent"] == {"email": len(expected)}
    assert shop.bring("verify_ledger", "--json") is not None


def people_of(shop: RecordShop, campaign: str, state: str, reason: str) -> set[str]:
    """The addresses of those whose message was skipped for this reason, from the messages' list."""
    found: set[str] = set()
    path: str | None = f"messages/?campaign={campaign}&reason={reason}&limit=200"
    while path:
        page = shop.call("GET", path)
        contacts = [message["contact"] for message in page["data"]]
        for contact in contacts:
            kinds = shop.call("GET", f"contacts/{contact}/")["identifiers"]
            found |= {each["value"] for each in kinds if each["kind"] == "email"}
        path = page["next"].split("/api/v1/")[1] if page["next"] else None
    return found
