"""The life of a campaign: draft, published, paused, resumed, finished, stopped.

The one writer of Campaign and Version. Pausing and stopping take the campaign's lock exclusively, so
that no batch which began before is still under way when they return; what they mean for many
runs is done in the background (`sweeps`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from campaigns import edits, entries, journey, patch, plans, terms, wording
from campaigns.models import Campaign, Enrolment, Version
from campaigns.plan import Plan
from campaigns.reading import Notes
from channels import content, outbox
from channels.webhooks import telling
from crm import audit, bell, clock, deadlocks, partitions, publicids
from crm.errors import Problem, Problems
from crm.segments import edit, parse
from crm.segments.grammar import Rule

SWEEP = "campaigns.sweep"
# What integrators hear of each steering.
TOLD = {
    "campaign.pause": "campaign.paused", "campaign.resume": "campaign.resumed", "campaign.finish": "campaign.finished",
    "campaign.stop": "campaign.stopped",
}  # fmt: skip


# --- the draft ---------------------------------------------------------------------------------


def create(document: Mapping[str, Any], actor: str, now: datetime) -> Campaign:
    """A new draft. Raises `errors.Problems` with every mistake in it."""
    filled = journey.fill(document)
    checked(filled)
    return begin(filled, actor, now)


def begin(document: Mapping[str, Any], actor: str, now: datetime, owner_id: int | None = None) -> Campaign:
    """A new draft that may be incomplete: whoever publishes it hears what is missing."""
    filled = journey.fill(document)
    with transaction.atomic():
        campaign = Campaign(document=filled, created_at=now, owner_id=owner_id, **columns(filled))
        campaign.save(force_insert=True)
        audit.record(actor, "campaign.create", _subject(campaign), None, {"name": campaign.name})
    return campaign


def duplicate(campaign: Campaign, name: str, actor: str, now: datetime, owner_id: int | None = None) -> Campaign:
    """A draft like this one's; its people and numbers stay where they are."""
    return begin({**campaign.document, "name": name[:200]}, actor, now, owner_id)


def archive(campaign: Campaign, actor: str, now: datetime) -> None:
    """Put it away. What runs, or could run again at once, is not."""
    with transaction.atomic():
        held = _hold(campaign)
        _require(held, Campaign.State.DRAFT, Campaign.State.FINISHED, Campaign.State.STOPPED)
        if held.archived_at is None:
            held.archived_at = now
            held.save(update_fields=["archived_at"])
            audit.record(actor, "campaign.archive", _subject(held), None, {"name": held.name})
        campaign.archived_at = held.archived_at


def unarchive(campaign: Campaign, actor: str) -> None:
    with transaction.atomic():
        held = _hold(campaign)
        if held.archived_at is not None:
            held.archived_at = None
            held.save(update_fields=["archived_at"])
            audit.record(actor, "campaign.unarchive", _subject(held), None, {"name": held.name})
        campaign.archived_at = None


def update(
    campaign: Campaign, document: Mapping[str, Any], actor: str, now: datetime, revision: int | None = None
) -> Campaign:
    """Replace the draft; people inside go on in the version they entered.

    `revision`: the one the editor has seen; an older one is refused, so that nobody's work is lost.
    """
    filled = journey.fill(document)
    checked(filled)
    with transaction.atomic():
        held = hold(campaign, revision)
        before = {"revision": held.revision, "name": held.name}
        change = patch.diff(held.document, filled)
        revise(held, filled)
        edits.add(held, held.revision, {"do": "replace"}, change, actor, now)
        audit.record(actor, "campaign.update", _subject(held), before, {"revision": held.revision, "name": held.name})
    return held


def hold(campaign: Campaign, revision: int | None = None) -> Campaign:
    """The campaign as it is now, locked until the transaction ends; refused where `revision`, the one
    the editor has seen, is an older one."""
    held = _hold(campaign)
    if revision is not None and revision != held.revision:
        raise Problem("/revision", "stale", "Somebody else has changed this campaign; load it again.")
    return held


def revise(held: Campaign, document: Mapping[str, Any]) -> None:
    """Write the draft of a campaign that is held, complete or not, and what lists want to know of it."""
    known = columns(document)
    for name, value in known.items():
        setattr(held, name, value)
    held.document = dict(document)
    held.revision += 1
    held.save(update_fields=["document", "revision", *known])


def checked(document: Any) -> Plan:
    """The plan of a document, with its rules and words looked into; `errors.Problems` names all mistakes."""
    problems, _ = inspect(document)
    if problems:
        raise Problems(problems)
    return journey.compile(document)


