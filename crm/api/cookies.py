"""What visitors choose in the cookie banner of a site: measuring, and advertising elsewhere."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import capture, clock, identity, publicids
from crm.api import arrivals
from crm.errors import Problem
from crm.models import ConsentState
from crm.rest import fields, shapes
from crm.rest.endpoint import Endpoint

# Purpose → the channel it is asked for.
CHOICES: Final = {"tracking": "onsite", "ads": "ads"}
STANDS: Final = {"granted": ("granted",), "refused": ("refused", "withdrawn")}


class CookieChoice(shapes.Shape):
    """A choice that is left out is none: nothing is recorded of it."""

    anonymous_id = fields.TextField(max_length=200)
    tracking = serializers.BooleanField(required=False)
    ads = serializers.BooleanField(required=False)
    source = fields.TextField(max_length=400, help_text="The site, and which banner.")  # type: ignore[assignment]
    wording = fields.TextField(max_length=120, required=False, allow_blank=True)


class CookieAnswer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    recorded = serializers.ListField(child=serializers.CharField())


class Cookies(Endpoint):
    """For a key of a site's pages too: it speaks for anonymous ids alone, and of these two purposes."""

    needs: ClassVar[dict[str, str]] = {"POST": "events.write"}

    @extend_schema(operation_id="consents_cookies", request=CookieChoice, responses={200: CookieAnswer})
    def post(self, request: Request) -> Response:
        said, now = shapes.read(CookieChoice, request), clock.now()
        who = {"anonymous_id": said["anonymous_id"]}
        told = [
            {
                "purpose": purpose, "channel": channel, "action": "granted" if said[purpose] else "refused",
                "method": "web_form", "source": said["source"], "wording": said.get("wording", ""),
                "evidence": self._evidence(request),
            }
            for purpose, channel in CHOICES.items()
            if purpose in said and not _stands(who, purpose, "granted" if said[purpose] else "refused")
        ]  # fmt: skip
        arrival = capture.Arrival(who, consents=told, source=said["source"][:120], actor=self.principal.actor)
        (received,) = capture.receive([arrival], now=now)
        arrivals.refuse(received)
        recorded = [each["purpose"] for each in told]
        return Response({"contact": publicids.encode("ctc", received.contact_id or 0), "recorded": recorded})

    def _evidence(self, request: Request) -> dict[str, Any]:
        """A page's own key speaks from the visitor's browser; of a server the address would prove nothing."""
        if self.principal.may("consents.write"):
            return {}
        return {
            "ip": str(request.META.get("REMOTE_ADDR", ""))[:60],
            "user_agent": request.headers.get("User-Agent", "")[:200],
        }


def _stands(who: dict[str, str], purpose: str, action: str) -> bool:
    """A banner repeats its choice on every page; what stands is not said again."""
    try:
        contact = identity.find(who)
    except Problem:  # the door in says what is wrong with it
        return False
    states = ConsentState.objects.filter(contact=contact, purpose=purpose, channel=CHOICES[purpose])
    return contact is not None and states.filter(state__in=STANDS[action]).exists()
