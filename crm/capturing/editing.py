"""The builder's page as it was sent, read into a document. Pure.

Blocks come in the order of the fields called `block`; the parts of one are called `<block>.<part>`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from crm import words
from crm.capturing import blocks

Many = Callable[[str], Sequence[str]]
MOST_WEIGHT: Final = 100


def read(document: Mapping[str, Any], one: Mapping[str, str], many: Many) -> dict[str, Any]:
    """The document with what was typed; types of blocks and keys of results stay as they are."""
    types = {block["id"]: block["type"] for block in document["blocks"]}
    order = [name for name in dict.fromkeys(many("block")) if name in types]
    keys = [each["key"] for each in document.get("results", [])]
    changed: dict[str, Any] = {
        "blocks": [_block(name, types[name], keys, one, many) for name in order],
        "thanks": {name: _text(one, f"thanks.{name}", most) for name, most in blocks.THANKS.items()},
    }
    if "results" in document:
        changed["results"] = [_result(key, one) for key in keys]
    if "event" in document:
        changed["event"] = {name: _text(one, f"event.{name}", most) for name, most in blocks.EVENT.items()}
        changed["event"]["seats"] = number(one.get("event.seats", ""), blocks.MOST_SEATS)
    return changed


def _block(name: str, kind: str, keys: Sequence[str], one: Mapping[str, str], many: Many) -> dict[str, Any]:
    block: dict[str, Any] = {"id": name, "type": kind}
    block |= {part: _text(one, f"{name}.{part}", most) for part, most in blocks.TEXTS[kind].items()}
    if kind == "field":
        block["required"] = f"{name}.required" in one
    if kind == "consent":
        block["channels"] = [each for each in words.CHANNELS if each in set(many(f"{name}.channels"))]
    if kind == "question":
        block["answers"] = _answers(name, keys, one)
    return block


def _answers(name: str, keys: Sequence[str], one: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows with words; an emptied row is gone. The key of an answer stays, so that results keep their meaning."""
    rows: list[dict[str, Any]] = []
    for place in range(blocks.MOST_ANSWERS + 1):
        text = _text(one, f"{name}.{place}.text", 200)
        if not text or len(rows) == blocks.MOST_ANSWERS:
            continue
        weights = {key: number(one.get(f"{name}.{place}.{key}", ""), MOST_WEIGHT) for key in keys}
        rows.append({"id": one.get(f"{name}.{place}.id", "")[:8], "text": text,
                     "weights": {key: weight for key, weight in weights.items() if weight}})  # fmt: skip
    taken: set[str] = set()
    for row in rows:
        if not row["id"].isalnum() or row["id"] in taken:
            row["id"] = blocks.new_id({*taken, *(each["id"] for each in rows)}, "a")
        taken.add(row["id"])
    return rows


def _result(key: str, one: Mapping[str, str]) -> dict[str, Any]:
    skus = [each.strip() for each in one.get(f"{key}.products", "").replace("\n", ",").split(",") if each.strip()]
    return {
        "key": key,
        **{part: _text(one, f"{key}.{part}", most) for part, most in blocks.RESULT.items()},
        "products": list(dict.fromkeys(skus))[: 2 * blocks.MOST_PRODUCTS],
    }


def _text(one: Mapping[str, str], name: str, most: int) -> str:
    text = one.get(name, "").replace("\x00", "").replace("\r\n", "\n").strip()
    return text.encode("utf-8", "ignore").decode()[:most]


def number(text: str, most: int) -> int:
    """0 where it is none."""
    text = text.strip()
    return min(int(text), most) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
