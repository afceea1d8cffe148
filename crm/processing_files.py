"""The record of processing as a file: on paper, as data, and as one table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from crm import processing, tables, workspace
from crm.evidence_pdf import Sheet, day
from crm.processing import Section

WIDTH: Final = 499


def pdf(sections: Sequence[Section], now: datetime) -> bytes:
    sheet = Sheet()
    sheet.add(_("Record of processing activities"), "title")
    sheet.add(f"{workspace.current().name} · {day(now.isoformat())}")
    for each in sections:
        sheet.add(each.title, "head")
        width = WIDTH / len(each.heads)
        sheet.table([each.heads, *each.rows] if each.rows else [[_("Nothing yet.")]], [width] * len(each.heads))
    return sheet.finish(_("Record of processing activities"))


def document(sections: Sequence[Section], now: datetime) -> bytes:
    return json.dumps(processing.as_data(sections, now), ensure_ascii=False, indent=2).encode()


def table(sections: Sequence[Section], now: datetime) -> bytes:
    """One row for each cell's row: the section, then what stands in it."""
    del now
    out = io.StringIO()
    writer = csv.writer(out)
    for each in sections:
        writer.writerow([tables.harmless(cell) for cell in (each.title, *each.heads)])
        for row in each.rows:
            writer.writerow([tables.harmless(cell) for cell in ("", *row)])
        writer.writerow([])
    return ("\ufeff" + out.getvalue()).encode()


FORMS: Final = {
    "pdf": ("application/pdf", pdf), "json": ("application/json", document), "csv": ("text/csv; charset=utf-8", table),
}  # fmt: skip
