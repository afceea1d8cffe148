"""Fields of the API: money, instants, public ids, words of a list, free JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm import errors, publicids

AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
MOST: Final = Decimal("999999999999.99")
CURRENCY: Final = r"^[A-Z]{3}$"
CENT: Final = Decimal("0.01")
DATETIME: Final = OpenApiTypes.DATETIME


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,2})?$", "example": "42.50"},
            {"type": "number", "minimum": 0, "maximum": 999999999999},
        ],
        "description": "Text is exact; a number is rounded to cents. Answers always carry text.",
    }
)
class AmountField(serializers.Field[Any, Any, str, Any]):
    """A non-negative amount, as `Decimal` inside."""

    default_error_messages = {
        "amount": 'An amount is text such as "42.50": up to 12 digits, at most 2 decimals, not negative.'
    }

    def to_internal_value(self, data: Any) -> Decimal:
        amount = amount_of(data)
        if amount is None:
            self.fail("amount")
        return amount

    def to_representation(self, value: Any) -> str:
        return amount_text(value)


def amount_of(data: Any) -> Decimal | None:
    """Text or a finite number as an amount, or None where it is none."""
    if isinstance(data, str) and AMOUNT.fullmatch(data):
        return Decimal(data)
    if isinstance(data, int | float) and not isinstance(data, bool) and 0 <= data <= 999_999_999_999:
        return Decimal(str(data)).quantize(CENT, ROUND_HALF_EVEN)
    return None


def amount_text(value: Any) -> str:
    return str(Decimal(value).quantize(CENT, ROUND_HALF_EVEN))


def money(amount: Any, currency: str) -> dict[str, str]:
    """Money as it goes out."""
    return {"amount": amount_text(amount), "currency": currency}


@extend_schema_field(OpenApiTypes.DATETIME)
class InstantField(serializers.Field[datetime, Any, str, Any]):
    """ISO 8601 with its zone; goes out in UTC with `Z`."""

    default_error_messages = {
        "instant": "An instant is ISO 8601 with its zone, such as 2026-03-28T09:00:00Z, from 1900 to 2999."
    }

    def to_internal_value(self, data: Any) -> datetime:
        instant = instant_of(data)
        if instant is None:
            self.fail("instant")
        return instant

    def to_representation(self, value: Any) -> str:
        return instant_text(value)


def instant_of(data: Any) -> datetime | None:
    """Text as an instant in UTC, or None where it is none."""
    if not isinstance(data, str) or not 19 <= len(data) <= 40:
        return None
    try:
        instant = datetime.fromisoformat(data)
        return instant.astimezone(UTC) if instant.tzinfo and 1900 <= instant.year < 3000 else None
    except (ValueError, OverflowError):
        return None


def instant_text(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def instant_or_none(value: datetime | None) -> str | None:
    return None if value is None else instant_text(value)


@extend_schema_field(OpenApiTypes.STR)
class IdField(serializers.Field[int, Any, str, Any]):
    """A public id of one kind, as the number inside."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        try:
            return publicids.decode(self.prefix, data)
        except errors.Problem as problem:
            raise serializers.ValidationError(problem.detail, code=problem.code) from problem

    def to_representation(self, value: Any) -> str:
        return publicids.encode(self.prefix, value)


class TextField(serializers.CharField):
    """Text, and nothing else: DRF would take a number for one."""

    default_error_messages = {"invalid": "This is text, in quotes."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class TruthField(serializers.BooleanField):
    """`true` or `false`; "yes" and 1 are mistakes."""

    default_error_messages = {"invalid": "This is true or false, without quotes."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class WordField(serializers.ChoiceField):
    """One word of a closed list; the mistake names the list."""

    default_error_messages = {"invalid_choice": '"{input}" is none of: {choices}.'}

    def __init__(self, words: Iterable[str], **kwargs: Any) -> None:
        super().__init__(choices=list(words), **kwargs)

    def fail(self, key: str, **kwargs: Any) -> Any:
        super().fail(key, choices=", ".join(map(str, self.choices)), **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", input=str(data)[:80])
        return data


@extend_schema_field({})
class AnyField(serializers.JSONField):
    """Any JSON, null too."""


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """Any JSON object."""

    default_error_messages = {"object": "This is a JSON object, in braces."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("object")
        return data

    def to_representation(self, value: Any) -> Any:
        return value
