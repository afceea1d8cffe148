"""Beside the rule: how many it finds, whom, who can be reached, and does this contact match."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from crm import clock, directory, pages
from crm.errors import Problem, Problems
from crm.models import Contact
from crm.segments import audience, builder, counting, describe, evidence, faults, names, parse, sentence
from crm.segments.builder import State
from crm.segments.grammar import Rule

SAMPLE: Final = 5
PAGES_OF_SAMPLE: Final = 20
MANY_PARTS: Final = 24
MOST_FOUND: Final = 6


@pages.page("segments.read", "POST")
def count(request: HttpRequest) -> HttpResponse:
    """How many match now; each rule alone; the rule in words. Rules that are not finished are left out."""
    state, rule, hints = _read(request)
    if state is None or rule is None:
        return render(request, "crm/segments/_count.html", {"hints": _oob(hints), "tally": None})
    parts = _parts(state, hints)
    patience = counting.PATIENCE_MS if request.POST.get("exactly") else counting.AT_ONCE_MS
    tally = counting.tally(rule, parts, clock.now(), milliseconds=patience)
    context = {
        "tally": tally,
        "share": tally.total.n / tally.everybody if tally.total and tally.everybody else None,
        "numbers": [(_id(path), number) for path, number in tally.parts.items()],
        "hints": _oob(hints),
        "left_out": unfinished(len(hints)) if hints else "",
        "words": sentence.say(rule),
    }
    return render(request, "crm/segments/_count.html", context)


@pages.page("contacts.read", "POST")
def sample(request: HttpRequest) -> HttpResponse:
    """Who can be reached, and a few of them with the reason."""
    _state, rule, _hints = _read(request)
    if rule is None:
        return HttpResponse("")
    now = clock.now()
    text = request.POST.get("page", "0")
    number = min(int(text), PAGES_OF_SAMPLE) if text.isdecimal() and len(text) < 5 else 0
    ids = counting.sample(rule, now, SAMPLE, skip=number * SAMPLE)
    contacts = Contact.objects.in_bulk(ids or [])
    known = directory.identifiers(ids or [], full=pages.may(request, "contacts.write"))
    reasons = names.put_in([evidence.reason(audience.explain(rule, each, now)) for each in ids or []])
    people = [
        {"contact": contacts[each], "name": directory.name_of(contacts[each], known.get(each, {})), "reason": reason}
        for each, reason in zip(ids or [], reasons, strict=True)
        if each in contacts
    ]
    reach = counting.reach(rule, now) if number == 0 else None
    more = ids is not None and len(ids) == SAMPLE and number < PAGES_OF_SAMPLE
    context = {"people": people, "slow": ids is None, "reach": reach, "first": number == 0}
    context["next"] = number + 1 if more else 0
    return render(request, "crm/segments/_sample.html", context)


@pages.page("contacts.read", "POST")
def match(request: HttpRequest) -> HttpResponse:
    """Does this contact match? Each rule with a tick or a cross."""
    state, rule, _hints = _read(request)
    text, chosen = request.POST.get("q", "").strip()[:200], request.POST.get("contact", "")
    if rule is None or state is None or len(text) < 2:
        return HttpResponse("")
    full = pages.may(request, "contacts.write")
    if chosen.isdecimal() and len(chosen) < 19:
        found = list(Contact.objects.filter(pk=int(chosen)))
    else:
        found = directory.find(text, MOST_FOUND)
    known = directory.identifiers([each.pk for each in found], full=full)
    told = [(each, directory.name_of(each, known.get(each.pk, {})) or str(each)) for each in found]
    context: dict[str, Any] = {"found": told, "text": text}
    if len(found) == 1:
        context |= _explained(rule, found[0].pk)
    return render(request, "crm/segments/_match.html", context)


def _explained(rule: Rule, contact_id: int) -> dict[str, Any]:
    explained = audience.explain(rule, contact_id, clock.now())
    known = builder.paths(builder.opened(rule.json))
    said = names.put_in([str(clause.sentence) for clause in explained.clauses])
    clauses = [
        {
            "said": words,
            "holds": clause.matches,
            "exception": builder.place(known, clause.pointer.removeprefix(faults.ROOT)).startswith(builder.EXCEPT),
            "seen": evidence.seen(clause),
        }
        for words, clause in zip(said, explained.clauses, strict=True)
    ]
    return {"explained": explained, "clauses": clauses}


def _read(request: HttpRequest) -> tuple[State | None, Rule | None, dict[str, list[str]]]:
    """The working copy, its rule without what is not finished, and what that is."""
    try:
        state = builder.posted(request.POST.dict())
    except Problem:
        return None, None, {}
    hints = faults.of(state)
    try:
        return state, parse.parse(builder.rule(builder.without(state, hints))), hints
    except Problems:
        return state, None, hints


def _parts(state: State, hints: dict[str, list[str]]) -> dict[str, Rule]:
    """Each condition alone, by its path."""
    found = [(path, doc) for path, doc in builder.leaves(state) if path not in hints]
    return {path: parse.parse(describe.cleaned(doc)) for path, doc in found[:MANY_PARTS]}


def unfinished(number: int) -> str:
    return ngettext(
        "Without %(n)d rule that is not finished.", "Without %(n)d rules that are not finished.", number
    ) % {"n": number}


def _id(path: str) -> str:
    return f"n-at-{path.replace('.', '-')}"


def _oob(hints: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(_id(path), words[0]) for path, words in hints.items() if path not in (builder.MAIN, builder.EXCEPT)]
