"""The letter with the link to the copy of somebody's data: once, to the address they asked from.

The link is made from the number of the message while it is written (`links.copy`); we keep its hash alone. It is a
message about their right, so no wish about advertising or service stops it.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection, transaction

from channels import content, states, tracking
from channels.outbox import Planned, enqueue
from crm import clock, workspace
from crm.rights import requests

ROUND: Final = requests.ROUND
BATCH: Final = 50
SLOT: Final = "copy:"
# It left; or it came back, never left, or nobody knows.
LEFT: Final = (states.ACCEPTED, states.DELIVERED, states.COMPLAINED)
BACK: Final = (states.BOUNCED, states.UNKNOWN, *states.NEVER_SENT)
ENDED: Final = """
SELECT r.id, m.state = ANY(%s) FROM crm_rightsrequest r
JOIN channels_message m ON m.contact_id = r.contact_id AND m.slot = %s || r.id
WHERE r.letter_at IS NOT NULL AND r.letter_sent_at IS NOT NULL AND r.state = 'open' AND r.job_id IS NOT NULL
  AND m.state = ANY(%s)"""
HTML: Final = '<p>{hello}</p><p>{why}</p><p><a href="{{{{ links.copy }}}}">{button}</a></p><p>{ignore}</p>'
PLAIN: Final = "{hello}\n\n{why}\n\n{button}:\n{{{{ links.copy }}}}\n\n{ignore}"
WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "subject": "Your data",
        "hello": "Hello,",
        "why": "you asked for a copy of the data we hold about you. It is ready; the link works for 72 hours.",
        "button": "Get the copy",
        "ignore": "If it was not you, do nothing, and give this letter to nobody: the link opens your data.",
    },
    "es": {
        "subject": "Sus datos",
        "hello": "Hola:",
        "why": "pidió una copia de los datos que tenemos sobre usted. Está lista; el enlace funciona durante 72 horas.",
        "button": "Obtener la copia",
        "ignore": "Si no fue usted, no haga nada y no dé esta carta a nadie: el enlace abre sus datos.",
    },
    "ru": {
        "subject": "Ваши данные",
        "hello": "Здравствуйте!",
        "why": "Вы просили копию данных, которые мы храним о вас. Она готова; ссылка действует 72 часа.",
        "button": "Получить копию",
        "ignore": "Если это были не вы, ничего не делайте и никому не передавайте это письмо: ссылка открывает ваши"
        " данные.",
    },
}  # fmt: skip


def body(language: str) -> dict[str, Any]:
    said = WORDS[language]
    return {"subject": said["subject"], "html": HTML.format(**said), "text": PLAIN.format(**said)}


def send() -> int:
    """Put the letters that are due into the outbox; and close what was answered by one that left."""
    now = clock.now()
    with transaction.atomic():
        ended = _ended()
        requests.arrived([number for number, left in ended if left], now)
        requests.returned([number for number, left in ended if not left])
        going = requests.claim(now, BATCH)
        contents = {language: content.publish("email", body(language)) for language in {_of(each) for each in going}}
        ids = enqueue([_planned(each, contents[_of(each)]) for each in going], now)
        for each, number in zip(going, ids, strict=True):
            requests.told(each.number, tracking.token("copy", number), now)
    return len(going) + len(ended)


def pending() -> int:
    return requests.pending(clock.now()) + len(_ended())


def _ended() -> list[tuple[int, bool]]:
    """Of the open requests whose letter was written those of which it is known: (request, did it leave)."""
    with connection.cursor() as cursor:
        cursor.execute(ENDED, [[*LEFT], SLOT, [*LEFT, *BACK]])
        return [(number, left) for number, left in cursor.fetchall()]


def _planned(letter: requests.Letter, content_id: int) -> Planned:
    return Planned(
        letter.contact_id, "email", content_id, slot=f"{SLOT}{letter.number}", message_class="transactional",
        purpose="service", priority=80, expires_at=clock.now() + requests.VALID, address_id=letter.address_id,
        address_hash=letter.address_hash,
    )  # fmt: skip


def _of(letter: requests.Letter) -> str:
    short = (letter.language or workspace.current().language)[:2].lower()
    return short if short in WORDS else "en"
