"""The pages of docs/api as something to run: their blocks in order, each with the answer that is shown below it."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ROOT / "docs" / "api"
FENCE = re.compile(r"^```(\w+)(?: (\d{3}))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN = ("sh", "python", "js")
# curl as it is, but quiet, and it says to another file how each request was answered.
PRELUDE = r"""
set -a; [ -f ./kept ] && . ./kept
curl() { command curl -sS -w '\n%{stderr}@@%{http_code}\n' "$@" 2>>./statuses; }
"""
# What a page names is known to its next blocks.
POSTLUDE = r"""
for kept in $(compgen -A variable); do
  case $kept in CONTACT|CAMPAIGN|EVENT|SEGMENT|IMPORT|NUMBER|ENDPOINT|WEBHOOK|SECRET) declare -p "$kept";; esac
done > ./kept
"""
TOGETHER = "…"


@dataclass
class Block:
    language: str
    status: int
    text: str
    line: int
    expected: Any = None
    is_shown: bool = False


def blocks(page: Path) -> list[Block]:
    """What is run, each with the JSON that is shown as its answer."""
    found: list[Block] = []
    text = page.read_text()
    for fence in FENCE.finditer(text):
        language, status, inside = fence[1], int(fence[2] or 0), fence[3]
        if language in RUN:
            found.append(Block(language, status, inside, text[: fence.start()].count("\n") + 1))
        elif language == "json" and found:
            found[-1].expected, found[-1].is_shown = json.loads(inside), True
    return found


class Reader:
    """Somebody who copies one block after the other into a shell."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {**os.environ, **environment}
        self.names: dict[str, Any] = {"__name__": "guide"}

    def do(self, block: Block) -> tuple[str, list[int]]:
        """What it printed, and the statuses of its requests (of curl alone: the others raise)."""
        if block.language == "sh":
            return self._shell(block.text)
        if block.language == "python":
            return self._python(block.text), []
        return self._node(block.text), []

    def _shell(self, text: str) -> tuple[str, list[int]]:
        statuses = self.folder / "statuses"
        statuses.unlink(missing_ok=True)
        said = subprocess.run(
            ["bash", "-o", "pipefail", "-c", PRELUDE + text + "\nended=$?" + POSTLUDE + "exit $ended"],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        told = statuses.read_text() if statuses.exists() else ""
        assert said.returncode == 0, f"{text}\n{said.stdout}{said.stderr}{told}"
        return said.stdout, [int(each) for each in re.findall(r"@@(\d{3})", told)]

    def _python(self, text: str) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text, "guide", "exec"), self.names)
        return out.getvalue()

    def _node(self, text: str) -> str:
        said = subprocess.run(
            ["node", "--input-type=module", "-e", text], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert said.returncode == 0, f"{text}\n{said.stderr}"
        return said.stdout


def last(printed: str) -> Any:
    """The last JSON (or Python literal) that was printed."""
    for line in reversed([line for line in printed.splitlines() if line.strip()]):
        for read in (json.loads, ast.literal_eval):
            with contextlib.suppress(ValueError, SyntaxError):
                return read(line)
    raise AssertionError(f"no answer in {printed!r}")


def unlike(expected: Any, actual: Any, at: str = "") -> list[str]:
    """Where an answer is not what is shown: keys that are not shown may be there, and "…" is anything."""
    if isinstance(expected, str) and TOGETHER in expected:
        if expected == TOGETHER:
            return []
        before, _, after = expected.partition(TOGETHER)
        fits = isinstance(actual, str) and actual.startswith(before) and actual.endswith(after)
        return [] if fits else [f"{at}: {actual!r} is not {expected!r}"]
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{at}: {actual!r} is no object"]
        return [
            wrong
            for name, value in expected.items()
            for wrong in (unlike(value, actual[name], f"{at}/{name}") if name in actual else [f"{at}/{name}: missing"])
        ]  # fmt: skip
    if isinstance(expected, list):
        return _unlike_list(expected, actual, at)
    return [] if expected == actual else [f"{at}: {actual!r} is not {expected!r}"]


def _unlike_list(expected: list[Any], actual: Any, at: str) -> list[str]:
    """`"…"` at the end: and maybe more."""
    more = bool(expected) and expected[-1] == TOGETHER
    known = expected[:-1] if more else expected
    if not isinstance(actual, list) or (len(actual) < len(known) if more else len(actual) != len(known)):
        return [f"{at}: {actual!r} has not the length of {expected!r}"]
    pairs = zip(known, actual[: len(known)], strict=True)
    return [wrong for place, (one, other) in enumerate(pairs) for wrong in unlike(one, other, f"{at}/{place}")]
