"""SMTP with one connection that is kept, and one flight of commands per message (RFC 2920).

Of each message the server's answer to the final dot decides. If that answer is lost, nobody can
know: UNKNOWN. Everything refused before it is definite, because a message without its final dot
is not delivered.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from channels.providers.base import Carrier, Field, read, register
from channels.types import Outcome, Outgoing, Receipt

_QUEUED_AS: Final = re.compile(r"queued as ([\w.\-]{1,100})", re.IGNORECASE)
_ENHANCED: Final = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})\b")
# The mailbox itself is gone or never was; without an enhanced code these numbers say so.
_DEAD_CODES: Final = (550, 551, 553)
_DEAD_ENHANCED: Final = {("1", "1"), ("1", "2"), ("1", "3"), ("1", "6"), ("1", "10"), ("2", "1")}
# What would end an address, or the command it stands in.
_UNFIT: Final = re.compile(r"[\s<>\x00-\x1f\x7f]")
_MESSAGES_A_CONNECTION: Final = 5_000

Reply = tuple[int, str]


class _Lost(Exception):
    """The connection broke, or an answer made no sense."""


@register
class Smtp(Carrier):
    name = "smtp"
    channels = ("email",)
    fields = (
        Field("host", required=True),
        Field("port", int, default=25),
        Field("security", default="", choices=("", "starttls", "tls")),
        Field("user", default=""),
        Field("password", secret=True, default=""),
        Field("hello", default=""),
    )

    def __init__(self, values: Mapping[str, Any], timeout: float) -> None:
        self._values = values
        self._timeout = timeout
        self._connection: smtplib.SMTP | None = None
        self._pipelining = self._utf8 = False
        self._sent = 0

    @classmethod
    def build(cls, settings: Mapping[str, Any], secrets: Mapping[str, Any], *, timeout: float) -> Self:
        return cls(read(cls.fields, settings, secrets), timeout)

    def open(self) -> None:
        """Connect, greet, secure, log in. Raises OSError or smtplib.SMTPException."""
        values = self._values
        self.close()
        hello = values["hello"] or None
        connection: smtplib.SMTP
        if values["security"] == "tls":
            connection = smtplib.SMTP_SSL(
                values["host"], values["port"], hello, timeout=self._timeout, context=ssl.create_default_context()
            )
        else:
            connection = smtplib.SMTP(values["host"], values["port"], hello, timeout=self._timeout)
        try:
            if values["security"] == "starttls":
                connection.starttls(context=ssl.create_default_context())
            connection.ehlo_or_helo_if_needed()
            if values["user"]:
                connection.login(values["user"], values["password"] or "")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._pipelining = connection.has_extn("pipelining")
        self._utf8 = connection.has_extn("smtputf8")
        self._sent = 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def send(self, outgoing: Outgoing) -> Receipt:
        fault = self._unfit(outgoing)
        if fault is not None:
            return fault
        for last_try in (False, True):
            fresh = last_try or self._connection is None or self._sent >= _MESSAGES_A_CONNECTION
            refusal = self._reconnect() if fresh else None
            if refusal is not None:
                return refusal
            try:
                refused = self._envelope(outgoing)
                break
            except (_Lost, OSError) as error:
                # No body was written. A kept connection may have been idle for too long: once more.
                self.close()
                if fresh:
                    return Receipt(Outcome.NOT_STARTED, detail=_short(error))
        return refused or self._content(outgoing)

    # --- one message -------------------------------------------------------------------------

    def _unfit(self, outgoing: Outgoing) -> Receipt | None:
        for address in (outgoing.recipient, outgoing.body["sender"]):
            if not address or _UNFIT.search(address):
                return Receipt(Outcome.REFUSED, code="address", detail="An address cannot stand in an envelope.")
        return None

    def _reconnect(self) -> Receipt | None:
        try:
            self.open()
        except smtplib.SMTPAuthenticationError as error:
            return Receipt(Outcome.NOT_STARTED, code=str(error.smtp_code), detail="The server refused the login.")
        except (OSError, smtplib.SMTPException) as error:
            return Receipt(Outcome.NOT_STARTED, detail=_short(error))
        return None

    def _envelope(self, outgoing: Outgoing) -> Receipt | None:
        """MAIL, RCPT and DATA; None: the server waits for the body. Raises _Lost or OSError."""
        international = not (outgoing.recipient + outgoing.body["sender"]).isascii()
        if international and not self._utf8:
            return Receipt(Outcome.REFUSED, code="smtputf8", detail="The server takes ASCII addresses only.")
        option = " SMTPUTF8" if international else ""
        commands = [f"MAIL FROM:<{outgoing.body['sender']}>{option}", f"RCPT TO:<{outgoing.recipient}>", "DATA"]
        replies = self._together(commands) if self._pipelining else self._one_by_one(commands)
        refused = next(
            (place for place, (code, _) in enumerate(replies) if not (200 <= code < 300 or code == 354)), None
        )
        if refused is None and replies[-1][0] == 354:
            return None
        if refused is None:
            raise _Lost(f"DATA was answered {replies[-1][0]}")
        self._abandon(replies)
        return self._refusal(replies[refused], recipient=refused == 1)

    def _together(self, commands: list[str]) -> list[Reply]:
        self._write("\r\n".join([*commands, ""]).encode())
        return [self._reply() for _ in commands]

    def _one_by_one(self, commands: list[str]) -> list[Reply]:
        replies: list[Reply] = []
        for command in commands:
            self._write(f"{command}\r\n".encode())
            replies.append(self._reply())
            if replies[-1][0] >= 400:
                break
        return replies

    def _abandon(self, replies: list[Reply]) -> None:
        """Bring the connection back to its beginning; whatever happens here changes no outcome."""
        try:
            if any(code == 421 for code, _ in replies):
                self.close()
                return
            if len(replies) == 3 and replies[2][0] == 354:
                # DATA was taken although nobody is addressed: an empty message ends it.
                self._write(b".\r\n")
                self._reply()
            self._write(b"RSET\r\n")
            self._reply()
        except (_Lost, OSError):
            self.close()

    def _content(self, outgoing: Outgoing) -> Receipt:
        """The body and its final dot; from the first byte on a broken connection is UNKNOWN."""
        try:
            self._write(stuffed(outgoing.body["mime"]))
            reply = self._reply()
        except (_Lost, OSError) as error:
            self.close()
            return Receipt(Outcome.UNKNOWN, detail=_short(error))
        self._sent += 1
        code, text = reply
        if 200 <= code < 300:
            queued = _QUEUED_AS.search(text)
            return Receipt(
                Outcome.ACCEPTED, provider_message_id=queued[1] if queued else "", code=str(code), detail=text[:200]
            )
        if code < 400:
            self.close()
            return Receipt(Outcome.UNKNOWN, code=str(code), detail=text[:200])
        if code == 421:
            self.close()
        return self._refusal(reply, recipient=False)

    def _refusal(self, reply: Reply, *, recipient: bool) -> Receipt:
        code, text = reply
        if code < 500:
            return Receipt(Outcome.RETRY, code=str(code), detail=text[:200])
        return Receipt(
            Outcome.REFUSED, code=str(code), detail=text[:200], address_dead=recipient and is_dead(code, text)
        )

    # --- the wire ----------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._connection is None or self._connection.sock is None:
            raise _Lost("the connection is closed")
        self._connection.sock.sendall(data)

    def _reply(self) -> Reply:
        file = self._connection.file if self._connection is not None else None
        if file is None:
            raise _Lost("the connection is closed")
        lines: list[str] = []
        while True:
            line = file.readline(2001)
            if len(line) < 4 or not line.endswith(b"\n") or not line[:3].isdigit():
                raise _Lost("the connection was closed" if not line else "the server's answer makes no sense")
            said = line[4:].strip().decode("utf-8", "replace")
            if line[3:4] != b"-":
                return int(line[:3]), " ".join([*lines, said]) if lines else said
            lines.append(said)


def stuffed(mime: bytes) -> bytes:
    """The message with its dots doubled at line starts (RFC 5321 4.5.2) and the final dot."""
    if mime.startswith(b"."):
        mime = b"." + mime
    mime = mime.replace(b"\n.", b"\n..")
    return mime + (b".\r\n" if mime.endswith(b"\r\n") else b"\r\n.\r\n")


def is_dead(code: int, text: str) -> bool:
    """Whether the answer to RCPT says that this mailbox does not exist."""
    enhanced = _ENHANCED.match(text)
    if enhanced:
        return (enhanced[2], enhanced[3]) in _DEAD_ENHANCED
    return code in _DEAD_CODES


def settings_from_url(url: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(settings, secrets) of `EMAIL_URL`; None where it does not speak of SMTP."""
    parts = urlsplit(url)
    security = {"smtp": "", "smtp+tls": "starttls", "smtps": "starttls", "smtp+ssl": "tls"}.get(parts.scheme)
    if security is None or not parts.hostname:
        return None
    settings = {
        "host": parts.hostname,
        "port": parts.port or (465 if security == "tls" else 587 if security else 25),
        "security": security,
        "user": unquote(parts.username or ""),
    }
    return settings, {"password": unquote(parts.password or "")}


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
