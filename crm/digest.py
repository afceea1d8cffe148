"""What an editor has seen of something, as one short text: another one says that somebody was faster. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def of(seen: Any) -> str:
    text = json.dumps(seen, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
