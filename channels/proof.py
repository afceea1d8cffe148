"""A message as it will be for one person, and all there is to say about it: for the page that edits it.

One definition of size: what an SMS is counted as here is what is sent and billed (`channels.kinds.sms`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from channels import anatomy, content, lint, stand_in, tracking
from channels.anatomy import Anatomy
from channels.kinds import sms
from channels.kinds.sms import Culprit, Size
from channels.trials import NOBODY
from crm.errors import Problem, Problems

_LINK: Final = re.compile(r"https?://\S+")
_TAGS: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


@dataclass(frozen=True)
class Proof:
    """`wrong`: why it cannot be shown at all. `worst`: the size with the longest names and counted links.
    `culprits`: letters that make it Unicode; those `in_words` stand in the text itself, the others come
    from values."""

    problems: list[Problem]
    warnings: list[Problem]
    wrong: str = ""
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    size: Size | None = None
    worst: Size | None = None
    plain: Size | None = None
    culprits: tuple[Culprit, ...] = ()
    in_words: frozenset[str] = field(default_factory=frozenset)
    anatomy: Anatomy | None = None

    @property
    def is_ready(self) -> bool:
        return not self.problems

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The text cut where a letter makes it Unicode."""
        guilty = {each.letter for each in self.culprits}
        found: list[tuple[str, bool]] = []
        for letter in self.text:
            bad = letter in guilty
            if found and found[-1][1] == bad:
                found[-1] = (found[-1][0] + letter, bad)
            else:
                found.append((letter, bad))
        return found


@dataclass(frozen=True)
class _Looked:
    """A message that is only looked at."""

    recipient: str
    message_class: str
    id: int = NOBODY


def read(
    channel: str,
    body: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    recipient: str = "",
    message_class: str = "marketing",
    sure: frozenset[str] = frozenset(),
    longest: Mapping[str, Any] | None = None,
) -> Proof:
    """The proof of these words with these values. Never raises for what somebody wrote.

    `longest`: the same values with the longest names, for who reads many proofs (`stand_in.longest`).
    """
    problems = [*content.problems(channel, body), *lint.problems(channel, body, sure)]
    warnings = lint.warnings(channel, body)
    looked = _Looked(recipient or "somebody@example.com", message_class)
    found: dict[str, Any] = {}
    if channel == "email":
        found["anatomy"] = anatomy.examine(str(body.get("html") or ""))
    try:
        written = content.preview(channel, _filled(channel, body), values, looked)
    except Problems as error:
        return Proof(problems, warnings, wrong=error.problems[0].detail, **found)
    except content.RenderError as error:
        return Proof(problems, warnings, wrong=error.detail, **found)
    if channel == "sms":
        found |= _counted(body, written, longest or stand_in.longest(values), looked)
    else:
        found["preheader"] = _line(body, values, looked)
    found |= {name: str(written.get(name, "")) for name in ("subject", "html", "text")}
    return Proof(problems, warnings, **found)


def _counted(
    body: Mapping[str, Any], written: Mapping[str, Any], longest: Mapping[str, Any], looked: _Looked
) -> dict[str, Any]:
    text = str(written["text"])
    words = _TAGS.sub("", str(body.get("text", "")))
    culprits = sms.culprits(text)
    mended = sms.plain(text)
    return {
        "size": sms.measure(text),
        "worst": _worst(body, longest, looked),
        "culprits": culprits,
        "in_words": frozenset(each.letter for each in culprits if each.letter in words),
        "plain": sms.measure(mended) if mended != text else None,
    }


def _worst(body: Mapping[str, Any], longest: Mapping[str, Any], looked: _Looked) -> Size | None:
    try:
        text = str(content.preview("sms", _filled("sms", body), longest, looked)["text"])
    except (Problems, content.RenderError):
        return None
    # People who allow it get links that are counted, and those are often longer.
    counted = tracking.url("click", NOBODY, NOBODY)
    own = tracking.url("unsubscribe", NOBODY).rpartition("/u/")[0]
    return sms.measure(
        _LINK.sub(lambda found: found[0] if found[0].startswith(own) else max(found[0], counted, key=len), text)
    )


def _line(body: Mapping[str, Any], values: Mapping[str, Any], looked: _Looked) -> str:
    """The preheader as it stands beside the subject in a list of mails."""
    if not str(body.get("preheader") or "").strip():
        return ""
    try:
        alone = {"subject": str(body["preheader"]), "text": "-"}
        return str(content.preview("email", alone, values, looked)["subject"])
    except (Problems, content.RenderError):
        return ""


def _filled(channel: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A draft that can be shown although something of it is missing."""
    made = {name: value for name, value in body.items() if value not in ("", None)}
    if channel == "sms":
        return {**made, "text": made.get("text") or " - "}
    made.setdefault("subject", "…")
    if not made.get("html") and not made.get("text"):
        made["text"] = "…"
    return made
