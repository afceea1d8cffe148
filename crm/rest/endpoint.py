"""What every address of the API does before and after its own work."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.rest import bodies, idempotency, keys, limits, permissions, principal, requestlog
from crm.rest.schema import Schema


class Endpoint(APIView):
    """Key or session, default-deny, counted, idempotent on POST, JSON in and out.

    A view greets (reads, checks the shape), a verb works, the view says what came of it.
    """

    authentication_classes = (keys.KeyAuthentication, keys.SessionAuthentication)
    permission_classes = (permissions.Needs,)
    parser_classes = (bodies.JsonParser,)
    renderer_classes = (bodies.JsonRenderer,)
    content_negotiation_class = bodies.AlwaysJson
    metadata_class = None
    schema = Schema()

    needs: ClassVar[dict[str, str]] = {}
    body_cap: ClassVar[int] = bodies.SINGLE_CAP

    standing: limits.Standing | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            key = idempotency.key_of(request)
            if key is not None:
                setattr(self, "post", idempotency.once(getattr(self, "post"), self.principal.actor, key))  # noqa: B009, B010

    def check_permissions(self, request: Request) -> None:
        """Count first: whoever is refused all the time is counted too."""
        self.standing = count(request)
        if self.standing.exceeded:
            raise exceptions.Throttled(wait=self.standing.reset, code="rate_limit")
        super().check_permissions(request)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        limits.write(response, self.standing or limits.count(f"ip:{_address(request)}", limits.of_stranger()))
        return response

    @property
    def principal(self) -> principal.Principal:
        return principal.of(self.request)

    @property
    def allowed_methods(self) -> list[str]:
        return [method for method in super().allowed_methods if method != "OPTIONS"]


class Nowhere(Endpoint):
    """Every other address under the API."""

    schema = None  # type: ignore[assignment]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound("There is no such address; /api/docs/ lists those there are.")


def count(request: Request) -> limits.Standing:
    if getattr(request.user, "is_authenticated", False):
        request._request.META[requestlog.ACTOR] = principal.of(request).actor
        return limits.count(principal.of(request).actor, limits.of_key())
    return limits.count(f"ip:{_address(request)}", limits.of_stranger())


def empty(status: int = 204) -> Response:
    return Response(None, status=status)


def _address(request: Request | HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))[:60]
