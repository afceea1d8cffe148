"""The addresses under /api/v1/. A trailing slash is optional everywhere."""

from __future__ import annotations

import re

from django.urls import URLPattern, re_path

from analytics.api import figures, report
from campaigns.api import edit as campaigns
from campaigns.api import explain, numbers, runs, trace
from channels.api import messages, webhooks
from crm.api import (
    allowed,
    catalogue,
    consents,
    contacts,
    cookies,
    copies,
    duplicates,
    events,
    imports,
    limits,
    orders,
    ownfields,
    segments,
)
from crm.rest.endpoint import Endpoint, Nowhere


def at(route: str, view: type[Endpoint], name: str) -> URLPattern:
    """`at("contacts/<public_id>", …)`: one address, with or without its last slash."""
    pattern = re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", route)
    return re_path(rf"^{pattern}/?$", view.as_view(), name=f"api-{name}")


urlpatterns = [
    at("contacts", contacts.Contacts, "contacts"),
    at("contacts/batch", contacts.ContactsBatch, "contacts-batch"),
    at("contacts/duplicates", duplicates.Duplicates, "contacts-duplicates"),
    at("contacts/<public_id>", contacts.OneContact, "contact"),
    at("contacts/<public_id>/timeline", contacts.Timeline, "timeline"),
    at("contacts/<public_id>/restriction", limits.Restriction, "contact-restriction"),
    at("contacts/<public_id>/objection", limits.ObjectToAll, "contact-objection"),
    at("contacts/<public_id>/export", copies.Copies, "contact-export"),
    at("contacts/<public_id>/export/<number>", copies.OneCopy, "contact-export-state"),
    at("contacts/<public_id>/export/<number>/file", copies.CopyFile, "contact-export-file"),
    at("fields", ownfields.OwnFields, "fields"),
    at("consents", consents.Consents, "consents"),
    at("consents/confirm", consents.Confirm, "consents-confirm"),
    at("consents/cookies", cookies.Cookies, "consents-cookies"),
    at("consents/allowed", allowed.Allowed, "consents-allowed"),
    at("events", events.Events, "events"),
    at("events/batch", events.EventsBatch, "events-batch"),
    at("events/<public_id>/trace", trace.EventTrace, "event-trace"),
    at("orders", orders.Orders, "orders"),
    at("orders/<order_id>", orders.OneOrder, "order"),
    at("orders/<order_id>/refund", orders.Refund, "order-refund"),
    at("orders/<order_id>/cancel", orders.Cancel, "order-cancel"),
    at("products", catalogue.Catalogue, "products"),
    at("stock", catalogue.StockLevels, "stock"),
    at("imports", imports.Imports, "imports"),
    at("imports/<public_id>", imports.OneImport, "import"),
    at("imports/<public_id>/start", imports.Start, "import-start"),
    at("imports/<public_id>/pause", imports.Pause, "import-pause"),
    at("imports/<public_id>/cancel", imports.Cancel, "import-cancel"),
    at("imports/<public_id>/undo", imports.Undo, "import-undo"),
    at("imports/<public_id>/rejected", imports.Rejected, "import-rejected"),
    at("webhooks", webhooks.Webhooks, "webhooks"),
    at("webhooks/<public_id>/secret", webhooks.Secret, "webhook-secret"),
    at("webhooks/<public_id>/test", webhooks.Test, "webhook-test"),
    at("webhooks/<public_id>", webhooks.OneWebhook, "webhook"),
    at("segments", segments.Segments, "segments"),
    at("segments/count", segments.CountRule, "segments-count"),
    at("segments/<public_id>", segments.OneSegment, "segment"),
    at("segments/<public_id>/members", segments.Members, "segment-members"),
    at("segments/<public_id>/explain", segments.ExplainMember, "segment-explain"),
    at("contacts/<public_id>/explain", explain.Explain, "contact-explain"),
    at("campaigns", campaigns.Campaigns, "campaigns"),
    at("campaigns/<public_id>", campaigns.OneCampaign, "campaign"),
    at("campaigns/<public_id>/publish", campaigns.Publish, "campaign-publish"),
    at("campaigns/<public_id>/pause", campaigns.Pause, "campaign-pause"),
    at("campaigns/<public_id>/resume", campaigns.Resume, "campaign-resume"),
    at("campaigns/<public_id>/finish", campaigns.Finish, "campaign-finish"),
    at("campaigns/<public_id>/stop", campaigns.Stop, "campaign-stop"),
    at("campaigns/<public_id>/trigger", campaigns.TriggerCampaign, "campaign-trigger"),
    at("campaigns/<public_id>/runs", runs.Runs, "campaign-runs"),
    at("campaigns/<public_id>/waterfall", numbers.WaterfallOf, "campaign-waterfall"),
    at("campaigns/<public_id>/waterfall/people", numbers.WaterfallPeople, "campaign-waterfall-people"),
    at("campaigns/<public_id>/report", report.ReportOf, "campaign-report"),
    at("metrics", figures.Metrics, "metrics"),
    at("kpis", figures.Kpis, "kpis"),
    at("messages", messages.Messages, "messages"),
    at("messages/<public_id>", messages.OneMessage, "message"),
    re_path(r"", Nowhere.as_view(), name="api-nowhere"),
]
