"""What a lane can ask of a person, in words: the fields of a rule as they are chosen and named."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from campaigns.forms.steps.base import Choices, Doc, Field, Room, text_of
from crm import ownfields
from crm.segments.editors import person

REACH: Final = "reachable."
CHANNELS: Final = ("email", "sms")
YES, NO = "true", "false"


def choices(now: str, room: Room) -> Choices:
    """All that can be chosen, and what is chosen now, even where it can not."""
    found = [("", _("choose…"))]
    found += [(f"contact.{name}", str(label)) for name, label in person.FIELDS.items()]
    found += [(f"{REACH}{name}", words(f"{REACH}{name}")) for name in CHANNELS]
    found += [(each, words(each)) for each in room.fields if each.startswith("fields.")]
    return found if now in dict(found) else [*found, (now, words(now))]


def words(name: str) -> str:
    """A field in words; one that nobody here knows by its own name."""
    head, _dot, tail = name.partition(".")
    if head == "consent":
        purpose, _dot, channel = tail.partition(".")
        about = [str(known[key]) for known, key in _consent(purpose, channel) if key in known]
        return f"{_('Consent')}: {', '.join(about)}" if about else name
    if head == "reachable":
        return _("Can be reached by %(channel)s") % {"channel": person.CHANNELS.get(tail, tail)}
    if head == "fields":
        own = ownfields.known().get(tail)
        return own.label if own else tail
    return str({"contact": person.FIELDS, "identifier": person.IDENTIFIERS}.get(head, {}).get(tail, name))


def _consent(purpose: str, channel: str) -> list[tuple[dict[str, Any], str]]:
    return [(dict(person.PURPOSES), purpose), (dict(person.CHANNELS), channel)]


def is_yes_or_no(leaf: Doc) -> bool:
    """Asked of a person as a plain yes or no: whether they can be reached."""
    return text_of(leaf, "f").startswith(REACH) and text_of(leaf, "op") in ("", "is")


def answer(own: str, leaf: Doc, place: str) -> Field:
    said = NO if leaf.get("v") is False else YES
    return Field(
        f"{own}-v",
        _("Answer"),
        said,
        "choice",
        choices=[(YES, _("yes")), (NO, _("no"))],
        place=f"{place}/v",
        short=True,
    )


def answered(text: str) -> bool:
    """What was chosen; what was typed of another field before is no answer, and counts as a yes."""
    return text != NO
