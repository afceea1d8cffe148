# ruff: noqa: E501 - a table is read along its lines
"""Who may be written to where, as a table: one line a case, at least twelve for each pack.

(pack, country, region, channel, class, purpose, ground, zone, instant, answer). The ground is a short word
of `GROUNDS`. The answer is "send", the instant it is put off to, or the rule that refuses it; where a rule
puts it off, its name follows. Each case is judged by the packs of its country, all of them together.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crm.regions import Ground

NOON = "2026-06-10T12:00"  # a Wednesday
MADRID, PARIS, BERLIN, LONDON = "Europe/Madrid", "Europe/Paris", "Europe/Berlin", "Europe/London"
NEW_YORK, CHICAGO, TORONTO, LA = "America/New_York", "America/Chicago", "America/Toronto", "America/Los_Angeles"
HONOLULU = "Pacific/Honolulu"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


YEARS = at("2030-01-01T00:00")
GROUNDS = {
    "yes": Ground("consent", "web_form"),
    "double": Ground("consent", "doi_email", confirmed=True),
    "voice": Ground("consent", "verbal_call"),
    "typed": Ground("consent", "operator"),
    "keyword": Ground("consent", "keyword"),
    "sale": Ground("soft_opt_in", "pos_screen", expires_at=YEARS),
    "sale over": Ground("soft_opt_in", "pos_screen", expires_at=at("2026-06-10T11:59")),
    "sale, no end": Ground("soft_opt_in", "pos_screen"),
    "inquiry": Ground("legitimate_interest", "web_form", expires_at=YEARS),
    "inquiry over": Ground("legitimate_interest", "web_form", expires_at=at("2026-06-10T12:00")),
    "contract": Ground("contract", "api"),
    "duty": Ground("legal_duty", "api"),
    "nothing": Ground(),
    "wrote now": Ground("consent", "whatsapp_reply", inbound_at=at("2026-06-10T10:00")),
    "wrote a day ago": Ground("consent", "whatsapp_reply", inbound_at=at(NOON) - timedelta(hours=24)),
    "wrote long ago": Ground("consent", "whatsapp_reply", inbound_at=at("2026-06-09T11:59")),
    "template": Ground("consent", "web_form", template=True),
    "template, sale": Ground("soft_opt_in", "pos_screen", expires_at=YEARS, template=True),
    "template, contract": Ground("contract", "api", template=True),
    "0.10 %": Ground("consent", "web_form", complaint_rate=0.001),
    "0.29 %": Ground("consent", "web_form", complaint_rate=0.0029),
    "0.30 %": Ground("consent", "web_form", complaint_rate=0.003),
    "2 %": Ground("consent", "web_form", complaint_rate=0.02),
    "bad domain": Ground("consent", "web_form", domain="bad"),
}

M, S, T = "marketing", "service", "transactional"
CASES: list[tuple[str, str, str, str, str, str, str, str, str, str]] = [
    # --- the Union, where no country adds anything (Italy, Poland, Ireland, Norway …)
    ("eu", "IT", "", "email", M, "offers", "yes", "Europe/Rome", NOON, "send"),
    ("eu", "IT", "", "email", M, "offers", "sale", "Europe/Rome", NOON, "send"),
    ("eu", "IT", "", "email", M, "offers", "inquiry", "Europe/Rome", NOON, "eu:opt-in"),
    ("eu", "IT", "", "email", M, "offers", "contract", "Europe/Rome", NOON, "eu:opt-in"),
    ("eu", "IT", "", "sms", M, "offers", "nothing", "Europe/Rome", NOON, "eu:opt-in"),
    ("eu", "PL", "", "sms", M, "newsletter", "yes", "Europe/Warsaw", NOON, "send"),
    ("eu", "PL", "", "email", M, "research", "sale", "Europe/Warsaw", NOON, "eu:similar-products"),
    ("eu", "PL", "", "email", M, "profiling", "yes", "Europe/Warsaw", NOON, "send"),
    ("eu", "IE", "", "call", M, "offers", "inquiry", "Europe/Dublin", NOON, "send"),
    ("eu", "IE", "", "call", M, "offers", "contract", "Europe/Dublin", NOON, "eu:calls"),
    ("eu", "NO", "", "push", M, "offers", "inquiry", "Europe/Oslo", NOON, "eu:opt-in"),
    ("eu", "NO", "", "email", S, "service", "contract", "Europe/Oslo", NOON, "send"),
    ("eu", "IS", "", "email", T, "service", "nothing", "Atlantic/Reykjavik", NOON, "send"),
    ("eu", "IT", "", "email", M, "offers", "yes", "Europe/Rome", "2018-05-24T12:00", "send"),
    ("eu", "IT", "", "email", M, "offers", "contract", "Europe/Rome", "2018-05-24T12:00", "send"),
    # --- Spain
    ("es", "ES", "", "email", M, "offers", "yes", MADRID, NOON, "send"),
    ("es", "ES", "", "sms", M, "offers", "sale", MADRID, NOON, "send"),
    ("es", "ES", "", "sms", M, "offers", "inquiry", MADRID, NOON, "es:lssi-21"),
    ("es", "ES", "", "email", M, "offers", "contract", MADRID, "2018-01-10T12:00", "es:lssi-21"),
    ("es", "ES", "", "email", M, "offers", "contract", MADRID, "2002-10-11T12:00", "send"),
    ("es", "ES", "", "email", M, "ads", "sale", MADRID, NOON, "eu:similar-products"),
    ("es", "ES", "", "call", M, "offers", "inquiry", MADRID, NOON, "send"),
    ("es", "ES", "", "call", M, "offers", "contract", MADRID, NOON, "es:calls"),
    ("es", "ES", "", "call", M, "offers", "yes", MADRID, "2026-06-10T19:00", "2026-06-11T07:00 es:call-hours"),
    ("es", "ES", "", "call", M, "offers", "yes", MADRID, "2026-06-12T20:00", "2026-06-15T07:00 es:call-hours"),
    ("es", "ES", "", "call", M, "offers", "yes", "Atlantic/Canary", "2026-06-10T19:30", "send"),
    ("es", "ES", "", "call", M, "offers", "yes", MADRID, "2026-03-28T12:00", "2026-03-30T07:00 es:call-hours"),
    ("es", "ES", "", "call", M, "offers", "yes", MADRID, "2026-10-24T12:00", "2026-10-26T08:00 es:call-hours"),
    ("es", "ES", "", "call", S, "service", "contract", MADRID, "2026-06-13T12:00", "send"),
    ("es", "ES", "", "email", T, "service", "nothing", MADRID, NOON, "send"),
    # --- France
    ("fr", "FR", "", "email", M, "offers", "yes", PARIS, NOON, "send"),
    ("fr", "FR", "", "email", M, "offers", "sale", PARIS, NOON, "send"),
    ("fr", "FR", "", "email", M, "offers", "contract", PARIS, "2018-01-10T12:00", "fr:cpce-34-5"),
    ("fr", "FR", "", "sms", M, "offers", "inquiry", PARIS, NOON, "fr:cpce-34-5"),
    ("fr", "FR", "", "email", M, "tracking", "sale", PARIS, NOON, "fr:open-tracking"),
    ("fr", "FR", "", "email", M, "tracking", "yes", PARIS, NOON, "send"),
    ("fr", "FR", "", "sms", M, "offers", "yes", PARIS, "2026-06-10T19:30", "send"),
    ("fr", "FR", "", "sms", M, "offers", "yes", PARIS, "2026-06-10T20:00", "2026-06-11T06:00 fr:sms-hours"),
    ("fr", "FR", "", "sms", M, "offers", "yes", PARIS, "2026-06-13T20:30", "2026-06-15T06:00 fr:sms-hours"),
    ("fr", "FR", "", "sms", M, "offers", "yes", PARIS, "2026-06-14T12:00", "2026-06-15T06:00 fr:sms-hours"),
    ("fr", "FR", "", "call", M, "offers", "inquiry", PARIS, NOON, "send"),
    ("fr", "FR", "", "call", M, "offers", "inquiry", PARIS, "2026-08-10T12:00", "send"),
    ("fr", "FR", "", "call", M, "offers", "inquiry", PARIS, "2026-08-11T12:00", "fr:calls-opt-in"),
    ("fr", "FR", "", "call", M, "offers", "yes", PARIS, "2026-08-11T12:00", "send"),
    ("fr", "FR", "", "call", M, "offers", "yes", PARIS, "2026-06-10T11:30", "2026-06-10T12:00 fr:call-hours"),
    ("fr", "FR", "", "call", M, "offers", "yes", PARIS, "2026-06-12T18:00", "2026-06-15T08:00 fr:call-hours"),
    # --- Germany
    ("de", "DE", "", "email", M, "offers", "double", BERLIN, NOON, "send"),
    ("de", "DE", "", "email", M, "offers", "yes", BERLIN, NOON, "send"),
    ("de", "DE", "", "email", M, "offers", "sale", BERLIN, NOON, "send"),
    ("de", "DE", "", "email", M, "offers", "contract", BERLIN, "2018-01-10T12:00", "de:uwg-7"),
    ("de", "DE", "", "email", M, "offers", "inquiry", BERLIN, NOON, "de:uwg-7"),
    ("de", "DE", "", "sms", M, "offers", "nothing", BERLIN, NOON, "de:uwg-7"),
    ("de", "DE", "", "call", M, "offers", "yes", BERLIN, NOON, "send"),
    ("de", "DE", "", "call", M, "offers", "sale", BERLIN, NOON, "de:calls"),
    ("de", "DE", "", "call", M, "offers", "inquiry", BERLIN, NOON, "de:calls"),
    ("de", "DE", "", "call", M, "offers", "yes", BERLIN, "2026-06-10T18:00", "2026-06-11T07:00 de:call-hours"),
    ("de", "DE", "", "call", M, "offers", "yes", BERLIN, "2026-06-13T17:59", "send"),
    ("de", "DE", "", "call", M, "offers", "yes", BERLIN, "2026-06-14T10:00", "2026-06-15T07:00 de:call-hours"),
    ("de", "DE", "", "email", S, "service", "contract", BERLIN, NOON, "send"),
    # --- the United Kingdom
    ("uk", "GB", "", "email", M, "offers", "yes", LONDON, NOON, "send"),
    ("uk", "GB", "", "email", M, "offers", "sale", LONDON, NOON, "send"),
    ("uk", "GB", "", "email", M, "offers", "inquiry", LONDON, NOON, "uk:pecr-22"),
    ("uk", "GB", "", "sms", M, "offers", "contract", LONDON, NOON, "uk:pecr-22"),
    ("uk", "GB", "", "sms", M, "offers", "contract", LONDON, "2003-12-10T12:00", "send"),
    ("uk", "GB", "", "email", M, "research", "sale", LONDON, NOON, "uk:similar-products"),
    ("uk", "GB", "", "push", M, "offers", "nothing", LONDON, NOON, "uk:pecr-22"),
    ("uk", "GB", "", "call", M, "offers", "inquiry", LONDON, NOON, "send"),
    ("uk", "GB", "", "call", M, "offers", "duty", LONDON, NOON, "uk:pecr-21"),
    ("uk", "GB", "", "call", M, "offers", "yes", LONDON, "2026-06-10T19:59", "send"),
    ("uk", "GB", "", "call", M, "offers", "yes", LONDON, "2026-06-10T20:00", "2026-06-11T07:00 uk:call-hours"),
    ("uk", "GB", "", "call", M, "offers", "yes", LONDON, "2026-10-24T21:00", "2026-10-25T08:00 uk:call-hours"),
    ("uk", "GB", "", "call", M, "offers", "yes", LONDON, "2026-03-28T21:30", "2026-03-29T07:00 uk:call-hours"),
    ("uk", "GB", "", "email", S, "service", "contract", LONDON, NOON, "send"),
    # --- the United States by e-mail: until they say no, on a ground that is recorded
    ("us-email", "US", "", "email", M, "offers", "yes", NEW_YORK, NOON, "send"),
    ("us-email", "US", "", "email", M, "offers", "sale", NEW_YORK, NOON, "send"),
    ("us-email", "US", "", "email", M, "offers", "sale over", NEW_YORK, NOON, "send"),
    ("us-email", "US", "", "email", M, "offers", "inquiry", NEW_YORK, NOON, "send"),
    ("us-email", "US", "", "email", M, "offers", "contract", NEW_YORK, NOON, "send"),
    ("us-email", "US", "", "email", M, "offers", "duty", NEW_YORK, NOON, "send"),
    ("us-email", "US", "", "email", M, "offers", "nothing", NEW_YORK, NOON, "us-email:can-spam"),
    ("us-email", "US", "CA", "email", M, "newsletter", "contract", LA, NOON, "send"),
    ("us-email", "US", "FL", "email", M, "offers", "voice", NEW_YORK, NOON, "send"),
    ("us-email", "US", "TX", "email", M, "offers", "yes", CHICAGO, "2026-06-14T07:00", "send"),
    ("us-email", "US", "", "email", M, "research", "sale", NEW_YORK, NOON, "send"),
    ("us-email", "US", "", "email", M, "offers", "nothing", NEW_YORK, "2003-12-31T12:00", "send"),
    ("us-email", "US", "", "email", T, "service", "nothing", NEW_YORK, NOON, "send"),
    # --- the United States by text: in writing, and by the hours of each state
    ("us-sms", "US", "NY", "sms", M, "offers", "yes", NEW_YORK, "2026-06-10T12:00", "send"),
    ("us-sms", "US", "NY", "sms", M, "offers", "keyword", NEW_YORK, "2026-06-10T12:00", "send"),
    ("us-sms", "US", "NY", "sms", M, "offers", "voice", NEW_YORK, "2026-06-10T14:00", "us-sms:written"),
    ("us-sms", "US", "NY", "sms", M, "offers", "typed", NEW_YORK, "2026-06-10T14:00", "us-sms:written"),
    ("us-sms", "US", "NY", "sms", M, "offers", "sale", NEW_YORK, "2026-06-10T14:00", "us-sms:written"),
    ("us-sms", "US", "NY", "sms", M, "offers", "yes", NEW_YORK, "2026-06-11T00:59", "send"),
    ("us-sms", "US", "NY", "sms", M, "offers", "yes", NEW_YORK, "2026-06-11T01:00", "2026-06-11T12:00 us-sms:federal-hours"),
    ("us-sms", "US", "FL", "sms", M, "offers", "yes", NEW_YORK, "2026-06-11T00:00", "2026-06-11T12:00 us-sms:eight-to-eight"),
    ("us-sms", "US", "NJ", "sms", M, "offers", "yes", NEW_YORK, "2026-06-10T23:59", "send"),
    ("us-sms", "US", "OK", "sms", M, "offers", "yes", CHICAGO, "2026-06-11T01:30", "2026-06-11T13:00 us-sms:eight-to-eight"),
    ("us-sms", "US", "CT", "sms", M, "offers", "yes", NEW_YORK, "2026-06-10T12:30", "2026-06-10T13:00 us-sms:connecticut"),
    ("us-sms", "US", "TX", "sms", M, "offers", "yes", CHICAGO, "2026-06-14T15:00", "2026-06-14T17:00 us-sms:texas"),
    ("us-sms", "US", "TX", "sms", M, "offers", "yes", CHICAGO, "2026-06-13T14:00", "send"),
    ("us-sms", "US", "TX", "sms", M, "offers", "yes", CHICAGO, "2025-08-31T15:00", "send"),
    ("us-sms", "US", "RI", "sms", M, "offers", "yes", NEW_YORK, "2026-06-12T22:00", "2026-06-13T14:00 us-sms:rhode-island"),
    ("us-sms", "US", "RI", "call", M, "offers", "yes", NEW_YORK, "2026-06-14T21:00", "2026-06-15T13:00 us-sms:rhode-island"),
    ("us-sms", "US", "HI", "sms", M, "offers", "yes", HONOLULU, "2026-06-10T17:59", "2026-06-10T18:00 us-sms:federal-hours"),
    # the nights the clocks change
    ("us-sms", "US", "NY", "sms", M, "offers", "yes", NEW_YORK, "2026-03-08T05:00", "2026-03-08T12:00 us-sms:federal-hours"),
    ("us-sms", "US", "NY", "sms", M, "offers", "yes", NEW_YORK, "2026-11-01T05:00", "2026-11-01T13:00 us-sms:federal-hours"),
    # of an unknown state: the hours of all of them
    ("us-sms", "US", "", "sms", M, "offers", "yes", NEW_YORK, "2026-06-10T22:00", "2026-06-11T13:00 us-sms:rhode-island"),
    ("us-sms", "US", "NY", "sms", T, "service", "nothing", NEW_YORK, "2026-06-11T05:00", "send"),
    ("us-sms", "US", "NY", "sms", S, "service", "contract", NEW_YORK, "2026-06-11T05:00", "send"),
    # --- Canada
    ("ca", "CA", "", "email", M, "offers", "yes", TORONTO, NOON, "send"),
    ("ca", "CA", "", "email", M, "offers", "sale", TORONTO, NOON, "send"),
    ("ca", "CA", "", "email", M, "offers", "sale over", TORONTO, NOON, "ca:implied"),
    ("ca", "CA", "", "email", M, "offers", "sale, no end", TORONTO, NOON, "ca:implied"),
    ("ca", "CA", "", "email", M, "offers", "inquiry", TORONTO, NOON, "send"),
    ("ca", "CA", "", "email", M, "offers", "inquiry over", TORONTO, NOON, "ca:implied"),
    ("ca", "CA", "", "email", M, "offers", "inquiry over", TORONTO, "2026-06-10T11:59", "send"),
    ("ca", "CA", "", "email", M, "offers", "contract", TORONTO, NOON, "ca:casl"),
    ("ca", "CA", "", "sms", M, "offers", "nothing", TORONTO, NOON, "ca:casl"),
    ("ca", "CA", "", "sms", M, "offers", "sale over", TORONTO, "2026-06-10T12:00", "ca:implied"),
    ("ca", "CA", "", "email", M, "offers", "sale over", TORONTO, "2014-06-30T12:00", "send"),
    ("ca", "CA", "", "call", M, "offers", "yes", TORONTO, "2026-06-11T01:29", "send"),
    ("ca", "CA", "", "call", M, "offers", "yes", TORONTO, "2026-06-11T01:30", "2026-06-11T13:00 ca:call-hours"),
    ("ca", "CA", "", "call", M, "offers", "yes", TORONTO, "2026-06-13T22:30", "2026-06-14T14:00 ca:call-hours"),
    ("ca", "CA", "", "email", T, "service", "nothing", TORONTO, NOON, "send"),
    # --- mailbox providers, wherever the mailbox is
    ("mailbox", "ES", "", "email", M, "offers", "yes", MADRID, NOON, "send"),
    ("mailbox", "ES", "", "email", M, "offers", "0.10 %", MADRID, NOON, "send"),
    ("mailbox", "ES", "", "email", M, "offers", "0.29 %", MADRID, NOON, "send"),
    ("mailbox", "ES", "", "email", M, "offers", "0.30 %", MADRID, NOON, "mailbox:complaints"),
    ("mailbox", "ES", "", "email", M, "offers", "2 %", MADRID, NOON, "mailbox:complaints"),
    ("mailbox", "US", "", "email", M, "offers", "0.30 %", NEW_YORK, NOON, "mailbox:complaints"),
    ("mailbox", "CA", "", "email", M, "newsletter", "2 %", TORONTO, NOON, "mailbox:complaints"),
    ("mailbox", "GB", "", "email", M, "offers", "0.29 %", LONDON, NOON, "send"),
    ("mailbox", "ES", "", "sms", M, "offers", "2 %", MADRID, NOON, "send"),
    ("mailbox", "ES", "", "email", S, "service", "2 %", MADRID, NOON, "send"),
    ("mailbox", "ES", "", "email", T, "service", "2 %", MADRID, NOON, "send"),
    ("mailbox", "ES", "", "email", M, "offers", "2 %", MADRID, "2024-01-31T12:00", "send"),
    ("mailbox", "ES", "", "email", M, "offers", "bad domain", MADRID, NOON, "send"),
    # --- WhatsApp, wherever the phone is
    ("whatsapp", "ES", "", "whatsapp", M, "offers", "wrote now", MADRID, NOON, "send"),
    ("whatsapp", "ES", "", "whatsapp", M, "offers", "wrote a day ago", MADRID, NOON, "send"),
    ("whatsapp", "ES", "", "whatsapp", M, "offers", "wrote long ago", MADRID, NOON, "whatsapp:session"),
    ("whatsapp", "ES", "", "whatsapp", M, "offers", "yes", MADRID, NOON, "whatsapp:session"),
    ("whatsapp", "ES", "", "whatsapp", M, "offers", "template", MADRID, NOON, "send"),
    ("whatsapp", "ES", "", "whatsapp", M, "offers", "template, sale", MADRID, NOON, "whatsapp:opt-in"),
    ("whatsapp", "DE", "", "whatsapp", M, "offers", "template, sale", BERLIN, NOON, "whatsapp:opt-in"),
    ("whatsapp", "BR", "", "whatsapp", M, "offers", "nothing", "America/Sao_Paulo", NOON, "ca:casl"),
    ("whatsapp", "ES", "", "whatsapp", S, "service", "contract", MADRID, NOON, "whatsapp:session"),
    ("whatsapp", "ES", "", "whatsapp", S, "service", "template, contract", MADRID, NOON, "send"),
    ("whatsapp", "ES", "", "whatsapp", T, "service", "template, contract", MADRID, NOON, "send"),
    ("whatsapp", "GB", "", "whatsapp", M, "offers", "wrote long ago", LONDON, NOON, "whatsapp:session"),
    ("whatsapp", "ES", "", "sms", M, "offers", "wrote long ago", MADRID, NOON, "send"),
    # --- nobody knows where: the strictest of all
    ("", "", "", "email", M, "offers", "yes", MADRID, NOON, "send"),
    ("", "", "", "email", M, "offers", "sale, no end", MADRID, NOON, "ca:implied"),
    ("", "", "", "email", M, "offers", "inquiry", MADRID, NOON, "de:uwg-7"),
    ("", "", "", "sms", M, "offers", "voice", MADRID, NOON, "us-sms:written"),
    ("", "", "", "sms", M, "offers", "yes", MADRID, "2026-06-10T06:30", "2026-06-10T07:00 us-sms:connecticut"),
    ("", "", "", "call", M, "offers", "inquiry", MADRID, NOON, "de:calls"),
    ("", "JP", "", "email", M, "offers", "contract", "Asia/Tokyo", NOON, "ca:casl"),
]  # fmt: skip
