"""What may identify somebody: how many of a kind one contact has, which kind counts first, what names nobody.

`Workspace.identifiers`: `{kind: {"most": 10, "priority": 20, "blocked": ["test@*"]}}`. The same check stands behind
every door: capture (API, forms, till, the office) and imports. What was known before a rule stays known. Pure but
for the settings it is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

from crm.errors import Problem
from crm.normalise import Trace, trace

Rules = Mapping[str, Mapping[str, Any]]

# The smaller, the earlier. 0: as many as there are.
DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "external_id": {"most": 0, "priority": 50, "blocked": []},
    "email": {"most": 0, "priority": 50, "blocked": []},
    "phone": {"most": 0, "priority": 50, "blocked": []},
    "card": {"most": 0, "priority": 50, "blocked": []},
    "anonymous_id": {"most": 0, "priority": 90, "blocked": []},
}
# What broken scripts send in place of an id, and what is typed to get past a form.
NOTHING: Final = frozenset({"null", "undefined", "none", "nan", "nil", "false", "true", "[object object]", "n/a"})
ZEROS: Final = re.compile(r"\+?[1-9]?[0-9]{0,2}0{6,}|0+|1?2345678?9?0?", re.IGNORECASE)
PLACEHOLDERS: Final = ("test@test.*", "noreply@*", "no-reply@*", "*@example.invalid", "none@none.*", "a@a.*")


def of(rules: Rules, kind: str) -> dict[str, Any]:
    return {**DEFAULTS[kind], **(rules.get(kind) or {})}


def refused(given: Trace, rules: Rules) -> Problem | None:
    """Why this names nobody; None: it may name somebody."""
    if given.kind not in DEFAULTS:
        return None
    value = given.value
    empty = given.kind != "email" and (value.lower() in NOTHING or ZEROS.fullmatch(value))
    listed = _listed(given.kind, tuple(of(rules, given.kind)["blocked"]))
    if not empty and not (listed and listed.match(value.lower())):
        return None
    return Problem(
        f"/{given.kind}",
        "blocked_identifier",
        f"{value[:80]!r} is nobody's own: it stands on the list of blocked values.",
    )


@lru_cache(maxsize=64)
def _listed(kind: str, blocked: tuple[str, ...]) -> re.Pattern[str] | None:
    """All patterns of a kind in one: an import asks for each of its rows."""
    patterns = [*(PLACEHOLDERS if kind == "email" else ()), *blocked]
    return re.compile("|".join(translate(pattern.lower()) for pattern in patterns)) if patterns else None


def too_many(kind: str, count: int, rules: Rules) -> Problem | None:
    most = int(of(rules, kind)["most"] or 0)
    if not most or count <= most:
        return None
    return Problem(
        f"/{kind}", "too_many_identifiers", f"One contact has at most {most} of kind {kind}; take one off first."
    )


def rank(rules: Rules, kind: str) -> int:
    return int(of(rules, kind)["priority"]) if kind in DEFAULTS else 0


def blocked(kind: str, lines: str, country: str) -> list[str]:
    """The blocked values somebody typed, one a line, in normal form; a pattern with * stays as it is."""
    found = []
    for line in lines.splitlines():
        text = line.strip()
        if text:
            found.append(text.lower() if "*" in text else trace(kind, text, country).value)
    return list(dict.fromkeys(found))[:500]
