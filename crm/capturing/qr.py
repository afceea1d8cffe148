"""Codes to point a phone at, as SVG."""

from __future__ import annotations

from io import BytesIO

import segno
from django.utils.safestring import SafeString, mark_safe


def svg(text: str, scale: int = 6) -> SafeString:
    """Dark on white with its quiet zone, whatever the colours around it."""
    out = BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=scale, dark="#000", light="#fff", xmldecl=False, svgns=True, omitsize=False, nl=False
    )
    return mark_safe(out.getvalue().decode())  # noqa: S308 - drawn by segno, the text is not in it
