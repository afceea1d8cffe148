"""Refused unless a view says what it takes: `needs = {"GET": "contacts.read", …}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from crm.rest import principal

if TYPE_CHECKING:
    from rest_framework.views import APIView


class Needs(BasePermission):
    """Default-deny: a method that a view does not name is not answered."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not getattr(request.user, "is_authenticated", False):
            return False
        needs: dict[str, str] = getattr(view, "needs", {})
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in needs:
            raise exceptions.MethodNotAllowed(method, f"This address does not answer to {method}.")
        needed = needs[method]
        if not principal.of(request).may(needed):
            raise exceptions.PermissionDenied(
                f"This needs the permission {needed}, which this key or user does not have.", code="missing_permission"
            )
        return True