def inspect(document: Any) -> tuple[list[Problem], list[Problem]]:
    """(problems, warnings) of a document, with its rules, words and segments looked into."""
    read: dict[str, Rule] = {}

    def look(rule: Any, pointer: str) -> Sequence[Problem]:
        try:
            read[pointer] = parse.parse(rule, pointer)
        except Problems as found:
            return found.problems
        return []

    problems, warnings = journey.check(document, rules=look, contents=_contents)
    problems = [*problems, *edit.unknown(*read.values())]
    if isinstance(document, dict):
        unsaid, doubtful = wording.inspect(document)
        problems = [*problems, *_missing_segments(document), *unsaid]
        warnings = [*warnings, *doubtful]
    return problems, warnings


def _contents(channel: str, body: Mapping[str, Any], pointer: str) -> Sequence[Problem]:
    return [problem.under(pointer) for problem in content.problems(channel, body)]


def _missing_segments(document: Mapping[str, Any]) -> list[Problem]:
    """Segments that the document names at its top and that are not there."""
    named: dict[str, int] = {}
    problems: list[Problem] = []
    for place in ("entry", "exit"):
        items = document.get(place)
        for index, item in enumerate(items if isinstance(items, list) else []):
            text = item.get("segment") if isinstance(item, dict) else None
            if isinstance(text, str) and text:
                pointer = f"/{place}/{index}/segment"
                try:
                    named[pointer] = plans.segment_id(text)
                except (Problem, ValueError):
                    problems.append(Problem(pointer, "not_an_id", f"{text[:40]!r} is not the id of a segment."))
    known = _segments(list(named.values()))
    return problems + [
        Problem(pointer, "not_found", "There is no such segment; make it first, or choose another.")
        for pointer, number in named.items() if number not in known
    ]  # fmt: skip


def _segments(numbers: Sequence[int]) -> set[int]:
    if not numbers:
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crm_segment WHERE id = ANY(%s) AND archived_at IS NULL", [list(numbers)])
        return {number for (number,) in cursor.fetchall()}


def columns(document: Mapping[str, Any]) -> dict[str, Any]:
    """What lists and queries want to know without opening the document; it may be incomplete."""
    settings = terms.read(terms.reader_of(document, Notes()))
    return {
        "name": settings.name[:200] or "Untitled",
        "purpose": settings.purpose,
        "message_class": settings.message_class,
        "objective": settings.objective,
        "priority": settings.priority,
    }


# --- publishing ----------------------------------------------------------------------------------

FREEZE = """
INSERT INTO campaigns_version
  (campaign_id, number, document, contents, exit_events, concurrency, hash, published_at, published_by)
SELECT %(campaign)s, coalesce(max(number), 0) + 1, %(document)s::jsonb, %(contents)s::jsonb,
       %(exits)s::varchar[], %(concurrency)s,
       cauce_version_hash(%(document)s::jsonb, %(contents)s::jsonb, %(exits)s::varchar[], %(concurrency)s),
       %(now)s, %(actor)s
FROM campaigns_version WHERE campaign_id = %(campaign)s
RETURNING id
"""


@deadlocks.patiently
def publish(campaign: Campaign, actor: str, now: datetime) -> Version:
    """Freeze the draft as a version that people enter from now on. Raises `errors.Problems`."""
    held = _hold(campaign)
    if held.ended_at:
        raise Problem("", "ended", "This campaign has ended; duplicate it to run it again.")
    plan = checked(held.document)
    contents = {sending.step: content.publish(sending.channel, sending.body) for sending in plan.sendings()}
    with connection.cursor() as cursor:
        cursor.execute(
            FREEZE,
            {
                "campaign": held.pk,
                "document": json.dumps(held.document),
                "contents": json.dumps(contents),
                "exits": plans.exit_events(plan),
                "concurrency": plan.terms.concurrency,
                "now": now,
                "actor": actor[:160],
            },
        )
        number = cursor.fetchone()[0]
    held.version_id = number
    held.published_at = held.published_at or now
    held.state = held.state if held.state == Campaign.State.PAUSED else Campaign.State.LIVE
    held.save(update_fields=["version", "published_at", "state"])
    door = plans.door(held.pk, now)
    if door is None:
        raise AssertionError("a campaign that was just published has a door")
    entries.open_for(door, now)
    version = Version.objects.get(pk=number)
    audit.record(actor, "campaign.publish", _subject(held), None, {"version": version.number, "hash": version.hash})
    _tell(held, "campaign.published", version=version.number)
    bell.ring("campaigns.entries")
    _copy(held, campaign)
    return version


