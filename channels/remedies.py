"""Mistakes in the words of a message, said to the person who writes it, in their language."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from django.utils.translation import gettext as _

from crm.errors import Problem

_NAME: Final = re.compile(r"\{\{ (.+?) \}\}")
FIELDS: Final[dict[str, Callable[[], str]]] = {
    "subject": lambda: _("Subject"),
    "preheader": lambda: _("Preheader"),
    "html": lambda: _("HTML"),
    "text": lambda: _("Text"),
    "from_name": lambda: _("Sender's name"),
    "from_address": lambda: _("Sender's address"),
    "reply_to": lambda: _("Reply to"),
    "sender": lambda: _("Sender"),
}


def words(problem: Problem) -> str:
    """One sentence: what is wrong and what helps. Of what is not known here, its own words."""
    say = _SAY.get(problem.code)
    return say(problem) if say else problem.detail


def field(problem: Problem) -> str:
    """The field it is about: the last word of its pointer, if it is one of a message."""
    name = problem.pointer.rpartition("/")[2]
    return name if name in FIELDS else ""


def field_words(name: str) -> str:
    return FIELDS[name]() if name in FIELDS else ""


def _name_in(problem: Problem) -> str:
    found = _NAME.search(problem.detail)
    return found[1].partition(" |")[0] if found else ""


def _no_fallback(problem: Problem) -> str:
    return _("“%(name)s” has no value for some people. Give it a fallback.") % {"name": _name_in(problem)}


def _may_be_empty(problem: Problem) -> str:
    return _("“%(name)s” stays empty where the catalogue does not know it.") % {"name": _name_in(problem)}


def _required(problem: Problem) -> str:
    name = field(problem)
    if name == "subject":
        return _("The e-mail has no subject yet.")
    return _("The SMS has no text yet.") if name == "text" else _("The e-mail has no words yet.")


def _unknown_name(problem: Problem) -> str:
    return _("There is no “%(name)s”. Choose one from the list of personal words.") % {"name": _name_in(problem)}


def _syntax(problem: Problem) -> str:
    return _("A personal word is not written correctly: %(detail)s") % {"detail": problem.detail}


def _active(problem: Problem) -> str:
    return _("Mail programs refuse this part: %(detail)s") % {"detail": problem.detail.partition(" does not")[0]}


_SAY: Final[dict[str, Callable[[Problem], str]]] = {
    "no_fallback": _no_fallback,
    "may_be_empty": _may_be_empty,
    "required": _required,
    "unknown_name": _unknown_name,
    "unknown_filter": _syntax,
    "liquid_syntax": _syntax,
    "active_content": _active,
    "unquoted_attribute": lambda _p: _('Write quotes around personal words in attributes, as in href="{{ … }}".'),
    "unwritten": lambda _p: _("A ready piece still says “…”. Write its words, or take it out."),
    "address": lambda _p: _("This is not an e-mail address."),
    "sender": lambda _p: _("A sender is a number with +, or up to 11 Latin letters and digits."),
    "too_long": lambda _p: _("This is too long."),
    "bad_text": lambda _p: _("This must be one line."),
}
