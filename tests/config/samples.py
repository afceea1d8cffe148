"""For each page an object of the demo to look at. A page without one fails the tests that visit all pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from django.apps import apps

from campaigns import commands, one_off
from campaigns.models import Campaign, Version
from channels.models import Account, SandboxMessage, WebhookDelivery, WebhookEndpoint
from crm import apikeys, clock, exports, groups, ownfields, topics
from crm.capturing import office as capturing
from crm.capturing import seats
from crm.imports import files, steering
from crm.models import (
    ApiKey,
    Contact,
    EvidenceFile,
    FieldDefinition,
    Form,
    FormAnswer,
    FormSeat,
    RequestLog,
    Segment,
    Topic,
    User,
)
from tests.config.routes import Route

PAPER: Final = b"%PDF-"
SCAN: Final = hashlib.sha256(PAPER).hexdigest()
SIZE: Final = {"key": "shoe_size", "label": "Shoe size", "kind": "number"}
# Routes that are not there to be looked at: links in messages, with tests of their own, and one-time links.
ELSEWHERE: Final = {
    "channels:click", "channels:open", "channels:unsubscribe", "channels:preferences", "channels:image",
    "channels:confirm", "channels:confirm-again", "channels:my-data", "channels:copy",
    "channels:report",
    "crm:form-download", "crm:form-seat", "crm:form-done", "crm:form-script", "crm:form-page", "crm:form-embed",
    "crm:join", "crm:setup", "crm:password-new", "logout",
}  # fmt: skip


def _live() -> Campaign:
    return Campaign.objects.exclude(version=None).earliest("pk")


def _step(kind: str = "send.email") -> str:
    return next(str(step["id"]) for step in _live().document["steps"] if step["type"] == kind)


def _lane() -> dict[str, Any]:
    """The first lane of a split by rule."""
    return next(
        {"campaign_id": campaign.pk, "step": step["id"], "lane": 0}
        for campaign in Campaign.objects.order_by("pk")
        for _path, step in commands.walk(campaign.document)
        if step["type"] == "split.rule"
    )


def _one_off() -> int:
    return next(each.pk for each in Campaign.objects.order_by("-pk") if one_off.is_one(each.document))


def _group() -> int:
    return groups.begin("Casa García", "company", actor="system", now=clock.now()).pk


def _topic() -> int:
    return (Topic.objects.first() or topics.add("running", {"en": "Running"}, actor="system")).pk


def _field() -> int:
    return (FieldDefinition.objects.first() or ownfields.add(SIZE, actor="system")).pk


def _contact_with_a_scan() -> int:
    contact = Contact.objects.filter(archived_at=None).earliest("pk").pk
    EvidenceFile.objects.get_or_create(
        contact_id=contact, sha256=SCAN,
        defaults={"name": "a.pdf", "media_type": "application/pdf", "size": 5, "content": PAPER},
    )  # fmt: skip
    return contact


def _import() -> int:
    owner = User.objects.earliest("pk").pk
    kept = files.paste("E-mail;First name\nlena@example.com;Lena\n")
    return steering.begin(kept, "contacts", owner=owner, now=clock.now()).pk


def _export() -> int:
    owner = User.objects.earliest("pk").pk
    job = exports.ask(exports.Wish("contacts", "csv", {}, full=True), owner=owner, actor="system")
    exports.work()
    return job.pk


def _request() -> int:
    row = RequestLog.objects.filter(method="POST").first() or RequestLog.objects.create(
        request_id="0" * 32, method="POST", path="/api/v1/events/", status=422, ms=12, body='{"name": ""}',
        answer='{"title": "Some fields are not valid"}', headers={"Content-Type": "application/json"},
    )  # fmt: skip
    return int(row.pk)


def _key() -> int:
    row = ApiKey.objects.filter(role="tracking", revoked_at=None).first()
    if row is None:
        apikeys.create("tracking", "Web shop")
        row = ApiKey.objects.get(role="tracking", revoked_at=None)
    return int(row.pk)


def _form() -> int:
    """A published event with a seat, so that every page of forms has something to show."""
    found = Form.objects.first()
    if found is None:
        found = capturing.begin("Open day", "event", "en", by=None, actor="system", now=clock.now())
        found.document["blocks"][0]["text"] = "Open day"
        found.document["event"] = {"date": "2030-05-31T18:00", "place": "Here", "seats": 5}
        capturing.save(found.pk, found.document, found.name, "en", actor="system", now=clock.now())
        capturing.publish(found.pk, actor="system", now=clock.now())
    return found.pk


def _seat() -> str:
    contact = Contact.objects.filter(archived_at=None).earliest("pk")
    answer, _ = FormAnswer.objects.get_or_create(token="sample", form_id=_form(), contact=contact)
    seat, _ = FormSeat.objects.get_or_create(form_id=_form(), contact=contact, answer=answer, state="booked")
    return seats.token(seat.pk)


def _webhook() -> int:
    row = WebhookEndpoint.objects.filter(removed_at=None).first()
    kinds = ["contact.*", "message.bounced"]
    return (row or WebhookEndpoint.objects.create(name="Web shop", url="https://shop.example/hooks", kinds=kinds)).pk


def _telling() -> dict[str, int]:
    payload = '{"type": "contact.created", "timestamp": "2026-05-04T09:30:00Z", "data": {"contact": "ctc_3k9"}}'
    row, _ = WebhookDelivery.objects.get_or_create(
        endpoint_id=_webhook(), event_id="evt_1",
        defaults={
            "kind": "contact.created", "payload": payload, "due_at": clock.real(), "state": "failed", "tries": 8,
            "log": [{"at": "2026-05-04T09:30:01+00:00", "status": 503, "ms": 31, "detail": "busy"}],
        },
    )  # fmt: skip
    return {"number": row.endpoint_id, "delivery": row.pk}


def _newest(model: str) -> int:
    """The id of the newest row of a table, "crm.Store"."""
    return int(apps.get_model(model).objects.latest("pk").pk)


# What an argument stands for, wherever it appears.
ARGUMENTS: Final[dict[str, Callable[[], Any]]] = {
    "job_id": _import,
    "campaign_id": lambda: _live().pk,
    "contact_id": lambda: Contact.objects.filter(archived_at=None).earliest("pk").pk,
    "segment_id": lambda: Segment.objects.filter(archived_at=None).earliest("pk").pk,
    "step": _step,
    "user_id": lambda: _newest("crm.User"),
    "group_id": _group,
    "channel": lambda: "email",
    "language": lambda: "en",
    "one": lambda: Version.objects.filter(campaign=_live()).latest("number").number,
    "other": lambda: Version.objects.filter(campaign=_live()).earliest("number").number,
}
# Where an argument does not say enough: route -> its arguments.
ROUTES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    **{f"crm:request{name}": lambda: {"number": _request()} for name in ("", "-again")},
    "crm:tills": lambda: {"number": _newest("crm.Store")},
    "channels:sandbox-message": lambda: {"number": SandboxMessage.objects.latest("pk").pk},
    "channels:sandbox-html": lambda: {"number": SandboxMessage.objects.exclude(html="").latest("pk").pk},
    "channels:domain-check": lambda: {"number": Account.objects.earliest("pk").pk},
    "channels:account-resume": lambda: {"number": Account.objects.earliest("pk").pk},
    "channels:account": lambda: {"number": Account.objects.earliest("pk").pk},
    **{
        f"crm:form{name}": lambda: {"number": _form()}
        for name in (
            "",
            "-preview",
            "-publish",
            "-withdraw",
            "-archive",
            "-file",
            "-share",
            "-sheet",
            "-results",
            "-export",
        )
    },
    "crm:form-check-in": lambda: {"token": _seat()},
    "crm:topic": lambda: {"number": _topic()},
    "crm:topic-archive": lambda: {"number": _topic()},
    "crm:field": lambda: {"number": _field()},
    "crm:field-archive": lambda: {"number": _field()},
    "crm:merge-undo": lambda: {"number": 1},
    "crm:duplicate-dismiss": lambda: {"number": 1},
    "crm:duplicate-reopen": lambda: {"number": 1},
    "crm:store": lambda: {"number": _newest("crm.Store")},
    "crm:contact-evidence": lambda: {"contact_id": _contact_with_a_scan(), "sha256": SCAN},
    "crm:wording": lambda: {"number": _newest("crm.Wording")},
    "analytics:kpi": lambda: {"number": _newest("analytics.Kpi")},
    "analytics:metric": lambda: {"name": "reachable"},
    "analytics:target": lambda: {"number": _newest("analytics.Kpi")},
    "campaigns:lane-rule": _lane,
    "campaigns:lane-rule-change": _lane,
    "campaigns:lane-rule-save": _lane,
    "campaigns:one-off-page": lambda: {"campaign_id": _one_off()},
    "campaigns:one-off-progress": lambda: {"campaign_id": _one_off()},
    "crm:processing-file": lambda: {"form": "json"},
    "crm:retention-change": lambda: {"key": "sandbox"},
    "crm:retention-run": lambda: {"key": "sandbox"},
    "crm:import-steer": lambda: {"job_id": _import(), "verb": "pause"},
    "crm:rights-settle": lambda: {"number": 1},
    "crm:rights-refuse": lambda: {"number": 1},
    "crm:export-download": lambda: {"number": _export()},
    **{
        f"channels:webhook{name}": lambda: {"number": _telling()["number"]}
        for name in ("", "-edit", "-roll", "-test", "-switch", "-remove", "-resend-failed")
    },
    "channels:webhook-delivery": _telling,
    "crm:key-revoke": lambda: {"number": _key()},
    "channels:webhook-resend": _telling,
    "channels:account-reports": lambda: {"number": Account.objects.earliest("pk").pk},
    "campaigns:trace-event": lambda: {"event_id": _newest("crm.Event")},
    "campaigns:steer": lambda: {"campaign_id": _live().pk, "verb": "pause"},
}


def path(route: Route) -> str:
    """An address of the route with things that are there. KeyError names an argument without a sample."""
    given = ROUTES[route.name]() if route.name in ROUTES else {}
    missing = [name for name in route.converters if name not in given]
    return route.path(**given, **{name: ARGUMENTS[name]() for name in missing})


def shown(routes: list[Route]) -> list[Route]:
    """Those that somebody looks at."""
    return [route for route in routes if route.name not in ELSEWHERE and (not route.methods or "GET" in route.methods)]
