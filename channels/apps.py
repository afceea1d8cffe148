"""How a message leaves and how its fate comes back."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "channels"
