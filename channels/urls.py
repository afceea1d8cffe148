"""Addresses of links in messages, and of the sandbox's inbox."""

from __future__ import annotations

from django.urls import path

from channels.views import follow, leave, preferences, sandbox

app_name = "channels"

urlpatterns = [
    path("c/<str:token>", follow.click, name="click"),
    path("o/<str:token>.gif", follow.opened, name="open"),
    path("u/<str:token>", leave.page, name="unsubscribe"),
    path("p/<str:token>", preferences.page, name="preferences"),
    path("sandbox/", sandbox.inbox, name="sandbox"),
    path("sandbox/<int:number>/", sandbox.message, name="sandbox-message"),
    path("sandbox/<int:number>/html", sandbox.html, name="sandbox-html"),
]
