"""`{"random": {"from": 0, "to": 9, "salt": "x"}}`: a tenth of all people, always the same ones for a salt.

MD5 of the salt and the contact's fixed draw (decision B19): buckets of two salts have
nothing to do with each other, which a CRC could not promise (decision C2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django.utils.translation import gettext as _

from crm import registry
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, join

KEYS: Final = frozenset({"from", "to", "salt"})
BUCKETS: Final = 100
MAX_SALT: Final = 80


@dataclass(frozen=True)
class BucketLeaf(Leaf):
    low: int
    high: int
    salt: str

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        problems = conditions.unknown_keys(data, ("random",), path)
        path, data = f"{path}/random", data["random"]
        if not isinstance(data, Mapping) or not set(data) >= KEYS:
            shape = 'A random part reads {"from": 0, "to": 9, "salt": "x"}: buckets 0 to 99, both ends counted.'
            raise Problems([*problems, Problem(path, "wrong_type", shape)])
        problems += conditions.unknown_keys(data, KEYS, path)
        for key in ("from", "to"):
            if isinstance(data[key], bool) or not isinstance(data[key], int) or not 0 <= data[key] < BUCKETS:
                problems.append(Problem(f"{path}/{key}", "wrong_type", "A bucket is a whole number from 0 to 99."))
        try:
            conditions.plain_text(data["salt"], "/salt", MAX_SALT)
        except conditions.Mistake as mistake:
            problems.append(mistake.problem.under(path))
        if not problems and data["from"] > data["to"]:
            problems.append(Problem(path, "empty_range", '"from" is above "to": nobody could match. Swap them.'))
        if problems:
            raise Problems(problems)
        return cls(data["from"], data["to"], data["salt"])

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        return join("{} BETWEEN {} AND {}", self._bucket(), self.low, self.high)

    def seen(self, now: datetime) -> Sql:
        return join("to_jsonb({})", self._bucket())

    def sentence(self) -> str:
        return _("random bucket %(low)d to %(high)d of 100 (%(salt)s)") % {
            "low": self.low,
            "high": self.high,
            "salt": self.salt,
        }

    def needed(self) -> Any:
        return {"from": self.low, "to": self.high}

    def _bucket(self) -> Sql:
        return join(
            f"('x' || substr(md5({{}}::text || ':' || crm_contact.draw::text), 1, 8))::bit(32)::bigint %% {BUCKETS}",
            self.salt,
        )


registry.leaves.add("random", BucketLeaf)
