"""The pages of the office at ten thousand and at a million people, with five events each.

The same requests by a logged-in person, through the whole stack but the network; the floor is the
page at ten thousand people in the same run. One contact has ten thousand events, one live campaign
some thousand runs, messages and opened letters; the segments have their members.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import ground, runs, segments

FEW = int(os.environ.get("BENCH_PAGES_FEW", "10000"))
MANY = int(os.environ.get("BENCH_CONTACTS", "1000000"))
EVENTS_EACH = 5
HISTORY_EVENTS = 10_000
RUNS = 4_000
ROUNDS = 5
HER = 77
TARGET = "≤ 2 × that at 10,000 people, or under 100 ms"
COPY = "access copy of 10,000 events"
TARGETS = {
    COPY: "≤ 60,000 ms",
    "timeline of 10,000 events": "< 300 ms",
    "segment count, nested rule": "< 1,000 ms, or said to be about",
    "segment sample, a rule nobody saved": "< 1,000 ms, or said to be about",
}

MORE = """
INSERT INTO crm_tag (id, name, key) VALUES (1, 'VIP', 'vip'), (2, 'Press', 'press') ON CONFLICT DO NOTHING;
INSERT INTO crm_contacttag (contact_id, tag_id) SELECT n, 1 FROM generate_series(1, %(n)s, 10) n;
INSERT INTO crm_contacttag (contact_id, tag_id) SELECT n, 2 FROM generate_series(1, 2000, 100) n;
INSERT INTO crm_store (id, code, name, zone, country, address, hours, active)
VALUES (1, 'ruzafa', 'Ruzafa', 'Europe/Madrid', 'ES', '{}', '{}', true) ON CONFLICT DO NOTHING;
UPDATE crm_contact SET home_store_id = 1 WHERE id BETWEEN 100 AND 140;
INSERT INTO analytics_contactstage (contact_id, stage, since)
SELECT n, CASE WHEN n %% 1000 = 0 THEN 'loyal' ELSE 'engaged' END, %(at)s FROM generate_series(1, %(n)s) n;
INSERT INTO crm_event (contact_id, name, properties, occurred_at, recorded_at, received_at, channel, context)
SELECT %(her)s, (ARRAY['Product Viewed','Message Opened','Message Sent','Cart Updated','Message Skipped'])[1 + n %% 5],
  '{"reason": "consent_missing", "channel": "sms"}', at, at, at,
  (ARRAY['web','mail','mail','web','sms'])[1 + n %% 5], '{}'
FROM (SELECT n, %(at)s - make_interval(mins => n * 25) AS at FROM generate_series(1, %(events)s) n) e
"""
# What became of the messages: four of five arrived, half of those were opened, every tenth run reached the goal.
FATE = """
UPDATE channels_message SET state = 'claimed' WHERE state = 'due';
UPDATE channels_message SET state = 'handing_off' WHERE state = 'claimed';
UPDATE channels_message SET state = CASE WHEN id %% 5 = 0 THEN 'failed' ELSE 'accepted' END,
  settled_at = created_at, cost = 0.001 WHERE state = 'handing_off';
UPDATE channels_message SET state = 'delivered' WHERE state = 'accepted';
INSERT INTO crm_event (contact_id, name, properties, occurred_at, recorded_at, received_at, channel, context)
SELECT contact_id, 'Message Opened', jsonb_build_object('message_id', id), at, at, at, 'mail', '{}'
FROM (SELECT *, created_at + interval '1 second' AS at FROM channels_message
      WHERE state = 'delivered' AND id %% 2 = 0) m;
