"""What the messages of double opt-in say: ready-made words by language, and the shop's own in their place.

`Words` are what people edit: a body of paragraphs in which `{{ links.confirm }}` stands for the button, and an SMS
with the code and the page to type it in. Nothing personal may stand there: who asked may not be who is asked.
The one writer of ConfirmationWords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final

from django.db import transaction

from channels import content
from channels.models import ConfirmationWords
from crm import audit, workspace
from crm.errors import Problem, Problems

LINK: Final = "{{ links.confirm }}"
CODE: Final = "{{ links.code }}"
CODE_PAGE: Final = "{{ links.code_page }}"
# What each field must hold, once.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"subject": (), "body": (LINK,), "button": (), "sms": (CODE, CODE_PAGE)}
LONGEST: Final[Mapping[str, int]] = {"subject": 200, "body": 4_000, "button": 80, "sms": 400}
LIQUID: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{\{|\}\}|\{%|%\}", re.DOTALL)
BUTTON: Final = (
    '<a href="{{{{ links.confirm }}}}" style="background:#1b4d5c;border-radius:8px;color:#ffffff;display:inline-block;'
    'font:600 16px/1.2 sans-serif;padding:14px 22px;text-decoration:none">{label}</a>'
)


@dataclass(frozen=True)
class Words:
    subject: str
    body: str
    button: str
    sms: str


# The subject names nothing that somebody else should read.
READY: Final[Mapping[str, Words]] = {
    "en": Words(
        "Please confirm your subscription",
        "Hello,\n\nsomebody, probably you, asked for messages from us to this address. They begin when you confirm it."
        f"\n\n{LINK}\n\nThe link works for 7 days.\n\nIf it was not you, do nothing: nothing will be sent.",
        "See and confirm",
        f"{CODE} is your code to confirm messages from us. It lasts 10 minutes: {CODE_PAGE}",
    ),
    "es": Words(
        "Confirme su suscripción, por favor",
        "Hola:\n\nalguien, probablemente usted, pidió recibir nuestros mensajes en esta dirección. Empezarán cuando lo"
        f" confirme.\n\n{LINK}\n\nEl enlace funciona durante 7 días.\n\nSi no fue usted, no haga nada: no se le enviará"
        " nada.",
        "Ver y confirmar",
        f"{CODE} es su código para confirmar nuestros mensajes. Vale 10 minutos: {CODE_PAGE}",
    ),
    "ru": Words(
        "Подтвердите подписку, пожалуйста",
        "Здравствуйте!\n\nКто-то, скорее всего вы, попросил присылать наши сообщения на этот адрес. Они начнут"
        f" приходить, когда вы подтвердите.\n\n{LINK}\n\nСсылка действует 7 дней.\n\nЕсли это были не вы, ничего не"
        " делайте: ничего не придёт.",
        "Посмотреть и подтвердить",
        f"{CODE} — ваш код подтверждения сообщений. Действует 10 минут: {CODE_PAGE}",
    ),
}


def language_of(wanted: str) -> str:
    """The language somebody is asked in: theirs, else the workspace's, else English."""
    short = (wanted or workspace.current().language)[:2].lower()
    return short if short in READY else "en"


def every() -> dict[str, Words]:
    """The words that hold, by language. One query."""
    own = {row.language: Words(row.subject, row.body, row.button, row.sms) for row in ConfirmationWords.objects.all()}
    return {**READY, **own}


def body(channel: str, words: Words) -> dict[str, Any]:
    """The content of a confirmation message. Pure."""
    if channel == "sms":
        return {"text": words.sms}
    parts = [part.strip() for part in re.split(r"\n\s*\n", words.body.replace("\r\n", "\n")) if part.strip()]
    return {
        "subject": words.subject,
        "html": "\n".join(f"<p>{_html(part, words.button)}</p>" for part in parts),
        "text": "\n\n".join(f"{words.button}:\n{LINK}" if part == LINK else part for part in parts),
    }


def _html(part: str, label: str) -> str:
    """The link alone is a button; within a sentence it is a link."""
    if part == LINK:
        return BUTTON.format(label=escape(label))
    before, link, after = part.partition(LINK)
    linked = f'<a href="{LINK}">{escape(label)}</a>' if link else ""
    return f"{_lines(before)}{linked}{_lines(after)}"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def problems(words: Words) -> list[Problem]:
    """All that is wrong with words somebody wants, each at its field."""
    found = [problem for name, text in asdict(words).items() for problem in _problems(name, text)]
    if found:
        return found
    mail = content.problems("email", body("email", words))
    place = {"/subject": "/subject"}
    told = [Problem(place.get(each.pointer, "/body"), each.code, each.detail) for each in mail]
    return told + [Problem("/sms", each.code, each.detail) for each in content.problems("sms", body("sms", words))]


def _problems(name: str, text: str) -> Iterator[Problem]:
    if not text.strip():
        yield Problem(f"/{name}", "required", f"{name} is empty.")
    elif len(text) > LONGEST[name]:
        yield Problem(f"/{name}", "too_long", f"{name} has more than {LONGEST[name]} characters.")
    elif name in ("subject", "button") and "\n" in text:
        yield Problem(f"/{name}", "bad_text", f"{name} is one line.")
    else:
        yield from _placed(name, text)


def _placed(name: str, text: str) -> Iterator[Problem]:
    for each in NEEDED[name]:
        if text.count(each) != 1:
            yield Problem(f"/{name}", "placeholder", each)
    strange = [each for each in LIQUID.findall(text) if each not in NEEDED[name]]
    if strange:
        yield Problem(f"/{name}", "not_here", strange[0])


def keep(language: str, words: Words, *, actor: str) -> None:
    """Say it so from the next message on. Raises Problems."""
    found = problems(words) if language in READY else [Problem("/language", "unknown", "There is no such language.")]
    if found:
        raise Problems(found)
    with transaction.atomic():
        before = _row(language)
        ConfirmationWords.objects.update_or_create(language=language, defaults=asdict(words))
        audit.record(actor, "confirmation.words", f"confirmation:{language}", before, asdict(words))


def reset(language: str, *, actor: str) -> None:
    """The ready-made words again."""
    with transaction.atomic():
        before = _row(language)
        if before is not None:
            ConfirmationWords.objects.filter(language=language).delete()
            audit.record(actor, "confirmation.words", f"confirmation:{language}", before, None)


def _row(language: str) -> dict[str, Any] | None:
    row = ConfirmationWords.objects.select_for_update().filter(language=language).first()
    return asdict(Words(row.subject, row.body, row.button, row.sms)) if row else None
