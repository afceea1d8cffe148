"""The inputs of a span of time: a number and its unit. Months and years are written as days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from crm.segments.describe import Input

DAYS_OF_YEAR: Final = 365
UNITS: Final = (
    ("minutes", _("minutes")),
    ("hours", _("hours")),
    ("days", _("days")),
    ("weeks", _("weeks")),
    ("months", _("months")),
    ("years", _("years")),
)


def inputs(span: Any, prefix: str = "") -> list[Input]:
    value, unit = shown(span)
    return [
        Input("number", f"{prefix}v", _("How long"), value),
        Input("select", f"{prefix}unit", _("Unit"), unit, UNITS),
    ]


def shown(span: Any) -> tuple[str, str]:
    """A span as it is read: 730 days are 2 years."""
    given = span if isinstance(span, Mapping) else {}
    value, unit = given.get("value", ""), str(given.get("unit") or "days")
    if unit == "days" and isinstance(value, int) and value and value % DAYS_OF_YEAR == 0:
        return str(value // DAYS_OF_YEAR), "years"
    return str(value), unit


def written(values: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    given, unit = values.get(f"{prefix}v", "").strip(), values.get(f"{prefix}unit", "days")
    value: Any = int(given) if given.isdecimal() and len(given) < 10 else given
    if unit in ("months", "years"):
        days = DAYS_OF_YEAR if unit == "years" else DAYS_OF_YEAR / 12
        return {"value": round(value * days) if isinstance(value, int) else value, "unit": "days"}
    return {"value": value, "unit": unit}
