"""What it led to."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from analytics import access, erasure, kpis
        from crm import registry

        registry.access_parts.add("stage", access.stage)
        registry.erasures.add("analytics", erasure.TREATED, order=40)
        post_migrate.connect(kpis.ensure, sender=self, dispatch_uid="analytics.kpis.ensure")
