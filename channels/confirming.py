"""The messages of double opt-in: a link by e-mail, a code by SMS. They go through the outbox like every other one.

The link and the code are made from the number of the message while it is written (`links.confirm`, `links.code`);
they stand nowhere else. `slot` says which confirmation a message belongs to.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from channels import content, tracking
from channels.outbox import Planned, enqueue
from crm import clock, confirmations, workspace

ROUND: Final = confirmations.ROUND
BATCH: Final = 200
SLOT: Final = "confirm:"
# A mail that leaves later than the link works is of no use.
EXPIRES: Final = {"email": confirmations.VALID, "sms": confirmations.CODE_VALID}

LETTER: Final = """<p>{hello}</p>
<p>{why}</p>
<p><a href="{{{{ links.confirm }}}}" style="background:#1b4d5c;border-radius:8px;color:#ffffff;display:inline-block;\
font:600 16px/1.2 sans-serif;padding:14px 22px;text-decoration:none">{button}</a></p>
<p>{valid}</p>
<p>{ignore}</p>"""
PLAIN: Final = "{hello}\n\n{why}\n\n{button}:\n{{{{ links.confirm }}}}\n\n{valid}\n{ignore}"
# The words by language; the subject names nothing that somebody else should read.
WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "subject": "Please confirm your subscription",
        "hello": "Hello,",
        "why": "somebody, probably you, asked for messages from us to this address. They begin when you confirm it.",
        "button": "See and confirm",
        "valid": "The link works for 7 days.",
        "ignore": "If it was not you, do nothing: nothing will be sent.",
        "sms": "{{ links.code }} is your code to confirm messages from us. It lasts 10 minutes: {{ links.code_page }}",
    },
    "es": {
        "subject": "Confirme su suscripción, por favor",
        "hello": "Hola:",
        "why": "alguien, probablemente usted, pidió recibir nuestros mensajes en esta dirección. Empezarán cuando lo"
        " confirme.",
        "button": "Ver y confirmar",
        "valid": "El enlace funciona durante 7 días.",
        "ignore": "Si no fue usted, no haga nada: no se le enviará nada.",
        "sms": "{{ links.code }} es su código para confirmar nuestros mensajes. Vale 10 minutos: {{ links.code_page }}",
    },
    "ru": {
        "subject": "Подтвердите подписку, пожалуйста",
        "hello": "Здравствуйте!",
        "why": "Кто-то, скорее всего вы, попросил присылать наши сообщения на этот адрес. Они начнут приходить, когда"
        " вы подтвердите.",
        "button": "Посмотреть и подтвердить",
        "valid": "Ссылка действует 7 дней.",
        "ignore": "Если это были не вы, ничего не делайте: ничего не придёт.",
        "sms": "{{ links.code }} — ваш код подтверждения сообщений. Действует 10 минут: {{ links.code_page }}",
    },
}  # fmt: skip


def body(channel: str, language: str) -> dict[str, Any]:
    """The words of a confirmation message."""
    said = WORDS.get(language[:2].lower(), WORDS["en"])
    if channel == "sms":
        return {"text": said["sms"]}
    return {"subject": said["subject"], "html": LETTER.format(**said), "text": PLAIN.format(**said)}


def send() -> int:
    """Put the messages that are due into the outbox, a batch at a time."""
    now = clock.now()
    with transaction.atomic():
        due = confirmations.claim(now, BATCH)
        going = [each for each in due if each.purposes]
        confirmations.forgo([each.id for each in due if not each.purposes])
        contents: dict[tuple[str, str], int] = {}
        for each in going:
            place = each.channel, _language(each.language)
            contents[place] = contents.get(place) or content.publish(place[0], body(*place))
        ids = enqueue([_planned(each, contents[each.channel, _language(each.language)], now) for each in going], now)
        confirmations.sent(
            [
                (each.id, confirmations.code_hash(each.id, tracking.code(number)) if each.channel == "sms" else "")
                for each, number in zip(going, ids, strict=True)
            ],
            now,
        )
    return len(due)


def pending() -> int:
    return confirmations.pending(clock.now())


def number_of(token: str) -> int | None:
    """The confirmation that a link belongs to."""
    named = tracking.read("confirm", token)
    if named is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT slot FROM channels_message WHERE id = %s", [named.message_id])
        row = cursor.fetchone()
    slot = str(row[0]) if row else ""
    return int(slot.removeprefix(SLOT)) if slot.startswith(SLOT) else None


def _planned(wanted: confirmations.Wanted, content_id: int, now: datetime) -> Planned:
    return Planned(
        wanted.contact_id, wanted.channel, content_id, slot=f"{SLOT}{wanted.id}", message_class="service",
        purpose="service", priority=90, expires_at=now + EXPIRES[wanted.channel], address_id=wanted.address_id,
        address_hash=wanted.address_hash,
    )  # fmt: skip


def _language(language: str) -> str:
    short = (language or workspace.current().language)[:2].lower()
    return short if short in WORDS else "en"
