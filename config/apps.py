"""The set-up as an app, so that it can hold management commands."""

from django.apps import AppConfig, apps


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Set-up"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from config import celery, pumps

        # `config` is the last app: all rounds are registered by now.
        celery.register_rounds()
        # The signal is sent only for apps with models, and beat's tables are what it is about.
        post_migrate.connect(pumps.ensure_after_migrate, sender=apps.get_app_config("django_celery_beat"))
