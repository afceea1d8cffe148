"""How a contact is named wherever one is: `{"id": …}` or one of e-mail, phone, card, external or anonymous id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm import errors, identity, normalise, publicids

KINDS: Final = normalise.KINDS
NAMES: Final = ("id", *KINDS)
WORDS: Final = f"A contact is an object with exactly one of: {', '.join(NAMES)}."

EXAMPLES: Final = {
    "id": "ctc_2k",
    "email": "chiara@example.com",
    "phone": "+34600112233",
    "card": "C-1044",
    "external_id": "shop-1044",
    "anonymous_id": "a-5f0c",
}
SCHEMA: Final = {
    "oneOf": [
        {
            "type": "object",
            "title": f"By {name}",
            "properties": {name: {"type": "string", "minLength": 1, "maxLength": 200, "example": EXAMPLES[name]}},
            "required": [name],
            "additionalProperties": False,
        }
        for name in NAMES
    ],
    "description": "A contact by exactly one of these.",
}


@extend_schema_field(SCHEMA)
class ReferenceField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """A reference in its normal form: `{"id": 12}` or `{"email": "ada@example.com"}`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            return read(data)
        except errors.Problem as problem:
            detail = serializers.ValidationError(problem.detail, code=problem.code).detail
            name = problem.pointer.lstrip("/")
            raise serializers.ValidationError({name: detail} if name else detail) from problem

    def to_representation(self, value: Any) -> Any:
        return value


def read(data: Any, pointer: str = "") -> dict[str, Any]:
    """A reference, checked and in its normal form (`id` as the number inside)."""
    check(data, pointer)
    trace = identity.read_reference(data, pointer)
    return {trace.kind: int(trace.value) if trace.kind == "id" else trace.value}


def check(data: Any, pointer: str = "") -> str:
    """The kind of a reference, without looking at its value."""
    if type(data) is not dict or len(data) != 1:
        raise errors.Problem(pointer, "reference", WORDS)
    (kind,) = data
    if kind not in NAMES:
        raise errors.Problem(f"{pointer}/{kind}", "reference", WORDS)
    if type(data[kind]) is not str:
        raise errors.Problem(f"{pointer}/{kind}", "not_text", f"The {kind} is text, in quotes.")
    return str(kind)


def known(reference: Mapping[str, Any], pointer: str = "/contact") -> int:
    """The id of the contact that is named, or a refusal: nobody is known by that."""
    found = identity.find(dict(reference))
    if found is None:
        raise errors.Problem(
            pointer,
            "unknown_contact",
            f"Nobody is known by this {next(iter(reference))}; create them with POST contacts/.",
        )
    return found


def of_query(params: Mapping[str, str]) -> dict[str, Any] | None:
    """The reference in query parameters (`?email=` …, `?contact=ctc_…`), or None."""
    said = {name: params[name] for name in KINDS if name in params}
    if "contact" in params:
        said["id"] = params["contact"]
    if not said:
        return None
    if len(said) > 1:
        raise errors.Problem("", "reference", "Ask by one identifier at a time.")
    if "id" in said:
        return {"id": publicids.decode("ctc", said["id"], "/contact")}
    return read(said)
