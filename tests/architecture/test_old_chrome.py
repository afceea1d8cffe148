"""Tills live long: their screens use nothing that Chromium 109, the last of Windows 7 and 8, does not have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = [*(ROOT / "static/js/till").glob("*.js"), ROOT / "templates/store/sw.js"]
STYLES = [ROOT / "static/css/till.css"]
PAGES = [*(ROOT / "templates/store").glob("*.html")]

# What came later, and a line that has it.
NEWER_SCRIPT: Final = {
    r"\.(toSorted|toReversed|toSpliced)\(": "rows.toSorted()",
    r"\b\w+\.with\(\d": "rows.with(0, 1)",
    r"\bwith\s*\{\s*type\b": 'import words from "./w.json" with { type: "json" }',
    r"\bArray\.fromAsync\b": "await Array.fromAsync(rows)",
    r"\bPromise\.(withResolvers|try)\b": "Promise.withResolvers()",
    r"\b(Object|Map)\.groupBy\b": "Object.groupBy(rows, kind)",
    r"\bURL\.(canParse|parse)\(": "URL.canParse(text)",
    r"\.(union|intersection|difference|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom)\(": "a.union(b)",
    r"\bIterator\.|\.(values|keys|entries)\(\)\.(map|filter|toArray|take|drop)\(": "all.values().map(name)",
    r"\.(isWellFormed|toWellFormed)\(": "text.isWellFormed()",
    r"\b(show|hide|toggle)Popover\(": "box.showPopover()",
    r"\.requestClose\(": "dialog.requestClose()",
    r"\bstartViewTransition\b": "document.startViewTransition(draw)",
    r"\bsetHTML(Unsafe)?\(": "box.setHTMLUnsafe(text)",
    r"\bAbortSignal\.any\(": "AbortSignal.any([a, b])",
    r"\bUint8Array\.from(Base64|Hex)\b": "Uint8Array.fromHex(text)",
    r"\.(transfer|transferToFixedLength)\(": "buffer.transfer()",
    r"/[a-z]*v[a-z]*\.test\(": r"/\p{L}/v.test(text)",
    r"\b(await )?using \w+ =": "using lock = take()",
}  # fmt: skip
NEWER_STYLE: Final = {
    r"\blight-dark\(": "a { color: light-dark(red, blue); }",
    r"\bcolor-mix\(": "a { color: color-mix(in srgb, red, blue); }",
    r"\b(oklch|oklab|lab|lch)\(": "a { color: oklch(50% 0 0); }",
    r"@starting-style": "@starting-style { a { opacity: 0; } }",
    r"@scope\b": "@scope (main) { a { color: red; } }",
    r":popover-open": ":popover-open { color: red; }",
    r"\btext-wrap\b": "p { text-wrap: balance; }",
    r"\bfield-sizing\b": "input { field-sizing: content; }",
    r"\binterpolate-size\b": "a { interpolate-size: allow-keywords; }",
    r"\bposition-anchor\b|\banchor\(": "a { position-anchor: --a; }",
    r":user-(in)?valid": "input:user-invalid { color: red; }",
    r"\d(cap|rcap|rlh|rex|ric|rch|lh)\b": "p { height: 2lh; }",
    r"\b(sin|cos|tan|round|mod|rem|pow|sqrt|hypot|exp)\(": "a { width: round(1px, 2px); }",
    r"\btransition-behavior\b|\ballow-discrete\b": "a { transition-behavior: allow-discrete; }",
    r"^\s+&|\{[^{}]*&[ .:>+~[]": "a { &:hover { color: red; } }",
    r"\{[^{}@]*[;\s{][.#&>+~\w-]+[^;{}]*\{(?=[^{}]*\}\s*\})": "a { color: red; b { color: blue; } }",
    r"\bscrollbar-(color|width)\b": "a { scrollbar-width: thin; }",
}  # fmt: skip
NEWER_PAGE: Final = {
    r"\spopover(target)?\b[=\s>]": "<div popover>",
    r"\sclosedby=": '<dialog closedby="any">',
    r"\scommand(for)?=": '<button command="close">',
    r"<search\b": "<search>",
    r"<details[^>]*\sname=": '<details name="one">',
}  # fmt: skip


def newer(text: str, patterns: dict[str, str]) -> list[str]:
    plain = re.sub(r"/\*.*?\*/|^\s*//[^\n]*|\{#.*?#\}", "", text, flags=re.DOTALL | re.MULTILINE)
    return [match.group().strip() for each in patterns for match in re.finditer(each, plain, re.MULTILINE)]


def unwrapped(text: str) -> str:
    """Without the braces of `@media`, within which rules stand as they do elsewhere."""
    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"@(media|supports)[^{]*\{((?:[^{}]*\{[^{}]*\})*)\s*\}", r"\2", plain)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_a_script_of_the_till_runs_in_old_chrome(file: Path) -> None:
    assert newer(file.read_text(encoding="utf-8"), NEWER_SCRIPT) == []


@pytest.mark.parametrize("file", STYLES, ids=lambda file: file.name)
def test_a_style_of_the_till_is_read_by_old_chrome(file: Path) -> None:
    assert newer(unwrapped(file.read_text(encoding="utf-8")), NEWER_STYLE) == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_a_page_of_the_till_is_read_by_old_chrome(file: Path) -> None:
    assert newer(file.read_text(encoding="utf-8"), NEWER_PAGE) == []


def test_each_pattern_finds_what_it_is_for() -> None:
    blind = [
        line
        for patterns in (NEWER_SCRIPT, NEWER_STYLE, NEWER_PAGE)
        for pattern, line in patterns.items()
        if not newer(line, {pattern: line})
    ]
    assert blind == []
    assert newer(unwrapped("@media (max-width: 9rem) { a { color: red; } b { color: red; } }"), NEWER_STYLE) == []
