"""Products and stock over REST: one or many at once."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import catalogue, clock, errors, publicids, workspace
from crm.api import bounds
from crm.models import Product, Stock
from crm.rest import bodies, fields, pages, problems, shapes
from crm.rest.endpoint import Endpoint

MOST: Final = 1_000


class ProductDraft(shapes.Shape):
    sku = fields.TextField(max_length=80)
    name = fields.TextField(max_length=300)
    url = fields.TextField(max_length=2000, required=False, allow_blank=True)
    image = fields.TextField(max_length=2000, required=False, allow_blank=True)
    categories = serializers.ListField(child=fields.TextField(max_length=120), required=False, max_length=50)
    brand = fields.TextField(max_length=120, required=False, allow_blank=True)
    price = shapes.Money()
    attributes = fields.ObjectField(required=False)
    active = fields.TruthField(required=False)


class StockDraft(shapes.Shape):
    sku = fields.TextField(max_length=80)
    store = fields.TextField(max_length=40, help_text="A store's code, or online.")
    available = serializers.IntegerField(min_value=0, max_value=2_000_000_000)
    at = fields.InstantField(help_text="When it was counted: older than what is stored is ignored.")


class Products(shapes.Shape):
    products = shapes.several(ProductDraft, MOST, allow_empty=False)


class Stocks(shapes.Shape):
    stock = shapes.several(StockDraft, MOST, allow_empty=False)


class ProductShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    sku = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField()
    image = serializers.CharField()
    categories = serializers.ListField(child=serializers.CharField())
    brand = serializers.CharField()
    price = shapes.Money(allow_null=True)
    attributes = fields.ObjectField()
    active = serializers.BooleanField()
    stock = serializers.DictField(child=serializers.IntegerField())


ProductPage = shapes.page_of("ProductPage", ProductShape)


class ProductCounts(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class StockCounts(serializers.Serializer[Any]):
    stored = serializers.IntegerField()
    ignored = serializers.IntegerField()


class Catalogue(Endpoint):
    body_cap = bodies.BATCH_CAP
    needs: ClassVar[dict[str, str]] = {"GET": "catalogue.read", "POST": "catalogue.write"}

    @extend_schema(operation_id="products_list", parameters=[*pages.PARAMETERS], responses=ProductPage)
    def get(self, request: Request) -> Response:
        rows = Product.objects.all()
        if "sku" in request.query_params:
            rows = rows.filter(sku=request.query_params["sku"])
        return Response(pages.page(request, rows, ["-id"], represent))

    @extend_schema(
        operation_id="products_put",
        request=PolymorphicProxySerializer("ProductsIn", [ProductDraft, Products], None),
        responses=ProductCounts,
    )
    def post(self, request: Request) -> Response:
        drafts = many(request, "products", Products, ProductDraft)
        counts = catalogue.put_products(drafts, currency=workspace.current().currency, now=clock.now())
        return Response({"created": counts.created, "updated": counts.updated, "unchanged": counts.unchanged})


class StockLevels(Endpoint):
    body_cap = bodies.BATCH_CAP
    needs: ClassVar[dict[str, str]] = {"POST": "catalogue.write"}

    @extend_schema(
        operation_id="stock_put",
        request=PolymorphicProxySerializer("StockIn", [StockDraft, Stocks], None),
        responses=StockCounts,
    )
    def post(self, request: Request) -> Response:
        levels = many(request, "stock", Stocks, StockDraft)
        now = clock.now()
        bounds.refuse([(pointer_of(request, place, "at"), level["at"]) for place, level in enumerate(levels)], now)
        counts = catalogue.put_stock(levels, now=now)
        return Response({"stored": counts.created + counts.updated, "ignored": counts.ignored})


def many(request: Request, name: str, batch: type[shapes.Shape], single: type[shapes.Shape]) -> list[dict[str, Any]]:
    """`{"products": […]}`, a bare list, or one alone; at most 1,000."""
    data = request.data
    if isinstance(data, list):
        given = batch(data={name: data})
        if not given.is_valid():
            raise errors.Problems(problems.of_validation(given.errors[name]))
        return list(given.validated_data[name])
    if isinstance(data, dict) and name in data:
        return list(shapes.read(batch, request)[name])
    return [shapes.read(single, request)]


def pointer_of(request: Request, place: int, name: str) -> str:
    """Where the field of the n-th row stood in what was sent."""
    if isinstance(request.data, list):
        return problems.pointer(place, name)
    batch = next((key for key in ("products", "stock") if isinstance(request.data.get(key), list)), "")
    return problems.pointer(batch, place, name) if batch else problems.pointer(name)


def represent(rows: list[Product]) -> list[dict[str, Any]]:
    levels: dict[str, dict[str, int]] = {}
    for sku, place, available in Stock.objects.filter(sku__in=[row.sku for row in rows]).values_list(
        "sku", "place", "available"
    ):
        levels.setdefault(sku, {})[place] = available
    return [
        {
            "id": publicids.encode("prd", row.pk),
            "sku": row.sku,
            "name": row.name,
            "url": row.url,
            "image": row.image,
            "categories": row.categories,
            "brand": row.brand,
            "price": None if row.price is None else fields.money(row.price, row.currency),
            "attributes": row.attributes,
            "active": row.active,
            "stock": levels.get(row.sku, {}),
        }
        for row in rows
    ]
