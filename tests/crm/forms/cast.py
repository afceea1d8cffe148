"""Forms as Ada builds them, and what people type into them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crm import clock, wordings
from crm.capturing import office, trap
from crm.models import Form, Wording


def text(language: str = "en") -> Wording:
    values = {"purpose": "offers", "language": language, "country": "", "text": "Yes, send me offers by e-mail."}
    return Wording.objects.first() or wordings.add(values, None, "system")


def form(kind: str = "plain", *blocks: dict[str, Any], publish: bool = True, **more: Any) -> Form:
    """A form with an e-mail address (required), a first name, a consent box and these blocks."""
    made = office.begin("Join us", kind, more.pop("language", "en"), by=None, actor="user:1", now=clock.now())
    document = {**made.document, **more, "blocks": [
        {"id": "b1", "type": "heading", "text": "Join the club"},
        {"id": "mail", "type": "field", "field": "email", "label": "", "required": kind not in ("poll", "quiz")},
        {"id": "name", "type": "field", "field": "given_name", "label": "", "required": False},
        {"id": "yes", "type": "consent", "wording": text().code, "channels": ["email"]},
        *blocks,
        {"id": "send", "type": "submit", "label": ""},
    ]}  # fmt: skip
    office.save(made.pk, document, made.name, made.language, actor="user:1", now=clock.now())
    if kind == "leadmagnet":
        office.put_file(made, "guide.pdf", b"%PDF-1.4 guide", actor="user:1")
    if publish:
        office.publish(made.pk, actor="user:1", now=clock.now())
    made.refresh_from_db()
    return made


def ticket(made: Form, *, age: float = 10, placement: str = "", **query: str) -> str:
    """A page that was opened some seconds ago."""
    at = clock.real() - timedelta(seconds=age)
    return trap.sign(trap.open_page(made.slug, {"p": placement, **query}, "https://blog.example/", at))
