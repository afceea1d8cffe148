"""All addresses: the set-up's own, the API, and those of each app that has some."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from analytics.views import home
from config import styleguide, views, welcome
from crm import converters

converters.register()

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.page, name="home"),
    path("search/", views.search, name="search"),
    path("styleguide/", styleguide.page, name="styleguide"),
    path("status/", views.status, name="status"),
    path("setup/start/", welcome.page, name="setup-start"),
    path("setup/demo/", welcome.load_demo, name="setup-demo"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", views.Logout.as_view(), name="logout"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("api/schema/", views.Schema.as_view(), name="schema"),
    path("api/docs/", views.ApiDocs.as_view(url_name="schema"), name="api-docs"),
]
if find_spec("config.api"):
    urlpatterns.append(path("api/v1/", include("config.api")))
urlpatterns.append(path("", include("config.tracking")))
APPS = ("crm", "channels", "campaigns", "analytics")
urlpatterns.extend(path("", include(f"{app}.urls")) for app in APPS if find_spec(f"{app}.urls"))
