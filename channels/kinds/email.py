"""E-mail: HTML with a text part always, and the headers people's mailboxes ask for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parseaddr
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import quote

from channels import links, liquid, mime, plaintext
from channels.kinds import base
from crm.errors import Problem

TEXTS: Final = ["subject", "preheader", "html", "text", "from_name", "from_address", "reply_to"]
FIELDS: Final = {"subject": False, "preheader": False, "html": True, "text": False}
CLIPPED_AT: Final = 102_000

_BODY_START: Final = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_PREHEADER: Final = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{}</div>'
_LIQUID: Final = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
_UNQUOTED: Final = re.compile(r"=\s*\{\{")
_ACTIVE: Final = frozenset({"script", "iframe", "object", "embed", "applet", "form", "input", "base", "frame", "svg"})
_ACTIVE_URL: Final = re.compile(r"^\s*(?:javascript|vbscript|data:text)", re.IGNORECASE)


class Letter:
    """An e-mail parsed once; `render()` fills it for one person."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.urls: list[str] = []
        clean = {name: links.strip(value) for name, value in body.items() if isinstance(value, str)}
        html = clean.get("html", "")
        self._html = (
            liquid.parse(links.mark_html(_with_preheader(html, clean.get("preheader", "")), self.urls), html=True)
            if html
            else None
        )
        self._text = liquid.parse(links.mark_text(clean.get("text", ""), self.urls), html=False)
        self._subject = liquid.parse(clean["subject"], html=False)
        parts = [part for part in (self._subject, self._html, self._text) if part]
        self.paths = tuple(sorted({path for part in parts for path in part.paths}))
        self.follows = any("click" in part.filters for part in parts)
        self._has_way_out = any("links.unsubscribe" in part.paths for part in (self._html, self._text) if part)
        self._from_name = clean.get("from_name", "")
        self._from_address = clean.get("from_address", "")
        self._reply_to = clean.get("reply_to", "")

    def render(self, values: Mapping[str, Any], to: base.Addressed) -> dict[str, Any]:
        subject = self._subject.render(values).strip()
        if not subject:
            raise liquid.RenderError("subject", "The subject would be empty.")
        text = links.put(self._text.render(values), self.urls, to.click, html=False)
        ways = to.opt_out and not self._has_way_out
        if to.opt_out and (lines := _text_footer(values, to, ways=ways)):
            text = f"{text}\n\n-- \n{lines}"
        html = self._render_html(self._html, values, to, ways=ways) if self._html else ""
        try:
            sender, headers = self._headers(subject, values, to)
            raw = mime.message(headers, text, html, f"=_{to.key}")
        except mime.Unsafe as error:
            raise liquid.RenderError(error.field.lower(), str(error)) from error
        except UnicodeEncodeError as error:
            raise liquid.RenderError("", "The message holds broken characters.") from error
        return {
            "subject": subject, "html": html, "text": text, "headers": headers, "sender": sender, "mime": raw,
        }  # fmt: skip

    def _render_html(
        self, template: liquid.Template, values: Mapping[str, Any], to: base.Addressed, *, ways: bool
    ) -> str:
        extra = {"footer": _html_footer(values, to, ways=ways)} if to.opt_out else {}
        if to.click:
            extra["pixel"] = f'<img src="{to.links["open"]}" width="1" height="1" alt="">'
        return links.put(template.render(values), self.urls, to.click, html=True, extra=extra)

    def _headers(self, subject: str, values: Mapping[str, Any], to: base.Addressed) -> tuple[str, dict[str, str]]:
        scope = values["_"]
        name, default = _parsed(scope["default_sender"])
        address = self._from_address or default
        shown = self._from_name or ("" if self._from_address else name)
        headers = {
            "From": mime.mailbox("From", shown, address),
            "To": f"<{mime.address('To', to.recipient)}>",
            "Subject": mime.words("Subject", subject),
            "Date": mime.date(datetime.fromisoformat(scope["now"])),
            "Message-ID": f"<{to.key}@{address.rpartition('@')[2]}>",
        }
        if self._reply_to:
            headers["Reply-To"] = mime.mailbox("Reply-To", "", self._reply_to)
        if to.opt_out:
            mail = f"mailto:{self._reply_to or address}?subject={quote('unsubscribe ' + to.links['token'])}"
            headers["List-Unsubscribe"] = f"<{to.links['unsubscribe']}>,\r\n <{mail}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return address, headers


