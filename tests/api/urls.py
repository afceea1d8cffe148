"""Addresses that exist only to try what all addresses have in common."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection
from django.urls import path, re_path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.errors import Problem, Problems
from crm.models import Product
from crm.rest import fields, shapes
from crm.rest.endpoint import Endpoint, Nowhere


class Line(shapes.Shape):
    sku = fields.TextField(max_length=10)
    price = shapes.Money()


class Note(shapes.Shape):
    sku = fields.TextField(max_length=10)
    at = fields.InstantField(required=False)
    kind = fields.WordField(["big", "small"], required=False)
    lines = Line(many=True, required=False)
    count = serializers.IntegerField(required=False)


class Notes(Endpoint):
    """Stores a product per call, so that a test can count the work that was done."""

    needs = {"GET": "catalogue.read", "POST": "catalogue.write"}

    def get(self, request: Request) -> Response:
        return Response({"count": Product.objects.count()})

    def post(self, request: Request) -> Response:
        note = shapes.read(Note, request)
        if note["sku"] == "slow":
            time.sleep(0.3)
        made = Product.objects.create(sku=f"{note['sku']}-{time.perf_counter_ns()}", name="x")
        if note["sku"] == "refused":
            raise Problem("/sku", "refused", "Not this one.")
        return Response({"id": made.pk}, status=201)


class Broken(Endpoint):
    needs = {"GET": "catalogue.read"}

    def get(self, request: Request, how: str) -> Response:
        failures: dict[str, Any] = {
            "fault": RuntimeError("secret detail"),
            "problems": Problems([Problem("/a", "x", "A."), Problem("/b", "y", "B.")]),
            "conflict": Problem("/identifiers", "identifiers_of_two_contacts", "Two."),
        }
        if how == "sql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")
        raise failures[how]


urlpatterns = [
    path("api/v1/notes/", Notes.as_view()),
    path("api/v1/broken/<str:how>/", Broken.as_view()),
    re_path("^api/v1/", Nowhere.as_view()),
]