INSERT INTO campaigns_conversion (run_id, campaign_id, contact_id, at, value, currency, held_out)
SELECT id, campaign_id, contact_id, %(at)s, 20, 'EUR', held_out FROM campaigns_enrolment WHERE id %% 10 = 0
"""


@dataclass(frozen=True)
class Ask:
    """A request; with `data` it is posted. `fragment`: as htmx asks."""

    url: str
    data: dict[str, Any] = field(default_factory=dict)
    fragment: bool = False


def main() -> None:
    logging.getLogger("cauce.web").setLevel(logging.WARNING)
    few = measure(FEW)
    many = measure(MANY)
    for name, (took, note) in many.items():
        target = TARGETS.get(name, TARGET)
        ground.report(ground.Figure(f"page: {name}, {MANY:,} people", took, few[name][0], "ms", target, note))


def measure(size: int) -> dict[str, tuple[float, str]]:
    print(f"pages: {size:,} contacts, {EVENTS_EACH * size:,} events")
    ground.fresh_database("cauce_bench_pages")
    build(size)
    return {**{name: timed(ask) for name, ask in asks(size).items()}, COPY: copied()}


def build(size: int) -> None:
    """Everything there is to look at."""
    from crm import clock
    from crm.segments import edit, upkeep

    now = clock.now()
    ground.people(size, now)
    ground.events(size, EVENTS_EACH * size, now)
    ground.sql(MORE, {"n": size, "at": now, "her": HER, "events": HISTORY_EVENTS})
    ground.sql("VACUUM ANALYZE")
    for name, rule in segments.RULES.items():
        segment = edit.create(name.capitalize(), rule, actor="bench", now=now)
        segment.refresh_from_db()
        if segment.built_revision != segment.revision:
            upkeep.refresh_full(segment, now)
    _campaigns()
    ground.sql("VACUUM ANALYZE")


def _campaigns() -> None:
    """A live one with people in it, and a draft for everybody of the wide segment."""
    from analytics import running
    from campaigns import lifecycle, runner
    from crm import clock, partitions, publicids
    from crm.models import Segment

    now = clock.now()
    partitions.ensure_months("campaigns_visit", [now])
    goal = {"event": "Order Completed", "window_days": 14}
    live = runs.publish({**runs.DOCUMENT, "name": "Live", "goal": goal})
    runs.enrol(live, 1, RUNS)
    while runner.tick():
        pass
    ground.sql(FATE, {"at": now})
    wide = publicids.encode("seg", Segment.objects.get(name="Wide").pk)
    entry = [{"type": "segment", "segment": wide, "mode": "current"}]
    lifecycle.begin({**runs.DOCUMENT, "name": "Draft", "goal": goal, "holdout_pct": 10, "entry": entry}, "bench", now)
    running.refresh(now)


def asks(size: int) -> dict[str, Ask]:
    """What is asked for, by the name of its row in the README: another name would stand beside the old row."""
    from django.urls import reverse

    return {
        "Home": Ask("/"),
        "Home, renewing itself": Ask("/", fragment=True),
        **_of_contacts(reverse("crm:contacts"), size),
        **_of_one(reverse("crm:contact", args=[HER])),
        **_of_segments(),
        **_of_campaigns(),
    }


def _of_contacts(contacts: str, size: int) -> dict[str, Ask]:
    from crm import tables
    from crm.models import Contact

    late = tables.page(Contact.objects.filter(pk__lt=size // 10), "-pk").next
    return {
        "contacts, first page": Ask(contacts),
        "contacts, a late page": Ask(f"{contacts}?cursor={late}"),
        "contacts, a rare name": Ask(f"{contacts}?q=person 7777"),
        "contacts, a name all have": Ask(f"{contacts}?q=person"),
        "contacts, nobody's name": Ask(f"{contacts}?q=xylophon"),
        "contacts, a whole e-mail": Ask(f"{contacts}?q=p7777@example.com"),
        "contacts, a common tag": Ask(f"{contacts}?tag=vip"),
        "contacts, a rare tag": Ask(f"{contacts}?tag=press"),
        "contacts, a rare stage": Ask(f"{contacts}?stage=loyal"),
        "contacts, a small store": Ask(f"{contacts}?store=ruzafa"),
        "contacts, known since never": Ask(f"{contacts}?since=2037-01-01"),
        "top-bar search": Ask("/search/?q=person 7777", fragment=True),
    }


def _of_one(her: str) -> dict[str, Ask]:
    return {
        "contact": Ask(her),
        "timeline of 10,000 events": Ask(f"{her}timeline/", fragment=True),
        "timeline, only blocked": Ask(f"{her}timeline/?kind=blocked", fragment=True),
        "timeline, by channel": Ask(f"{her}timeline/?kind=email", fragment=True),
    }


def _of_segments() -> dict[str, Ask]:
    from django.urls import reverse

    from crm.models import Segment
    from crm.segments import builder

    segment = {each.name: each.pk for each in Segment.objects.all()}
    rule = {"state": json.dumps(builder.opened(segments.NESTED))}
    other = {"state": json.dumps(builder.opened({"all": segments.NESTED["all"][1:]}))}
    return {
        "segments": Ask(reverse("crm:segments")),
        "segments, their reach": Ask(f"{reverse('crm:segments-reach')}?ids={','.join(map(str, segment.values()))}"),
        "segment builder": Ask(reverse("crm:segment", args=[segment["Nested"]])),
        "segment count, nested rule": Ask(reverse("crm:segment-count"), rule, fragment=True),
        "segment sample": Ask(reverse("crm:segment-sample"), rule, fragment=True),
        "segment sample, a rule nobody saved": Ask(reverse("crm:segment-sample"), other, fragment=True),
        "people of a segment": Ask(reverse("crm:segment-people", args=[segment["Wide"]])),
    }


def _of_campaigns() -> dict[str, Ask]:
    from django.urls import reverse

    from campaigns.models import Campaign

    live, draft = Campaign.objects.get(name="Live").pk, Campaign.objects.get(name="Draft").pk
    people = reverse("campaigns:people", args=[live])
    return {
        "campaigns": Ask(reverse("campaigns:list")),
        "campaigns, their figures": Ask(f"{reverse('campaigns:figures')}?ids={live},{draft}", fragment=True),
        "goal and audience": Ask(reverse("campaigns:goal", args=[draft])),
        "who would come": Ask(reverse("campaigns:prospects", args=[draft]), _goal(draft), fragment=True),
        "review": Ask(reverse("campaigns:review", args=[draft])),
        "review, its outlook": Ask(reverse("campaigns:outlook", args=[draft]), fragment=True),
        "journey": Ask(reverse("campaigns:journey", args=[live])),
        "journey, its numbers": Ask(reverse("campaigns:counts", args=[live]), fragment=True),
        "report": Ask(reverse("analytics:report", args=[live])),
        "people of a number": Ask(f"{people}?number=entered"),
        "people of a step": Ask(f"{people}?what=opened&step=mail"),
    }


def _goal(draft: int) -> dict[str, Any]:
    """What a browser sends for the goal page as it stands."""
    from django.forms import DateTimeInput

    from campaigns.forms.goal import GoalForm
    from campaigns.models import Campaign
    from crm import publicids
    from crm.models import Segment

    known = [(publicids.encode("seg", each.pk), each.name) for each in Segment.objects.all()]
    form = GoalForm(base=Campaign.objects.get(pk=draft).document, segments=known)
    sent: dict[str, Any] = {}
    for name, input_ in form.fields.items():
        value = form[name].value()
        if value is None or value is False or value == "":
            continue
        said = input_.widget.format_value(value) if isinstance(input_.widget, DateTimeInput) else value
        sent[name] = "on" if value is True else said
    return sent


def copied() -> tuple[float, str]:
    """The file with all data of the one with ten thousand events, in milliseconds, once."""
    from crm.models import Contact
    from crm.rights import access_files

    with tempfile.TemporaryDirectory() as home, ground.stopwatch() as spent:
        access_files.write(Path(home) / "copy.zip", Contact.objects.get(pk=HER))
    return spent[0] * 1000, ""


def timed(ask: Ask) -> tuple[float, str]:
    """The median of some requests after one that warms up, in milliseconds; and whether it said "about"."""
    from django.test import Client

    from crm.models import User

    client = Client(headers={"HX-Request": "true"} if ask.fragment else None)
    user = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("b@example.com", "-")
    client.force_login(user)
    took, answer = [], None
    for _ in range(ROUNDS + 1):
        with ground.stopwatch() as spent:
            answer = client.post(ask.url, ask.data) if ask.data else client.get(ask.url)
        assert answer.status_code == 200, (ask.url, answer.status_code)
        took.append(spent[0] * 1000)
    tally = (answer.context or {}).get("tally") if ask.data else None
    about = tally is not None and tally.total is not None and not tally.total.exact
    return statistics.median(took[1:]), "about" if about else ""
