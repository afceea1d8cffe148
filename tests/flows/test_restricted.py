"""Every door of the house, tried with two people: Chiara, whose data is restricted, and Dario, whose is not.

Each door answers what it did with the person. With Dario it must do something, or the test could not fail; with
Chiara it must do nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from analytics import stages
from analytics.models import ContactStage
from campaigns.models import Enrolment, Refusal
from channels import stand_in
from channels.models import SandboxMessage
from crm import clock, consent, directory, groups, publicids
from crm.models import Contact, ContactTag, Duplicate, ListMember, SegmentMember, User
from tests.crm.imports.conftest import _own_files, ada, bring  # noqa: F401 - fixtures
from tests.flows.conftest import Shop

pytestmark = pytest.mark.usefixtures("ledger_holds")
MAIL: Final = {"subject": "Hello", "html": "<p>Hello</p>", "text": "Hello"}
VISIT: Final = {
    "name": "Visit", "purpose": "offers", "entry": [{"type": "event", "event": "Store Visited"}, {"type": "manual"}],
    "steps": [{"id": "e1", "type": "send.email", "config": MAIL}], "holdout_pct": 0,
}  # fmt: skip


@dataclass
class House:
    """What the doors need: the shop's API, the office's browser, business time and files."""

    shop: Shop
    office: Client
    wait: Any
    bring: Any

    def number(self, who: dict[str, str]) -> int:
        return int(Contact.objects.get(identifiers__value=who["email"]).pk)

    def name(self, who: dict[str, str]) -> str:
        return publicids.encode("ctc", self.number(who))


Door = Callable[[House, dict[str, str]], Any]
DOORS: dict[str, Door] = {}


def door(verb: Door) -> Door:
    DOORS[verb.__name__] = verb
    return verb


@door
def an_event_starts_a_campaign_and_its_mail_goes(house: House, who: dict[str, str]) -> Any:
    campaign = house.shop.campaign(VISIT)
    house.shop.event(who, "Store Visited")
    house.wait(minutes=1)
    runs = Enrolment.objects.filter(contact=house.number(who), campaign=publicids.decode("cmp", campaign))
    mails = SandboxMessage.objects.filter(message__contact_id=house.number(who))
    if not runs:
        assert {each.reason for each in Refusal.objects.filter(contact=house.number(who))} == {"restricted"}
    return list(runs) + list(mails)


@door
def a_campaign_is_started_over_the_api(house: House, who: dict[str, str]) -> Any:
    campaign = house.shop.campaign(VISIT)
    answer = house.shop.http.post(
        f"/api/v1/campaigns/{campaign}/trigger/", {"contact": who}, content_type="application/json",
        headers={"Authorization": f"Bearer {house.shop.key}"},
    )  # fmt: skip
    house.wait(minutes=1)
    assert answer.status_code < 500
    return list(Enrolment.objects.filter(contact=house.number(who)))


@door
def a_segment_has_them(house: House, who: dict[str, str]) -> Any:
    rule = {"all": [{"f": "contact.country", "op": "is", "v": "ES"}]}
    house.shop.post("segments/", {"name": "Spain", "rule": rule})
    house.wait(minutes=1)
    return list(SegmentMember.objects.filter(contact=house.number(who)))


@door
def their_stage_goes_up(house: House, who: dict[str, str]) -> Any:
    before = stages.of([house.number(who)])
    house.shop.event(who, "Product Added", sku="boot", product_id="boot", cart_id="c1")
    house.wait(minutes=1)
    return stages.of([house.number(who)]) != before


@door
def their_stage_ends_by_silence(house: House, who: dict[str, str]) -> Any:
    ContactStage.objects.update_or_create(
        contact_id=house.number(who),
        defaults={"stage": "loyal", "since": clock.now(), "quiet_at": clock.now() - timedelta(days=400)},
    )
    house.wait(minutes=1)
    return stages.of([house.number(who)]) == {house.number(who): "lapsed"}


@door
def they_are_looked_up_as_a_double(house: House, who: dict[str, str]) -> Any:
    person = Contact.objects.get(pk=house.number(who))
    house.shop.post("contacts/", {
        "identifiers": [{"kind": "email", "value": "other@example.net"}], "given_name": person.given_name,
        "family_name": "Gil", "birth_date": "1990-02-03",
    })  # fmt: skip
    house.wait(minutes=1)
    return list(Duplicate.objects.filter(state="open"))


@door
def the_api_changes_their_fields(house: House, who: dict[str, str]) -> Any:
    answer = house.shop.http.post(
        "/api/v1/contacts/", {"identifiers": [{"kind": "email", "value": who["email"]}], "city": "Vigo"},
        content_type="application/json", headers={"Authorization": f"Bearer {house.shop.key}"},
    )  # fmt: skip
    if answer.status_code != 200:
        assert "restricted" in {each["code"] for each in answer.json()["errors"]}
    return Contact.objects.get(pk=house.number(who)).city


@door
def a_file_changes_their_fields(house: House, who: dict[str, str]) -> Any:
    job = house.bring(f"email,city\n{who['email']},Vigo\n", policy="overwrite")
    assert job.state == "done"
    if job.rejected:
        assert list(job.importreject_set.values_list("code", flat=True).distinct()) == ["restricted"]
    return Contact.objects.get(pk=house.number(who)).city


@door
def a_check_of_a_file_says_what_would_change(house: House, who: dict[str, str]) -> Any:
    job = house.bring(f"email,city\n{who['email']},Vigo\n", policy="overwrite", until="checked")
    return job.check_found and not job.importreject_set.filter(code="restricted").exists()


@door
def a_tag_is_hung_on_them(house: House, who: dict[str, str]) -> Any:
    _act(house, "tag", who, "runner")
    return list(ContactTag.objects.filter(contact=house.number(who)))


@door
def they_are_put_on_a_list(house: House, who: dict[str, str]) -> Any:
    _act(house, "enlist", who, "Sunday runners")
    return list(ListMember.objects.filter(contact=house.number(who)))


@door
def they_are_put_into_a_household(house: House, who: dict[str, str]) -> Any:
    group = groups.begin(f"Home of {who['email']}", "household", actor="user:1", now=clock.now())
    house.office.post(reverse("crm:group-add", args=[group.pk]), {"who": who["email"]})
    return groups.members_of(group)


@door
def an_api_counts_them(house: House, who: dict[str, str]) -> Any:
    rule = {"all": [{"f": "contact.given_name", "op": "is", "v": who["email"].split("@")[0].capitalize()}]}
    return house.shop.post("segments/count/", {"rule": rule})["count"]


@door
def a_download_of_contacts_has_them(house: House, who: dict[str, str]) -> Any:
    return who["email"] in _download(house, reverse("crm:export-ask"), what="contacts", form="csv")


@door
def the_list_as_a_file_has_them(house: House, who: dict[str, str]) -> Any:
    answer = house.office.get(reverse("crm:contacts-export"))
    told = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return any(house.name(who) in row for row in csv.reader(io.StringIO(told)))


@door
def a_download_of_what_happened_has_it(house: House, who: dict[str, str]) -> Any:
    house.shop.event(who, "Store Visited")
    told = _download(house, reverse("crm:export-ask"), what="events", form="csv", contact=house.name(who))
    return "Store Visited" in told


@door
def a_service_message_would_go(house: House, who: dict[str, str]) -> Any:
    answer = consent.allowed(house.number(who), "service", "email", clock.now(), "service")
    return isinstance(answer, consent.Allow)


@door
def a_yes_is_asked_to_be_confirmed(house: House, who: dict[str, str]) -> Any:
    house.shop.post("consents/", {
        "contact": who, "purpose": "newsletter", "channel": "email", "action": "granted", "method": "web_form",
        "source": "shop", "confirm": True,
    })  # fmt: skip
    house.wait(minutes=1)
    return list(SandboxMessage.objects.filter(message__contact_id=house.number(who)))


@door
def they_stand_in_for_the_reader_of_a_draft(house: House, who: dict[str, str]) -> Any:
    number = house.number(who)
    return stand_in.choose(number, [], clock.now()).contact_id == number and stand_in.search(who["email"])


def _act(house: House, do: str, who: dict[str, str], target: str) -> None:
    given = {"do": do, "id": house.name(who), "target": target if do == "tag" else "", "name": target}
    assert house.office.post(reverse("crm:contacts-act"), given).status_code == 302


def _download(house: House, url: str, **given: str) -> str:
    answer = house.office.post(url, given)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.fixture
def house(shop: Shop, wait: Any, client: Client, ada: User, bring: Any) -> House:  # noqa: F811
    client.force_login(ada)
    return House(shop, client, wait, bring)


def customer(house: House, name: str) -> dict[str, str]:
    who = house.shop.customer(name)
    fields = {"family_name": "Gil", "birth_date": "1990-02-03"}
    house.shop.post("contacts/", {"identifiers": [{"kind": "email", "value": who["email"]}], **fields})
    house.wait(minutes=1)
    return who


@pytest.mark.parametrize("name", sorted(DOORS))
def test_dario_goes_through_and_chiara_does_not(house: House, name: str) -> None:
    chiara = customer(house, "Chiara")
    house.shop.post(f"contacts/{house.name(chiara)}/restriction/", {"why": "accuracy"})
    house.wait(minutes=1)
    assert not DOORS[name](house, chiara), f"{name}: Chiara was processed"
    dario = customer(house, "Dario")
    assert DOORS[name](house, dario), f"{name}: this door does nothing even for Dario"


def test_chiara_is_still_found_counted_and_seen(house: House) -> None:
    chiara = customer(house, "Chiara")
    house.shop.post(f"contacts/{house.name(chiara)}/restriction/", {"why": "claims", "words": "A lawsuit"})
    (found,) = house.shop.get(f"contacts/?email={chiara['email']}")["data"]
    assert found["restricted"] is True
    assert [each.pk for each in directory.find(chiara["email"], 3)] == [house.number(chiara)]
    page = house.office.get(reverse("crm:contacts")).content.decode()
    assert "Restricted" in page
    assert "1 person is restricted and in no download" in page
    assert house.name(chiara) in house.office.get(f"{reverse('crm:contacts')}?who=restricted").content.decode()
    page = house.office.get(reverse("crm:contact", args=[house.number(chiara)])).content.decode()
    assert "contact-restricted" in page
    assert "They need it for a claim of theirs" in page
    assert "A lawsuit" in page
    house.shop.call("DELETE", f"contacts/{house.name(chiara)}/restriction/")
    page = house.office.get(reverse("crm:contact", args=[house.number(chiara)])).content.decode()
    assert "contact-restricted" not in page


def test_her_no_always_goes_through(house: House) -> None:
    chiara = customer(house, "Chiara")
    house.shop.post(f"contacts/{house.name(chiara)}/restriction/", {"why": "accuracy"})
    said = house.shop.post("consents/", {
        "contact": chiara, "purpose": "offers", "channel": "email", "action": "withdrawn", "source": "shop",
    })  # fmt: skip
    assert said["state"] == "withdrawn"
    answer = house.shop.post(f"contacts/{house.name(chiara)}/objection/", {"method": "verbal_call", "source": "phone"})
    assert answer["receipts"] > 60
    again = house.shop.post(f"contacts/{house.name(chiara)}/objection/", {"method": "verbal_call", "source": "phone"})
    assert again["receipts"] == 0
    call_command("verify_ledger")
