"""A rehearsal in words: what was decided at each step and why, by the contact's own clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import commands, palette, remedies
from campaigns.palette import Tile, tiles
from campaigns.rehearsal import Post, Stop, Walk
from campaigns.timing import clock_words
from crm import reasons
from crm.errors import Problem

ENDS: Final = {
    "completed": gettext_lazy("They come to the end."),
    "converted": gettext_lazy("They reach the goal, and the journey ends."),
    "exited": gettext_lazy("They leave early."),
    "dropped": gettext_lazy("They drop out."),
    "held_out": gettext_lazy("They are kept apart from here on."),
}


@dataclass(frozen=True)
class Told:
    """A stop as the page shows it. `tone` "" ok warn bad."""

    stop: Stop
    when: str
    title: str
    kind: str
    tile: Tile | None
    words: tuple[str, ...]
    tone: str = ""
    problems: tuple[str, ...] = ()


def tell(walk: Walk, document: Mapping[str, Any], zone: str) -> list[Told]:
    """All stops in words."""
    names = palette.names(document)
    found = []
    for stop in walk.stops:
        step = commands.find(document, stop.step) or {}
        tile = tiles.get(str(step.get("type")))
        lanes = _lanes(step, tile)
        words = _BY_KIND.get(str(step.get("type")), _passes)(stop, step, lanes, zone)
        wrong = tuple(problem_words(each) for each in walk.problems.get(stop.step, ()))
        tone = "bad" if stop.broken else _tone(stop.post)
        said = (_("The walk stops here: this step is not complete."),) if stop.broken else tuple(words)
        found.append(Told(
            stop, clock_words(stop.at, zone), names.get(stop.step, stop.step), str(tile.label) if tile else "", tile,
            said, tone, wrong,
        ))  # fmt: skip
    return found


def end(walk: Walk, zone: str) -> str:
    """How it ends, in a sentence; '' where it does not."""
    if not walk.outcome or walk.ended_at is None:
        return ""
    words = str(ENDS.get(walk.outcome, walk.outcome))
    if walk.ended_by:
        words = _("“%(event)s” happens.") % {"event": walk.ended_by} + f" {words}"
    return f"{clock_words(walk.ended_at, zone)}: {words}"


def problem_words(problem: Problem) -> str:
    detail = remedies.detail(problem)
    return f"{remedies.title(problem)}. {detail}" if detail else remedies.title(problem)


def _tone(post: Post | None) -> str:
    return "" if post is None else {"sent": "ok", "not_sent": "bad", "held_out": "warn"}.get(post.state, "")


def _lanes(step: Mapping[str, Any], tile: Tile | None) -> dict[str, str]:
    """Port → what the way is called."""
    found = {str(port): str(words) for port, words in tile.ports.items()} if tile else {}
    for lane in commands.lanes_of(step):
        label = str(lane.get("label", ""))
        for port in (str(lane.get("id") or label), label):
            found.setdefault(port, found.get(label, label))
    return found


def _passes(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    return []


def _sending(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    post = stop.post
    if post is None:
        return []
    found = [
        _("Put off until %(when)s: %(why)s.") % {"when": clock_words(until, zone), "why": reasons.words(why)}
        for until, why in post.put_off
    ]
    if post.state == "sent" and post.at:
        found.append(_("Sent %(when)s.") % {"when": clock_words(post.at, zone)})
    elif post.state == "held_out":
        found.append(_("Not sent: they are held out to compare, and go on as if it had been."))
    else:
        found.append(_("Not sent: %(why)s.") % {"why": reasons.words(post.reason)} + _would_be(post, zone))
    return found


def _would_be(post: Post, zone: str) -> str:
    until = (post.detail or {}).get("until")
    if not isinstance(until, str):
        return ""
    when = clock_words(datetime.fromisoformat(until), zone)
    return " " + _("It could go %(when)s at the earliest, and would be too late then.") % {"when": when}


def _waiting(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    if stop.reason == "until" and stop.until and stop.left_by == "elapsed":
        return [_("Waits until %(when)s.") % {"when": clock_words(stop.until, zone)}]
    found = []
    if stop.until and stop.left_by:
        found.append(_("Waits until %(when)s at the latest.") % {"when": clock_words(stop.until, zone)})
    happened = stop.did or (str(stop.detail.get("name", "")) if stop.reason == "branch" else "")
    way = lanes.get(stop.port, stop.port)
    if happened and stop.port:
        found.append(_("“%(event)s” happens: goes on by “%(lane)s”.") % {"event": happened, "lane": way})
    elif stop.left_by == "timeout":
        found.append(_("In vain: goes on by “%(lane)s”.") % {"lane": way})
    if stop.left_at:
        found.append(_("Goes on %(when)s.") % {"when": clock_words(stop.left_at, zone)})
    elif stop.reason == "elapsed":
        found.append(_("It is that time already: goes on at once."))
    return found


def _branching(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    way = lanes.get(stop.port, stop.port)
    found = [_("Does not hold: %(rule)s.") % {"rule": rule} for rule in stop.not_these]
    if stop.why:
        found.append(_("Goes by “%(lane)s” because: %(rule)s.") % {"lane": way, "rule": stop.why})
    else:
        found.append(_("Goes by “%(lane)s”.") % {"lane": way})
    return found


def _dealing(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    way = lanes.get(stop.port, stop.port or stop.reason)
    if stop.detail.get("kept"):
        return [_("Was dealt “%(lane)s” before, and keeps it.") % {"lane": way}]
    return [_("Chance deals “%(lane)s”.") % {"lane": way}]


def _holding(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    return [_("Is kept apart.") if stop.reason == "held_out" else _("Is not kept apart: goes on.")]


def _changing(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    if stop.reason == "holdout_campaign":
        return [_("Nothing is changed: they are held out to compare.")]
    return [
        _("Would be changed: %(what)s. In a test nothing is.") % {"what": palette.summary(step) or palette.title(step)}
    ]


def _jumping(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    return [_("Goes back once more.") if stop.port == "jump" else _("Enough times: goes on below.")]


def _goal(stop: Stop, step: Mapping[str, Any], lanes: Mapping[str, str], zone: str) -> list[str]:
    return [_("Counts as converted.")]


_BY_KIND: Final[Mapping[str, Callable[[Stop, Mapping[str, Any], Mapping[str, str], str], list[str]]]] = {
    "send.email": _sending,
    "send.sms": _sending,
    "wait.duration": _waiting,
    "wait.until_time": _waiting,
    "wait.event": _waiting,
    "split.rule": _branching,
    "split.random": _dealing,
    "holdout": _holding,
    "contact.update": _changing,
    "contact.stage": _changing,
    "goto": _jumping,
    "goal": _goal,
}
