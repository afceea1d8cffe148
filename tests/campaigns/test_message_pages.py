"""Ada writes a message: it saves itself, says what is wrong, and is looked at as somebody will read it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from campaigns import drafts, lifecycle
from campaigns.models import Campaign, Edit
from channels.models import Account, Message, SandboxMessage, Trial
from crm import clock, digest, publicids
from crm.errors import Problems
from crm.models import AuditEntry, Membership, User
from tests.campaigns import cast

pytestmark = pytest.mark.django_db
TEXT = {"id": "t1", "type": "send.sms", "config": {"text": "Código para {{ contact.given_name | default: 'ti' }}"}}
LETTER = {
    "id": "e1", "type": "send.email", "label": "Hello",
    "config": {
        "subject": "Hello {{ contact.given_name | default: 'you' }}", "preheader": "Only today",
        "html": "<p>Dear {{ contact.given_name | default: 'you' }}, <a href='https://shop.example/a'>see</a></p>",
        "send_expiry": {"value": 3, "unit": "hours"},
    },
}  # fmt: skip


@pytest.fixture
def ada() -> User:
    user = User.objects.create_user("ada@example.com", "cauce-demo-2026", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    return user


@pytest.fixture
def office(client: Client, ada: User) -> Client:
    cast.at_noon()
    client.force_login(ada)
    return client


def draft(*steps: dict[str, Any]) -> Campaign:
    return lifecycle.create(cast.document(*(steps or (LETTER, TEXT))), actor=cast.ADA, now=clock.now())


def at(campaign: Campaign, step: str, tail: str = "message/") -> str:
    return f"/campaigns/{publicids.encode('cmp', campaign.pk)}/journey/steps/{step}/{tail}"


def config_of(campaign: Campaign, step: str) -> dict[str, Any]:
    campaign.refresh_from_db()
    found: dict[str, Any] = next(each for each in campaign.document["steps"] if each["id"] == step)["config"]
    return found


def save(office: Client, campaign: Campaign, step: str, **said: Any) -> Any:
    said.setdefault("seen", digest.of(config_of(campaign, step)))
    return office.post(at(campaign, step, "message/save/"), {"whole": "1", **said}, headers={"HX-Request": "true"})


def test_ada_sees_her_mail_with_its_checks(office: Client) -> None:
    campaign = draft()
    page = office.get(at(campaign, "e1")).content.decode()
    assert "Hello you" not in page  # the made-up person has a name
    assert "Hello Marta" in page
    assert "Only today" in page
    assert "Ready" in page
    assert "1 link" in page
    assert office.get(at(campaign, "nothing")).status_code == 404


def test_what_she_types_is_saved_and_checked(office: Client) -> None:
    campaign = draft()
    answer = save(office, campaign, "e1", subject="Hi {{ contact.given_name }}", html="<p>x</p>")
    assert answer.status_code == 200
    assert "has no value for some people" in answer.content.decode()
    assert config_of(campaign, "e1") == {
        "subject": "Hi {{ contact.given_name }}", "preheader": "Only today", "html": "<p>x</p>",
        "send_expiry": {"value": 3, "unit": "hours"},
    }  # fmt: skip
    assert '"revision": 2' in answer["HX-Trigger"]
    assert answer["X-Seen"] == digest.of(config_of(campaign, "e1"))
    problems, _ = drafts.problems(campaign)
    assert [(each.pointer, each.code) for each in problems] == [("/steps/0/config/subject", "no_fallback")]
    with pytest.raises(Problems):
        lifecycle.publish(campaign, cast.ADA, clock.now())


def test_a_draft_may_be_without_words(office: Client) -> None:
    campaign = draft()
    answer = save(office, campaign, "t1", text="")
    assert answer.status_code == 200
    assert "The SMS has no text yet." in answer.content.decode()
    assert config_of(campaign, "t1") == {}
    assert office.get(at(campaign, "t1")).status_code == 200


def test_two_editors_do_not_overwrite_each_other(office: Client) -> None:
    campaign = draft()
    seen = digest.of(config_of(campaign, "t1"))
    save(office, campaign, "t1", text="Of Luis")
    answer = save(office, campaign, "t1", text="Of Ada", seen=seen)
    assert answer.status_code == 409
    assert "Ada" in answer.content.decode()
    assert config_of(campaign, "t1")["text"] == "Of Luis"
    plain = office.post(at(campaign, "t1", "message/save/"), {"text": "x", "seen": seen})
    assert plain.status_code == 302
    assert config_of(campaign, "t1")["text"] == "Of Luis"


def test_what_happens_elsewhere_in_the_journey_is_no_conflict(office: Client) -> None:
    campaign = draft()
    seen = digest.of(config_of(campaign, "t1"))
    save(office, campaign, "e1", subject="Other")
    assert save(office, campaign, "t1", text="Mine", seen=seen).status_code == 200


def test_an_answer_that_was_lost_is_no_conflict_with_oneself(office: Client) -> None:
    campaign = draft()
    seen = digest.of(config_of(campaign, "t1"))
    save(office, campaign, "t1", text="One", key="k1")
    answer = save(office, campaign, "t1", text="Two", seen=seen, key="k2", unanswered=["k1"])
    assert answer.status_code == 200
    assert config_of(campaign, "t1")["text"] == "Two"
    assert Edit.objects.filter(campaign=campaign).count() == 2


def test_undo_and_redo_are_those_of_the_builder(office: Client) -> None:
    campaign = draft()
    save(office, campaign, "t1", text="One")
    save(office, campaign, "t1", text="Two")
    office.post(at(campaign, "t1", "message/undo/"))
    assert config_of(campaign, "t1")["text"] == "One"
    office.post(at(campaign, "t1", "message/redo/"))
    assert config_of(campaign, "t1")["text"] == "Two"


def test_the_text_part_is_made_from_the_html(office: Client) -> None:
    campaign = draft()
    body = {"html": "<p>One</p><p>Two</p>", "make_text": "1", "seen": digest.of(config_of(campaign, "e1"))}
    assert office.post(at(campaign, "e1", "message/save/"), body).status_code == 302
    assert config_of(campaign, "e1")["text"] == "One\n\nTwo"


def test_an_sms_says_what_it_costs_and_which_letters_make_it_dear(office: Client) -> None:
    Account.objects.update_or_create(
        channel="sms", is_default=True, defaults={"carrier": "sandbox", "name": "sms", "cost": "0.055"}
    )
    campaign = draft()
    page = office.get(at(campaign, "t1")).content.decode()
    assert "Unicode" in page
    assert 'data-replace="ó"' in page
    assert 'data-with="o"' in page
    save(office, campaign, "t1", text="Código", plain="1")
    assert config_of(campaign, "t1")["text"] == "Codigo"
    page = office.get(at(campaign, "t1")).content.decode()
    assert "GSM-7" in page
    assert "data-replace" not in page


def test_the_total_is_for_those_who_can_be_reached(office: Client) -> None:
    Account.objects.update_or_create(
        channel="sms", is_default=True, defaults={"carrier": "sandbox", "name": "sms", "cost": "0.10"}
    )
    elena = cast.person()
    cast.person("Chiara", sms=False)
    segment = cast.segment([elena])
    entry = {"type": "segment", "segment": publicids.encode("seg", segment.pk), "mode": "current"}
    campaign = lifecycle.create(
        cast.document({**TEXT, "config": {"text": "Hola"}}, entry=[entry]), actor=cast.ADA, now=clock.now()
    )
    page = office.get(at(campaign, "t1", "total/")).content.decode()
    assert "1 person expected" in page
    # The way out that we add makes it longer than a part where the address of the house is long.
    assert "€" in page


def test_a_preview_is_a_page_of_its_own_that_runs_nothing(office: Client) -> None:
    elena = cast.person("Elena <3")
    campaign = draft()
    answer = office.get(at(campaign, "e1", "preview/"), {"contact": publicids.encode("ctc", elena.pk)})
    assert "Dear Elena &lt;3" in answer.content.decode()
    assert answer["Content-Security-Policy"].startswith("sandbox ")
    assert "script-src" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["Cache-Control"] == "no-store, private"
    text = office.get(at(campaign, "e1", "preview/"), {"view": "text"}).content.decode()
    assert "Dear Marta, see: https://shop.example/a" in text
    assert "color-scheme:dark" in office.get(at(campaign, "e1", "preview/"), {"dark": "1"}).content.decode()


def test_words_that_are_not_saved_can_be_looked_at_and_are_kept_nowhere(office: Client) -> None:
    campaign = draft()
    before = config_of(campaign, "e1")
    answer = office.post(at(campaign, "e1", "preview/"), {"html": "<p>New for {{ contact.city }}</p>"})
    assert "New for Valencia" in answer.content.decode()
    broken = office.post(at(campaign, "e1", "preview/"), {"html": "{% if %}"})
    assert "cannot be shown" in broken.content.decode()
    assert config_of(campaign, "e1") == before
    assert Edit.objects.count() == 0


def test_conditions_are_those_of_the_chosen_contact(office: Client) -> None:
    elena = cast.person("Elena")
    nameless = cast.person("")
    html = "{% if contact.given_name %}<p>Dear {{ contact.given_name }}</p>{% else %}<p>Dear customer</p>{% endif %}"
    campaign = draft({**LETTER, "config": {"subject": "x", "html": html}})
    for contact, words in ((elena, "Dear Elena"), (nameless, "Dear customer")):
        answer = office.get(at(campaign, "e1", "preview/"), {"contact": publicids.encode("ctc", contact.pk)})
        assert words in answer.content.decode()


def test_channels_stand_side_by_side_and_the_same_text_is_noted(office: Client) -> None:
    same = "Your cart is waiting for you, come back before Sunday and take ten percent off. {{ links.unsubscribe }}"
    campaign = draft(
        {"id": "e1", "type": "send.email", "config": {"subject": "x", "text": same}},
        {"id": "t1", "type": "send.sms", "config": {"text": same}},
    )
    page = office.get(f"/campaigns/{publicids.encode('cmp', campaign.pk)}/messages/").content.decode()
    assert "Nearly the same text" in page
    assert page.count("message-preview") + page.count("/preview/") >= 1
    other = draft()
    page = office.get(f"/campaigns/{publicids.encode('cmp', other.pk)}/messages/").content.decode()
    assert "Nearly the same text" not in page


def test_people_are_found_to_look_with(office: Client) -> None:
    cast.person("Elena")
    assert office.get("/campaigns/stand-ins/", {"q": "El"}).content.decode().count("ctc_") == 0
    found = office.get("/campaigns/stand-ins/", {"q": "nobody-there"}).content.decode()
    assert "Nobody found" in found


# --- tests -----------------------------------------------------------------------------------------


def test_a_test_goes_to_ada_alone_and_counts_nowhere(office: Client, ada: User) -> None:
    elena = cast.person("Elena")
    campaign = draft()
    answer = office.post(at(campaign, "e1", "test/"), {"contact": publicids.encode("ctc", elena.pk)})
    assert answer.status_code == 302
    kept = SandboxMessage.objects.get()
    assert (kept.message_id, kept.recipient, kept.subject) == (None, "ada@example.com", "[Test] Hello Elena")
    assert Message.objects.count() == 0
    assert Trial.objects.get().user == ada
    assert AuditEntry.objects.filter(action="message.test").count() == 1
    assert mail.outbox == []
    inbox = office.get(f"/sandbox/{kept.pk}/").content.decode()
    assert "[Test] Hello Elena" in inbox


def test_the_links_of_a_test_lead_nowhere(office: Client, client: Client) -> None:
    campaign = draft()
    office.post(at(campaign, "e1", "test/"))
    text = SandboxMessage.objects.get().text
    token = text.rpartition("/u/")[2].split()[0]
    assert client.post(f"/u/{token}", {"List-Unsubscribe": "One-Click"}).status_code == 404


def test_an_sms_test_goes_to_a_number_that_is_no_customers(office: Client) -> None:
    elena = cast.person()
    campaign = draft()
    office.post(at(campaign, "t1", "test/"), {"phone": ""})
    assert Trial.objects.count() == 0
    office.post(at(campaign, "t1", "test/"), {"phone": f"+3460{elena.pk:07d}"})
    assert Trial.objects.count() == 0
    office.post(at(campaign, "t1", "test/"), {"phone": "600 11 22 33"})
    assert Trial.objects.get().recipient == "+34600112233"
    # From then on it is known: one click.
    office.post(at(campaign, "t1", "test/"))
    assert Trial.objects.count() == 2
    assert SandboxMessage.objects.first().text.startswith("TEST: ")  # type: ignore[union-attr]


def test_tests_have_a_limit(office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from channels import trials

    monkeypatch.setattr(trials, "MOST_AN_HOUR", 2)
    campaign = draft()
    for _ in range(4):
        office.post(at(campaign, "e1", "test/"))
    assert Trial.objects.count() == 2


def test_a_message_that_cannot_be_written_is_not_tested(office: Client) -> None:
    campaign = draft()
    save(office, campaign, "t1", text="{% if %}")
    answer = office.post(at(campaign, "t1", "test/"), {"phone": "600112233"}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert Trial.objects.count() == 0


# --- who may, and what it costs -----------------------------------------------------------------------


def test_an_analyst_reads_and_changes_nothing(client: Client) -> None:
    eva = User.objects.create_user("eva@example.com", "cauce-demo-2026")
    Membership.objects.create(user=eva, role="analyst")
    client.force_login(eva)
    campaign = draft()
    page = client.get(at(campaign, "e1"))
    assert page.status_code == 200
    assert "Send me a test" not in page.content.decode()
    assert client.post(at(campaign, "e1", "message/save/"), {"subject": "x"}).status_code == 403
    assert client.post(at(campaign, "e1", "test/")).status_code == 403
    assert Edit.objects.count() == 0


def test_the_page_asks_as_much_for_two_messages_as_for_twenty(
    office: Client, django_assert_max_num_queries: Any
) -> None:
    few = draft()
    many = draft(LETTER, *({**TEXT, "id": f"t{number}"} for number in range(20)))
    office.get(at(few, "e1"))
    with django_assert_max_num_queries(30) as one:
        office.get(at(few, "e1"))
    with django_assert_max_num_queries(len(one.captured_queries)):
        office.get(at(many, "e1"))
