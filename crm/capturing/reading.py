"""What somebody sent, in normal form, or what is wrong with it. Pure.

Each mistake names its block; what is right of the rest is not lost. A box that is not ticked says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from crm import columns, normalise, typed, words
from crm.capturing import blocks
from crm.errors import Problem
from crm.normalise import Trace

Many = Callable[[str], Sequence[str]]
LONGEST: Final = 2_000


@dataclass
class Sent:
    """`answers`: block → value as it is kept. `consents`: (block, code of the text, channels) of ticked boxes."""

    traces: list[Trace] = field(default_factory=list)
    # Which block each trace came from.
    named: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    consents: list[tuple[str, str, list[str]]] = field(default_factory=list)
    score: int | None = None
    result: str = ""
    problems: list[Problem] = field(default_factory=list)


def read(document: Mapping[str, Any], many: Many, known: typed.Known, country: str) -> Sent:
    sent = Sent()
    for block in document["blocks"]:
        given = [_clean(each) for each in many(block["id"])]
        given = [each for each in given if each]
        try:
            read_block: Callable[..., None] = _READERS.get(block["type"], _nothing)
            read_block(sent, block, given, known, country)
        except Problem as problem:
            sent.problems.append(Problem(f"/{block['id']}", problem.code, problem.detail))
    _reachable(sent)
    sent.result = _result(document, sent.answers)
    return sent


def _clean(text: str) -> str:
    return columns.UNSTORABLE.sub("", text).strip()[:LONGEST]


def _nothing(*_: Any) -> None:
    """Words and pictures ask nothing."""


def _field(sent: Sent, block: Mapping[str, Any], given: Sequence[str], known: typed.Known, country: str) -> None:
    if not given:
        if block["required"]:
            raise Problem("", "required", "Fill this in.")
        return
    name = block["field"]
    if name in blocks.IDENTIFIERS:
        trace = normalise.trace(name, given[0], country)
        sent.traces.append(trace)
        sent.named.append(block["id"])
        sent.answers[block["id"]] = trace.value
    elif name.startswith(blocks.OWN):
        key = name.removeprefix(blocks.OWN)
        definition = known.get(key)
        if definition is not None:
            sent.own[key] = typed.value(definition, list(given) if definition.kind == "list" else given[0])
            sent.answers[block["id"]] = sent.own[key]
    else:
        value = columns.column(name, given[0])
        sent.fields[name] = value
        sent.answers[block["id"]] = value.isoformat() if isinstance(value, date) else value


def _consent(sent: Sent, block: Mapping[str, Any], given: Sequence[str], *_: Any) -> None:
    if given:
        sent.consents.append((block["id"], block["wording"], list(block["channels"])))
        sent.answers[block["id"]] = True


def _question(sent: Sent, block: Mapping[str, Any], given: Sequence[str], *_: Any) -> None:
    if not given:
        raise Problem("", "choose", "Choose an answer.")
    if given[0] not in {answer["id"] for answer in block["answers"]}:
        raise Problem("", "not_a_choice", "Choose one of the answers.")
    sent.answers[block["id"]] = given[0]


def _nps(sent: Sent, block: Mapping[str, Any], given: Sequence[str], *_: Any) -> None:
    if not given:
        raise Problem("", "choose", "Choose an answer.")
    if given[0] not in {str(score) for score in range(11)}:
        raise Problem("", "not_a_choice", "Choose a number from 0 to 10.")
    sent.score = sent.answers[block["id"]] = int(given[0])


_READERS: Final[Mapping[str, Callable[..., None]]] = {
    "field": _field, "consent": _consent, "question": _question, "nps": _nps,
}  # fmt: skip


def _reachable(sent: Sent) -> None:
    """A yes counts for channels whose address was given; one for nothing but another channel is a mistake to tell."""
    media = {trace.kind for trace in sent.traces}
    kept = []
    for block, wording, channels in sent.consents:
        possible = [each for each in channels if words.MEDIUM.get(each) not in blocks.IDENTIFIERS
                    or words.MEDIUM[each] in media]  # fmt: skip
        if possible and media:
            kept.append((block, wording, possible))
        elif not any(problem.code != "needs_address" for problem in sent.problems):
            sent.problems.append(Problem(f"/{block}", "needs_address", "Give the address that this is for."))
    sent.consents = kept


def _result(document: Mapping[str, Any], answers: Mapping[str, Any]) -> str:
    """The result with the most weight; of two the first. "" where there is none."""
    sums = {each["key"]: 0 for each in document.get("results", [])}
    if not sums:
        return ""
    for block in blocks.of_type(document, "question"):
        chosen = next((each for each in block["answers"] if each["id"] == answers.get(block["id"])), None)
        for key, weight in (chosen["weights"] if chosen else {}).items():
            if key in sums:
                sums[key] += weight
    return str(max(sums, key=lambda key: sums[key]))
