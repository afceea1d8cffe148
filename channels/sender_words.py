"""What is said of a sender's domain: the verdict of each mechanism, and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

VERDICTS: Final[Mapping[str, tuple[str, Promise]]] = {
    "ok": ("ok", gettext_lazy("set up")),
    "weak": ("warn", gettext_lazy("could be stronger")),
    "wrong": ("bad", gettext_lazy("wrong")),
    "missing": ("bad", gettext_lazy("missing")),
    "unknown": ("warn", gettext_lazy("no answer")),
}
REMEDIES: Final[Mapping[str, Promise]] = {
    "no_answer": gettext_lazy("The name servers did not answer. Try again in a moment."),
    "spf_missing": gettext_lazy(
        "Add a TXT record to %(domain)s that names who may send for it: v=spf1 include:your-carrier ~all. Your carrier"
        " tells you the exact line."
    ),
    "spf_several": gettext_lazy("There may be one SPF record only. Put them together into one line."),
    "spf_lookups": gettext_lazy(
        "It asks more than ten other names, so mailboxes give up. Take out what sends no more."
    ),
    "spf_everybody": gettext_lazy("“+all” lets everybody send in your name. End the record with ~all or -all."),
    "spf_open": gettext_lazy("It does not say what to do with others. End the record with ~all or -all."),
    "dkim_missing": gettext_lazy(
        "No key was found. Publish the one your carrier gives you at its selector below _domainkey.%(domain)s, and"
        " write the selector here."
    ),
    "dkim_revoked": gettext_lazy("The key is empty: it was taken back. Publish the new one."),
    "dkim_testing": gettext_lazy("The key says it is being tested (t=y). Take that out."),
    "dmarc_missing": gettext_lazy("Add a TXT record to _dmarc.%(domain)s: v=DMARC1; p=quarantine."),
    "dmarc_several": gettext_lazy("There may be one DMARC record only."),
    "dmarc_policy": gettext_lazy("Its policy is none of none, quarantine and reject."),
    "dmarc_none": gettext_lazy("“p=none” only looks on. When all your mails pass, change it to p=quarantine."),
}


def shown(check: Mapping[str, Any], domain: str) -> dict[str, str]:
    """A check as a page shows it."""
    tone, words = VERDICTS.get(str(check.get("verdict")), VERDICTS["unknown"])
    return {"tone": tone, "words": str(words), "record": str(check.get("record") or ""),
            "remedy": remedy(str(check.get("remedy") or ""), domain)}  # fmt: skip


def remedy(code: str, domain: str) -> str:
    return str(REMEDIES[code]) % {"domain": domain} if code in REMEDIES else ""
