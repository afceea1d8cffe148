"""The OpenAPI document: what every operation has in common is said once, here."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from crm.rest import problems


class ProblemEntry(serializers.Serializer[Any]):
    """One mistake."""

    pointer = serializers.CharField(
        help_text="RFC 6901 path into what was sent; empty for the whole.", allow_blank=True
    )
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="For people: what is wrong and what would help.", allow_blank=True)


class ProblemDocument(serializers.Serializer[Any]):
    """RFC 9457, with all mistakes at once."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)
    errors = ProblemEntry(many=True)  # type: ignore[assignment]
    request_id = serializers.CharField(required=False)


# What any operation may answer, by status.
COMMON: Final = ("400", "401", "403", "404", "405", "429", "500", "503")
WITH_BODY: Final = ("409", "413", "415", "422")

RATE_HEADERS: Final = {
    "RateLimit-Limit": "Requests allowed in a minute.",
    "RateLimit-Remaining": "Requests left in this minute.",
    "RateLimit-Reset": "Seconds until the next minute begins.",
    "RateLimit-Policy": "The limit and its window in seconds.",
}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body within 7 days get the same answer, with `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]{1,200}$"},
}


class Schema(AutoSchema):
    """Adds the refusals, the rate headers and the idempotency key to each operation."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        component = self.resolve_serializer(ProblemDocument, "response")
        refusals = COMMON + (WITH_BODY if self.method in {"POST", "PATCH", "PUT"} else ("422",))
        for status in refusals:
            operation["responses"].setdefault(
                status,
                {
                    "description": problems.TITLES[int(status)],
                    "content": {problems.MEDIA_TYPE: {"schema": component.ref}},
                },
            )
        for response in operation["responses"].values():
            response["headers"] = _rate_headers() | response.get("headers", {})
        if self.method == "POST":
            operation.setdefault("parameters", []).append(dict(IDEMPOTENCY_KEY))
        return operation


def _rate_headers() -> dict[str, Any]:
    return {name: {"description": words, "schema": {"type": "string"}} for name, words in RATE_HEADERS.items()}