class Email:
    name = "email"
    medium = "email"
    names = base.NAMES
    fields = FIELDS

    def problems(self, body: Mapping[str, Any]) -> list[Problem]:
        found = base.form_problems(body, TEXTS, ["require_stock"])
        if not str(body.get("subject") or "").strip():
            found.append(Problem("/subject", "required", "An e-mail needs a subject."))
        if not str(body.get("html") or body.get("text") or "").strip():
            found.append(Problem("/html", "required", "An e-mail needs HTML or text."))
        found += base.template_problems(body, FIELDS, self.names)
        found += _header_problems(body)
        if isinstance(body.get("html"), str):
            found += _html_problems(body["html"])
        return found

    def prepare(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What is stored: as given, and a text part if only HTML was given."""
        kept = {name: value for name, value in body.items() if value not in ("", False)}
        if kept.get("html") and not str(kept.get("text", "")).strip():
            kept["text"] = plaintext.from_html(kept["html"])
        return kept

    def compile(self, body: Mapping[str, Any]) -> Letter:
        return Letter(body)


def _header_problems(body: Mapping[str, Any]) -> list[Problem]:
    found = []
    for name in ("subject", "preheader", "from_name"):
        try:
            mime.safe(name, str(body.get(name) or ""))
        except mime.Unsafe as error:
            found.append(Problem(f"/{name}", "header_injection", str(error)))
    for name in ("from_address", "reply_to"):
        value = body.get(name)
        if not isinstance(value, str) or not value:
            continue
        try:
            mime.address(name, value)
        except mime.Unsafe as error:
            found.append(Problem(f"/{name}", "address", str(error)))
    return found


def _html_problems(html: str) -> list[Problem]:
    found = []
    if _UNQUOTED.search(html):
        found.append(
            Problem("/html", "unquoted_attribute", 'Write quotes around Liquid in attributes: href="{{ … }}".')
        )
    watcher = _Watcher()
    watcher.feed(html)
    return found + [
        Problem("/html", "active_content", f"{what} does not work in e-mail and is refused; take it out.")
        for what in dict.fromkeys(watcher.found)
    ]


class _Watcher(HTMLParser):
    """Finds what runs or posts: mail clients block it, and previews must never meet it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ACTIVE:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or (value and _ACTIVE_URL.match(value)):
                self.found.append(f"<{tag} {name}>")
            if tag == "meta" and name == "http-equiv" and str(value).lower() == "refresh":
                self.found.append("<meta refresh>")


def _with_preheader(html: str, preheader: str) -> str:
    if not preheader:
        return html
    start = _BODY_START.search(html)
    at = start.end() if start else 0
    return f"{html[:at]}{_PREHEADER.format(_escape_around_liquid(preheader))}{html[at:]}"


def _escape_around_liquid(text: str) -> str:
    parts = _LIQUID.split(text)
    return "".join(part if _LIQUID.fullmatch(part) else escape(part, quote=False) for part in parts)


def _html_footer(values: Mapping[str, Any], to: base.Addressed, *, ways: bool) -> str:
    """Who writes and where they are, always; the ways out where the words have none of their own."""
    leave, choose, _ = base.footer_words(values)
    parts = [escape(part) for part in _who(values)]
    if ways:
        parts += [
            f'<a href="{escape(to.links[name])}" style="color:#5b6472">{word}</a>'
            for name, word in (("unsubscribe", leave), ("preferences", choose))
        ]
    style = "font:12px/1.5 sans-serif;color:#5b6472;margin:32px 16px;text-align:center"
    return f'<p style="{style}">{" | ".join(parts)}</p>' if parts else ""


def _text_footer(values: Mapping[str, Any], to: base.Addressed, *, ways: bool) -> str:
    leave, choose, _ = base.footer_words(values)
    lines = _who(values)
    if ways:
        lines = [*lines, f"{leave}: {to.links['unsubscribe']}", f"{choose}: {to.links['preferences']}"]
    return "\n".join(lines)


@lru_cache(maxsize=50)
def _parsed(mailbox: str) -> tuple[str, str]:
    return parseaddr(mailbox)


def _who(values: Mapping[str, Any]) -> list[str]:
    """The sender's name and postal address in one line; nothing while neither is known."""
    scope = values["_"]
    shown = [part for part in (scope.get("workspace"), scope.get("postal_address")) if part]
    return [", ".join(shown)] if shown else []


KIND: Final = Email()
