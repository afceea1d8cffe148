"""The set-up: settings, processes, commands that run the house. It has no tables."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
