"""Orders over REST: once per order id, refunds, cancelling."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clock, errors, publicids, references
from crm.api import arrivals, people
from crm.models import Order
from crm.rest import fields, pages, shapes
from crm.rest.endpoint import Endpoint
from crm.rest.principal import Principal

CHANNELS = ("web", "store", "call", "app", "marketplace")


class LineDraft(shapes.Shape):
    sku = fields.TextField(max_length=80)
    name = fields.TextField(max_length=300, required=False, allow_blank=True)
    quantity = serializers.DecimalField(max_digits=12, decimal_places=3, min_value=0)
    price = shapes.Money(help_text="Of one unit.")


class OrderDraft(shapes.Shape):
    contact = references.ReferenceField()
    order_id = fields.TextField(max_length=120)
    occurred_at = fields.InstantField()
    total = shapes.Money()
    channel = fields.WordField(CHANNELS, required=False)
    store = fields.TextField(max_length=40, required=False, help_text="A store's code.")
    cart_id = fields.TextField(max_length=120, required=False, allow_blank=True)
    lines = shapes.several(LineDraft, 500)
    discount = shapes.Money(required=False)
    coupon = fields.TextField(max_length=80, required=False, allow_blank=True)
    historic = fields.TruthField(required=False)


class RefundDraft(shapes.Shape):
    amount = shapes.Money(required=False, help_text="All that is left, if it is left out.")
    occurred_at = fields.InstantField(required=False)
    refund_id = fields.TextField(max_length=80, required=False, help_text="The same refund is made once.")


class CancelDraft(shapes.Shape):
    occurred_at = fields.InstantField(required=False)
    reason = fields.TextField(max_length=200, required=False, allow_blank=True)


class LineShape(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.CharField()
    price = shapes.Money()


class OrderShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    order_id = serializers.CharField()
    contact = serializers.CharField()
    state = serializers.ChoiceField(choices=Order.State.values)
    occurred_at = fields.InstantField()
    recorded_at = fields.InstantField()
    total = shapes.Money()
    refunded = shapes.Money()
    discount = shapes.Money()
    coupon = serializers.CharField()
    channel = serializers.CharField()
    store = serializers.CharField(allow_null=True)
    cart_id = serializers.CharField()
    lines = LineShape(many=True)
    historic = serializers.BooleanField()


OrderPage = shapes.page_of("OrderPage", OrderShape)


class Orders(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "orders.read", "POST": "orders.write"}

    @extend_schema(
        operation_id="orders_list",
        parameters=[
            OpenApiParameter("contact", str),
            *(OpenApiParameter(kind, str) for kind in references.KINDS),
            *pages.PARAMETERS,
        ],
        responses=OrderPage,
    )
    def get(self, request: Request) -> Response:
        rows = visible(self.principal)
        reference = references.of_query(request.query_params)
        if reference is not None:
            rows = rows.filter(contact_id=references.known(reference))
        return Response(pages.page(request, rows, ["-id"], lambda found: [represent(row) for row in found]))

    @extend_schema(
        operation_id="orders_create",
        request=OrderDraft,
        responses={200: OrderShape, 201: OrderShape},
        description="Once per order_id: the same order again answers 200 with what is stored.",
    )
    def post(self, request: Request) -> Response:
        draft = shapes.read(OrderDraft, request)
        people.must_see(draft["contact"], self.principal)
        created = arrivals.take_order(draft, self.principal, clock.now())
        return Response(represent(order_of(draft["order_id"], None)), status=201 if created else 200)


class OneOrder(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "orders.read"}

    @extend_schema(operation_id="orders_retrieve", responses=OrderShape)
    def get(self, request: Request, order_id: str) -> Response:
        return Response(represent(order_of(order_id, self.principal)))


class Refund(Endpoint):
    needs: ClassVar[dict[str, str]] = {"POST": "orders.write"}

    @extend_schema(operation_id="orders_refund", request=RefundDraft, responses=OrderShape)
    def post(self, request: Request, order_id: str) -> Response:
        order = order_of(order_id, self.principal)
        said = shapes.read(RefundDraft, request)
        arrivals.refund_order(order, said, clock.now())
        return Response(represent(order_of(order_id, self.principal)))


class Cancel(Endpoint):
    needs: ClassVar[dict[str, str]] = {"POST": "orders.write"}

    @extend_schema(operation_id="orders_cancel", request=CancelDraft, responses=OrderShape)
    def post(self, request: Request, order_id: str) -> Response:
        order = order_of(order_id, self.principal)
        said = shapes.read(CancelDraft, request)
        arrivals.cancel_order(order, said, clock.now())
        return Response(represent(order_of(order_id, self.principal)))


def visible(asker: Principal | None) -> QuerySet[Order]:
    rows = Order.objects.select_related("store").prefetch_related("lines")
    if asker is None or asker.stores is None:
        return rows
    return rows.filter(store_id__in=list(asker.stores))


def order_of(text: str, asker: Principal | None) -> Order:
    """By the shop's own order id."""
    found = visible(asker).filter(order_id=text).first()
    if found is None:
        raise errors.Problem("", "not_found", "There is no order with this order_id.")
    return found


def represent(order: Order) -> dict[str, Any]:
    currency = order.currency
    return {
        "id": publicids.encode("ord", order.pk),
        "order_id": order.order_id,
        "contact": publicids.encode("ctc", order.contact_id),
        "state": order.state,
        "occurred_at": fields.instant_text(order.occurred_at),
        "recorded_at": fields.instant_text(order.recorded_at),
        "total": fields.money(order.total, currency),
        "refunded": fields.money(order.refunded, currency),
        "discount": fields.money(order.discount, currency),
        "coupon": order.coupon,
        "channel": order.channel,
        "store": order.store.code if order.store else None,
        "cart_id": order.cart_key,
        "lines": [
            {
                "sku": line.sku,
                "name": line.name,
                "quantity": f"{line.quantity:f}",
                "price": fields.money(line.price, currency),
            }
            for line in order.lines.all()
        ],
        "historic": order.historic,
    }
