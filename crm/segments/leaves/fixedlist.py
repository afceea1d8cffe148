"""`{"list": 7}`: was put on a list by hand. It is the rule of the segment that stands for that list (`crm.lists`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.utils.translation import gettext as _

from crm import registry
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, exists, join


@dataclass(frozen=True)
class ListLeaf(Leaf):
    number: int

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        problems = conditions.unknown_keys(data, ("list",), path)
        number = data["list"]
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 1 << 63:
            problems.append(
                Problem(f"{path}/list", "wrong_type", '"list" is written by the house: ask {"segment": …} instead.')
            )
        if problems:
            raise Problems(problems)
        return cls(number)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        return exists(join("crm_listmember l WHERE l.list_id = {} AND l.contact_id = crm_contact.id", self.number))

    def seen(self, now: datetime) -> Sql:
        return join("to_jsonb({})", self.q(now))

    def sentence(self) -> str:
        return _("was put on the list by hand")

    def needed(self) -> Any:
        return True

    def mentions(self) -> frozenset[str]:
        return frozenset({f"list:{self.number}"})


registry.leaves.add("list", ListLeaf)
