"""Public ids in addresses: `<ctc:contact_id>` matches `ctc_…` and gives the view the number."""

from __future__ import annotations

from django.urls import register_converter

from crm import errors, publicids


class PublicId:
    prefix = ""
    regex = ""

    def to_python(self, value: str) -> int:
        try:
            return publicids.decode(self.prefix, value)
        except errors.Problem as problem:
            raise ValueError(problem.detail) from problem

    def to_url(self, value: int | str) -> str:
        return value if isinstance(value, str) else publicids.encode(self.prefix, value)


def register() -> None:
    """Make a converter of each prefix known to the resolver; once, from `config.urls`."""
    for prefix in publicids.KINDS:
        converter = type(f"PublicId_{prefix}", (PublicId,), {"prefix": prefix, "regex": f"{prefix}_[0-9a-z]{{1,13}}"})
        register_converter(converter, prefix)
