"""Addresses of what came of it: Home, figures, KPIs, reports."""

from __future__ import annotations

from django.urls import path

from analytics.views import demo, home, kpis, metric, report

app_name = "analytics"

urlpatterns = [
    path("home/targets/<int:number>/", home.target, name="target"),
    path("home/started/", home.hide, name="hide-started"),
    path("demo/remove/", demo.page, name="demo-remove"),
    path("analytics/metrics/<str:name>/", metric.page, name="metric"),
    path("settings/kpis/", kpis.page, name="kpis"),
    path("settings/kpis/new/", kpis.new, name="kpi-new"),
    path("settings/kpis/<int:number>/", kpis.edit, name="kpi"),
    path("settings/kpis/<int:number>/archive/", kpis.archive, name="kpi-archive"),
    path("settings/kpis/<int:number>/restore/", kpis.restore, name="kpi-restore"),
    path("settings/kpis/<int:number>/move/", kpis.move, name="kpi-move"),
    path("campaigns/<cmp:campaign_id>/report/", report.page, name="report"),
]
