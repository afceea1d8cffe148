"""The texts people agree to, in versions. A receipt names the code of the text it was given under.

A text that any receipt names is proof and stays as it is for ever; what comes next is a new version.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.db.utils import OperationalError
from django.utils.translation import gettext

from crm import audit
from crm.errors import Problem
from crm.models import ConsentReceipt, Wording

# Counted exactly up to here, then "more than".
MANY: Final = 1_000
# All codes that receipts name, by hops over the index instead of a scan of the receipts.
CODES: Final = """
WITH RECURSIVE code(code) AS (
  (SELECT wording FROM crm_consentreceipt WHERE wording <> '' ORDER BY wording LIMIT 1)
  UNION ALL
  SELECT (SELECT wording FROM crm_consentreceipt WHERE wording > code.code AND wording <> '' ORDER BY wording LIMIT 1)
  FROM code WHERE code.code IS NOT NULL
)
SELECT code FROM code WHERE code IS NOT NULL LIMIT 500"""
SOURCES: Final = """
SELECT method, source, count(*), max(occurred_at) FROM (
  SELECT method, source, occurred_at FROM crm_consentreceipt WHERE wording = %s AND wording <> ''
  ORDER BY wording DESC, id DESC LIMIT %s
) AS latest GROUP BY method, source ORDER BY count(*) DESC, source LIMIT 20"""


@dataclass(frozen=True)
class Use:
    """Where a text was agreed to: among its latest receipts."""

    method: str
    source: str
    receipts: int
    latest: datetime


def codes_in_use() -> list[str]:
    """The codes that receipts name, whether their text is kept here or not."""
    with connection.cursor() as cursor:
        cursor.execute(CODES)
        return [code for (code,) in cursor.fetchall()]


def uses(code: str) -> list[Use]:
    """Where the latest receipts that name it came from."""
    with connection.cursor() as cursor:
        cursor.execute(SOURCES, [code, MANY])
        return [Use(*row) for row in cursor.fetchall()]


def is_used(code: str) -> bool:
    return ConsentReceipt.objects.filter(wording=code).exclude(wording="").exists()


def add(values: dict[str, Any], by: int | None, actor: str) -> Wording:
    """The next version of a text for its purpose, language and country; `code` may be given."""
    place = {name: values[name] for name in ("purpose", "language", "country")}
    try:
        with transaction.atomic():
            version = (Wording.objects.filter(**place).aggregate(last=Max("version"))["last"] or 0) + 1
            code = values.get("code") or code_of(**place, version=version)
            row = Wording.objects.create(**place, version=version, code=code, text=values["text"], made_by_id=by)
            audit.record(actor, "wording.add", f"wording:{row.code}", after={**place, "text": row.text})
    except IntegrityError:
        raise Problem(
            "/code", "taken", gettext("Another text has this code. Choose another one, or leave it empty.")
        ) from None
    return row


def edit(number: int, text: str, actor: str) -> Wording:
    """Change a text nobody has agreed to yet. Raises Problem as soon as somebody has."""
    with transaction.atomic():
        row = Wording.objects.select_for_update().get(pk=number)
        _keep_receipts_out()
        if is_used(row.code):
            raise Problem("/text", "used", gettext("People have agreed to this text, so it stays. Add a new version."))
        before, row.text = row.text, text
        row.save(update_fields=["text"])
        audit.record(actor, "wording.edit", f"wording:{row.code}", {"text": before}, {"text": text})
    return row


def hash_of(text: str) -> str:
    """What proves that a text is the one that was shown: its SHA-256, as receipts keep it."""
    return hashlib.sha256(text.encode()).hexdigest()


def code_of(purpose: str, language: str, country: str, version: int) -> str:
    """`offers-es-ES-2`: what tills, forms and integrations send with a receipt."""
    return "-".join(part for part in (purpose, language, country, str(version)) if part)


def _keep_receipts_out() -> None:
    """Nobody agrees to a text while it changes: a receipt under way is waited for, but not for long."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute("LOCK TABLE crm_consentreceipt IN SHARE MODE")
    except OperationalError:
        raise Problem(
            "", "busy", gettext("Consents are being recorded at this moment. Try again in a minute.")
        ) from None
