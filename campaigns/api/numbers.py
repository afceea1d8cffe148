"""Where everybody is: the waterfall of a campaign, and who stands behind each of its numbers."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import cohorts, rest, waterfall
from campaigns.api import shapes
from campaigns.rest import campaign_of
from crm import clock, publicids
from crm.rest import pages
from crm.rest.endpoint import Endpoint


class WaterfallOf(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read"}

    @extend_schema(operation_id="campaigns_waterfall", parameters=[*rest.COHORT], responses=rest.Waterfall)
    def get(self, request: Request, public_id: str) -> Response:
        campaign = campaign_of(public_id)
        return Response(waterfall.of(campaign, cohorts.asked(campaign, request.query_params, clock.now())))


class WaterfallPeople(Endpoint):
    """Who stands behind a number of the waterfall."""

    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read"}

    @extend_schema(
        operation_id="campaigns_waterfall_people",
        parameters=[
            OpenApiParameter("number", str, required=True, description="Such as `entered` or `not_entered.paused`."),
            *rest.COHORT,
            *pages.PARAMETERS,
        ],
        responses=shapes.PeoplePage,
    )
    def get(self, request: Request, public_id: str) -> Response:
        campaign = campaign_of(public_id)
        cohort = cohorts.asked(campaign, request.query_params, clock.now())
        counted = Counter(waterfall.people(campaign, request.query_params.get("number", ""), cohort))
        return Response(
            pages.page_of_ids(
                request, list(counted), lambda each: {"contact": publicids.encode("ctc", each), "times": counted[each]}
            )
        )
