"""The service messages that forms promise: the link to a file, a seat at an event, the reminder of it.

They go through the outbox like every other one. Links are made while the message is asked for; the one to a file
stops after a week.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from channels import content
from channels.outbox import Planned, enqueue
from crm import clock
from crm.capturing import blocks, letters, seats
from crm.models import Form, FormLetter, FormSeat, Identifier

ROUND: Final = letters.ROUND
BATCH: Final = 100
SLOT: Final = "form:"
EXPIRES: Final = timedelta(days=2)
# Subject, sentence and button, by language and by what it is about.
WORDS: Final[dict[str, dict[str, tuple[str, str, str]]]] = {
    "en": {
        "file": ("Your file: {{ entry.form }}", "here is what you asked for. The link works for 7 days.", "Download"),
        "seat": (
            "Your seat: {{ entry.form }}",
            "you have a seat: {{ entry.when }}, {{ entry.place }}.",
            "See your seat",
        ),
        "waiting": (
            "Waiting list: {{ entry.form }}",
            "all seats are taken; you are on the waiting list.",
            "See where you are",
        ),
        "promoted": (
            "A seat for you: {{ entry.form }}",
            "a seat is free, and it is yours: {{ entry.when }}, {{ entry.place }}.",
            "See your seat",
        ),
        "reminder": (
            "Tomorrow: {{ entry.form }}",
            "we expect you: {{ entry.when }}, {{ entry.place }}.",
            "See your seat",
        ),
    },
    "es": {
        "file": (
            "Su archivo: {{ entry.form }}",
            "aquí tiene lo que pidió. El enlace funciona durante 7 días.",
            "Descargar",
        ),
        "seat": (
            "Su plaza: {{ entry.form }}",
            "tiene una plaza: {{ entry.when }}, {{ entry.place }}.",
            "Ver su plaza",
        ),
        "waiting": (
            "Lista de espera: {{ entry.form }}",
            "todas las plazas están ocupadas; está en la lista de espera.",
            "Ver su lugar",
        ),
        "promoted": (
            "Una plaza para usted: {{ entry.form }}",
            "hay una plaza libre y es suya: {{ entry.when }}, {{ entry.place }}.",
            "Ver su plaza",
        ),
        "reminder": (
            "Mañana: {{ entry.form }}",
            "le esperamos: {{ entry.when }}, {{ entry.place }}.",
            "Ver su plaza",
        ),
    },
    "ru": {
        "file": ("Ваш файл: {{ entry.form }}", "вот то, о чём вы просили. Ссылка действует 7 дней.", "Скачать"),
        "seat": (
            "Ваше место: {{ entry.form }}",
            "место за вами: {{ entry.when }}, {{ entry.place }}.",
            "Показать место",
        ),
        "waiting": ("Лист ожидания: {{ entry.form }}", "все места заняты; вы в листе ожидания.", "Показать очередь"),
        "promoted": (
            "Место для вас: {{ entry.form }}",
            "место освободилось, и оно ваше: {{ entry.when }}, {{ entry.place }}.",
            "Показать место",
        ),
        "reminder": ("Завтра: {{ entry.form }}", "ждём вас: {{ entry.when }}, {{ entry.place }}.", "Показать место"),
    },
}  # fmt: skip
HELLO: Final = {"en": "Hello,", "es": "Hola:", "ru": "Здравствуйте!"}


def body(what: str, language: str) -> dict[str, Any]:
    subject, sentence, button = WORDS.get(language, WORDS["en"])[what]
    hello = HELLO.get(language, HELLO["en"])
    html = f'<p>{hello}</p><p>{sentence}</p><p><a href="{{{{ entry.link }}}}">{button}</a></p>'
    return {"subject": subject, "html": html, "text": f"{hello}\n\n{sentence}\n\n{button}:\n{{{{ entry.link }}}}"}


def send() -> int:
    """Put what is due into the outbox, a batch at a time."""
    now = clock.now()
    with transaction.atomic():
        due = letters.claim(now, BATCH)
        contents: dict[tuple[str, str], int] = {}
        planned = []
        for letter in due:
            place = letter.what, letter.answer.form.language
            contents[place] = contents.get(place) or content.publish("email", body(*place))
            planned.append(_planned(letter, contents[place]))
        enqueue([each for each in planned if each], now)
        letters.sent(due, now)
    return len(due)


def pending() -> int:
    return letters.pending(clock.now())


def _planned(letter: FormLetter, content_id: int) -> Planned | None:
    """None where there is nothing to say any more: a seat that was given back."""
    now, form = clock.now(), letter.answer.form
    if letter.what == "file":
        link = reverse("crm:form-download", args=[letters.file_token(letter.answer_id, now)])
    else:
        seat = FormSeat.objects.filter(answer=letter.answer).exclude(state=FormSeat.State.CANCELLED).first()
        if seat is None:
            return None
        link = reverse("crm:form-seat", args=[seats.token(seat.pk)])
    mine = Identifier.objects.filter(contact=letter.contact_id, kind="email", value__in=_typed(letter)).first()
    return Planned(
        letter.contact_id, "email", content_id, slot=f"{SLOT}{letter.pk}", message_class="service", purpose="service",
        priority=80, expires_at=now + EXPIRES, address_id=mine.address_id if mine else None,
        address_hash=mine.address.hash if mine and mine.address else "",
        context={"entry": {**_event(form), "form": form.name, "link": settings.BASE_URL + link}},
    )  # fmt: skip


def _typed(letter: FormLetter) -> list[str]:
    """The address that was given in this answer, and no other one."""
    return [each for each in letter.answer.answers.values() if isinstance(each, str) and "@" in each]


def _event(form: Form) -> dict[str, str]:
    event = (form.live or form.document).get("event", {})
    starts = blocks.starts(event)
    with translation.override(form.language):
        when = date_format(starts, "DATETIME_FORMAT") if starts else ""
    return {"when": when, "place": str(event.get("place", ""))}
