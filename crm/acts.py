"""What is done to several contacts at once, each with its way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import identity, lists, publicids, tags
from crm.errors import Problem
from crm.models import Segment, Tag
from crm.rights import restriction

SALT: Final = "crm.acts"
# How long something can be taken back, in seconds.
WHILE: Final = 24 * 60 * 60
MOST: Final = 500
# What uses or changes somebody's data: not done to whoever is restricted. Putting away is only another way to keep.
USES: Final = ("tag", "untag", "enlist", "delist")


@dataclass(frozen=True)
class Done:
    """`words` say what happened; `undo` is the act that takes it back (None: nothing changed)."""

    words: str
    undo: dict[str, Any] | None = None


@dataclass(frozen=True)
class Act:
    """`do` is one of ACTS; `target` a tag's name, or a list's id or new name."""

    do: str
    ids: Sequence[int]
    target: str = ""


def carry_out(act: Act, *, actor: str, now: datetime) -> Done:
    """Do it. Raises `Problem` or `Problems` for what cannot be done."""
    if act.do not in ACTS or not act.ids or len(act.ids) > MOST:
        raise Problem("", "nothing_to_do", _("Choose some people first."))
    left = restriction.among(list(act.ids)) if act.do in USES else set()
    if not left:
        return ACTS[act.do](act, actor, now)
    words = ngettext(
        "%(count)d person is restricted and stays as they are.",
        "%(count)d people are restricted and stay as they are.",
        len(left),
    ) % {"count": len(left)}
    rest = replace(act, ids=[number for number in act.ids if number not in left])
    done = ACTS[act.do](rest, actor, now) if rest.ids else Done("")
    return Done(f"{done.words} {words}".strip(), done.undo)


def seal(undo: dict[str, Any], back: str) -> str:
    """The undo as it travels in the address of a button."""
    return signing.dumps({**undo, "back": back}, salt=SALT, compress=True)


def unseal(token: str) -> tuple[Act, str]:
    """What to do, and where to go on; raises `signing.BadSignature` for what was not made here, or is too old."""
    told = signing.loads(token, salt=SALT, max_age=WHILE)
    return Act(told["do"], told["ids"], told.get("target", "")), told["back"]


def _tag(act: Act, actor: str, now: datetime) -> Done:
    tag, changed = tags.put(act.ids, act.target, actor=actor, now=now)
    words = ngettext(
        "%(count)d person has the tag “%(tag)s” now.", "%(count)d people have the tag “%(tag)s” now.", len(changed)
    )
    return _done(words % {"count": len(changed), "tag": tag.name}, "untag", changed, tag.key)


def _untag(act: Act, actor: str, now: datetime) -> Done:
    tag = Tag.objects.filter(key=tags.key(act.target)).first()
    if tag is None:
        raise Problem("/target", "no_such_tag", _("There is no such tag."))
    changed = tags.take(act.ids, tag, actor=actor)
    words = ngettext(
        "The tag “%(tag)s” was taken off %(count)d person.",
        "The tag “%(tag)s” was taken off %(count)d people.",
        len(changed),
    )
    return _done(words % {"count": len(changed), "tag": tag.name}, "tag", changed, tag.name)


def _enlist(act: Act, actor: str, now: datetime) -> Done:
    segment = _segment(act.target, actor, now)
    changed = lists.add(segment.pk, act.ids, actor=actor, now=now)
    words = ngettext(
        "%(count)d person was put on “%(list)s”.", "%(count)d people were put on “%(list)s”.", len(changed)
    )
    return _done(words % {"count": len(changed), "list": segment.name}, "delist", changed, _public(segment))


def _delist(act: Act, actor: str, now: datetime) -> Done:
    segment = _segment(act.target, actor, now)
    changed = lists.remove(segment.pk, act.ids, actor=actor, now=now)
    words = ngettext(
        "%(count)d person was taken off “%(list)s”.", "%(count)d people were taken off “%(list)s”.", len(changed)
    )
    return _done(words % {"count": len(changed), "list": segment.name}, "enlist", changed, _public(segment))


def _archive(act: Act, actor: str, now: datetime) -> Done:
    changed = identity.archive(act.ids, actor=actor, now=now)
    words = ngettext("%(count)d person is archived.", "%(count)d people are archived.", len(changed))
    return _done(words % {"count": len(changed)}, "restore", changed)


def _restore(act: Act, actor: str, now: datetime) -> Done:
    changed = identity.restore(act.ids, actor=actor, now=now)
    words = ngettext("%(count)d person is back.", "%(count)d people are back.", len(changed))
    return _done(words % {"count": len(changed)}, "archive", changed)


def _done(words: str, inverse: str, changed: list[int], target: str = "") -> Done:
    return Done(words, {"do": inverse, "ids": changed, "target": target}) if changed else Done(_("Nothing to change."))


def _segment(target: str, actor: str, now: datetime) -> Segment:
    """The list of an id; any other text is the name of a new one."""
    if target.startswith("seg_"):
        found = Segment.objects.filter(pk=publicids.decode("seg", target, "/target"), archived_at=None).first()
        if found is None:
            raise Problem("/target", "no_such_list", _("There is no such list."))
        return found
    return lists.create(target, actor=actor, now=now)


def _public(segment: Segment) -> str:
    return publicids.encode("seg", segment.pk)


ACTS: Final[dict[str, Callable[[Act, str, datetime], Done]]] = {
    "tag": _tag,
    "untag": _untag,
    "enlist": _enlist,
    "delist": _delist,
    "archive": _archive,
    "restore": _restore,
}
