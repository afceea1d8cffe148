"""The one way out for HTTP: only to the public internet, whatever an address is written like."""

from __future__ import annotations

from typing import Any

import pytest

from channels import egress
from tests.channels.servers import dead_port, http_server


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
        "http://localhost/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:10.0.0.1]/",
        "http://10.1.2.3/", "http://192.168.1.1/", "http://169.254.169.254/latest/", "http://0.0.0.0/",
        "http://[fe80::1]/", "http://[fc00::1]/", "http://100.64.0.1/", "http://224.0.0.1/", "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_in_every_notation(url: str) -> None:
    with pytest.raises(egress.Refused):
        egress.request("POST", url)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://x/", "//host/", "http://", "http://user:pass@host/", "http://host:0/",
     "http://host:99999/", "http://ho st/", "http://host/\r\nX: y"],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(egress.Refused):
        egress.request("POST", url)


def test_the_operator_may_name_hosts_and_ports_of_the_house(settings: Any) -> None:
    with http_server() as (url, got):
        host = url.removeprefix("http://")
        settings.EGRESS_ALLOWED_HOSTS = [host]
        assert egress.request("POST", url, body=b"x").status == 200
        settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1:1"]
        with pytest.raises(egress.Refused):
            egress.request("POST", url)
        settings.EGRESS_ALLOWED_HOSTS = []
        settings.PROVIDER_BASE_URLS = {"sms": f"{url}/v2"}
        assert egress.request("POST", url, body=b"x").status == 200
        assert len(got) == 2


def test_redirects_are_answers_and_are_not_followed(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    with http_server(307, headers={"Location": "http://169.254.169.254/"}) as (url, got):
        assert egress.request("POST", url).status == 307
        assert len(got) == 1


def test_no_more_is_read_than_the_limit(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    with http_server(200, "x" * 100_000) as (url, _):
        assert len(egress.request("POST", url, limit=1000).body) == 1000


def test_what_could_not_begin_and_what_was_lost_are_told_apart(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    with pytest.raises(egress.NotStarted):
        egress.request("POST", f"http://127.0.0.1:{dead_port()}/")
    with http_server(drop=True) as (url, _), pytest.raises(egress.Lost):
        egress.request("POST", url)