@deadlocks.patiently
def unpublish(campaign: Campaign, number: int, actor: str, now: datetime) -> None:
    """Take the newest version back as if it had not been published: the one before it counts again,
    or the campaign is a draft. Refused once somebody has come in by it: their way cannot be undone."""
    _close(campaign)
    held = _hold(campaign)
    versions = list(Version.objects.filter(campaign=held).order_by("-number")[:2])
    if not versions or versions[0].number != number or held.version_id != versions[0].pk or held.ended_at:
        raise Problem("", "not_newest", "Only the version that was published last can be taken back.")
    if Enrolment.objects.filter(campaign=held, version=versions[0]).exists():
        raise Problem("", "people_inside", "People have come in already; pause the campaign instead.")
    held.version = versions[1] if len(versions) > 1 else None
    if held.version is None:
        held.state, held.published_at, held.paused_at = Campaign.State.DRAFT, None, None
    entries.withdraw(held.pk, versions[0].pk, now, everything=held.version is None)
    held.save(update_fields=["version", "state", "published_at", "paused_at"])
    door = plans.door(held.pk, now)
    if door is not None:
        entries.open_for(door, now)
    audit.record(actor, "campaign.unpublish", _subject(held), {"version": number}, {"state": held.state})
    _copy(held, campaign)


# --- steering ----------------------------------------------------------------------------------


@deadlocks.patiently
def pause(campaign: Campaign, actor: str, now: datetime) -> None:
    """Freeze everything: nothing starts, moves or is sent until it is resumed."""
    _close(campaign)
    held = _hold(campaign)
    if held.state == Campaign.State.PAUSED:
        return
    _require(held, Campaign.State.LIVE)
    held.paused_at = now
    _steer(held, campaign, Campaign.State.PAUSED, "hold", actor, "campaign.pause")
    outbox.revoke(campaign_id=held.pk, reason="paused", now=now)


@deadlocks.patiently
def resume(campaign: Campaign, actor: str, now: datetime) -> None:
    """Go on: the time it was paused counts for nothing."""
    _close(campaign)
    held = _hold(campaign)
    if held.state == Campaign.State.LIVE:
        return
    _require(held, Campaign.State.PAUSED)
    since = held.paused_at or now
    held.resumed_at = now
    # What has not been frozen yet must be, as of the pause, before it is let go.
    sweep = "thaw" if held.sweep in ("hold", "thaw") else "release"
    cursor = held.sweep_cursor if sweep == "thaw" else 0
    held.paused_at = since if sweep == "thaw" else None
    _steer(held, campaign, Campaign.State.LIVE, sweep, actor, "campaign.resume", cursor=cursor)
    outbox.resume(held.pk, now - since, now)


@deadlocks.patiently
def finish(campaign: Campaign, actor: str, now: datetime) -> None:
    """Nobody new; those who are inside go on to their end."""
    _close(campaign)
    held = _hold(campaign)
    if held.state == Campaign.State.FINISHED:
        return
    _require(held, Campaign.State.LIVE)
    held.ended_at = now
    entries.close_for(held.pk, now)
    _steer(held, campaign, Campaign.State.FINISHED, held.sweep, actor, "campaign.finish", cursor=held.sweep_cursor)


@deadlocks.patiently
def stop(campaign: Campaign, actor: str, now: datetime) -> None:
    """End it for everybody, and call back what has not left."""
    _close(campaign)
    held = _hold(campaign)
    if held.state == Campaign.State.STOPPED:
        return
    _require(held, Campaign.State.LIVE, Campaign.State.PAUSED, Campaign.State.FINISHED)
    held.ended_at = now
    held.paused_at = None
    entries.close_for(held.pk, now)
    _steer(held, campaign, Campaign.State.STOPPED, "exit", actor, "campaign.stop")
    outbox.revoke(campaign_id=held.pk, reason="recalled", now=now)


def _steer(
    held: Campaign, campaign: Campaign, state: str, sweep: str, actor: str, action: str, *, cursor: int = 0
) -> None:
    before = held.state
    held.state, held.sweep, held.sweep_cursor = state, sweep, cursor
    held.save(update_fields=["state", "paused_at", "resumed_at", "ended_at", "sweep", "sweep_cursor"])
    audit.record(actor, action, _subject(held), {"state": before}, {"state": state})
    _tell(held, TOLD[action])
    bell.ring(SWEEP)
    _copy(held, campaign)


def _tell(held: Campaign, kind: str, **more: Any) -> None:
    """Integrators who listen to it, in this transaction."""
    data = {"campaign": publicids.encode("cmp", held.pk), "name": held.name, **more}
    telling.tell([telling.News(kind, data, clock.now())])


def _close(campaign: Campaign) -> None:
    """Wait until no batch that moves, starts or hands off this campaign's runs is under way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [partitions.LOCK_CAMPAIGN + campaign.pk])


def _hold(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_for_update().get(pk=campaign.pk)


def _require(held: Campaign, *states: str) -> None:
    if held.state not in states:
        words = " or ".join(states)
        raise Problem("", "wrong_state", f"This campaign is {held.state}; that needs one that is {words}.")


def _copy(held: Campaign, campaign: Campaign) -> None:
    """Bring the caller's object up to date."""
    for name in ("state", "version_id", "published_at", "paused_at", "resumed_at", "ended_at", "sweep"):
        setattr(campaign, name, getattr(held, name))


def _subject(campaign: Campaign) -> str:
    return f"campaign:{campaign.pk}"
