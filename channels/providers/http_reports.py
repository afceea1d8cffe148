"""What a provider's server says of messages afterwards, by a mapping that somebody sets. Pure.

`{"id", "status", "event", "code", "items"}` are dotted paths into a JSON or form body (`items`: to a list of reports),
`statuses` says which of the provider's words mean delivered, bounced, soft_bounced or complained, and `header`,
`encoding` and `prefix` where its signature stands: HMAC-SHA256 of the body as it came.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from crm.errors import Problem

FORM: Final = "application/x-www-form-urlencoded"
DEFAULT: Final[dict[str, Any]] = {
    "id": "id", "status": "status", "event": "event_id", "code": "code", "items": "",
    "header": "X-Signature", "encoding": "hex", "prefix": "",
    "statuses": {
        "delivered": ["delivered", "delivrd"],
        "bounced": ["failed", "undeliverable", "undeliv", "rejected", "rejectd"],
        "soft_bounced": ["expired", "undelivered"],
        "complained": ["complained"],
    },
}  # fmt: skip
KINDS: Final = ("delivered", "bounced", "soft_bounced", "complained")
MOST: Final = 500


@dataclass(frozen=True)
class Said:
    """One report. `kind` "": its status means nothing here (queued, sent)."""

    message: str
    status: str
    event: str
    code: str
    kind: str


class Unreadable(Exception):
    """The body is not what its mapping says."""


def faults(given: Mapping[str, Any]) -> list[Problem]:
    """All that is wrong with a mapping."""
    pointer = "/settings/reports"
    found = [
        Problem(pointer, "unknown", f"There is no {name!r} here; there are: {', '.join(DEFAULT)}.")
        for name in given
        if name not in DEFAULT
    ]
    found += [
        Problem(pointer, "invalid", f"{name!r} must be a text.")
        for name in DEFAULT
        if name != "statuses" and not isinstance(given.get(name, ""), str)
    ]
    if given.get("encoding", "hex") not in ("hex", "base64"):
        found.append(Problem(pointer, "invalid", "encoding is hex or base64."))
    statuses = given.get("statuses", {})
    if not isinstance(statuses, dict) or not all(
        kind in KINDS and isinstance(words, list) for kind, words in statuses.items()
    ):
        found.append(Problem(pointer, "invalid", f"statuses is an object of lists; its keys are: {', '.join(KINDS)}."))
    return found


def is_signed(given: Mapping[str, Any], secret: str, headers: Mapping[str, str], raw: bytes) -> bool:
    """Whether the body is signed with the account's secret, where it has one."""
    if not secret:
        return True
    rule = {**DEFAULT, **given}
    told = headers.get(rule["header"], "").strip()
    digest = hmac.digest(secret.encode(), raw, "sha256")
    wanted = digest.hex() if rule["encoding"] == "hex" else base64.b64encode(digest).decode()
    if rule["encoding"] == "hex":
        told = told.lower()
    return hmac.compare_digest((rule["prefix"] + wanted).encode(), told.encode())


def read(given: Mapping[str, Any], media_type: str, body: str) -> list[Said]:
    """The reports in a body. Raises Unreadable."""
    rule = {**DEFAULT, **given}
    kinds = {str(word).lower(): kind for kind, words in rule["statuses"].items() for word in words}
    told = _parsed(media_type, body)
    items = at(told, rule["items"]) if rule["items"] else told
    listed: Sequence[Any] = items if isinstance(items, list) else [items]
    return [_said(rule, kinds, each) for each in listed[:MOST]]


def _said(rule: Mapping[str, Any], kinds: Mapping[str, str], item: Any) -> Said:
    message, status, event, code = (_text(at(item, rule[name])) for name in ("id", "status", "event", "code"))
    if not message or not status:
        raise Unreadable(f"There is no {'message id' if not message else 'status'} where the mapping says it is.")
    return Said(message[:200], status[:80], event[:120], code[:40], kinds.get(status.lower(), ""))


def _parsed(media_type: str, body: str) -> Any:
    if media_type == FORM:
        return {name: values[-1] for name, values in parse_qs(body, max_num_fields=200).items()}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("The body is neither JSON nor a form.") from None


def at(value: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for part in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value if path else None


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
