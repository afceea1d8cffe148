"""Log lines as JSON: `event` and ids, never an address."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

_BUILT_IN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# The last net: what looks like an e-mail address or a phone number is cut out.
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.\w+|\+\d[\d ()-]{7,}\d")


class JsonFormatter(logging.Formatter):
    """One line per record: time, level, logger, event, and the extras of the call."""

    def format(self, record: logging.LogRecord) -> str:
        extras = {name: value for name, value in vars(record).items() if name not in _BUILT_IN}
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": extras.pop("event", None) or record.getMessage(),
        }
        if line["event"] != record.getMessage():
            line["message"] = record.getMessage()
        line |= {name: value for name, value in extras.items() if isinstance(value, str | int | float | bool | list)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _ADDRESS.sub("[address]", json.dumps(line, ensure_ascii=False, default=str))
