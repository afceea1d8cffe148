"""`{"segment": "seg_…", "member": true}`: stands in the members of another segment, as they were last kept up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django.utils.translation import gettext as _

from crm import publicids, registry
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, exists, join, opposite

KEYS: Final = frozenset({"segment", "member"})


@dataclass(frozen=True)
class MemberLeaf(Leaf):
    segment: int
    member: bool = True

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        problems = conditions.unknown_keys(data, KEYS, path)
        member = data.get("member", True)
        if not isinstance(member, bool):
            problems.append(Problem(f"{path}/member", "wrong_type", '"member" is true or false.'))
        segment = 0
        try:
            segment = reference("seg", data["segment"], f"{path}/segment")
        except Problem as problem:
            problems.append(problem)
        if problems:
            raise Problems(problems)
        return cls(segment, member)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        return self._stands() if self.member else opposite(self._stands())

    def seen(self, now: datetime) -> Sql:
        return join("to_jsonb({})", self._stands())

    def sentence(self) -> str:
        said = _("is in segment %(segment)s") if self.member else _("is not in segment %(segment)s")
        return said % {"segment": publicids.encode("seg", self.segment)}

    def needed(self) -> Any:
        return self.member

    def mentions(self) -> frozenset[str]:
        return frozenset({f"segment:{self.segment}"})

    def _stands(self) -> Sql:
        rows = "crm_segmentmember m WHERE m.segment_id = {} AND m.contact_id = crm_contact.id"
        return exists(join(rows, self.segment))


def reference(prefix: str, value: Any, at: str) -> int:
    """An id as the outside writes it (`seg_…`), or the number inside; raises `Problem`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < publicids.LIMIT:
        return value
    return publicids.decode(prefix, value, at)


registry.leaves.add("segment", MemberLeaf)
