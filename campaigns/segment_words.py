"""How the rules of this floor are shown and changed, and which campaigns use a segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from crm import publicids
from crm.segments import names, uses
from crm.segments.describe import Description, Doc, Input, Offers, Starter, descriptions
from crm.segments.editors import deeds, groups, person

CAMPAIGNS: Final = _("Campaigns and messages")
MOST: Final = 500
STATES: Final = (
    ("in", _("is in")),
    ("was_in", _("is or was in")),
    ("converted", _("reached the goal of")),
    ("at", _("is at a step of")),
)
DID: Final = (
    ("sent", _("was sent")),
    ("delivered", _("was delivered")),
    ("opened", _("was opened")),
    ("clicked", _("was clicked")),
    ("replied", _("was answered")),
    ("bounced", _("bounced")),
    ("complained", _("was complained about")),
    ("unsubscribed", _("was unsubscribed from")),
    ("skipped", _("was not sent (skipped)")),
)
ANY: Final = ("", _("any"))


def _campaigns() -> tuple[tuple[str, str], ...]:
    rows = Campaign.objects.filter(archived_at=None).order_by("name", "pk").values_list("pk", "name")[:MOST]
    return tuple((publicids.encode("cmp", number), name) for number, name in rows)


def _steps(campaign: str) -> tuple[tuple[str, str], ...]:
    """The steps of a campaign as (id, label), lanes included."""
    document = Campaign.objects.filter(pk=publicids.decode("cmp", campaign)).values_list("document", flat=True).first()
    return tuple(_walk(document if isinstance(document, Mapping) else {}))


def _walk(node: Any) -> list[tuple[str, str]]:
    if isinstance(node, list):
        return [step for each in node for step in _walk(each)]
    if not isinstance(node, Mapping):
        return []
    found = []
    if isinstance(node.get("id"), str) and isinstance(node.get("type"), str):
        found.append((node["id"], f"{node.get('label') or node['type']} ({node['id']})"))
    return [*found, *(step for value in node.values() if isinstance(value, list | Mapping) for step in _walk(value))]


def _campaign_input(value: str, offers: Offers, *, reshape: bool = False) -> Input:
    choices = groups.chosen_among(offers.once("campaigns", _campaigns), value)
    return Input("select", "campaign", _("Campaign"), value, choices, reshape=reshape)


def _campaign_inputs(doc: Doc, offers: Offers) -> list[Input]:
    value, state = groups.public("cmp", doc.get("campaign")), str(doc.get("state", "in"))
    found = [
        Input("select", "state", _("Where"), state, STATES, reshape=True),
        Input("words", label=_("the campaign")),
        _campaign_input(value, offers, reshape=state == "at"),
    ]
    if state != "at":
        return found
    step = str(doc.get("step", ""))
    known = offers.once(f"steps:{value}", lambda: _steps(value)) if value else ()
    chosen = Input("select", "step", _("Step"), step, groups.chosen_among(known, step))
    return [*found, Input("words", label=_("step")), chosen]


def _campaign_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    state = values.get("state", "in")
    found = {"campaign": values.get("campaign", ""), "state": state}
    return found | ({"step": values.get("step", "")} if state == "at" else {})


def _message_inputs(doc: Doc, offers: Offers) -> list[Input]:
    about = doc["message"] if isinstance(doc.get("message"), Mapping) else {}
    value = groups.public("cmp", about.get("campaign"))
    choices = (ANY, *offers.once("campaigns", _campaigns))
    return [
        Input("words", label=_("a message")),
        Input("select", "did", _("What became of it"), str(doc.get("did", "sent")), DID),
        *deeds.count_inputs(doc),
        *deeds.when_inputs(doc),
        Input("break"),
        Input("words", label=_("of the campaign")),
        Input(
            "select", "campaign", _("Campaign"), value,
            choices if value in dict(choices) else (*choices, (value, value)),
        ),
        Input("words", label=_("by")),
        Input(
            "select", "channel", _("Channel"), str(about.get("channel", "")), (ANY, *person.CHANNELS.items())
        ),
    ]  # fmt: skip


def _message_written(doc: Doc, values: Mapping[str, str]) -> Doc:
    about = {name: values[name] for name in ("campaign", "channel") if values.get(name)}
    found: Doc = {"message": about, "did": values.get("did", "sent")}
    return found | deeds.count_written(values) | deeds.when_written(doc, values)


def _names(numbers: Sequence[int]) -> dict[int, str]:
    return dict(Campaign.objects.filter(pk__in=numbers).values_list("pk", "name"))


def _uses(segment_ids: Sequence[int]) -> list[uses.Use]:
    """Campaigns that are not over and name a segment anywhere: entries, exits, branches."""
    wanted = {publicids.encode("seg", number): number for number in segment_ids}
    wanted |= {str(number): number for number in segment_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT c.id, c.name, s.named #>> '{}' FROM campaigns_campaign c
               LEFT JOIN campaigns_version v ON v.id = c.version_id,
               LATERAL (SELECT jsonb_path_query(c.document, '$.**.segment')
                        UNION ALL SELECT jsonb_path_query(v.document, '$.**.segment')) AS s(named)
               WHERE c.archived_at IS NULL AND c.state IN ('draft', 'live', 'paused')
                 AND s.named #>> '{}' = ANY(%s) ORDER BY c.name, c.id""",
            [list(wanted)],
        )
        return [
            uses.Use(wanted[named], str(_("campaign")), name, "campaigns:goal", number)
            for number, name, named in cursor.fetchall()
        ]


descriptions.add(
    "campaign",
    Description(
        _("Campaign"),
        "route",
        CAMPAIGNS,
        _campaign_inputs,
        _campaign_written,
        (Starter(_("Is in a campaign"), {"campaign": "", "state": "in"}),),
    ),
    order=60,
)
descriptions.add(
    "message",
    Description(
        _("Message"),
        "mail",
        CAMPAIGNS,
        _message_inputs,
        _message_written,
        (
            Starter(
                _("Opened, clicked or got a message"),
                {"message": {}, "did": "opened", "in_last": {"value": 60, "unit": "days"}},
            ),
        ),
    ),
    order=61,
)
names.finders.add("cmp", _names)
uses.finders.add("campaigns", _uses, order=10)
