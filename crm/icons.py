"""Icons, inlined: one outline icon of the set by its name. An unknown name is a mistake and says so."""

from __future__ import annotations

import re
from functools import cache

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe


@cache
def inline(name: str, size: str = "") -> SafeString:
    """`<svg>` of `name`; hidden from screen readers, the word beside it says what it is. `size`: "" or "s"."""
    file = settings.ICONS_DIR / "outline" / f"{name}.svg"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not file.is_file():
        raise ValueError(f"There is no icon called {name!r} in {settings.ICONS_DIR}.")
    inner = re.search(r"<svg[^>]*>(.*)</svg>", file.read_text(), re.DOTALL)
    if inner is None:
        raise ValueError(f"{name}.svg is no drawing.")
    shapes = re.sub(r"\s+", " ", inner.group(1)).strip()
    classes = f"i {size}".strip()
    # The files come with the installation, not from users.
    return mark_safe(  # noqa: S308
        f'<svg class="{classes}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{shapes}</svg>'
    )
