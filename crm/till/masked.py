"""What staff get to see of a customer: enough to know whom they have before them, not enough to write to them. Pure."""

from __future__ import annotations

DOTS = "••••"


def name(given: str, family: str) -> str:
    """`Carmen M.`; the surname alone is shown by its first letter too."""
    initial = f"{family.strip()[:1].upper()}." if family.strip() else ""
    return " ".join(part for part in (given.strip(), initial) if part)


def card(value: str) -> str:
    """`•••• 7730`; a number so short that its end would be most of it is not shown at all."""
    return f"{DOTS} {value[-4:]}" if len(value) >= 8 else DOTS


def phone(value: str) -> str:
    """`••• 40 18`"""
    return f"••• {value[-4:-2]} {value[-2:]}" if len(value) >= 8 else "•••"


def email(value: str) -> str:
    """`c…@e….com`"""
    local, _, domain = value.rpartition("@")
    host, _, ending = domain.rpartition(".")
    return f"{local[:1]}…@{host[:1]}….{ending}" if ending else "…"


def value(kind: str, text: str) -> str:
    """An identifier of any kind."""
    masks = {"card": card, "phone": phone, "email": email}
    return masks[kind](text) if kind in masks else "…"
