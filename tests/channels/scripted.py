"""A provider that answers what the test tells it to, and remembers what it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from channels import accounts, pace
from channels.models import Account
from channels.providers.base import Carrier, Field, read, register
from channels.types import Outcome, Outgoing, Receipt

ACCEPTED = Receipt(Outcome.ACCEPTED, provider_message_id="p-1", code="250")
Answer = Receipt | Callable[[Outgoing], Receipt]


@register
class Scripted(Carrier):
    name = "scripted"
    channels = ("email", "sms")
    fields = (Field("idempotent", bool, default=False),)
    given: list[Outgoing] = []
    answers: list[Answer] = []

    @classmethod
    def build(cls, settings: Mapping[str, Any], secrets: Mapping[str, Any], *, timeout: float) -> Self:
        del timeout
        carrier = cls()
        carrier.idempotent = read(cls.fields, settings, secrets)["idempotent"]
        return carrier

    def send(self, outgoing: Outgoing) -> Receipt:
        self.given.append(outgoing)
        answer = self.answers.pop(0) if self.answers else ACCEPTED
        return answer(outgoing) if callable(answer) else answer


@contextmanager
def provider(*answers: Answer, idempotent: bool = False, **account: Any) -> Iterator[list[Outgoing]]:
    """The default e-mail account is scripted: it gives `answers`, then accepts. Yields what it was given."""
    accounts.forget()
    pace._rests.clear()
    Scripted.given, Scripted.answers = [], list(answers)
    Account.objects.update_or_create(
        channel="email",
        is_default=True,
        defaults={"carrier": "scripted", "name": "Scripted", "settings": {"idempotent": idempotent}, **account},
    )
    try:
        yield Scripted.given
    finally:
        accounts.forget()
