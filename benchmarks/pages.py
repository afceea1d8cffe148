"""Pages of contacts at ten thousand and at a million people: the second may take twice the first.

The same requests by a logged-in person, through the whole stack but the network; the floor is the
page at ten thousand people in the same run. One contact has ten thousand events.
"""

from __future__ import annotations

import os
import statistics

from benchmarks import ground

FEW = int(os.environ.get("BENCH_PAGES_FEW", "10000"))
MANY = int(os.environ.get("BENCH_CONTACTS", "1000000"))
EVENTS = 10_000
ROUNDS = 9
HER = 77

MORE = """
INSERT INTO crm_tag (id, name, key) VALUES (1, 'VIP', 'vip'), (2, 'Press', 'press') ON CONFLICT DO NOTHING;
INSERT INTO crm_contacttag (contact_id, tag_id) SELECT n, 1 FROM generate_series(1, %(n)s, 10) n;
INSERT INTO crm_contacttag (contact_id, tag_id) SELECT n, 2 FROM generate_series(1, 2000, 100) n;
INSERT INTO crm_store (id, code, name, zone, country, address, hours, active)
VALUES (1, 'ruzafa', 'Ruzafa', 'Europe/Madrid', 'ES', '{}', '{}', true) ON CONFLICT DO NOTHING;
UPDATE crm_contact SET home_store_id = 1 WHERE id BETWEEN 100 AND 140;
INSERT INTO analytics_contactstage (contact_id, stage, since)
SELECT n, CASE WHEN n %% 1000 = 0 THEN 'loyal' ELSE 'engaged' END, %(epoch)s FROM generate_series(1, %(n)s) n;
"""
HISTORY = """
INSERT INTO crm_event (contact_id, name, properties, occurred_at, recorded_at, received_at, channel, context)
SELECT %(her)s, (ARRAY['Product Viewed','Message Opened','Message Sent','Cart Updated','Message Skipped'])[1 + n %% 5],
  '{"reason": "consent_missing", "channel": "sms"}', at, at, at,
  (ARRAY['web','mail','mail','web','sms'])[1 + n %% 5], '{}'
FROM (SELECT n, %(epoch)s - make_interval(mins => n * 25) AS at FROM generate_series(1, %(events)s) n) e
"""


def main() -> None:
    few = _measure(FEW)
    many = _measure(MANY)
    for name, took in many.items():
        target = "≤ 300 ms" if "timeline" in name else "≤ 2 × the floor"
        ground.report(ground.Figure(f"page: {name}, {MANY:,} people", took, few[name], "ms", target))


def _measure(size: int) -> dict[str, float]:
    ground.fresh_database("cauce_bench_pages")
    ground.people(size)
    ground.sql(MORE, {"n": size, "epoch": ground.EPOCH})
    from crm import partitions

    partitions.ensure_months("crm_event", [ground.EPOCH - ground.timedelta(days=30 * month) for month in range(8)])
    ground.sql(HISTORY, {"her": HER, "epoch": ground.EPOCH, "events": EVENTS})
    ground.sql("VACUUM ANALYZE")
    return {name: _time(url) for name, url in _urls().items()}


def _urls() -> dict[str, str]:
    from crm import publicids

    her = f"/contacts/{publicids.encode('ctc', HER)}/"
    return {
        "list": "/contacts/",
        "list, a rare name": "/contacts/?q=person 7777",
        "list, a name all have": "/contacts/?q=person",
        "list, nobody's name": "/contacts/?q=xylophon",
        "list, an e-mail": "/contacts/?q=p7777@example.com",
        "list, a common tag": "/contacts/?tag=vip",
        "list, a rare tag": "/contacts/?tag=press",
        "list, a rare stage": "/contacts/?stage=loyal",
        "list, a small store": "/contacts/?store=ruzafa",
        "list, known since never": "/contacts/?since=2027-01-01",
        "search of the top bar": "/search/?q=person 7777",
        "contact": her,
        "timeline of 10,000 events": f"{her}timeline/",
        "timeline, only blocked": f"{her}timeline/?kind=blocked",
        "timeline, by channel": f"{her}timeline/?kind=email",
    }


def _time(url: str) -> float:
    """The median of some requests, in milliseconds."""
    from django.test import Client

    from crm.models import User

    client = Client(headers={"HX-Request": "true"} if url.startswith("/search") else None)
    user = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("b@example.com", "-")
    client.force_login(user)
    took = []
    for _ in range(ROUNDS):
        with ground.stopwatch() as spent:
            answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        took.append(spent[0] * 1000)
    return statistics.median(took[1:])
