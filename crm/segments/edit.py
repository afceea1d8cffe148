"""Making and changing segments: the rule is checked, then its members are made at once if that is quick."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from crm import audit, bell, patience, publicids
from crm.errors import Problem, Problems
from crm.models import Segment
from crm.segments import conditions, parse, upkeep, uses
from crm.segments.grammar import Placed, Rule
from crm.segments.leaves.member import MemberLeaf

# How long the one who saves waits for the members; after that the next round makes them.
PATIENCE_MS: Final = 5_000
MAX_NAME: Final = 200
MAX_DESCRIPTION: Final = 500
ROUND: Final = "crm.segments"


def create(
    name: str, rule: Any, *, actor: str, now: datetime, description: str = "", taken_from: Any = None
) -> Segment:
    """A new segment with its members; raises `errors.Problems`. `taken_from`: the rule a fixed list was taken from."""
    problems = _name(name) + _description(description)
    parsed = _parsed(rule, problems)
    with transaction.atomic():
        upkeep.lock_all()
        _refuse(problems + unknown(parsed))
        segment = Segment.objects.create(
            name=name.strip(),
            description=description.strip(),
            rule=rule,
            taken_from=taken_from,
            mentions=sorted(parsed.mentions()),
            created_at=now,
            updated_at=now,
        )
        audit.record(
            actor, "segment.create", publicids.encode("seg", segment.pk), None, {"name": segment.name, "rule": rule}
        )
        return _built(segment, now)


def update(
    segment: Segment,
    *,
    name: str | None = None,
    rule: Any = None,
    description: str | None = None,
    edition: int | None = None,
    actor: str,
    now: datetime,
) -> Segment:
    """Another name, rule or description. Members who leave or come by a new rule are told to all who listen.

    `edition`: the one that was edited; raises `Problem` "stale" when somebody has saved another since.
    """
    problems = _name(name) if name is not None else []
    problems += _description(description) if description is not None else []
    parsed = _parsed(rule, problems) if rule is not None else None
    with transaction.atomic():
        upkeep.lock_all()
        current = Segment.objects.select_for_update(no_key=True).get(pk=segment.pk)
        if edition is not None and edition != current.edition:
            raise Problem("/edition", "stale", "Somebody saved another version since; load it and change that.")
        if parsed:
            problems += unknown(parsed) + _circle(current.pk, parsed)
        _refuse(problems)
        before = _told(current)
        current.name = name.strip() if name is not None else current.name
        current.description = description.strip() if description is not None else current.description
        if parsed and rule != current.rule:
            current.rule, current.mentions = rule, sorted(parsed.mentions())
            current.revision += 1
        _keep(current, before, actor, now)
        return current if current.built_revision == current.revision else _built(current, now)


def archive(segment: Segment, *, actor: str, now: datetime) -> None:
    """Nobody keeps it up any more; who was in stays on record. Refused while anything uses it."""
    with transaction.atomic():
        upkeep.lock_all()
        others = uses.of([segment.pk])[segment.pk]
        if others:
            names = ", ".join(repr(other.name) for other in others)
            raise Problems([Problem("", "in_use", f"It is asked about by {names}; change those first.")])
        Segment.objects.filter(pk=segment.pk).update(archived_at=now)
        audit.record(actor, "segment.archive", publicids.encode("seg", segment.pk), {"name": segment.name}, None)


def checked(name: str, rule: Any, description: str = "") -> Rule:
    """The rule, if a segment could be made of all this; raises `errors.Problems`."""
    problems = _name(name) + _description(description)
    parsed = _parsed(rule, problems)
    _refuse(problems + unknown(parsed))
    return parsed


def restore(segment: Segment, *, actor: str, now: datetime) -> None:
    """Back from the archive; the next round makes its members. Refused while a segment it asks about is away."""
    with transaction.atomic():
        upkeep.lock_all()
        current = Segment.objects.select_for_update(no_key=True).get(pk=segment.pk)
        if current.archived_at is None:
            return
        _refuse(unknown(parse.parse(current.rule)))
        Segment.objects.filter(pk=segment.pk).update(archived_at=None, built_revision=-1)
        audit.record(actor, "segment.restore", publicids.encode("seg", segment.pk), None, {"name": segment.name})
        bell.ring(ROUND)


def unknown(*rules: Rule) -> list[Problem]:
    """Segments that rules ask about and that are not there. One query for all of them."""
    asked = [each for rule in rules for each in _asked(rule)]
    wanted = {number for _placed, number in asked}
    there = set(Segment.objects.filter(archived_at=None, pk__in=wanted).values_list("pk", flat=True))
    return [
        Problem(
            f"{placed.pointer}/segment", "unknown_segment", f"There is no segment {publicids.encode('seg', number)}."
        )
        for placed, number in asked
        if number not in there
    ]


def _told(segment: Segment) -> dict[str, Any]:
    told = {"name": segment.name, "rule": segment.rule}
    return told | ({"description": segment.description} if segment.description else {})


def _keep(segment: Segment, before: dict[str, Any], actor: str, now: datetime) -> None:
    after = _told(segment)
    if before == after:
        return
    segment.edition += 1
    segment.updated_at = now
    segment.save(update_fields=["name", "description", "rule", "mentions", "revision", "edition", "updated_at"])
    audit.record(actor, "segment.update", publicids.encode("seg", segment.pk), before, after)


def _name(name: Any) -> list[Problem]:
    try:
        conditions.plain_text(name.strip() if isinstance(name, str) else name, "/name", MAX_NAME)
    except conditions.Mistake as mistake:
        if mistake.problem.code == "empty":
            return [Problem("/name", "empty", "A segment needs a name.")]
        return [mistake.problem]
    return []


def _description(description: str) -> list[Problem]:
    try:
        conditions.plain_text(description or "-", "/description", MAX_DESCRIPTION)
    except conditions.Mistake as mistake:
        return [mistake.problem]
    return []


def _parsed(rule: Any, problems: list[Problem]) -> Rule:
    try:
        return parse.parse(rule, "/rule")
    except Problems as found:
        raise Problems([*problems, *found.problems]) from found


def _refuse(problems: Collection[Problem]) -> None:
    if problems:
        raise Problems(problems)


def _asked(rule: Rule) -> Iterable[tuple[Placed, int]]:
    return ((placed, placed.leaf.segment) for placed in rule.placed() if isinstance(placed.leaf, MemberLeaf))


def _circle(segment: int, rule: Rule) -> list[Problem]:
    """Segments that ask, in the end, about this one."""
    mentions = dict(Segment.objects.filter(archived_at=None).values_list("pk", "mentions"))

    def leads_here(number: int, seen: frozenset[int]) -> bool:
        if number == segment:
            return True
        inner = {int(each.removeprefix("segment:")) for each in mentions.get(number, []) if each.startswith("segment:")}
        return any(leads_here(other, seen | {number}) for other in inner - seen)

    return [
        Problem(
            f"{placed.pointer}/segment",
            "circle",
            f"{publicids.encode('seg', number)} asks about this segment, itself or through others; it cannot ask back.",
        )
        for placed, number in _asked(rule)
        if leads_here(number, frozenset())
    ]


def _built(segment: Segment, now: datetime) -> Segment:
    """Its members now, or, over a big base, in the next round."""
    try:
        with patience.within(PATIENCE_MS):
            upkeep.refresh_full(segment, now)
    except patience.TooSlow:
        bell.ring(ROUND)
    segment.refresh_from_db()
    return segment
