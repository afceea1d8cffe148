"""Whether the domain mails come from is set up: SPF, DKIM and DMARC, asked of the domain name system (C25).

`read_spf`, `read_dkim`, `read_dmarc` judge records (pure); `look` asks for them; `check` keeps what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

import dns.exception
import dns.resolver
from django.conf import settings

from channels.models import SenderDomain
from crm import audit, workspace

OK, WEAK, WRONG, MISSING, UNKNOWN = "ok", "weak", "wrong", "missing", "unknown"
VERDICTS: Final = (OK, WEAK, WRONG, MISSING, UNKNOWN)
LIFETIME: Final = 3.0
# Where carriers put their keys, asked when nobody names a selector.
SELECTORS: Final = ("default", "mail", "dkim", "google", "selector1", "selector2", "k1", "s1", "s2", "cauce")
MOST_LOOKUPS: Final = 10


@dataclass(frozen=True)
class Found:
    """`verdict` of one mechanism, the record it stands on, and the code of what would help."""

    verdict: str
    record: str = ""
    remedy: str = ""


class NoAnswer(Exception):
    """The name servers said nothing."""


def domain_of(mailbox: str) -> str:
    """ "Shop <Shop@Example.com>" → "example.com"; '' where it is none."""
    return parseaddr(mailbox)[1].rpartition("@")[2].strip().rstrip(".").lower()


def ours() -> str:
    """The domain mails come from where their content names no sender."""
    return domain_of(workspace.current().sender_address or str(settings.DEFAULT_FROM_EMAIL))


def check(domain: str, selector: str, actor: str, now: datetime) -> SenderDomain:
    """Ask, and keep what was found."""
    found = look(domain, selector)
    row, _created = SenderDomain.objects.update_or_create(
        domain=domain,
        defaults={"selector": selector, "checks": {name: asdict(each) for name, each in found.items()},
                  "checked_at": now},
    )  # fmt: skip
    audit.record(actor, "domain.check", f"domain:{domain}", None, {name: each.verdict for name, each in found.items()})
    return row


def worst(checks: dict[str, Any]) -> str:
    """The worst verdict of a domain; '' where it was never looked at."""
    said = [str(each.get("verdict")) for each in checks.values()]
    order = (WRONG, MISSING, WEAK, UNKNOWN, OK)
    return next((verdict for verdict in order if verdict in said), "")


def look(domain: str, selector: str = "") -> dict[str, Found]:
    """What stands in the domain name system now."""
    return {
        "spf": _judge(domain, read_spf),
        "dkim": _dkim(domain, [selector] if selector else list(SELECTORS)),
        "dmarc": _dmarc(domain),
    }


# --- asking -------------------------------------------------------------------------------------------


def resolver() -> dns.resolver.Resolver:
    """The machine's own, or the one named by `DNS_RESOLVER` ("192.0.2.1" or "127.0.0.1:5353")."""
    named = str(settings.DNS_RESOLVER)
    made = dns.resolver.Resolver(configure=not named)
    if named:
        host, _colon, port = named.partition(":")
        made.nameservers, made.port = [host], int(port or 53)
    made.lifetime = LIFETIME
    return made


def texts(name: str) -> list[str]:
    """The TXT records of a name; none where there is no such name. Raises NoAnswer."""
    try:
        answer = resolver().resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NoAnswer from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _judge(name: str, read: Any) -> Found:
    try:
        found: Found = read(texts(name))
    except NoAnswer:
        return Found(UNKNOWN, remedy="no_answer")
    return found


def _dkim(domain: str, selectors: Sequence[str]) -> Found:
    best = Found(MISSING, remedy="dkim_missing")
    for selector in selectors:
        found = _judge(f"{selector}._domainkey.{domain}", read_dkim)
        if found.verdict == UNKNOWN:
            return found
        if VERDICTS.index(found.verdict) < VERDICTS.index(best.verdict):
            best = Found(found.verdict, f"{selector}: {found.record}", found.remedy)
    return best


def _dmarc(domain: str) -> Found:
    """Of the domain, else of the one above it, which speaks for what is below."""
    found = _judge(f"_dmarc.{domain}", read_dmarc)
    above = domain.partition(".")[2]
    if found.verdict == MISSING and "." in above:
        higher = _judge(f"_dmarc.{above}", read_dmarc)
        return found if higher.verdict == UNKNOWN else higher
    return found


# --- reading ------------------------------------------------------------------------------------------


def read_spf(records: Sequence[str]) -> Found:
    """RFC 7208: one record, at most ten look-ups, and an end that does not let everybody in."""
    mine = [each for each in records if each.lower().split(" ")[0] == "v=spf1"]
    if not mine:
        return Found(MISSING, remedy="spf_missing")
    if len(mine) > 1:
        return Found(WRONG, " | ".join(mine), "spf_several")
    terms = mine[0].lower().split()[1:]
    plain = [term.lstrip("+-~?") for term in terms]
    asked = sum(
        term.startswith(("include:", "exists:", "redirect=")) or term.split(":")[0].split("/")[0] in ("a", "mx", "ptr")
        for term in plain
    )
    if asked > MOST_LOOKUPS:
        return Found(WRONG, mine[0], "spf_lookups")
    if "all" in terms or "+all" in terms:
        return Found(WRONG, mine[0], "spf_everybody")
    if "-all" in terms or "~all" in terms or any(term.startswith("redirect=") for term in plain):
        return Found(OK, mine[0])
    return Found(WEAK, mine[0], "spf_open")


def read_dkim(records: Sequence[str]) -> Found:
    """RFC 6376: a key; an empty one was taken back."""
    for record in records:
        tags = _tags(record)
        if "p" in tags and tags.get("v", "DKIM1") == "DKIM1":
            if not tags["p"]:
                return Found(WRONG, record[:200], "dkim_revoked")
            return Found(WEAK, record[:200], "dkim_testing") if "y" in tags.get("t", "") else Found(OK, record[:200])
    return Found(MISSING, remedy="dkim_missing")


def read_dmarc(records: Sequence[str]) -> Found:
    """RFC 7489: one policy that says more than to look on."""
    mine = [each for each in records if each.replace(" ", "").lower().startswith("v=dmarc1")]
    if not mine:
        return Found(MISSING, remedy="dmarc_missing")
    if len(mine) > 1:
        return Found(WRONG, " | ".join(mine), "dmarc_several")
    policy = _tags(mine[0]).get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return Found(WRONG, mine[0], "dmarc_policy")
    return Found(WEAK, mine[0], "dmarc_none") if policy == "none" else Found(OK, mine[0])


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip(): value.replace(" ", "").strip() for name, _equals, value in pairs}
