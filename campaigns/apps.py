"""What we say to whom, when, and what happens next."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
