"""Shapes of bodies: strict, so that a misspelt field is a mistake and not a silent loss."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request

from crm.rest import fields


class Shape(serializers.Serializer[Any]):
    """A JSON object whose fields are all known."""

    default_error_messages = {"invalid": "This is a JSON object, in braces."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"non_field_errors": [self.error_messages["invalid"]]}, code="invalid")
        unknown = {name: [_unknown(name, self.fields)] for name in data if name not in self.fields}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError(unknown | dict(error.detail)) from error  # type: ignore[arg-type]
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class Money(Shape):
    amount = fields.AmountField()
    currency = serializers.RegexField(
        fields.CURRENCY, error_messages={"invalid": "A currency is its three capital letters, such as EUR."}
    )


def page_of(name: str, row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of one page of a list."""
    fields_of_it = {"data": row(many=True), "next": serializers.CharField(allow_null=True)}
    return type(name, (serializers.Serializer,), fields_of_it)


def several(row: type[Shape], most: int, **options: Any) -> serializers.ListSerializer[Any]:
    """At most so many of a shape."""
    return serializers.ListSerializer(child=row(), max_length=most, **options)


def read(shape: type[Shape], request: Request) -> dict[str, Any]:
    """The body of a request in a shape, or all its mistakes."""
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    checked: dict[str, Any] = given.validated_data
    return checked


def _unknown(name: Any, known: Mapping[str, Any]) -> ErrorDetail:
    near = difflib.get_close_matches(str(name), list(known), 1)
    hint = f" Did you mean {near[0]}?" if near else f" It may have: {', '.join(known)}."
    return ErrorDetail(f"There is no field {str(name)[:80]!r} here.{hint}", code="unknown_field")
