"""The one way out for HTTP to addresses that somebody typed in.

The name is resolved once, every address that is not public is refused in whatever notation it was
written, and the connection goes to the address that was checked. No redirects, a deadline, a limit
on the answer. Hosts the operator names (`EGRESS_ALLOWED_HOSTS`, `PROVIDER_<KIND>_BASE_URL`) may be
anywhere: they come from the environment, not from users.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

SECONDS: Final = 5.0
LIMIT: Final = 1024 * 1024


class Refused(Exception):
    """This address may not be called. The message says why."""


class NotStarted(Exception):
    """Nothing was sent: no such name, no connection."""


class Lost(Exception):
    """The request may have arrived, but no whole answer came back."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    seconds: float = SECONDS,
    limit: int = LIMIT,
) -> Answer:
    """One call, one answer. Raises Refused, NotStarted or Lost; any status is an answer."""
    parts = checked(url)
    end = time.monotonic() + seconds
    connection = _connect(parts, end)
    try:
        return _exchange(connection, method, parts, dict(headers or {}), body, end, limit)
    finally:
        connection.close()


def checked(url: str) -> SplitResult:
    """The parts of an http(s) address without credentials in it. Raises Refused."""
    if any(character.isspace() or not character.isprintable() for character in url):
        raise Refused("The address contains blanks or control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("The address cannot be read; it looks like https://host/path.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Refused("The address must begin with https:// or http:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise Refused("The address may not contain a user name or password; use the account's secrets.")
    return parts


def _connect(parts: SplitResult, end: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = resolve(host, port)
    sock: socket.socket | None = None
    try:
        sock = socket.create_connection((address, port), timeout=_left(end))
        if parts.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        connection = http.client.HTTPConnection(host, port, timeout=_left(end))
    except OSError as error:
        if sock is not None:
            sock.close()
        raise NotStarted(f"No connection: {error}") from error
    connection.sock = sock
    return connection


def resolve(host: str, port: int) -> str:
    """The address to connect to. Raises Refused if any of the host's addresses is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotStarted(f"The host's name cannot be resolved: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not is_trusted(host, port) and not all(is_public(each) for each in addresses):
        raise Refused("The host is not on the public internet.")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is global, also when an IPv4 one is wrapped into IPv6."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        wrapped = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if wrapped is not None:
            return wrapped.is_global and not wrapped.is_multicast
        if parsed in ipaddress.ip_network("64:ff9b::/96"):
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    return parsed.is_global and not parsed.is_multicast


def is_trusted(host: str, port: int) -> bool:
    """Whether the operator named this host; an entry may carry a port."""
    named = {entry.lower() for entry in settings.EGRESS_ALLOWED_HOSTS}
    for url in settings.PROVIDER_BASE_URLS.values():
        parts = urlsplit(url)
        named.add(f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}")
    return bool({host.lower(), f"{host.lower()}:{port}"} & named)


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    parts: SplitResult,
    headers: dict[str, str],
    body: bytes | None,
    end: float,
    limit: int,
) -> Answer:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, body=body, headers={"Connection": "close", **headers})
        connection.sock.settimeout(_left(end))
        response = connection.getresponse()
        taken = bytearray()
        while len(taken) <= limit:
            left = _left(end)
            if connection.sock is not None:
                connection.sock.settimeout(left)
            piece = response.read1(65536)
            if not piece:
                break
            taken += piece
        _whole(response, len(taken), limit)
    except ValueError as error:
        raise Refused(f"The request cannot be written: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Lost(f"{type(error).__name__}: {error}") from error
    # What is over the limit is not needed to know that the request was taken.
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, bytes(taken[:limit]))


def _whole(response: http.client.HTTPResponse, got: int, limit: int) -> None:
    """An answer that breaks off is none (one in chunks says so by itself)."""
    told = response.getheader("Content-Length", "")
    if told.isdigit() and got < min(int(told), limit) and response.status not in (204, 304):
        raise http.client.IncompleteRead(b"", int(told) - got)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline is over")
    return left
