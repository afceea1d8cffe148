"""SMS through any provider that takes one HTTP request per message.

What is sent is described by settings, not code: URL, method, headers, a body with places for the
message's values, and what in the answer means success. Values enter a parsed structure or an
encoded form, never the text of it, so a message cannot change its request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import urlencode, urljoin

from channels import egress
from channels.providers import http_reports
from channels.providers.base import Carrier, Field, read, register
from channels.types import Outcome, Outgoing, Receipt
from crm.errors import Problem, Problems

_PLACE: Final = re.compile(r"\{\{\s*(\w+(?:\.\w+)?)\s*\}\}")
_VALUES: Final = ("recipient", "text", "sender", "key")
# The provider said that it did not take it now.
_LATER: Final = (408, 425, 429, 503)
DEFAULT_BODY: Final = {"to": "{{ recipient }}", "from": "{{ sender }}", "text": "{{ text }}", "reference": "{{ key }}"}


@register
class HttpSms(Carrier):
    name = "http_sms"
    channels = ("sms",)
    tells = True
    fields = (
        Field("url", required=True),
        Field("method", default="POST", choices=("POST", "PUT")),
        Field("headers", dict, default={}),
        Field("body", dict, default=DEFAULT_BODY),
        Field("encoding", default="json", choices=("json", "form")),
        # Paths into the answer: `path` must be one of `in`; `id`, `code`; the codes that mean `dead`.
        Field("success", dict, default={}),
        Field("idempotency_header", default=""),
        Field("values", dict, secret=True, default={}),
        # What its server tells afterwards: `channels.providers.http_reports`.
        Field("reports", dict, default={}),
        Field("report_secret", secret=True, default=""),
    )

    def __init__(self, values: Mapping[str, Any], timeout: float) -> None:
        self._values = values
        self._timeout = timeout
        self.idempotent = bool(values["idempotency_header"])

    @classmethod
    def build(cls, settings: Mapping[str, Any], secrets: Mapping[str, Any], *, timeout: float) -> Self:
        values = read(cls.fields, settings, secrets)
        problems = [
            Problem(f"/settings/{place}", "unknown", f"{{{{ {name} }}}} is none of: {', '.join(_known(values))}.")
            for place in ("headers", "body")
            for name in _PLACE.findall(json.dumps(values[place]))
            if name not in _known(values)
        ]
        problems += http_reports.faults(values["reports"] or {})
        try:
            egress.checked(values["url"])
        except egress.Refused as error:
            problems.append(Problem("/settings/url", "invalid", str(error)))
        if problems:
            raise Problems(problems)
        return cls(values, timeout)

    def send(self, outgoing: Outgoing) -> Receipt:
        try:
            headers, body = self._request(outgoing)
            answer = egress.request(
                self._values["method"], self._values["url"], headers=headers, body=body, seconds=self._timeout
            )
        except egress.Refused as error:
            return Receipt(Outcome.REFUSED, code="egress", detail=str(error)[:200])
        except egress.NotStarted as error:
            return Receipt(Outcome.NOT_STARTED, detail=str(error)[:200])
        except egress.Lost as error:
            return Receipt(Outcome.UNKNOWN, detail=str(error)[:200])
        return self._receipt(answer)

    def _request(self, outgoing: Outgoing) -> tuple[dict[str, str], bytes]:
        given = {
            "recipient": outgoing.recipient,
            "text": outgoing.body.get("text", ""),
            "sender": outgoing.body.get("sender", ""),
            "key": outgoing.key,
        }
        given |= {f"secret.{name}": str(value) for name, value in self._values["values"].items()}
        body = _filled(self._values["body"], given)
        headers = {str(name): str(value) for name, value in _filled(self._values["headers"], given).items()}
        if self._values["idempotency_header"]:
            headers[self._values["idempotency_header"]] = outgoing.key
        if self._values["encoding"] == "form":
            return {"Content-Type": "application/x-www-form-urlencoded", **headers}, urlencode(body).encode()
        return {"Content-Type": "application/json", **headers}, json.dumps(body).encode()

    def _receipt(self, answer: egress.Answer) -> Receipt:
        status = str(answer.status)
        said = _parsed(answer.body)
        rule = self._values["success"]
        code = str(http_reports.at(said, rule.get("code", "")) or status)[:40]
        detail = answer.body[:200].decode("utf-8", "replace")
        if answer.status in _LATER:
            return Receipt(Outcome.RETRY, code=code, detail=detail, retry_after=_seconds(answer.headers))
        if answer.status >= 500:
            # It may have been taken before the server failed.
            return Receipt(Outcome.UNKNOWN, code=code, detail=detail)
        well = "path" not in rule or http_reports.at(said, rule["path"]) in rule.get("in", [])
        if 200 <= answer.status < 300 and well:
            found = http_reports.at(said, rule.get("id", "id"))
            return Receipt(Outcome.ACCEPTED, provider_message_id=str(found or "")[:200], code=status)
        dead = code in [str(each) for each in rule.get("dead", [])]
        return Receipt(Outcome.REFUSED, code=code, detail=detail, address_dead=dead)


def settings_from_base_url(base: str) -> dict[str, Any]:
    """The account that `PROVIDER_SMS_BASE_URL` alone describes: JSON to `<base>/messages`."""
    return {"url": urljoin(base.rstrip("/") + "/", "messages")}


def _known(values: Mapping[str, Any]) -> list[str]:
    return [*_VALUES, *(f"secret.{name}" for name in values["values"])]


def _filled(template: Any, given: Mapping[str, str]) -> Any:
    """`template` with every `{{ name }}` in its texts replaced."""
    if isinstance(template, str):
        return _PLACE.sub(lambda found: given[found[1]], template)
    if isinstance(template, Mapping):
        return {name: _filled(value, given) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, given) for value in template]
    return template


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _seconds(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
