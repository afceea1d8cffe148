"""The set-up as an app, so that it can hold management commands."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Set-up"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from config import celery, pumps

        # `config` is the last app: all rounds are registered by now.
        celery.register_rounds()
        post_migrate.connect(pumps.ensure_after_migrate, sender=self)
