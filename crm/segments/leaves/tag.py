"""`{"tag": "vip"}`, or a list of tags: has any of them. Case and blanks do not matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.utils.translation import gettext as _

from crm import registry, tags
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, exists, join


@dataclass(frozen=True)
class TagLeaf(Leaf):
    keys: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        problems = conditions.unknown_keys(data, ("tag",), path)
        asked = data["tag"]
        wanted = asked if isinstance(asked, list) else [asked]
        if not wanted or len(wanted) > conditions.MAX_LIST:
            problems.append(Problem(f"{path}/tag", "wrong_type", '"tag" is the name of a tag, or a list of names.'))
        for name in wanted[: conditions.MAX_LIST]:
            try:
                conditions.plain_text(name, f"{path}/tag", tags.LONGEST)
            except conditions.Mistake as mistake:
                problems.append(mistake.problem)
        if problems:
            raise Problems(problems)
        return cls(tuple(dict.fromkeys(tags.key(name) for name in wanted)), tuple(wanted))

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        # The tags themselves are few: found once, so that the index of (tag, contact) serves.
        rows = (
            "crm_contacttag t WHERE t.contact_id = crm_contact.id"
            " AND t.tag_id = ANY(ARRAY(SELECT id FROM crm_tag WHERE key = ANY({})))"
        )
        return exists(join(rows, list(self.keys)))

    def seen(self, now: datetime) -> Sql:
        return Sql(
            "(SELECT coalesce(jsonb_agg(g.name ORDER BY g.key), '[]') FROM crm_contacttag t"
            " JOIN crm_tag g ON g.id = t.tag_id WHERE t.contact_id = crm_contact.id)"
        )

    def sentence(self) -> str:
        if len(self.names) == 1:
            return _("has the tag %(tag)s") % {"tag": self.names[0]}
        return _("has one of the tags %(tags)s") % {"tags": ", ".join(self.names)}

    def needed(self) -> Any:
        return list(self.names)

    def mentions(self) -> frozenset[str]:
        return frozenset(f"tag:{key}" for key in self.keys)


registry.leaves.add("tag", TagLeaf)
