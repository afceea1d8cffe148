"""How often a form is opened and sent, by day and placement, without a cookie. The one writer of FormDay."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from django.db import connection

MACHINES: Final = re.compile(
    r"bot\b|crawl|spider|slurp|preview|proxy|scanner|curl/|wget/|python-|facebookexternalhit|whatsapp/|telegrambot",
    re.IGNORECASE,
)
ADD: Final = """
INSERT INTO crm_formday (form_id, placement, day, views, answers) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (form_id, day, placement) DO UPDATE
SET views = crm_formday.views + excluded.views, answers = crm_formday.answers + excluded.answers"""


def is_machine(method: str, agent: str, purpose: str) -> bool:
    """A prefetch, a link preview, a crawler: nobody reads."""
    return method == "HEAD" or not agent or "prefetch" in purpose.lower() or MACHINES.search(agent) is not None


def viewed(form: int, placement: str, day: date) -> None:
    _add(form, placement, day, 1, 0)


def answered(form: int, placement: str, day: date) -> None:
    _add(form, placement, day, 0, 1)


def _add(form: int, placement: str, day: date, views: int, answers: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ADD, [form, placement, day, views, answers])
