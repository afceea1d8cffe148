"""Elena fills in a form on a page of the shop, and the journey that waits for it writes to her."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from campaigns import lifecycle
from campaigns.models import Enrolment
from channels.models import SandboxMessage
from crm import clock
from crm.models import Contact, Event, Form, FormAnswer
from tests.campaigns import cast
from tests.crm.forms import cast as forms
from tests.flows.conftest import Shop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("ledger_holds")]
WELCOME = {
    "id": "hello", "type": "send.email",
    "config": {
        "subject": "Welcome {{ contact.given_name | default: 'to the club' }}",
        "text": "You came by {{ entry.form | default: 'a form' }}: https://shop.example/club",
    },
}  # fmt: skip


def journey(form: Form, **more: Any) -> int:
    """Who sends this form, and no other one, gets a mail an hour later."""
    entry = {
        "type": "event", "event": "Form Submitted", "reentry": "never",
        "where": [{"f": "properties.form_id", "op": "is", "v": form.slug}],
    }  # fmt: skip
    document = cast.document(cast.wait("w1", 1, "hours"), WELCOME, **{"name": "Club", "entry": [entry], **more})
    campaign = lifecycle.create(document, actor=cast.ADA, now=clock.now())
    lifecycle.publish(campaign, actor=cast.ADA, now=clock.now())
    return campaign.pk


def answer(form: Form, **typed: str) -> None:
    """On the public page, as a stranger's browser sends it."""
    browser = Client(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Firefox")
    assert browser.get(f"/f/{form.slug}/").status_code == 200
    sent = browser.post(f"/f/{form.slug}/", {"ticket": forms.ticket(form), **typed})
    assert sent.status_code in (200, 302, 303), sent.content.decode()


def test_elena_joins_by_a_form_and_the_journey_welcomes_her(shop: Shop, wait: Any) -> None:
    form, other = forms.form(), forms.form("poll", {"id": "n", "type": "nps", "label": "Would you recommend us?"})
    campaign = journey(form)
    answer(form, mail="elena@example.com", name="Elena", yes="1")
    answer(other, mail="dario@example.com", name="Dario", yes="1", n="9")
    wait(seconds=1)
    elena = Contact.objects.get(given_name="Elena")
    run = Enrolment.objects.get(campaign_id=campaign)
    assert (run.contact_id, run.state) == (elena.pk, "waiting")
    assert not SandboxMessage.objects.exists()
    wait(hours=1, minutes=1)
    mail = SandboxMessage.objects.get()
    assert mail.message is not None
    assert (mail.message.contact_id, mail.message.run_id, mail.subject) == (elena.pk, run.pk, "Welcome Elena")
    assert "You came by Join us" in mail.text
    run.refresh_from_db()
    assert (run.state, run.outcome) == ("done", "completed")
    names = Event.objects.filter(contact_id=elena.pk).order_by("id").values_list("name", flat=True)
    assert {"Form Submitted", "Message Sent"} <= set(names)


def test_the_same_page_sent_twice_is_one_run_and_one_mail(shop: Shop, wait: Any) -> None:
    form = forms.form()
    campaign = journey(form)
    page = forms.ticket(form)
    browser = Client(REMOTE_ADDR="203.0.113.7")
    for _ in range(2):
        browser.post(f"/f/{form.slug}/", {"ticket": page, "mail": "elena@example.com", "yes": "1"})
    wait(seconds=1)
    wait(hours=1, minutes=1)
    assert FormAnswer.objects.count() == 1
    assert Enrolment.objects.filter(campaign_id=campaign).count() == 1
    assert SandboxMessage.objects.count() == 1


def test_who_sends_the_form_without_the_box_is_inside_and_gets_no_offers(shop: Shop, wait: Any) -> None:
    form = forms.form()
    campaign = journey(form)
    answer(form, mail="chiara@example.com", name="Chiara")
    wait(seconds=1)
    wait(hours=1, minutes=1)
    run = Enrolment.objects.get(campaign_id=campaign)
    assert Contact.objects.get(pk=run.contact_id).given_name == "Chiara"
    assert not SandboxMessage.objects.exists()
    told = Event.objects.get(contact_id=run.contact_id, name="Message Skipped")
    assert told.properties["reason"] == "consent_missing"
