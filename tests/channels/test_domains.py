"""Is the sender's domain set up? Asked of a real name server, told with what would help."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import readiness
from channels import domains, sender_words
from channels.domains import MISSING, OK, UNKNOWN, WEAK, WRONG
from channels.models import Account, SenderDomain
from crm import clock
from crm.models import Workspace
from tests.campaigns import cast, office
from tests.channels.name_server import serving

KEY = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 12
GOOD = {
    "shop.example": ["v=spf1 include:_spf.carrier.example ~all", "some-verification=1"],
    "mail._domainkey.shop.example": [KEY],
    "_dmarc.shop.example": ["v=DMARC1; p=quarantine; rua=mailto:a@shop.example"],
}


@pytest.mark.parametrize(
    ("records", "verdict", "remedy"),
    [
        ([], MISSING, "spf_missing"),
        (["google-site-verification=x"], MISSING, "spf_missing"),
        (["v=spf1 include:a.example -all"], OK, ""),
        (["V=SPF1 ip4:192.0.2.0/24 ~all"], OK, ""),
        (["v=spf1 redirect=_spf.a.example"], OK, ""),
        (["v=spf1 include:a.example"], WEAK, "spf_open"),
        (["v=spf1 a mx ?all"], WEAK, "spf_open"),
        (["v=spf1 +all"], WRONG, "spf_everybody"),
        (["v=spf1 all"], WRONG, "spf_everybody"),
        (["v=spf1 -all", "v=spf1 ~all"], WRONG, "spf_several"),
        (["v=spf1 " + " ".join(f"include:{n}.example" for n in range(11)) + " -all"], WRONG, "spf_lookups"),
        (["v=spf1 a:x.example mx " + " ".join(f"include:{n}.example" for n in range(8)) + " -all"], OK, ""),
    ],
)
def test_spf_is_read(records: list[str], verdict: str, remedy: str) -> None:
    found = domains.read_spf(records)
    assert (found.verdict, found.remedy) == (verdict, remedy)


@pytest.mark.parametrize(
    ("records", "verdict", "remedy"),
    [
        ([], MISSING, "dkim_missing"),
        ([KEY], OK, ""),
        (["k=rsa; p=AAAA"], OK, ""),
        (["v=DKIM1; p="], WRONG, "dkim_revoked"),
        (["v=DKIM1; t=y; p=AAAA"], WEAK, "dkim_testing"),
        (["hello"], MISSING, "dkim_missing"),
    ],
)
def test_dkim_is_read(records: list[str], verdict: str, remedy: str) -> None:
    found = domains.read_dkim(records)
    assert (found.verdict, found.remedy) == (verdict, remedy)


@pytest.mark.parametrize(
    ("records", "verdict", "remedy"),
    [
        ([], MISSING, "dmarc_missing"),
        (["v=DMARC1; p=reject"], OK, ""),
        (["v=DMARC1;p=none"], WEAK, "dmarc_none"),
        (["v=DMARC1; p=maybe"], WRONG, "dmarc_policy"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], WRONG, "dmarc_several"),
    ],
)
def test_dmarc_is_read(records: list[str], verdict: str, remedy: str) -> None:
    found = domains.read_dmarc(records)
    assert (found.verdict, found.remedy) == (verdict, remedy)


def test_every_remedy_has_words() -> None:
    codes = {
        "no_answer", "spf_missing", "spf_several", "spf_lookups", "spf_everybody", "spf_open", "dkim_missing",
        "dkim_revoked", "dkim_testing", "dmarc_missing", "dmarc_several", "dmarc_policy", "dmarc_none",
    }  # fmt: skip
    assert set(sender_words.REMEDIES) == codes
    assert all("%" not in sender_words.remedy(code, "shop.example") for code in codes)
    assert set(sender_words.VERDICTS) == set(domains.VERDICTS)


def verdicts(records: dict[str, list[str]], settings: Any, domain: str = "shop.example", **more: Any) -> dict[str, str]:
    with serving(records, silent=more.pop("silent", False)) as address:
        settings.DNS_RESOLVER = address
        return {name: found.verdict for name, found in domains.look(domain, **more).items()}


def test_a_domain_that_is_set_up_is_found_whole(settings: Any) -> None:
    assert verdicts(GOOD, settings) == {"spf": OK, "dkim": OK, "dmarc": OK}


def test_an_empty_domain_lacks_all_three(settings: Any) -> None:
    assert verdicts({}, settings) == {"spf": MISSING, "dkim": MISSING, "dmarc": MISSING}


def test_the_key_is_looked_for_where_ada_says(settings: Any) -> None:
    elsewhere = {**GOOD, "x2026._domainkey.shop.example": [KEY]}
    elsewhere.pop("mail._domainkey.shop.example")
    assert verdicts(elsewhere, settings)["dkim"] == MISSING
    assert verdicts(elsewhere, settings, selector="x2026")["dkim"] == OK


def test_the_policy_of_the_domain_above_speaks_for_the_one_below(settings: Any) -> None:
    below = {"news.shop.example": ["v=spf1 -all"], "_dmarc.shop.example": ["v=DMARC1; p=reject"]}
    assert verdicts(below, settings, "news.shop.example")["dmarc"] == OK


def test_a_name_server_that_is_silent_is_not_a_domain_that_lacks_something(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "LIFETIME", 0.2)
    assert verdicts(GOOD, settings, silent=True) == {"spf": UNKNOWN, "dkim": UNKNOWN, "dmarc": UNKNOWN}


@pytest.mark.django_db
def test_ada_checks_the_domain_on_the_page_of_her_account(settings: Any) -> None:
    Workspace.objects.update_or_create(only=True, defaults={"sender_address": "Hello@Shop.example"})
    account = Account.objects.get_or_create(channel="email", is_default=True, defaults={"name": "email"})[0]
    ada = office.at_work("admin", "Ada")
    url = f"/settings/channels/{account.pk}/"
    before = ada.get(url).content.decode()
    assert "shop.example" in before
    assert "Not looked at yet." in before
    weak = {**GOOD, "_dmarc.shop.example": ["v=DMARC1; p=none"]}
    with serving(weak) as address:
        settings.DNS_RESOLVER = address
        answer = ada.post(f"{url}domain/", {"domain": "shop.example", "selector": "mail"})
    assert answer.status_code == 302
    html = ada.get(url).content.decode()
    assert "only looks on" in html
    assert "Check again" in html
    row = SenderDomain.objects.get()
    assert (row.domain, row.selector, domains.worst(row.checks)) == ("shop.example", "mail", WEAK)
    assert ada.post(f"{url}domain/", {"domain": "not a domain"}).status_code == 302
    assert SenderDomain.objects.count() == 1


@pytest.mark.django_db
def test_the_review_warns_while_the_domain_is_not_set_up() -> None:
    office.house(sender_address="hello@shop.example")
    campaign = office.draft(cast.mail())

    def said() -> dict[str, bool]:
        return {each.code: each.blocking for each in readiness.of(campaign, clock.now()) if "domain" in each.code}

    assert said() == {"domain_unchecked": False}
    row = SenderDomain.objects.create(
        domain="shop.example", checked_at=clock.now(), checks={"spf": {"verdict": "missing", "remedy": "spf_missing"}}
    )
    assert said() == {"domain_weak": False}
    row.checks = {"spf": {"verdict": "ok"}, "dkim": {"verdict": "ok"}, "dmarc": {"verdict": "ok"}}
    row.save()
    assert said() == {}
