"""Changes of the contact: fields, and the stage of the funnel."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from campaigns.forms.steps.base import Choices, Doc, Field, Part, Room, Row, Typed, config, plain, sheet, text_of
from campaigns.steps.contact_update import MOST

VERBS: Final = ("set", "increment", "append", "remove", "unset")


def verbs() -> Choices:
    return [
        ("set", _("set to")), ("increment", _("count up by")), ("append", _("add to its list")),
        ("remove", _("take from its list")), ("unset", _("empty")),
    ]  # fmt: skip


def changes(known: Doc) -> list[tuple[str, str, Any]]:
    """(verb, field, value) of all changes, in the order of the verbs."""
    found: list[tuple[str, str, Any]] = []
    for verb in VERBS[:4]:
        asked = known.get(verb)
        found += [(verb, str(path), value) for path, value in asked.items()] if isinstance(asked, dict) else []
    gone = known.get("unset")
    return [*found, *(("unset", str(path), None) for path in (gone if isinstance(gone, list) else []))]


def show_update(step: Doc, room: Room) -> list[Part]:
    known = changes(config(step))
    shown: list[tuple[str, str, Any]] = [*known, ("set", "", "")] if len(known) < MOST else known
    rows = [_row(*each, number) for number, each in enumerate(shown)]
    told = _("A row without a field changes nothing. Values are taken as they are.")
    return [Part(rows=rows, title=_("What changes"), told=told, place="config")]


def _row(verb: str, path: str, value: Any, number: int) -> Row:
    own = f"changes-{number}"
    place = f"config/{verb}/{path.replace('~', '~0').replace('/', '~1')}" if verb != "unset" else "config/unset"
    fields = [
        Field(f"{own}-path", _("Field"), path, place=place if path else "", offers="fields", short=True),
        Field(f"{own}-verb", _("Change"), verb, "choice", choices=verbs(), short=True, reshape=True),
    ]
    if verb != "unset":
        fields.append(Field(f"{own}-value", _("Value"), plain(value), short=True, longest=1_000))
    return Row(path or _("Another change"), fields)


def read_update(step: Doc, typed: Typed, room: Room) -> Doc:
    before = changes(config(step))
    made: Doc = {}
    for number in typed.rows("changes"):
        own = f"changes-{number}"
        path, verb = typed.text(f"{own}-path"), typed.text(f"{own}-verb")
        if not path or verb not in VERBS:
            continue
        path = path if path.startswith(("fields.", "contact.")) else f"fields.{path}"
        if verb == "unset":
            made.setdefault("unset", []).append(path)
            continue
        old = before[number][2] if number < len(before) else None
        made.setdefault(verb, {})[path] = _value(f"{own}-value", verb, old, typed)
    return {**step, "config": made}


def _value(name: str, verb: str, old: Any, typed: Typed) -> Any:
    text = typed.text(name)
    if verb == "increment":
        number = typed.number(name, decimals=True) if text else 1
        return 1 if number is None else number
    if isinstance(old, list) and verb == "set":
        return old if text == plain(old) else [each.strip() for each in text.split(",") if each.strip()]
    if text == plain(old) and old is not None and not isinstance(old, (dict, list)):
        return old
    if text in ("true", "false"):
        return text == "true"
    return _number(text) if isinstance(old, (int, float)) else text


def _number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value == int(value) else value


def show_stage(step: Doc, room: Room) -> list[Part]:
    known = config(step)
    stage = text_of(known, "stage")
    choices = [("", _("choose…")), *room.stages]
    if stage and stage not in {key for key, _words in choices}:
        choices.append((stage, stage))
    return [Part([
        Field("stage", _("Stage"), stage, "choice", choices=choices, place="config/stage"),
        Field(
            "forward_only", _("Only forward, never back"), known.get("forward_only", True) is not False, "flag",
            place="config/forward_only",
        ),
    ])]  # fmt: skip


def read_stage(step: Doc, typed: Typed, room: Room) -> Doc:
    made: Doc = {"stage": typed.text("stage")}
    if not typed.flag("forward_only"):
        made["forward_only"] = False
    return {**step, "config": made}


sheet("contact.update", show_update, read_update)
sheet("contact.stage", show_stage, read_stage)
