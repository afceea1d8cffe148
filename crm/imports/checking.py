"""What a check has found, in sums and in examples. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from crm.imports.outcomes import KEPT, REJECTED, VERDICTS, Outcome

EXAMPLES: Final = 20
SHOWN_CELLS: Final = 12
SHOWN_TEXT: Final = 80
OUTRANKED: Final = "outranked"


class Found:
    """Sums by verdict, rejected rows by reason, and the first rows of each verdict."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.examples: dict[str, list[dict[str, Any]]] = {}

    @property
    def rows(self) -> int:
        return self.verdicts.total()

    def add(self, outcome: Outcome, rows: Sequence[tuple[int, list[str]]]) -> None:
        """A piece of the file: what came of it, and its lines as they stand there."""
        self.verdicts.update(verdict for _, verdict in outcome.verdicts)
        self.verdicts[REJECTED] += len(outcome.rejects)
        self.reasons.update(one.code for one in outcome.rejects)
        for one in outcome.rejects:
            self._keep(REJECTED, one.line, one.cells, one.code)
        wanted = {verdict for _, verdict in outcome.verdicts if len(self.examples.get(verdict, ())) < EXAMPLES}
        if wanted:
            by_line = dict(rows)
            for line, verdict in outcome.verdicts:
                if verdict in wanted and line in by_line:
                    self._keep(
                        verdict, line, by_line[line], OUTRANKED if verdict == KEPT else "", outcome.held.get(line)
                    )

    def told(self) -> dict[str, Any]:
        return {
            "verdicts": {name: self.verdicts[name] for name in VERDICTS if self.verdicts[name] or name != KEPT},
            "reasons": dict(self.reasons.most_common(30)),
            "examples": self.examples,
        }

    def _keep(
        self, verdict: str, line: int, cells: Sequence[str], code: str, fields: Sequence[str] | None = None
    ) -> None:
        kept = self.examples.setdefault(verdict, [])
        if len(kept) < EXAMPLES:
            shown = [cell.replace("\0", "\ufffd")[:SHOWN_TEXT] for cell in cells[:SHOWN_CELLS]]
            kept.append({"line": line, "cells": shown, "code": code} | ({"fields": list(fields)} if fields else {}))
