"""The quick settings of messages; their words have an editor of their own."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.forms.steps.base import (
    Doc,
    Field,
    Part,
    Room,
    Typed,
    config,
    set_or_drop,
    sheet,
    span_field,
    text_of,
    with_text,
)
from channels import gate

WHEN_QUIET: Final = {
    gate.WAIT: gettext_lazy("Wait for the next allowed hour"),
    gate.SKIP: gettext_lazy("Leave it out"),
    gate.OTHER_CHANNEL: gettext_lazy("Go on by the lane “not sent”, with another channel"),
}


def _sending(known: Doc) -> list[Field]:
    return [
        span_field(
            "send_expiry", _("Useful for"), known.get("send_expiry"), "config/send_expiry",
            help=_("Later than this it is not sent any more. Empty: as the campaign has it."),
        ),
        Field(
            "when_quiet", _("In quiet hours"), known.get("when_quiet") or gate.WAIT, "choice",
            choices=[(value, str(words)) for value, words in WHEN_QUIET.items()], place="config/when_quiet",
        ),
        Field(
            "require_stock", _("Only while something of the cart is in stock"), known.get("require_stock") is True,
            "flag", place="config/require_stock",
        ),
    ]  # fmt: skip


def _read_sending(known: Doc, typed: Typed) -> None:
    set_or_drop(known, "send_expiry", typed.span("send_expiry"))
    if typed.has("when_quiet"):
        chosen = typed.text("when_quiet")
        set_or_drop(known, "when_quiet", chosen if chosen in (gate.SKIP, gate.OTHER_CHANNEL) else None)
    set_or_drop(known, "require_stock", True if typed.flag("require_stock") else None)


def show_email(step: Doc, room: Room) -> list[Part]:
    known = config(step)
    words = [
        Field("subject", _("Subject"), text_of(known, "subject"), place="config/subject", longest=500),
        Field(
            "preheader", _("Line beside the subject"), text_of(known, "preheader"), place="config/preheader",
            longest=500,
        ),
    ]  # fmt: skip
    told = ""
    if text_of(known, "html").strip():
        told = _("The body is made in the editor.")
    else:
        words.append(Field("text", _("Text"), text_of(known, "text"), "area", place="config/text"))
    sender = [
        Field("from_name", _("Sender's name"), text_of(known, "from_name"), place="config/from_name", longest=254),
        Field("from_address", _("Sender's address"), text_of(known, "from_address"), place="config/from_address"),
        Field("reply_to", _("Answers go to"), text_of(known, "reply_to"), place="config/reply_to"),
    ]
    return [
        Part(words, told=told, place="config/html"),
        Part([*sender, *_sending(known)], title=_("Sender and sending"), folded=True),
    ]


def read_email(step: Doc, typed: Typed, room: Room) -> Doc:
    known = config(step)
    for name in ("subject", "preheader", "from_name", "from_address", "reply_to"):
        if typed.has(name):
            with_text(known, name, typed.text(name))
    if typed.has("text"):
        with_text(known, "text", typed.words("text"))
    _read_sending(known, typed)
    return {**step, "config": known}


def show_sms(step: Doc, room: Room) -> list[Part]:
    known = config(step)
    return [
        Part([Field("text", _("Text"), text_of(known, "text"), "area", place="config/text", longest=1_600)]),
        Part(
            [
                Field(
                    "sender", _("Sender"), text_of(known, "sender"), place="config/sender", longest=20,
                    help=_("A name or number. Empty: that of the workspace."),
                ),
                *_sending(known),
            ],
            title=_("Sender and sending"), folded=True,
        ),
    ]  # fmt: skip


def read_sms(step: Doc, typed: Typed, room: Room) -> Doc:
    known = config(step)
    if typed.has("text"):
        with_text(known, "text", typed.words("text"))
    if typed.has("sender"):
        with_text(known, "sender", typed.text("sender"))
    _read_sending(known, typed)
    return {**step, "config": known}


sheet("send.email", show_email, read_email)
sheet("send.sms", show_sms, read_sms)
