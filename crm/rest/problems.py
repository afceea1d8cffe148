"""Every refusal as `application/problem+json` (RFC 9457), with all mistakes at once.

`handle` is DRF's exception handler. A mistake is `{pointer, code, detail}`: the
pointer is an RFC 6901 path into what was sent (for a query parameter, its name),
the code is for programs, the detail names the remedy.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError, transaction
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from crm.errors import Problem, Problems

log = logging.getLogger("cauce.api")

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final = {
    400: "The request cannot be read",
    401: "No valid key",
    403: "Not allowed with this key",
    404: "Not found",
    405: "This address does not do that",
    409: "It contradicts what is already there",
    413: "The body is too large",
    415: "Only JSON is read here",
    422: "Something in the request is not right",
    429: "Too many requests",
    500: "Our mistake",
    503: "Not available at the moment",
}

# Codes of the verbs that are not a mistake in the body (422).
STATUS_OF_CODE: Final = {
    "unknown_contact": 404,
    "no_such_contact": 404,
    "no_such_order": 404,
    "identifiers_of_two_contacts": 409,
    "order_of_another_contact": 409,
    "restricted": 409,
    "already_refunded": 409,
    "already_cancelled": 409,
    "wrong_state": 409,
    "ended": 409,
    "stale": 409,
    "elsewhere": 409,
    "too_late": 409,
    "in_use": 409,
    "forbidden": 403,
}


class Refusal(Exception):
    """An answer other than success that no exception of DRF says."""

    def __init__(
        self, status: int, code: str, detail: str, *, pointer: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.problem = Problem(pointer, code, detail)
        self.headers = dict(headers or {})
        super().__init__(detail)


def document(status: int, problems: Sequence[Problem], *, detail: str = "", request_id: str = "") -> dict[str, Any]:
    """The body of a refusal."""
    code = problems[0].code if problems and status != 422 else "validation" if status == 422 else "error"
    body: dict[str, Any] = {
        "type": f"urn:cauce:problem:{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "detail": detail or _summary(problems),
        "errors": [entry(problem) for problem in problems],
    }
    if request_id:
        body["request_id"] = request_id
    return body


def entry(problem: Problem) -> dict[str, str]:
    return {"pointer": problem.pointer, "code": problem.code, "detail": str(problem.detail)}


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """Turn whatever a view raised into an answer; nothing escapes as a page of HTML."""
    status, problems, headers = _read(error)
    if status == 500:
        log.error("api failed", exc_info=error, extra={"event": "api_failed"})
    _roll_back()
    request = context.get("request")
    request_id = request._request.META.get("cauce.request_id", "") if request is not None else ""
    answer = Response(document(status, problems, request_id=request_id), status=status, content_type=MEDIA_TYPE)
    for name, value in headers.items():
        answer[name] = value
    return answer


def of_validation(detail: Any, base: str = "") -> list[Problem]:
    """The nested detail of a DRF ValidationError as a flat list with pointers."""
    return list(_flatten(detail, base))


def pointer(*parts: object) -> str:
    """An RFC 6901 pointer to nested names."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def is_no_text(error: Exception) -> bool:
    """A NUL byte reached the driver of the database, which refuses it as PostgreSQL would."""
    return isinstance(error, ValueError) and "NUL (0x00)" in str(error)


def status_of(problem: Problem) -> int:
    """What is asked for is not there: 404. Something deep inside the body names what is not there: 422."""
    if problem.code == "not_found":
        return 404 if problem.pointer in {"", "/contact"} else 422
    return STATUS_OF_CODE.get(problem.code, 422)


def _flatten(detail: Any, path: str) -> Iterator[Problem]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flatten(inner, path if name == "non_field_errors" else path + pointer(name))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list | tuple)
            yield from _flatten(inner, path + pointer(index) if nested else path)
    else:
        yield Problem(path, getattr(detail, "code", None) or "invalid", str(detail))


def _read(error: Exception) -> tuple[int, list[Problem], dict[str, str]]:
    if isinstance(error, Refusal):
        return error.status, [error.problem], error.headers
    if isinstance(error, Problem):
        return status_of(error), [error], {}
    if isinstance(error, Problems):
        statuses = {status_of(problem) for problem in error.problems}
        return (statuses.pop() if len(statuses) == 1 else 422), error.problems, {}
    if isinstance(error, exceptions.ValidationError):
        return 422, of_validation(error.detail), {}
    return _of_framework(error)


def _of_framework(error: Exception) -> tuple[int, list[Problem], dict[str, str]]:
    if isinstance(error, exceptions.APIException):
        return _of_drf(error)
    if isinstance(error, Http404):
        return 404, [Problem("", "not_found", "There is nothing here under this address or id.")], {}
    if isinstance(error, PermissionDenied):
        return 403, [Problem("", "permission_denied", "This key or user may not do that.")], {}
    if isinstance(error, DatabaseError):
        return _of_database(error)
    if is_no_text(error):
        return 400, [Problem("", "nul", "Text may not contain the character NUL (\\u0000).")], {}
    return 500, [Problem("", "internal", "Something failed on our side; it is logged under the request id.")], {}


def _of_drf(error: exceptions.APIException) -> tuple[int, list[Problem], dict[str, str]]:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    code = getattr(error.detail, "code", None) or error.default_code
    return error.status_code, [Problem("", str(code), str(error.detail))], headers


def _of_database(error: DatabaseError) -> tuple[int, list[Problem], dict[str, str]]:
    """A net under the verbs: what the database refuses is an answer, and is logged as a gap of ours."""
    log.error("database refused", exc_info=error, extra={"event": "api_database_refused"})
    if isinstance(error, IntegrityError):
        return 409, [Problem("", "conflict", "Somebody else wrote the same thing at the same moment; try again.")], {}
    if isinstance(error, DataError):
        return 422, [Problem("", "not_storable", "A value is out of the range that can be stored.")], {}
    if isinstance(error, OperationalError | InterfaceError):
        return 503, [Problem("", "database", "The database did not answer in time; try again.")], {"Retry-After": "2"}
    return 500, [Problem("", "internal", "Something failed on our side; it is logged under the request id.")], {}


def _roll_back() -> None:
    """Inside somebody's transaction (idempotency, a test): leave nothing half done."""
    connection = transaction.get_connection()
    if connection.in_atomic_block and connection.needs_rollback is False and connection.errors_occurred:
        transaction.set_rollback(True)


def _summary(problems: Sequence[Problem]) -> str:
    if len(problems) == 1:
        return str(problems[0].detail)
    return f"{len(problems)} things are not right; each is listed in errors." if problems else ""
