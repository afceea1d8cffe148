"""Read JSON bodies, and refuse what is too large, too deep, or not JSON at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final

import orjson
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from crm import nesting
from crm.rest.problems import Refusal

SINGLE_CAP: Final = 1 * 1024 * 1024
BATCH_CAP: Final = 5 * 1024 * 1024
MAX_DEPTH: Final = 20


class JsonParser(BaseParser):
    """`application/json`, UTF-8, at most `view.body_cap` bytes and 20 levels deep."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = parser_context or {}
        cap = getattr(context.get("view"), "body_cap", SINGLE_CAP)
        request = context.get("request")
        if request is not None:
            refuse_declared(request.META, cap)
        return decode(stream.read(cap + 1), cap)


class JsonRenderer(BaseRenderer):
    """orjson: instants as given (already text), anything unknown is a mistake of ours."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else encode(data)


class AlwaysJson(BaseContentNegotiation):
    """There is one form of answer, whatever `Accept` says."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        kind = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def refuse_declared(meta: Mapping[str, Any], cap: int) -> None:
    """Refuse by headers alone, before a byte of the body is read."""
    if meta.get("HTTP_CONTENT_ENCODING", "identity").lower() not in {"", "identity"}:
        raise Refusal(415, "content_encoding", "Compressed bodies are not read here; send plain JSON.")
    try:
        declared = int(meta.get("CONTENT_LENGTH") or 0)
    except ValueError:
        declared = 0
    if declared > cap:
        raise too_large(cap)


def decode(raw: bytes, cap: int) -> Any:
    """Bytes as JSON. NaN, Infinity, NUL and lone surrogates are no JSON that can be stored."""
    if len(raw) > cap:
        raise too_large(cap)
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        detail = f"This is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise exceptions.ParseError(detail, code="not_json") from error
    refuse_deep(data)
    if b"\\u0000" in raw:
        _refuse_nul(data)
    return data


def encode(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)


def too_large(cap: int) -> Refusal:
    return Refusal(413, "body_too_large", f"The body may have {cap // 1024 // 1024} MB; send it in smaller parts.")


def refuse_deep(data: Any) -> None:
    if nesting.is_deeper(data, MAX_DEPTH):
        raise Refusal(400, "too_deep", f"JSON may be nested {MAX_DEPTH} levels deep.")


def _refuse_nul(data: Any) -> None:
    stack = [data]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if "\x00" in item:
                raise Refusal(400, "nul", "Text may not contain the character NUL (\\u0000).")
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
