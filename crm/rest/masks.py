"""Addresses as a hint: enough to recognise, not enough to write to. Pure."""

from __future__ import annotations


def address(medium: str, value: str) -> str:
    """`c…@example.com`, `+34…233`; anything else by its two ends."""
    if not value:
        return ""
    if medium == "email":
        local, _, domain = value.rpartition("@")
        return f"{local[:1]}…@{domain}"
    return f"{value[:3]}…{value[-3:]}" if len(value) > 8 else f"{value[:1]}…"
